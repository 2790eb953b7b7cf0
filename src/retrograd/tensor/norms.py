"""Norms of vectors and distances. (Norms of matrices are in `linalg`.)"""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.dtype import DType, float64
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.core.types import Shape
from retrograd.ops import vector_norm as v
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.registry import method

__all__ = ["cdist", "dist", "norm", "renorm"]


def order(name: str, p: Any) -> tuple[tuple[Node, ...], str]:
    """An order as operations take it: the run-time number, if it is one, and the kind."""
    if p == "fro":
        return (), "2"
    if not isinstance(p, (int, float)):
        raise OptionError(f"{name}: the order must be a number, and is {p!r}")
    if math.isinf(p):
        return (), "inf" if p > 0 else "-inf"
    if p in (0, 1, 2):
        return (), str(int(p))
    return (node_of(float(p), float64),), "p"


def vector_norm(
    input: Any, ord: float = 2, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None, out: Any = None
) -> Any:
    """(sum |x|^ord)^(1/ord); the largest magnitude for inf, the smallest for -inf, how many are not 0 for 0.

    Args:
        input: a tensor of floating-point numbers.
        ord: the order.
        dim: an axis, several, or None for all.
        keepdim: whether reduced axes are kept with extent 1.
        dtype: to which elements are cast first.
        out: a tensor that the result is written to.

    Source: torch.linalg.vector_norm. Where the norm has no slope (at 0) the gradient is 0.

    >>> import retrograd as rg
    >>> rg.linalg.vector_norm(rg.tensor([3.0, 4.0]))
    tensor(5.)
    """
    x = operand("vector_norm", input)
    axes: Shape = input._axes(dim)
    numbers, kind = order("vector_norm", ord)
    if kind in ("inf", "-inf") and any(x.type.shape[axis] == 0 for axis in axes):
        raise ShapeError(f"vector_norm: an axis of {x.type.shape} is empty, and has no element of extreme magnitude")
    if dtype is not None:
        x = input.to(dtype)._read()
    return deliver("vector_norm", wrap(record(v.NORM, (x, *numbers), (kind, axes, keepdim))), out)


@method()
def norm(
    input: Any, p: Any = "fro", dim: Any = None, keepdim: bool = False, out: Any = None, dtype: DType | None = None
) -> Any:
    """The norm of order p of all elements, or along axes.

    Args:
        input: a tensor of floating-point numbers.
        p: the order; "fro" is 2, and "nuc" the sum of a matrix's singular values.
        dim: an axis, several, or None for all.
        keepdim: whether reduced axes are kept with extent 1.
        out: a tensor that the result is written to.
        dtype: to which elements are cast first.

    Source: torch.norm.

    >>> import retrograd as rg
    >>> rg.norm(rg.tensor([[3.0, 4.0], [0.0, 0.0]]), dim=1), rg.norm(rg.tensor([3.0, -4.0]), p=1)
    (tensor([5., 0.]), tensor(7.))
    """
    if p == "nuc":
        return input.nuclear_norm(dim, keepdim)
    return vector_norm(input, 2 if p is None else p, dim, keepdim, dtype=dtype, out=out)


@method()
def dist(input: Any, other: Any, p: float = 2) -> Any:
    """The norm of order p of input - other. Source: torch.dist.

    >>> import retrograd as rg
    >>> rg.dist(rg.tensor([3.0, 0.0]), rg.tensor([0.0, 4.0]))
    tensor(5.)
    """
    numbers, kind = order("dist", p)
    return wrap(record(v.DIST, (input._read(), other._read(), *numbers), (kind,)))


def cdist(x1: Any, x2: Any, p: float = 2.0, compute_mode: str | None = None) -> Any:
    """Distances of order p between each row of one tensor and each row of another.

    Args:
        x1: a tensor (..., P, M).
        x2: a tensor (..., R, M).
        p: the order, not negative.
        compute_mode: accepted for PyTorch's sake; differences are always taken.

    Returns:
        A tensor (..., P, R).

    Source: torch.cdist.

    >>> import retrograd as rg
    >>> rg.cdist(rg.tensor([[0.0, 0.0], [3.0, 0.0]]), rg.tensor([[3.0, 4.0]]))
    tensor([[5.],
            [4.]])
    """
    if p < 0:
        raise OptionError(f"cdist: the order must not be negative, and is {p}")
    numbers, kind = order("cdist", p)
    return wrap(record(v.CDIST, (operand("cdist", x1), operand("cdist", x2), *numbers), (kind,)))


@method(in_place=True)
def renorm(input: Any, p: float, dim: int, maxnorm: float, *, out: Any = None) -> Any:
    """The tensor with each part along an axis scaled so that its norm is at most `maxnorm`.

    Args:
        input: a tensor.
        p: the order of the norm.
        dim: the axis whose positions are the parts.
        maxnorm: the largest norm that is left as it is.
        out: a tensor that the result is written to.

    Source: torch.renorm.

    >>> import retrograd as rg
    >>> rg.renorm(rg.tensor([[3.0, 4.0], [0.3, 0.4]]), 2, 0, 1.0)
    tensor([[0.6000, 0.8000],
            [0.3000, 0.4000]])
    """
    numbers, kind = order("renorm", p)
    nodes = (operand("renorm", input), node_of(float(maxnorm), float64), *numbers)
    return deliver("renorm", wrap(record(v.RENORM, nodes, (kind, input._axis(dim)))), out)
