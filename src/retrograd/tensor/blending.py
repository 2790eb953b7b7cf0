"""Functions that bring elements within bounds, replace them, choose between them, or mix them."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import float64
from retrograd.core.errors import OptionError
from retrograd.core.operation import record
from retrograd.ops import arithmetic, blend
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.registry import method
from retrograd.tensor.selection import nonzero

__all__ = [
    "addcdiv", "addcmul", "clamp", "clamp_max", "clamp_min", "clip", "lerp", "nan_to_num", "where",
]  # fmt: skip


@method("clip", in_place=True)
def clamp(input: Any, min: Any = None, max: Any = None, *, out: Any = None) -> Any:
    """min(max(x, min), max), for each element x; NaN stays.

    The gradient flows to x where min <= x <= max, and to the bound, if that is a tensor, where x is beyond it.

    Args:
        input: a tensor.
        min, max: numbers, tensors that broadcast, or None; at least one is given.
        out: a tensor that the result is written to.

    Source: torch.clamp.

    >>> import retrograd as rg
    >>> rg.clamp(rg.tensor([-1.0, 0.5, 2.0]), 0, 1)
    tensor([0.0000, 0.5000, 1.0000])
    """
    x = operand("clamp", input)
    if min is None and max is None:
        raise OptionError("clamp: at least one of min and max must be given")
    bounds = tuple(node_of(bound, x.type.dtype) for bound in (min, max) if bound is not None)
    node = record(blend.CLAMP, (x, *bounds), (min is not None, max is not None))
    return deliver("clamp", wrap(node), out)


clip = clamp


@method(in_place=True)
def clamp_min(input: Any, min: Any, *, out: Any = None) -> Any:
    """max(x, min), for each element x. Source: torch.clamp_min."""
    return clamp(input, min, None, out=out)


@method(in_place=True)
def clamp_max(input: Any, max: Any, *, out: Any = None) -> Any:
    """min(x, max), for each element x. Source: torch.clamp_max."""
    return clamp(input, None, max, out=out)


@method(in_place=True)
def nan_to_num(
    input: Any, nan: float = 0.0, posinf: float | None = None, neginf: float | None = None, *, out: Any = None
) -> Any:
    """NaN and the infinities replaced.

    Args:
        input: a tensor.
        nan, posinf, neginf: what takes their places; for infinities, the largest and lowest number of the dtype if
            left out.
        out: a tensor that the result is written to.

    Source: torch.nan_to_num.

    >>> import retrograd as rg
    >>> rg.nan_to_num(rg.tensor([float("nan"), float("inf"), 1.0]), posinf=9.0)
    tensor([0., 9., 1.])
    """
    x = operand("nan_to_num", input)
    most = float(np.finfo(x.type.dtype.numpy).max) if x.type.dtype.is_floating_point else 0.0
    numbers = (nan, most if posinf is None else posinf, -most if neginf is None else neginf)
    nodes = (node_of(float(number), float64) for number in numbers)
    return deliver("nan_to_num", wrap(record(blend.NAN_TO_NUM, (x, *nodes))), out)


@method(in_place=True)
def lerp(input: Any, end: Any, weight: Any, *, out: Any = None) -> Any:
    """input + weight * (end - input), element by element.

    Args:
        input, end: tensors that broadcast.
        weight: a number, or a tensor that broadcasts with them.
        out: a tensor that the result is written to.

    Source: torch.lerp.

    >>> import retrograd as rg
    >>> rg.lerp(rg.tensor([1.0, 2.0]), rg.tensor([3.0, 4.0]), 0.5)
    tensor([2., 3.])
    """
    start = operand("lerp", input)
    node = record(blend.LERP, (start, operand("lerp", end), node_of(weight, start.type.dtype)))
    return deliver("lerp", wrap(node), out)


@method(in_place=True)
def addcmul(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Any:
    """input + value * tensor1 * tensor2, element by element; all broadcast. Source: torch.addcmul.

    >>> import retrograd as rg
    >>> rg.addcmul(rg.tensor([1.0]), rg.tensor([2.0]), rg.tensor([3.0]), value=10)
    tensor([61.])
    """
    return deliver("addcmul", _mixed("addcmul", blend.ADDCMUL, input, tensor1, tensor2, value), out)


@method(in_place=True)
def addcdiv(input: Any, tensor1: Any, tensor2: Any, *, value: Any = 1, out: Any = None) -> Any:
    """input + value * tensor1 / tensor2, element by element; all broadcast. Source: torch.addcdiv.

    >>> import retrograd as rg
    >>> rg.addcdiv(rg.tensor([1.0]), rg.tensor([2.0]), rg.tensor([4.0]), value=10)
    tensor([6.])
    """
    return deliver("addcdiv", _mixed("addcdiv", blend.ADDCDIV, input, tensor1, tensor2, value), out)


def where(condition: Any, input: Any = None, other: Any = None, *, out: Any = None) -> Any:
    """input where the condition holds, else other; all three broadcast. Alone: the positions where it holds.

    Args:
        condition: a tensor of booleans.
        input, other: tensors or numbers.
        out: a tensor that the result is written to.

    Returns:
        The chosen elements; of a condition alone, `nonzero(condition, as_tuple=True)`.

    Source: torch.where.

    >>> import retrograd as rg
    >>> x = rg.tensor([-1.0, 2.0])
    >>> rg.where(x > 0, x, 0)
    tensor([0., 2.])
    """
    if input is None and other is None:
        return nonzero(condition, as_tuple=True)
    dtype = next((x.dtype for x in (input, other) if isinstance(x, TensorBase)), None)
    node = record(arithmetic.WHERE, (operand("where", condition), node_of(input, dtype), node_of(other, dtype)))
    return deliver("where", wrap(node), out)


def _mixed(name: str, operation: Any, x: Any, a: Any, b: Any, value: Any) -> Any:
    nodes = [operand(name, t) for t in (x, a, b)]
    return wrap(record(operation, (*nodes, node_of(value, arithmetic.common_dtype(*nodes)))))
