"""Division in its kinds, remainders, and powers in double precision, as composites."""

from __future__ import annotations

from retrograd.core.dtype import float64
from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import meet
from retrograd.ops.constant import like
from retrograd.ops.formula import Formula, copy_sign


@composite("div.rounded")
def DIV_ROUNDED(a: Node, b: Node, rounding_mode: str) -> Node:
    """a / b rounded down ("floor") or towards 0 ("trunc"); integers stay integers."""
    a, b = meet("div", a, b)
    if rounding_mode == "floor":
        return e.floor_divide(a, b)
    if rounding_mode != "trunc":
        raise OptionError(f"div: rounding_mode must be None, 'trunc' or 'floor', not {rounding_mode!r}")
    if a.type.dtype.is_floating_point:
        return e.trunc(e.div(a, b))
    quotient = e.floor_divide(a, b)
    inexact = e.ne(e.mul(quotient, b), a)
    negative = e.ne(e.lt(a, like(0, a)), e.lt(b, like(0, b)))
    return e.select(e.logical_and(inexact, negative), e.add(quotient, like(1, a)), quotient)


@composite("fmod")
def FMOD(a: Node, b: Node) -> Node:
    """What a / b, rounded towards 0, leaves of a; it has the sign of a."""
    a, b = meet("fmod", a, b)
    if a.type.dtype.is_floating_point:
        return copy_sign(Formula(_positive_fmod(a, b)), Formula(a)).node
    rest = e.remainder(a, b)
    other_side = e.logical_and(e.ne(rest, like(0, a)), e.ne(e.lt(rest, like(0, a)), e.lt(a, like(0, a))))
    return e.select(other_side, e.sub(rest, b), rest)


def _positive_fmod(a: Node, b: Node) -> Node:
    return e.remainder(e.absolute(a), e.absolute(b))


@composite("float_power")
def FLOAT_POWER(a: Node, b: Node) -> Node:
    """a ** b in float64."""
    return e.power(*meet("float_power", a, b, dtype=float64))


@composite("fmax")
def FMAX(a: Node, b: Node) -> Node:
    """The larger of two numbers, the other one where one is NaN; of equals, the gradient goes to the first."""
    a, b = meet("fmax", a, b)
    first = e.logical_or(e.ge(a, b), e.ne(b, b))
    return e.select(first, a, b)


@composite("fmin")
def FMIN(a: Node, b: Node) -> Node:
    """The smaller of two numbers, the other one where one is NaN; of equals, the gradient goes to the first."""
    a, b = meet("fmin", a, b)
    first = e.logical_or(e.le(a, b), e.ne(b, b))
    return e.select(first, a, b)


@composite("heaviside")
def HEAVISIDE(x: Node, values: Node) -> Node:
    """1 where x > 0, values where x = 0, else 0."""
    x, values = meet("heaviside", x, values)
    step = e.cast(e.gt(x, like(0, x)), x.type.dtype)
    return e.select(e.eq(x, like(0, x)), values, step)
