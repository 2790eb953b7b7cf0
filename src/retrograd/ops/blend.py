"""Numbers brought within bounds, replaced, or mixed, as composites."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import DTypeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype, meet
from retrograd.ops.constant import like
from retrograd.ops.spread import spread


@composite("clamp")
def CLAMP(*given: Any) -> Node:
    """min(max(x, low), high), NaN kept; the gradient flows to x where low <= x <= high.

    The inputs are x and the bounds that there are; the last arguments say which.
    """
    *operands, has_low, _ = given
    x, *bounds = meet("clamp", *operands)
    low = bounds[0] if has_low else None
    high = bounds[-1] if len(bounds) > has_low else None
    if low is not None:
        x = _bounded(e.lt(x, low), low, x)
    return x if high is None else _bounded(e.gt(x, high), high, x)


def _bounded(is_beyond: Node, bound: Node, x: Node) -> Node:
    """The bound where x is beyond it, or where the bound is NaN."""
    if bound.type.dtype.is_floating_point:
        is_beyond = e.logical_or(is_beyond, e.logical_and(e.ne(bound, bound), e.eq(x, x)))
    return e.select(is_beyond, bound, x)


@composite("nan_to_num")
def NAN_TO_NUM(x: Node, nan: Node, positive: Node, negative: Node) -> Node:
    """NaN and the infinities replaced by numbers."""
    if not x.type.dtype.is_floating_point:
        return x
    y = e.select(e.ne(x, x), spread(nan, x), x)
    y = e.select(e.eq(x, like(math.inf, x)), spread(positive, x), y)
    return e.select(e.eq(x, like(-math.inf, x)), spread(negative, x), y)


@composite("lerp")
def LERP(start: Node, end: Node, weight: Node) -> Node:
    """start + weight (end - start), from whichever end is nearer."""
    if not start.type.dtype.is_floating_point:
        raise DTypeError(f"lerp takes floating-point numbers, and received {start.type.dtype.name}; use .float() first")
    start, end, weight = meet("lerp", start, end, weight)
    way = e.sub(end, start)
    from_start = e.add(start, e.mul(weight, way))
    from_end = e.sub(end, e.mul(way, e.sub(like(1, weight), weight)))
    return e.select(e.lt(e.absolute(weight), like(0.5, weight)), from_start, from_end)


@composite("addcmul")
def ADDCMUL(x: Node, a: Node, b: Node, value: Node) -> Node:
    """x + value a b."""
    x, a, b = meet("addcmul", x, a, b)
    return e.add(x, e.mul(e.mul(spread(value, a), a), b))


@composite("addcdiv")
def ADDCDIV(x: Node, a: Node, b: Node, value: Node) -> Node:
    """x + value a / b."""
    if not common_dtype(a, b).is_floating_point:
        raise DTypeError("addcdiv takes floating-point numbers, and received integers; use .float() first")
    x, a, b = meet("addcdiv", x, a, b)
    return e.add(x, e.mul(spread(value, a), e.div(a, b)))


@composite("add.scaled")
def ADD_SCALED(a: Node, b: Node, alpha: Node) -> Node:
    """a + alpha b."""
    a, b = meet("add", a, b)
    return e.add(a, e.mul(spread(alpha, b), b))


@composite("sub.scaled")
def SUB_SCALED(a: Node, b: Node, alpha: Node) -> Node:
    """a - alpha b."""
    a, b = meet("sub", a, b)
    return e.sub(a, e.mul(spread(alpha, b), b))
