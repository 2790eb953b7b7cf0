"""Elementwise operations as users know them: promotion and broadcasting, then the primitive. Each is one node."""

from __future__ import annotations

import math
from collections.abc import Callable

from retrograd.core import mode
from retrograd.core.buffer import Buffer
from retrograd.core.dtype import DType, bool_, defaults, int64, promote
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Composite, composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.movement import broadcast_shapes, broadcast_to


def common_dtype(*operands: Node) -> DType:
    """The dtype in which operands meet: a 0-dimensional one counts only if its kind is higher (PyTorch's rule)."""
    with_axes: DType | None = None
    without: DType | None = None
    for x in operands:
        if x.type.shape:
            with_axes = x.type.dtype if with_axes is None else promote(with_axes, x.type.dtype)
        else:
            without = x.type.dtype if without is None else promote(without, x.type.dtype)
    if with_axes is None or without is None:
        result = with_axes or without
        assert result is not None
        return result
    return without if without.kind > with_axes.kind else with_axes


def meet(name: str, *operands: Node, dtype: DType | None = None) -> list[Node]:
    """The operands cast to a common dtype and broadcast to a common shape."""
    dtype = dtype or common_dtype(*operands)
    shape = broadcast_shapes(name, *(x.type.shape for x in operands))
    return [broadcast_to(e.cast(x, dtype), shape) for x in operands]


def _binary(name: str, function: Callable[[Node, Node], Node]) -> Composite:
    def body(a: Node, b: Node) -> Node:
        return function(*meet(name, a, b))

    return composite(name)(body)


def floating(dtype: DType) -> DType:
    """The dtype in which functions of real numbers compute: integers become the default dtype."""
    return dtype if dtype.is_floating_point else defaults.float_dtype


def _or_logical(number: Callable[[Node, Node], Node], logical: Callable[[Node, Node], Node]) -> Callable[..., Node]:
    """An operation that booleans have a logical form of."""
    return lambda a, b: (logical if a.type.dtype is bool_ else number)(a, b)


ADD = _binary("add", _or_logical(e.add, e.logical_or))
SUB = _binary("sub", e.sub)
MUL = _binary("mul", _or_logical(e.mul, e.logical_and))
POW = _binary("pow", e.power)
FLOOR_DIVIDE = _binary("floor_divide", e.floor_divide)
REMAINDER = _binary("remainder", e.remainder)
MAXIMUM = _binary("maximum", e.maximum)
MINIMUM = _binary("minimum", e.minimum)
EQ = _binary("eq", e.eq)
NE = _binary("ne", e.ne)
LT = _binary("lt", e.lt)
LE = _binary("le", e.le)
GT = _binary("gt", e.gt)
GE = _binary("ge", e.ge)
AND = _binary("bitwise_and", e.logical_and)
OR = _binary("bitwise_or", e.logical_or)
XOR = _binary("bitwise_xor", e.logical_xor)


@composite("div")
def DIV(a: Node, b: Node) -> Node:
    """True division: integers become the default dtype."""
    return e.div(*meet("div", a, b, dtype=floating(common_dtype(a, b))))


@composite("where")
def WHERE(condition: Node, a: Node, b: Node) -> Node:
    """a where the condition holds, else b; all three broadcast."""
    a, b = meet("where", a, b)
    shape = broadcast_shapes("where", condition.type.shape, a.type.shape)
    return e.select(*(broadcast_to(x, shape) for x in (e.cast(condition, bool_), a, b)))


@composite("square")
def SQUARE(x: Node) -> Node:
    """x * x: the exponent 2 is a listed structural constant. Booleans become int64."""
    x = e.cast(x, int64) if x.type.dtype is bool_ else x
    return e.mul(x, x)


@composite("reciprocal")
def RECIPROCAL(x: Node) -> Node:
    x = e.cast(x, floating(x.type.dtype))
    return e.div(like(1, x), x)


@composite("rsqrt")
def RSQRT(x: Node) -> Node:
    x = e.cast(x, floating(x.type.dtype))
    return e.div(like(1, x), e.sqrt(x))


def _unary_floating(name: str, function: Callable[[Node], Node]) -> Composite:
    def body(x: Node) -> Node:
        return function(e.cast(x, floating(x.type.dtype)))

    return composite(name)(body)


SQRT = _unary_floating("sqrt", e.sqrt)
EXP = _unary_floating("exp", e.exp)
EXP2 = _unary_floating("exp2", e.exp2)
EXPM1 = _unary_floating("expm1", e.expm1)
LOG = _unary_floating("log", e.log)
LOG2 = _unary_floating("log2", e.log2)
LOG10 = _unary_floating("log10", e.log10)
LOG1P = _unary_floating("log1p", e.log1p)
SIN = _unary_floating("sin", e.sin)
COS = _unary_floating("cos", e.cos)
ERF = _unary_floating("erf", e.erf)
TANH = _unary_floating("tanh", e.tanh)


def _unary(name: str, function: Callable[[Node], Node]) -> Composite:
    def body(x: Node) -> Node:
        return function(x)

    return composite(name)(body)


def _rounding(name: str, function: Callable[[Node], Node]) -> Composite:
    """Integers are whole already."""

    def body(x: Node) -> Node:
        return function(x) if x.type.dtype.is_floating_point else x

    return composite(name)(body)


NEG = _unary("neg", e.neg)
ABS = _unary("abs", e.absolute)


@composite("sign")
def SIGN(x: Node) -> Node:
    """-1, 0 or 1; 0 for NaN, as in PyTorch."""
    if x.type.dtype is bool_:
        return x
    return e.select(e.ne(x, x), like(0, x), e.sign(x)) if x.type.dtype.is_floating_point else e.sign(x)


FLOOR = _rounding("floor", e.floor)
CEIL = _rounding("ceil", e.ceil)
ROUND = _rounding("round", e.rint)
TRUNC = _rounding("trunc", e.trunc)
INVERT = _unary("bitwise_not", e.invert)


@composite("frac")
def FRAC(x: Node) -> Node:
    """x - trunc(x), with the sign of x."""
    return e.sub(x, e.trunc(x))


@composite("round.decimals")
def ROUND_DECIMALS(x: Node, scale: Node, is_fraction: bool) -> Node:
    """x rounded to multiples of 1 / scale, or of scale."""
    scale = broadcast_to(e.cast(scale, x.type.dtype), x.type.shape)
    return e.div(e.rint(e.mul(x, scale)), scale) if is_fraction else e.mul(e.rint(e.div(x, scale)), scale)


@composite("angle")
def ANGLE(x: Node) -> Node:
    """0 for positive numbers, pi for negative ones, NaN for NaN."""
    x = e.cast(x, floating(x.type.dtype))
    return e.select(e.lt(x, like(0, x)), like(math.pi, x), e.select(e.ne(x, x), x, like(0, x)))


@composite("identity")
def IDENTITY(x: Node) -> Node:
    """The same value: for a copy, and (recorded without gradients) for a detached one."""
    return x


def _graft_gradient(g: Node, x: tuple[Node, ...], y: Node, _: object) -> tuple[Node, None]:
    return g, None


@composite("graft", _graft_gradient)
def GRAFT(history: Node, value: Node) -> Node:
    """A new value on an old history: an in-place change under `no_grad` leaves the graph behind a tensor as it was."""
    return value


def _overwrite_gradient(g: Node, x: tuple[Node, ...], y: Node, _: object) -> tuple[Node, Node]:
    return like(0, g), g


@composite("overwrite", _overwrite_gradient)
def OVERWRITE(old: Node, value: Node) -> Node:
    """A value written over another one, to which a gradient of zeros flows, as in PyTorch."""
    return value


def grafted(history: Node, buffer: Buffer) -> Node:
    """A node with the history of another and a value that is there already."""
    value = input_node(history.type, buffer, history.leaf)
    if history.leaf is not None or not history.requires_grad:
        return value
    with mode.enable_grad():
        node = record(GRAFT, (history, value))
    node.buffer = buffer
    return node


def origin(node: Node) -> Node:
    """The node that new values were grafted on: the one that hooks are for, and gradients are asked of."""
    while node.signature is not None and node.signature.operation is GRAFT and node.inputs:
        node = node.inputs[0]
    return node
