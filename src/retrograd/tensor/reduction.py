"""Tensor's reductions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from retrograd.core.dtype import DTYPES, DType, bool_, int64
from retrograd.core.errors import DTypeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, project, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e, reduce as r
from retrograd.ops.arithmetic import MAXIMUM, MINIMUM
from retrograd.ops.constant import iota, like
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import binary, unary


def _finish(x: Node, axes: Shape, keepdim: bool) -> Node:
    return x if keepdim else r.drop_axes(x, axes)


@composite("sum")
def SUM(x: Node, axes: Shape, keepdim: bool, dtype: str) -> Node:
    return _finish(r.sum_keepdim(e.cast(x, DTYPES[dtype]), axes), axes, keepdim)


@composite("prod")
def PROD(x: Node, axes: Shape, keepdim: bool, dtype: str) -> Node:
    return _finish(r.prod_keepdim(e.cast(x, DTYPES[dtype]), axes), axes, keepdim)


def mean_keepdim(x: Node, axes: Shape) -> Node:
    total = r.sum_keepdim(x, axes)
    return e.div(total, like(math.prod(x.type.shape[axis] for axis in axes), total))


@composite("mean")
def MEAN(x: Node, axes: Shape, keepdim: bool) -> Node:
    return _finish(mean_keepdim(x, axes), axes, keepdim)


@composite("var")
def VAR(x: Node, axes: Shape, correction: int, keepdim: bool) -> Node:
    """Two passes: the mean first, then the mean square of what is left."""
    count = math.prod(x.type.shape[axis] for axis in axes)
    rest = e.sub(x, broadcast_to(mean_keepdim(x, axes), x.type.shape))
    total = r.sum_keepdim(e.mul(rest, rest), axes)
    return _finish(e.div(total, like(max(count - correction, 0), total)), axes, keepdim)


@composite("amax")
def AMAX(x: Node, axes: Shape, keepdim: bool) -> Node:
    return _finish(r.max_keepdim(x, axes), axes, keepdim)


@composite("amin")
def AMIN(x: Node, axes: Shape, keepdim: bool) -> Node:
    return _finish(r.min_keepdim(x, axes), axes, keepdim)


@composite("argmax")
def ARGMAX(x: Node, axis: int, keepdim: bool) -> Node:
    return _finish(r.argmax_keepdim(x, axis), (axis,), keepdim)


@composite("argmin")
def ARGMIN(x: Node, axis: int, keepdim: bool) -> Node:
    return _finish(r.argmin_keepdim(x, axis), (axis,), keepdim)


@composite("any")
def ANY(x: Node, axes: Shape, keepdim: bool) -> Node:
    return _finish(r.any_keepdim(x, axes), axes, keepdim)


@composite("all")
def ALL(x: Node, axes: Shape, keepdim: bool) -> Node:
    return _finish(r.all_keepdim(x, axes), axes, keepdim)


def _at(x: Node, position: Node, axis: int) -> Node:
    """The element at a position along an axis, as a differentiable value."""
    shape = x.type.shape
    chosen = e.eq(iota(shape, axis), broadcast_to(position, shape))
    if x.type.dtype is bool_:
        return r.any_keepdim(e.logical_and(chosen, x), (axis,))
    return r.sum_keepdim(e.select(chosen, x, like(0, x)), (axis,))


@composite("max.dim")
def MAX_DIM(x: Node, axis: int, keepdim: bool) -> tuple[Node, Node]:
    """The gradient goes to the position that is named."""
    position = r.argmax_keepdim(x, axis)
    return _finish(_at(x, position, axis), (axis,), keepdim), _finish(position, (axis,), keepdim)


@composite("min.dim")
def MIN_DIM(x: Node, axis: int, keepdim: bool) -> tuple[Node, Node]:
    position = r.argmin_keepdim(x, axis)
    return _finish(_at(x, position, axis), (axis,), keepdim), _finish(position, (axis,), keepdim)


class ValuesAndIndices(NamedTuple):
    """What `max(dim)` and its like return."""

    values: Any
    indices: Any


def _sum_dtype(dtype: DType) -> DType:
    return dtype if dtype.is_floating_point else int64


class Reductions(TensorBase):
    """Sums, means and extrema along axes; no axis means all of them."""

    def sum(self, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None, axis: Any = None) -> Any:
        """The sum; integers and booleans add up as int64."""
        name = (dtype or _sum_dtype(self.dtype)).name
        return unary(SUM, self, (self._axes(dim if axis is None else axis), keepdim, name))

    def prod(self, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None) -> Any:
        return unary(PROD, self, (self._axes(dim), keepdim, (dtype or _sum_dtype(self.dtype)).name))

    def mean(self, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None, axis: Any = None) -> Any:
        """The arithmetic mean, of floating-point numbers."""
        x = self if dtype is None else self.to(dtype)  # type: ignore[attr-defined]
        if not x.dtype.is_floating_point:
            raise DTypeError(f"mean takes floating-point numbers, and received {x.dtype.name}; use .float() first")
        return unary(MEAN, x, (x._axes(dim if axis is None else axis), keepdim))

    def var(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: int = 1) -> Any:
        """The variance, divided by n - correction."""
        return unary(VAR, self, (self._axes(dim), correction if unbiased else 0, keepdim))

    def std(self, dim: Any = None, unbiased: bool = True, keepdim: bool = False, *, correction: int = 1) -> Any:
        return self.var(dim, unbiased, keepdim, correction=correction).sqrt()

    def amax(self, dim: Any = None, keepdim: bool = False) -> Any:
        return unary(AMAX, self, (self._axes(dim), keepdim))

    def amin(self, dim: Any = None, keepdim: bool = False) -> Any:
        return unary(AMIN, self, (self._axes(dim), keepdim))

    def max(self, dim: Any = None, keepdim: bool = False) -> Any:
        """The maximum; with an axis, (values, indices); with a tensor, elementwise."""
        return self._extremum(dim, keepdim, AMAX, MAX_DIM, MAXIMUM)

    def min(self, dim: Any = None, keepdim: bool = False) -> Any:
        """The minimum; with an axis, (values, indices); with a tensor, elementwise."""
        return self._extremum(dim, keepdim, AMIN, MIN_DIM, MINIMUM)

    def _extremum(self, dim: Any, keepdim: bool, whole: Any, along: Any, pairwise: Any) -> Any:
        if isinstance(dim, TensorBase):
            return binary(pairwise, self, dim)
        if dim is None:
            return unary(whole, self, (self._axes(None), False))
        axis = self._axis(dim)
        x, keepdim = (self._read(), keepdim) if self.ndim else (reshape(self._read(), (1,)), False)
        node = record(along, (x,), (axis, keepdim))
        return ValuesAndIndices(wrap(project(node, 0)), wrap(project(node, 1)))

    def argmax(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The position of the maximum, of the first where several are equal."""
        return self._position(ARGMAX, dim, keepdim)

    def argmin(self, dim: int | None = None, keepdim: bool = False) -> Any:
        """The position of the minimum, of the first where several are equal."""
        return self._position(ARGMIN, dim, keepdim)

    def _position(self, operation: Any, dim: int | None, keepdim: bool) -> Any:
        if dim is None or not self.ndim:
            axis = self._axis(dim or 0) if not self.ndim else 0
            return unary(operation, self.reshape(-1), (axis, False))  # type: ignore[attr-defined]
        return unary(operation, self, (self._axis(dim), keepdim))

    def any(self, dim: Any = None, keepdim: bool = False) -> Any:
        return unary(ANY, self, (self._axes(dim), keepdim))

    def all(self, dim: Any = None, keepdim: bool = False) -> Any:
        return unary(ALL, self, (self._axes(dim), keepdim))

    def norm(self, p: float = 2, dim: Any = None, keepdim: bool = False) -> Any:
        """(sum |x|^p)^(1/p)."""
        if p == 2:
            return self.square().sum(dim, keepdim).sqrt()  # type: ignore[attr-defined]
        if math.isinf(p):
            return self.abs().amax(dim, keepdim)  # type: ignore[attr-defined]
        return (self.abs() ** p).sum(dim, keepdim) ** (1 / p)  # type: ignore[attr-defined]
