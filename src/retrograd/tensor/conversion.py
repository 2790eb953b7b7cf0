"""Tensors of another dtype, and of another device as far as there is one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple, NoReturn

from retrograd.core.device import device as Device, require_cpu
from retrograd.core.dtype import (
    DTYPES,
    DType,
    bfloat16,
    bool_,
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
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops.arithmetic import IDENTITY
from retrograd.ops.elementwise import cast
from retrograd.tensor.base import TensorBase
from retrograd.tensor.dispatch import unary
from retrograd.tensor.registry import method


@composite("to")
def TO(x: Node, dtype: str) -> Node:
    return cast(x, DTYPES[dtype])


class Target(NamedTuple):
    """What `to` is asked for; None where nothing was said."""

    dtype: DType | None
    copy: bool


def conversion_target(
    args: tuple[Any, ...],
    *,
    dtype: DType | None = None,
    device: Any = None,
    non_blocking: bool = False,
    copy: bool = False,
    memory_format: Any = None,
) -> Target:
    """The arguments of `to`: a dtype, a device, or a tensor that has both, then `non_blocking` and `copy`.

    Raises:
        OptionError: a device that is not there. TypeError: something else.
    """
    rest = list(args)
    if rest and isinstance(rest[0], TensorBase):
        dtype = rest.pop(0).dtype
    else:
        if rest and (rest[0] is None or isinstance(rest[0], (str, int, Device))) and not isinstance(rest[0], bool):
            device = rest.pop(0)
        if rest and (rest[0] is None or isinstance(rest[0], DType)):
            dtype = rest.pop(0) or dtype
    flags = [x for x in rest if isinstance(x, bool)]
    if len(flags) != len(rest) or len(rest) > 2:
        raise TypeError(f"to: expected a dtype, a device or a tensor, received {', '.join(map(repr, args))}")
    require_cpu(device)
    return Target(dtype, flags[1] if len(flags) > 1 else copy)


@method()
def to(input: Any, *args: Any, **kwargs: Any) -> Any:
    """The tensor with another dtype; itself if it has that already.

    Args:
        args: a dtype, a device ("cpu"), both in this order, or a tensor whose dtype is wanted.
        dtype, device: the same by name.
        copy: a new tensor in any case.
        non_blocking, memory_format: accepted for PyTorch's sake.

    Raises:
        OptionError: a device that is not there.

    Source: torch.Tensor.to.

    >>> import retrograd as rg
    >>> rg.tensor([1.7, -2.2]).to(rg.int64)
    tensor([ 1, -2])
    """
    target = conversion_target(args, **kwargs)
    if target.dtype is None or target.dtype is input.dtype:
        return unary(IDENTITY, input) if target.copy else input
    return unary(TO, input, (target.dtype.name,))


@method()
def type_as(input: Any, other: TensorBase) -> Any:
    """The tensor with the dtype of another one. Source: torch.Tensor.type_as."""
    return to(input, other.dtype)


def _cast_method(name: str, dtype: DType) -> Callable[..., Any]:
    def function(input: Any, memory_format: Any = None) -> Any:
        return to(input, dtype)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"The tensor with dtype {dtype.name}. Source: torch.Tensor.{name}."
    return method()(function)


for _name, _dtype in (
    ("float", float32), ("double", float64), ("half", float16), ("bfloat16", bfloat16), ("long", int64),
    ("int", int32), ("short", int16), ("char", int8), ("byte", uint8), ("bool", bool_),
):  # fmt: skip
    _cast_method(_name, _dtype)


@method()
def cpu(input: Any, memory_format: Any = None) -> Any:
    """The tensor itself: everything is on the CPU. Source: torch.Tensor.cpu."""
    return input


@method()
def cuda(input: Any, device: Any = None, non_blocking: bool = False, memory_format: Any = None) -> NoReturn:
    """Refused: there is no such device. Source: torch.Tensor.cuda."""
    raise OptionError(
        "cuda(): this build computes on 'cpu'; ask `retrograd.cuda.is_available()` first, or write .to(device)"
    )
