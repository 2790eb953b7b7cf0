"""Tests of numbers, logic, and closeness, as composites that give bool."""

from __future__ import annotations

import math
from collections.abc import Callable

from retrograd.core.dtype import DType, bool_
from retrograd.core.node import Node
from retrograd.core.operation import Composite, composite
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import floating, meet
from retrograd.ops.constant import const, like
from retrograd.ops.spread import spread


def _always(x: Node, value: bool) -> Node:
    return const(value, bool_, x.type.shape)


def _test(name: str, function: Callable[[Node], Node], of_integers: bool) -> Composite:
    """A test of floating-point numbers; integers all pass it, or all fail."""

    def body(x: Node) -> Node:
        return function(x) if x.type.dtype.is_floating_point else _always(x, of_integers)

    return composite(name)(body)


ISNAN = _test("isnan", lambda x: e.ne(x, x), False)
ISINF = _test("isinf", lambda x: e.eq(e.absolute(x), like(math.inf, x)), False)
ISFINITE = _test("isfinite", lambda x: e.lt(e.absolute(x), like(math.inf, x)), True)
ISPOSINF = _test("isposinf", lambda x: e.eq(x, like(math.inf, x)), False)
ISNEGINF = _test("isneginf", lambda x: e.eq(x, like(-math.inf, x)), False)


@composite("isreal")
def ISREAL(x: Node) -> Node:
    """True: there are no complex numbers here."""
    return _always(x, True)


def _logic(name: str, function: Callable[[Node, Node], Node]) -> Composite:
    def body(a: Node, b: Node) -> Node:
        return function(*meet(name, e.cast(a, bool_), e.cast(b, bool_)))

    return composite(name)(body)


LOGICAL_AND = _logic("logical_and", e.logical_and)
LOGICAL_OR = _logic("logical_or", e.logical_or)
LOGICAL_XOR = _logic("logical_xor", e.logical_xor)


@composite("logical_not")
def LOGICAL_NOT(x: Node) -> Node:
    """Whether x is 0 or False."""
    return e.invert(e.cast(x, bool_))


@composite("isclose")
def ISCLOSE(a: Node, b: Node, rtol: Node, atol: Node, equal_nan: bool) -> Node:
    """Whether |a - b| <= atol + rtol |b|, or a = b, or both are NaN if these count as equal."""
    a, b = meet("isclose", a, b)
    same = e.eq(a, b)
    if equal_nan and a.type.dtype.is_floating_point:
        same = e.logical_or(same, e.logical_and(e.ne(a, a), e.ne(b, b)))
    dtype: DType = floating(a.type.dtype)
    distance = e.absolute(e.sub(e.cast(a, dtype), e.cast(b, dtype)))
    size = e.absolute(e.cast(b, dtype))
    allowed = e.add(spread(atol, distance), e.mul(spread(rtol, distance), size))
    is_near = e.logical_and(e.le(distance, allowed), e.lt(distance, like(math.inf, distance)))
    return e.logical_or(same, is_near)
