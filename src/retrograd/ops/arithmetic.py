"""Elementwise operations as users know them: promotion and broadcasting, then the primitive. Each is one node."""

from __future__ import annotations

from collections.abc import Callable

from retrograd.core import mode
from retrograd.core.buffer import Buffer
from retrograd.core.dtype import DType, bool_, float32, promote
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


def _floating(dtype: DType) -> DType:
    return dtype if dtype.is_floating_point else float32


ADD = _binary("add", e.add)
SUB = _binary("sub", e.sub)
MUL = _binary("mul", e.mul)
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
    """True division: integers become float32."""
    return e.div(*meet("div", a, b, dtype=_floating(common_dtype(a, b))))


@composite("where")
def WHERE(condition: Node, a: Node, b: Node) -> Node:
    """a where the condition holds, else b; all three broadcast."""
    a, b = meet("where", a, b)
    shape = broadcast_shapes("where", condition.type.shape, a.type.shape)
    return e.select(*(broadcast_to(x, shape) for x in (e.cast(condition, bool_), a, b)))


@composite("clamp")
def CLAMP(x: Node, low: Node, high: Node) -> Node:
    """min(max(x, low), high); the gradient flows where low <= x <= high."""
    low, high = (broadcast_to(e.cast(v, x.type.dtype), x.type.shape) for v in (low, high))
    raised = e.select(e.lt(x, low), low, x)
    return e.select(e.gt(raised, high), high, raised)


@composite("square")
def SQUARE(x: Node) -> Node:
    """x * x: the exponent 2 is a listed structural constant."""
    return e.mul(x, x)


@composite("reciprocal")
def RECIPROCAL(x: Node) -> Node:
    x = e.cast(x, _floating(x.type.dtype))
    return e.div(like(1, x), x)


@composite("rsqrt")
def RSQRT(x: Node) -> Node:
    x = e.cast(x, _floating(x.type.dtype))
    return e.div(like(1, x), e.sqrt(x))


def _unary_floating(name: str, function: Callable[[Node], Node]) -> Composite:
    def body(x: Node) -> Node:
        return function(e.cast(x, _floating(x.type.dtype)))

    return composite(name)(body)


SQRT = _unary_floating("sqrt", e.sqrt)
EXP = _unary_floating("exp", e.exp)
EXPM1 = _unary_floating("expm1", e.expm1)
LOG = _unary_floating("log", e.log)
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
SIGN = _unary("sign", e.sign)
FLOOR = _rounding("floor", e.floor)
CEIL = _rounding("ceil", e.ceil)
ROUND = _rounding("round", e.rint)
TRUNC = _rounding("trunc", e.trunc)
INVERT = _unary("bitwise_not", e.invert)


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
