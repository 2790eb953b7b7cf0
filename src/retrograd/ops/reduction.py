"""Reductions as users know them, as composites: axes are kept with extent 1 or dropped, dtypes chosen."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from retrograd.core.dtype import DTYPES, bool_, float64, int64
from retrograd.core.node import Node
from retrograd.core.operation import Composite, composite, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e, reduce as r
from retrograd.ops.arithmetic import floating
from retrograd.ops.constant import const, iota, like
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.spread import spread


def finish(x: Node, axes: Shape, keepdim: bool) -> Node:
    """A reduction without its axes, unless they are to be kept."""
    return x if keepdim else r.drop_axes(x, axes)


def spread_back(g: Node, shape: Shape, axes: Shape) -> Node:
    """What belongs to a reduction over `axes`, at every element of `shape` that it was made of."""
    kept = tuple(1 if i in axes else n for i, n in enumerate(shape))
    return broadcast_to(reshape(g, kept), shape)


def extent(shape: Shape, axes: Shape) -> int:
    """How many elements a reduction over `axes` takes together."""
    return math.prod(shape[axis] for axis in axes)


# -- sums and products ------------------------------------------------------------------------------------------------


@composite("sum")
def SUM(x: Node, axes: Shape, keepdim: bool, dtype: str) -> Node:
    """The sum."""
    return finish(r.sum_keepdim(e.cast(x, DTYPES[dtype]), axes), axes, keepdim)


@composite("nansum")
def NANSUM(x: Node, axes: Shape, keepdim: bool, dtype: str) -> Node:
    """The sum of what is not NaN."""
    return finish(r.sum_keepdim(e.cast(_without_nan(x), DTYPES[dtype]), axes), axes, keepdim)


def _without_nan(x: Node) -> Node:
    return e.select(e.ne(x, x), like(0, x), x) if x.type.dtype.is_floating_point else x


@composite("prod")
def PROD(x: Node, axes: Shape, keepdim: bool, dtype: str) -> Node:
    """The product."""
    return finish(r.prod_keepdim(e.cast(x, DTYPES[dtype]), axes), axes, keepdim)


@composite("count_nonzero")
def COUNT_NONZERO(x: Node, axes: Shape) -> Node:
    """How many elements are not 0."""
    return r.drop_axes(r.sum_keepdim(e.cast(e.cast(x, bool_), int64), axes), axes)


# -- mean and variance ------------------------------------------------------------------------------------------------


def mean_keepdim(x: Node, axes: Shape) -> Node:
    total = r.sum_keepdim(x, axes)
    return e.div(total, like(extent(x.type.shape, axes), total))


@composite("mean")
def MEAN(x: Node, axes: Shape, keepdim: bool) -> Node:
    """The arithmetic mean."""
    return finish(mean_keepdim(x, axes), axes, keepdim)


@composite("nanmean")
def NANMEAN(x: Node, axes: Shape, keepdim: bool) -> Node:
    """The arithmetic mean of what is not NaN."""
    total = r.sum_keepdim(_without_nan(x), axes)
    count = r.sum_keepdim(e.cast(e.eq(x, x), x.type.dtype), axes)
    return finish(e.div(total, count), axes, keepdim)


def _deviation(x: Node, axes: Shape) -> Node:
    """x less its mean."""
    return e.sub(x, broadcast_to(mean_keepdim(x, axes), x.type.shape))


def _freedom(x: Node, correction: Node, axes: Shape) -> Node:
    """n - correction, what a sum of squares is divided by; never below 0."""
    counted = e.sub(const(extent(x.type.shape, axes), float64), e.cast(correction, float64))
    return e.maximum(counted, like(0, counted))


def _var_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, None]:
    axes, _ = attributes
    shape = x[0].type.shape
    twice = e.div(e.mul(like(2, g), g), spread(_freedom(x[0], x[1], axes), g))
    return e.mul(spread_back(twice, shape, axes), _deviation(x[0], axes)), None


@composite("var", _var_gradient)
def VAR(x: Node, correction: Node, axes: Shape, keepdim: bool) -> Node:
    """sum (x - mean)^2 / (n - correction), in two passes: the mean first, then the squares of what is left.

    The correction is a number; no gradient flows to it.
    """
    rest = _deviation(x, axes)
    total = r.sum_keepdim(e.mul(rest, rest), axes)
    return finish(e.div(total, spread(_freedom(x, correction, axes), total)), axes, keepdim)


def _std_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, None]:
    """That of the root of the variance; 0, and not infinite, where all elements are equal."""
    zero = like(0, y)
    to_variance = e.select(e.eq(y, zero), zero, e.div(g, e.mul(like(2, y), y)))
    return _var_gradient(to_variance, x, y, attributes)


@composite("std", _std_gradient)
def STD(x: Node, correction: Node, axes: Shape, keepdim: bool) -> Node:
    """The root of the variance."""
    return e.sqrt(record(VAR, (x, correction), (axes, keepdim)))


def _with_mean(name: str, moment: Composite) -> Composite:
    def body(x: Node, correction: Node, axes: Shape, keepdim: bool) -> tuple[Node, Node]:
        return record(moment, (x, correction), (axes, keepdim)), record(MEAN, (x,), (axes, keepdim))

    return composite(name)(body)


VAR_MEAN = _with_mean("var_mean", VAR)
STD_MEAN = _with_mean("std_mean", STD)


def _logsumexp_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    axes, _ = attributes
    shape = x[0].type.shape
    bounded = e.select(e.eq(y, like(-math.inf, y)), like(0, y), y)
    share = e.exp(e.sub(x[0], spread_back(bounded, shape, axes)))
    return (e.mul(spread_back(g, shape, axes), share),)


@composite("logsumexp", _logsumexp_gradient)
def LOGSUMEXP(x: Node, axes: Shape, keepdim: bool) -> Node:
    """log sum exp(x), shifted by the maximum."""
    x = e.cast(x, floating(x.type.dtype))
    if extent(x.type.shape, axes) == 0:
        return finish(e.log(r.sum_keepdim(x, axes)), axes, keepdim)
    largest = r.max_keepdim(x, axes)
    shift = e.select(e.eq(e.absolute(largest), like(math.inf, largest)), like(0, largest), largest)
    total = r.sum_keepdim(e.exp(e.sub(x, broadcast_to(shift, x.type.shape))), axes)
    return finish(e.add(e.log(total), shift), axes, keepdim)


# -- extrema ----------------------------------------------------------------------------------------------------------


def _extremum(name: str, function: Callable[[Node, Shape], Node]) -> Composite:
    def body(x: Node, axes: Shape, keepdim: bool) -> Node:
        return finish(function(x, axes), axes, keepdim)

    return composite(name)(body)


AMAX = _extremum("amax", r.max_keepdim)
AMIN = _extremum("amin", r.min_keepdim)
ANY = _extremum("any", r.any_keepdim)
ALL = _extremum("all", r.all_keepdim)


@composite("aminmax")
def AMINMAX(x: Node, axes: Shape, keepdim: bool) -> tuple[Node, Node]:
    """The minimum and the maximum."""
    return record(AMIN, (x,), (axes, keepdim)), record(AMAX, (x,), (axes, keepdim))


@composite("argmax")
def ARGMAX(x: Node, axis: int, keepdim: bool) -> Node:
    """The first position of the maximum."""
    return finish(r.argmax_keepdim(x, axis), (axis,), keepdim)


@composite("argmin")
def ARGMIN(x: Node, axis: int, keepdim: bool) -> Node:
    """The first position of the minimum."""
    return finish(r.argmin_keepdim(x, axis), (axis,), keepdim)


def _at(x: Node, position: Node, axis: int) -> Node:
    """The element at a position along an axis, as a differentiable value."""
    shape = x.type.shape
    chosen = e.eq(iota(shape, axis), broadcast_to(position, shape))
    if x.type.dtype is bool_:
        return r.any_keepdim(e.logical_and(chosen, x), (axis,))
    return r.sum_keepdim(e.select(chosen, x, like(0, x)), (axis,))


@composite("max.dim")
def MAX_DIM(x: Node, axis: int, keepdim: bool) -> tuple[Node, Node]:
    """The maximum and its first position; the gradient goes to that position."""
    position = r.argmax_keepdim(x, axis)
    return finish(_at(x, position, axis), (axis,), keepdim), finish(position, (axis,), keepdim)


@composite("min.dim")
def MIN_DIM(x: Node, axis: int, keepdim: bool) -> tuple[Node, Node]:
    """The minimum and its first position; the gradient goes to that position."""
    position = r.argmin_keepdim(x, axis)
    return finish(_at(x, position, axis), (axis,), keepdim), finish(position, (axis,), keepdim)


# -- matrices ---------------------------------------------------------------------------------------------------------


@composite("trace")
def TRACE(x: Node) -> Node:
    """The sum of a matrix's diagonal; integers add up as int64."""
    x = x if x.type.dtype.is_floating_point else e.cast(x, int64)
    on_diagonal = e.eq(iota(x.type.shape, 0), iota(x.type.shape, 1))
    return r.drop_axes(r.sum_keepdim(e.select(on_diagonal, x, like(0, x)), (0, 1)), (0, 1))
