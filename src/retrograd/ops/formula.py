"""Formulas: nodes with operators, so that numerical methods read like mathematics.

A `Formula` holds a node; numbers beside it become constants of its type. `real_function` makes a composite of a
formula and of the formula of its derivative:

    @real_function("tan", lambda x, y: 1 + y * y)
    def TAN(x):
        return sin(x) / cos(x)
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeAlias

from retrograd.core.dtype import DType, float64, int16, int32, int64
from retrograd.core.node import Node
from retrograd.core.operation import Composite, composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype, floating, meet
from retrograd.ops.constant import like

Term: TypeAlias = "Formula | float"
# The integers as wide as a float, by its bytes.
_BITS = {2: int16, 4: int32, 8: int64}


class Formula:
    """A node in a formula.

    Attributes:
        node: of one shape and dtype with all that it meets.
    """

    __slots__ = ("node",)

    def __init__(self, node: Node) -> None:
        self.node = node

    def _with(self, function: Callable[[Node, Node], Node], other: Term) -> Formula:
        return Formula(function(self.node, self._term(other)))

    def _term(self, other: Term) -> Node:
        return other.node if isinstance(other, Formula) else like(other, self.node)

    def __add__(self, other: Term) -> Formula:
        return self._with(e.add, other)

    __radd__ = __add__

    def __sub__(self, other: Term) -> Formula:
        return self._with(e.sub, other)

    def __rsub__(self, other: float) -> Formula:
        return Formula(e.sub(self._term(other), self.node))

    def __mul__(self, other: Term) -> Formula:
        return self._with(e.mul, other)

    __rmul__ = __mul__

    def __truediv__(self, other: Term) -> Formula:
        return self._with(e.div, other)

    def __rtruediv__(self, other: float) -> Formula:
        return Formula(e.div(self._term(other), self.node))

    def __pow__(self, other: Term) -> Formula:
        return self._with(e.power, other)

    def __neg__(self) -> Formula:
        return Formula(e.neg(self.node))

    def __abs__(self) -> Formula:
        return Formula(e.absolute(self.node))

    def __lt__(self, other: Term) -> Formula:
        return self._with(e.lt, other)

    def __le__(self, other: Term) -> Formula:
        return self._with(e.le, other)

    def __gt__(self, other: Term) -> Formula:
        return self._with(e.gt, other)

    def __ge__(self, other: Term) -> Formula:
        return self._with(e.ge, other)

    def equals(self, other: Term) -> Formula:
        return self._with(e.eq, other)

    def differs(self, other: Term) -> Formula:
        return self._with(e.ne, other)

    def __and__(self, other: Formula) -> Formula:
        return Formula(e.logical_and(self.node, other.node))

    def __or__(self, other: Formula) -> Formula:
        return Formula(e.logical_or(self.node, other.node))

    def __invert__(self) -> Formula:
        return Formula(e.invert(self.node))

    @property
    def bits(self) -> Formula:
        """The bits of a floating-point number, as an integer."""
        return Formula(e.bitcast(self.node, _BITS[self.node.type.dtype.itemsize]))

    def to_float(self, other: Formula) -> Formula:
        """The number of the other's dtype that has these bits."""
        return Formula(e.bitcast(self.node, other.node.type.dtype))

    def shifted_right(self, count: int) -> Formula:
        return self._with(e.shift_right, count)

    def masked(self, mask: int) -> Formula:
        return self._with(e.logical_and, mask)

    def to(self, dtype: DType) -> Formula:
        return Formula(e.cast(self.node, dtype))

    def constant(self, value: float) -> Formula:
        """`value`, in the shape and dtype of this."""
        return Formula(like(value, self.node))


def _applied(function: Callable[[Node], Node], x: Formula) -> Formula:
    return Formula(function(x.node))


sqrt = partial(_applied, e.sqrt)
exp = partial(_applied, e.exp)
exp2 = partial(_applied, e.exp2)
expm1 = partial(_applied, e.expm1)
log = partial(_applied, e.log)
log1p = partial(_applied, e.log1p)
sin = partial(_applied, e.sin)
cos = partial(_applied, e.cos)
atan = partial(_applied, e.atan)
erf = partial(_applied, e.erf)
floor = partial(_applied, e.floor)
nearest = partial(_applied, e.rint)


def maximum(a: Formula, b: Term) -> Formula:
    return a._with(e.maximum, b)


def minimum(a: Formula, b: Term) -> Formula:
    return a._with(e.minimum, b)


def where(condition: Formula, a: Term, b: Term) -> Formula:
    """a where the condition holds, else b; one of them is a formula."""
    if isinstance(a, Formula):
        return Formula(e.select(condition.node, a.node, a._term(b)))
    assert isinstance(b, Formula)
    return Formula(e.select(condition.node, b._term(a), b.node))


def apply(operation: Composite, *operands: Formula) -> Formula:
    """A composite of formulas."""
    return Formula(record(operation, tuple(x.node for x in operands)))


def polynomial(x: Formula, coefficients: Sequence[float]) -> Formula:
    """Horner's rule; the coefficients are in ascending order."""
    result = Formula(like(coefficients[-1], x.node))
    for coefficient in reversed(coefficients[:-1]):
        result = result * x + coefficient
    return result


def chebyshev(x: Formula, coefficients: Sequence[float]) -> Formula:
    """sum_k c_k T_k(x) for x in [-1, 1], by Clenshaw's recurrence."""
    twice = x + x
    ahead, behind = x.constant(0), x.constant(0)
    for coefficient in reversed(coefficients[1:]):
        ahead, behind = twice * ahead - behind + coefficient, ahead
    return x * ahead - behind + coefficients[0]


def copy_sign(size: Formula, sign: Formula) -> Formula:
    """The magnitude of one with the sign of the other, zeros and NaN included."""
    signed = sign.bits < 0
    return where(signed, -abs(size), abs(size))


def odd(function: Callable[[Formula], Formula], x: Formula) -> Formula:
    """An odd function that is known for x >= 0."""
    return copy_sign(function(abs(x)), x)


def real_function(
    name: str, derivative: Callable[[Formula, Formula], Formula] | None = None, in_double: bool = False
) -> Callable[[Callable[[Formula], Formula]], Composite]:
    """Decorator: a formula of one real variable as a composite.

    Args:
        name: of the composite.
        derivative: f'(x) as a formula of x and y = f(x); derived from the body if left out.
        in_double: compute float32 in float64 and round once, where the formula would lose too much.
    """

    def gradient(g: Node, inputs: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
        assert derivative is not None
        return (e.mul(g, derivative(Formula(inputs[0]), Formula(y)).node),)

    def enter(formula: Callable[[Formula], Formula]) -> Composite:
        def body(x: Node) -> Node:
            dtype = floating(x.type.dtype)
            wide = e.cast(x, float64 if in_double else dtype)
            return e.cast(formula(Formula(wide)).node, dtype)

        body.__doc__ = formula.__doc__
        return composite(name, None if derivative is None else gradient)(body)

    return enter


def pair_function(
    name: str, derivatives: Callable[[Formula, Formula, Formula], tuple[Formula, Formula]] | None = None
) -> Callable[[Callable[[Formula, Formula], Formula]], Composite]:
    """Decorator: a formula of two real variables as a composite that promotes and broadcasts.

    Args:
        name: of the composite.
        derivatives: df/da and df/db as formulas of a, b and y = f(a, b); derived from the body if left out.
    """

    def gradient(g: Node, inputs: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, Node]:
        assert derivatives is not None
        a, b = (Formula(x) for x in inputs)
        to_a, to_b = derivatives(a, b, Formula(y))
        return e.mul(g, to_a.node), e.mul(g, to_b.node)

    def enter(formula: Callable[[Formula, Formula], Formula]) -> Composite:
        def pair(a: Node, b: Node) -> Node:
            return formula(Formula(a), Formula(b)).node

        # The rule is for operands of one shape and dtype: a composite of its own, within.
        inner = Composite(name, pair, None if derivatives is None else gradient)

        def body(a: Node, b: Node) -> Node:
            return record(inner, tuple(meet(name, a, b, dtype=floating(common_dtype(a, b)))))

        body.__doc__ = formula.__doc__
        return composite(name)(body)

    return enter
