"""Norms of vectors, and distances made of them, as composites.

The order of a norm is structure where it changes the formula: "0", "1", "2", "inf" and "-inf" stand for themselves, "p"
for any other order, which is then a run-time input.
"""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e, reduce as r
from retrograd.ops.arithmetic import meet
from retrograd.ops.constant import like
from retrograd.ops.movement import broadcast_shapes, broadcast_to, reshape
from retrograd.ops.reduction import finish, spread_back
from retrograd.ops.spread import spread


def _gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    """To x alone; 0 where an element or the whole norm is 0 and there is no slope."""
    kind, axes, _ = attributes
    shape = x[0].type.shape
    slope = _slope(x, spread_back(g, shape, axes), spread_back(y, shape, axes), kind)
    return (slope, *[None] * (len(x) - 1))


def _slope(x: tuple[Node, ...], g: Node, y: Node, kind: str) -> Node:
    value = x[0]
    zero, one = like(0, value), like(1, value)
    if kind == "0":
        return zero
    if kind == "1":
        return e.mul(g, e.sign(value))
    is_zero = e.eq(y, zero)
    if kind == "2":
        return e.select(is_zero, zero, e.div(e.mul(g, value), e.select(is_zero, one, y)))
    less_one = e.sub(spread(x[1], value), one)
    flat = e.logical_or(is_zero, e.eq(value, zero))
    size, norm = (e.select(flat, one, v) for v in (e.absolute(value), y))
    ratio = e.power(e.div(size, norm), less_one)
    return e.select(flat, zero, e.mul(e.mul(g, e.sign(value)), ratio))


@composite("vector_norm", _gradient)
def SMOOTH_NORM(x: Node, *rest: Any) -> Node:
    """(sum |x|^p)^(1/p); how many elements are not 0 if p is 0."""
    *p, kind, axes, keepdim = rest
    if kind == "0":
        counted = e.cast(e.ne(x, like(0, x)), x.type.dtype)
        return finish(r.sum_keepdim(counted, axes), axes, keepdim)
    if kind == "1":
        return finish(r.sum_keepdim(e.absolute(x), axes), axes, keepdim)
    if kind == "2":
        return finish(e.sqrt(r.sum_keepdim(e.mul(x, x), axes)), axes, keepdim)
    total = r.sum_keepdim(e.power(e.absolute(x), spread(p[0], x)), axes)
    return finish(e.power(total, e.div(like(1, total), spread(p[0], total))), axes, keepdim)


@composite("vector_norm.extremum")
def EXTREMUM_NORM(x: Node, kind: str, axes: Shape, keepdim: bool) -> Node:
    """The largest magnitude ("inf"), or the smallest; the gradient is shared by the elements that attain it."""
    reduce = r.max_keepdim if kind == "inf" else r.min_keepdim
    return finish(reduce(e.absolute(x), axes), axes, keepdim)


def vector_norm(x: Node, p: tuple[Node, ...], kind: str, axes: Shape, keepdim: bool) -> Node:
    """The norm of this kind; `p` holds the order if the kind is "p"."""
    if not x.type.dtype.is_floating_point:
        raise DTypeError(f"norm takes floating-point numbers, and received {x.type.dtype.name}; use .float() first")
    if kind in ("inf", "-inf"):
        return record(EXTREMUM_NORM, (x,), (kind, axes, keepdim))
    return record(SMOOTH_NORM, (x, *p), (kind, axes, keepdim))


@composite("norm")
def NORM(x: Node, *rest: Any) -> Node:
    """A norm of any order."""
    *p, kind, axes, keepdim = rest
    return vector_norm(x, tuple(p), kind, axes, keepdim)


@composite("dist")
def DIST(a: Node, b: Node, *rest: Any) -> Node:
    """The norm of a - b."""
    *p, kind = rest
    difference = e.sub(*meet("dist", a, b))
    return vector_norm(difference, tuple(p), kind, tuple(range(len(difference.type.shape))), False)


@composite("cdist")
def CDIST(a: Node, b: Node, *rest: Any) -> Node:
    """Distances of each row of a (..., P, M) and each row of b (..., R, M): (..., P, R)."""
    *p, kind = rest
    first, second = a.type.shape, b.type.shape
    if min(len(first), len(second)) < 2 or first[-1] != second[-1]:
        raise ShapeError(
            f"cdist: {first} and {second} do not fit: both must be (..., rows, columns) with as many columns"
        )
    batch = broadcast_shapes("cdist", first[:-2], second[:-2])
    shape = (*batch, first[-2], second[-2], first[-1])
    rows = broadcast_to(reshape(a, (*first[:-1], 1, first[-1])), shape)
    columns = broadcast_to(reshape(b, (*second[:-2], 1, *second[-2:])), shape)
    if shape[-1] == 0:
        return like(0, reshape(r.sum_keepdim(rows, (len(shape) - 1,)), shape[:-1]))
    return vector_norm(e.sub(rows, columns), tuple(p), kind, (len(shape) - 1,), False)


@composite("renorm")
def RENORM(x: Node, maxnorm: Node, *rest: Any) -> Node:
    """x with the parts along an axis whose norm is above `maxnorm` scaled down to it."""
    *p, kind, axis = rest
    if len(x.type.shape) < 2:
        raise ShapeError(f"renorm: takes a tensor of at least 2 axes, and received one of shape {x.type.shape}")
    axes = tuple(i for i in range(len(x.type.shape)) if i != axis)
    norm = vector_norm(x, tuple(p), kind, axes, True)
    most = spread(maxnorm, norm)
    factor = e.div(most, e.add(norm, like(1e-7, norm)))
    factor = e.select(e.gt(norm, most), factor, like(1, norm))
    return e.mul(x, broadcast_to(factor, x.type.shape))
