"""FloatTensor, LongTensor and their kin: the old names of dtypes, which make tensors and are asked of them."""

from __future__ import annotations

from typing import Any, Final

from retrograd.core.default_dtype import set_default_dtype
from retrograd.core.device import require_cpu
from retrograd.core.dtype import (
    DType,
    bfloat16,
    bool_,
    defaults,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
)
from retrograd.core.errors import OptionError
from retrograd.tensor.base import TensorBase
from retrograd.tensor.conversion import to
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import Tensor, constructed


class _TypedName(type):
    """Calling a name makes a tensor, and a tensor is an instance of the name of its dtype."""

    dtype: DType

    def __call__(cls, *args: Any, device: Any = None) -> Any:
        require_cpu(device)
        return constructed(cls.__name__, cls.dtype, args)

    def __instancecheck__(cls, instance: object) -> bool:
        return isinstance(instance, TensorBase) and instance.dtype is cls.dtype

    def __repr__(cls) -> str:
        return f"<class 'retrograd.{cls.__name__}'>"


def _typed_name(name: str, dtype: DType) -> Any:
    text = f"""A tensor of dtype {dtype.name}: from extents, or from data.

Source: torch.{name}.
"""
    return _TypedName(name, (), {"dtype": dtype, "__doc__": text})


FloatTensor = _typed_name("FloatTensor", float32)
DoubleTensor = _typed_name("DoubleTensor", float64)
HalfTensor = _typed_name("HalfTensor", float16)
BFloat16Tensor = _typed_name("BFloat16Tensor", bfloat16)
LongTensor = _typed_name("LongTensor", int64)
IntTensor = _typed_name("IntTensor", int32)
ShortTensor = _typed_name("ShortTensor", int16)
CharTensor = _typed_name("CharTensor", int8)
ByteTensor = _typed_name("ByteTensor", uint8)
BoolTensor = _typed_name("BoolTensor", bool_)

_NAMES: Final = (
    FloatTensor, DoubleTensor, HalfTensor, BFloat16Tensor, LongTensor, IntTensor, ShortTensor, CharTensor, ByteTensor,
    BoolTensor,
)  # fmt: skip
_BY_NAME: Final = {f"{package}.{name.__name__}": name for name in _NAMES for package in ("retrograd", "torch")}


def dtype_named(kind: Any) -> DType:
    """The dtype that a dtype, a typed name such as FloatTensor, or its text says.

    Raises:
        OptionError: none of these.
    """
    if isinstance(kind, DType):
        return kind
    if kind is Tensor or kind in ("retrograd.Tensor", "torch.Tensor"):
        return defaults.float_dtype
    found = _BY_NAME.get(kind, kind) if isinstance(kind, str) else kind
    if isinstance(found, _TypedName):
        return found.dtype
    raise OptionError(f"expected a dtype, or a name such as 'retrograd.FloatTensor', received {kind!r}")


def set_default_tensor_type(t: Any) -> None:
    """The old form of `set_default_dtype`: takes a name such as FloatTensor. Source: torch.set_default_tensor_type."""
    set_default_dtype(dtype_named(t))


@method()
def type(input: Any, dtype: Any = None, non_blocking: bool = False) -> Any:
    """The name of the tensor's type; or, if a dtype or such a name is given, the tensor with that dtype.

    Raises:
        OptionError: an unknown name.

    Source: torch.Tensor.type.

    >>> import retrograd as rg
    >>> rg.ones(1).type(), rg.ones(1).type(rg.LongTensor)
    ('retrograd.FloatTensor', tensor([1]))
    """
    if dtype is not None:
        return to(input, dtype_named(dtype))
    return next(f"retrograd.{name.__name__}" for name in _NAMES if name.dtype is input.dtype)
