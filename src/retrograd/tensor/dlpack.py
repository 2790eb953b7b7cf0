"""DLPack: tensors handed to other libraries, and taken from them, without a copy.

NumPy speaks the protocol for all dtypes but bfloat16, which it does not know. Those bits travel as uint16, and the one
byte of the capsule that names the type is set here.

Source: the DLPack specification, https://dmlc.github.io/dlpack.
"""

from __future__ import annotations

import ctypes
from typing import Any, Final

import numpy as np

from retrograd.core.dtype import bfloat16
from retrograd.core.errors import DTypeError, GraphError
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array, from_numpy

__all__ = ["from_dlpack", "to_dlpack"]

_CPU: Final = (1, 0)
_UNSIGNED, _BFLOAT = 1, 4
# Where the type's code stands in the structure that a capsule of this name holds; after it stands the count of bits.
_CODE_AT: Final = {b"dltensor": 20, b"dltensor_versioned": 52}

_name_of = ctypes.pythonapi.PyCapsule_GetName
_name_of.restype, _name_of.argtypes = ctypes.c_char_p, [ctypes.py_object]
_pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
_pointer_of.restype, _pointer_of.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]


def _code(capsule: Any) -> ctypes.Array[ctypes.c_uint8]:
    """The type's code and the count of its bits, in place.

    Raises:
        DTypeError: this is no capsule that nobody has taken yet.
    """
    try:
        name = _name_of(capsule)
        at = _CODE_AT[name]
    except (ValueError, KeyError) as error:
        raise DTypeError(
            "from_dlpack: expected an object with __dlpack__, or a capsule that was not used yet"
        ) from error
    return (ctypes.c_uint8 * 2).from_address(_pointer_of(capsule, name) + at)


class ExportError(GraphError, BufferError):
    """A tensor that cannot be handed to another library: a BufferError, as the protocol asks for."""


@method()
def __dlpack__(
    input: Any,
    *,
    stream: Any = None,
    max_version: tuple[int, int] | None = None,
    dl_device: tuple[Any, int] | None = None,
    copy: bool | None = None,
) -> Any:
    """A capsule over the tensor's memory. Source: torch.Tensor.__dlpack__.

    Raises:
        ExportError: the tensor requires a gradient. DTypeError: another device, or a stream, is asked for.
    """
    if input.requires_grad:
        raise ExportError("__dlpack__: the tensor requires a gradient, which would be lost; use tensor.detach()")
    if stream not in (None, -1) or (dl_device is not None and tuple(dl_device) != _CPU):
        raise DTypeError("__dlpack__: the memory is the CPU's, which has no streams")
    array = input.detach().numpy()
    is_bfloat = input.dtype is bfloat16
    array = array.view(np.uint16) if is_bfloat else array
    capsule = array.__dlpack__(max_version=max_version, copy=copy)
    if is_bfloat:
        _code(capsule)[0] = _BFLOAT
    return capsule


def to_dlpack(tensor: Any) -> Any:
    """A capsule over the tensor's memory, which `from_dlpack` takes once; it says that the memory may be written to.

    Raises:
        ExportError: the tensor requires a gradient.

    Source: torch.utils.dlpack.to_dlpack.

    >>> import retrograd as rg
    >>> x = rg.tensor([1.0, 2.0])
    >>> shared = rg.from_dlpack(rg.to_dlpack(x))
    >>> shared[0] = 5.0
    >>> x
    tensor([5., 2.])
    """
    return tensor.__dlpack__(max_version=(1, 0))


@method("__dlpack_device__")
def dlpack_device(input: Any) -> tuple[int, int]:
    """The CPU, as DLPack counts devices. Source: torch.Tensor.__dlpack_device__."""
    return _CPU


class _Capsule:
    """What NumPy asks for a capsule, when the capsule is at hand already."""

    def __init__(self, capsule: Any) -> None:
        self._capsule = capsule

    def __dlpack__(self, **_: Any) -> Any:
        return self._capsule

    def __dlpack_device__(self) -> tuple[int, int]:
        return _CPU


def _exported(owner: Any) -> Any:
    """A capsule of the version that says whether memory may be written to, from libraries that have it."""
    try:
        return owner.__dlpack__(max_version=(1, 0))
    except TypeError:
        return owner.__dlpack__()


def from_dlpack(ext_tensor: Any, *, device: Any = None, copy: bool | None = None) -> Any:
    """A tensor over the memory of another library's.

    Args:
        ext_tensor: an object with `__dlpack__` (an array of NumPy or JAX, a tensor of PyTorch), or a capsule. device:
        "cpu" or None. copy: True for memory of its own. Memory that is not contiguous, or not known to be written to,
        is always copied.

    Raises:
        DTypeError: a dtype or a device that is not there, or a capsule that was used.

    Source: torch.from_dlpack.

    >>> import numpy as np, retrograd as rg
    >>> array = np.zeros(2)
    >>> shared = rg.from_dlpack(array)
    >>> array[0] = 1.0
    >>> shared
    tensor([1., 0.], dtype=retrograd.float64)
    """
    if hasattr(ext_tensor, "__dlpack_device__") and tuple(map(int, ext_tensor.__dlpack_device__())) != _CPU:
        raise DTypeError("from_dlpack: the memory is on another device; move it to the CPU first")
    capsule = _exported(ext_tensor) if hasattr(ext_tensor, "__dlpack__") else ext_tensor
    code = _code(capsule)
    is_bfloat = tuple(code) == (_BFLOAT, 16)
    if is_bfloat:
        code[0] = _UNSIGNED
    try:
        array = np.from_dlpack(_Capsule(capsule))
    except (BufferError, RuntimeError) as error:
        raise DTypeError(f"from_dlpack: {error}") from error
    array = array.view(bfloat16.numpy) if is_bfloat else array
    return from_numpy(array) if array.flags.writeable and not copy else from_array(array)
