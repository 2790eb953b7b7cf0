"""Elementwise primitives: y_i = f(a_i, b_i, ...), operands of one shape.

One registration a primitive: name, NumPy reference, gradient rule. Operands have one dtype and the result has it too;
comparisons give bool. Broadcasting and promotion happen above (`ops/arithmetic.py`), so that rules stay simple.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core.dtype import DTYPES, DType, bool_
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import GradientRule, Primitive, record, register
from retrograd.core.types import TensorType, tensor_type
from retrograd.ops.constant import like
from retrograd.ops.movement import broadcast_to, reshape

_ANY, _NUMBER, _FLOAT, _INTEGER, _INTEGER_OR_BOOL = (0, 1, 2), (1, 2), (2,), (1,), (0, 1)
_KINDS = {
    _NUMBER: "numbers",
    _FLOAT: "floating-point numbers",
    _INTEGER: "integers",
    _INTEGER_OR_BOOL: "integers or booleans",
}


def _check(name: str, types: tuple[TensorType, ...], kinds: tuple[int, ...]) -> None:
    first = types[0]
    for other in types[1:]:
        if other.shape != first.shape:
            raise ShapeError(f"{name}: operands have shapes {first.shape} and {other.shape}; they must be equal here")
        if other.dtype is not first.dtype:
            raise DTypeError(f"{name}: operands have dtypes {first.dtype.name} and {other.dtype.name}")
    if first.dtype.kind not in kinds:
        raise DTypeError(f"{name} takes {_KINDS[kinds]}, and received {first.dtype.name}; cast with .to(dtype) first")


def batched_operands(operands: tuple[Node, ...], batched: tuple[bool, ...]) -> list[Node]:
    """All operands with the batch axis that some of them have."""
    shape = next(x.type.shape for x, has in zip(operands, batched, strict=True) if has)
    return [
        x if has else broadcast_to(reshape(x, (1, *x.type.shape)), shape)
        for x, has in zip(operands, batched, strict=True)
    ]


def _batch(primitive: str) -> Callable[..., Node]:
    def rule(operands: tuple[Node, ...], batched: tuple[bool, ...], attributes: tuple[Any, ...], size: int) -> Node:
        return record(_MADE[primitive], tuple(batched_operands(operands, batched)), attributes)

    return rule


_MADE: dict[str, Primitive] = {}
# Annotated on those that gradient rules use before they are defined.
_Function = Callable[..., Node]


def _elementwise(
    name: str,
    reference: Callable[..., Any],
    gradient: GradientRule | None,
    kinds: tuple[int, ...] = _NUMBER,
    result: DType | None = None,
) -> _Function:
    def infer(types: tuple[TensorType, ...]) -> TensorType:
        _check(name, types, kinds)
        return types[0] if result is None else tensor_type(types[0].shape, result)

    def quiet(*arrays: np.ndarray) -> np.ndarray:
        with np.errstate(all="ignore"):
            out = reference(*arrays)
        return out if result is not None else np.asarray(out, arrays[0].dtype)

    primitive = register(Primitive(name, infer, quiet, gradient, _batch(name)))
    _MADE[name] = primitive

    def function(*operands: Node) -> Node:
        return record(primitive, operands)

    function.__name__ = function.__qualname__ = name
    return function


# -- arithmetic -------------------------------------------------------------------------------------------------------


def _power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    if a.dtype.kind in "iu" and np.any(b < 0):
        # PyTorch: a negative integer power is 0 but for bases 1 and -1.
        positive = np.power(a, np.maximum(b, 0))
        unit = np.where(a == 1, 1, np.where(a == -1, np.where(b % 2 == 0, 1, -1), 0))
        return np.where(b < 0, unit, positive)
    return np.asarray(np.power(a, b))


def _power_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, Node]:
    base, exponent = x
    zero = like(0, base)
    # At exponent 0 the gradient is 0 also where base is 0, and 0 ** 0 has no logarithm to worry about.
    to_base = select(eq(exponent, zero), zero, mul(exponent, power(base, sub(exponent, like(1, base)))))
    safe = select(eq(base, zero), select(gt(exponent, zero), like(1, base), base), base)
    to_exponent = select(logical_and(eq(base, zero), ge(exponent, zero)), zero, mul(y, log(safe)))
    return mul(g, to_base), mul(g, to_exponent)


def _pick_gradient(
    better: Callable[[Node, Node], Node],
) -> Callable[[Node, tuple[Node, ...], Node, Any], tuple[Node, Node]]:
    """Maximum and minimum: the gradient goes to the larger (smaller), half to each where they are equal."""

    def rule(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, Node]:
        a, b = x
        half = mul(g, like(0.5, g))
        tie, zero = eq(a, b), like(0, g)
        to_a = select(tie, half, select(better(a, b), g, zero))
        to_b = select(tie, half, select(better(a, b), zero, g))
        return to_a, to_b

    return rule


add = _elementwise("add", np.add, lambda g, x, y, _: (g, g))
sub = _elementwise("sub", np.subtract, lambda g, x, y, _: (g, neg(g)))
mul: _Function = _elementwise("mul", np.multiply, lambda g, x, y, _: (mul(g, x[1]), mul(g, x[0])))
div: _Function = _elementwise(
    "div", np.true_divide, lambda g, x, y, _: (div(g, x[1]), neg(mul(g, div(y, x[1])))), _FLOAT
)
floor_divide = _elementwise("floor_divide", np.floor_divide, None)
remainder = _elementwise("remainder", np.remainder, lambda g, x, y, _: (g, neg(mul(g, floor_divide(x[0], x[1])))))
power = _elementwise("pow", _power, _power_gradient)
maximum = _elementwise("maximum", np.maximum, _pick_gradient(lambda a, b: gt(a, b)), _ANY)
minimum = _elementwise("minimum", np.minimum, _pick_gradient(lambda a, b: lt(a, b)), _ANY)

neg: _Function = _elementwise("neg", np.negative, lambda g, x, y, _: (neg(g),))
absolute = _elementwise("abs", np.abs, lambda g, x, y, _: (mul(g, sign(x[0])),))
sign: _Function = _elementwise("sign", np.sign, lambda g, x, y, _: (like(0, g),))
floor = _elementwise("floor", np.floor, lambda g, x, y, _: (like(0, g),), _FLOAT)
ceil = _elementwise("ceil", np.ceil, lambda g, x, y, _: (like(0, g),), _FLOAT)
rint = _elementwise("round", np.rint, lambda g, x, y, _: (like(0, g),), _FLOAT)
trunc = _elementwise("trunc", np.trunc, lambda g, x, y, _: (like(0, g),), _FLOAT)

# -- transcendental ---------------------------------------------------------------------------------------------------

_erf = np.vectorize(math.erf, otypes=[np.float64])


sqrt = _elementwise("sqrt", np.sqrt, lambda g, x, y, _: (div(g, mul(like(2, y), y)),), _FLOAT)
exp = _elementwise("exp", np.exp, lambda g, x, y, _: (mul(g, y),), _FLOAT)
exp2 = _elementwise("exp2", np.exp2, lambda g, x, y, _: (mul(g, mul(y, like(math.log(2), y))),), _FLOAT)
expm1 = _elementwise("expm1", np.expm1, lambda g, x, y, _: (mul(g, add(y, like(1, y))),), _FLOAT)
log = _elementwise("log", np.log, lambda g, x, y, _: (div(g, x[0]),), _FLOAT)
log2 = _elementwise("log2", np.log2, lambda g, x, y, _: (div(g, mul(x[0], like(math.log(2), y))),), _FLOAT)
log10 = _elementwise("log10", np.log10, lambda g, x, y, _: (div(g, mul(x[0], like(math.log(10), y))),), _FLOAT)
log1p = _elementwise("log1p", np.log1p, lambda g, x, y, _: (div(g, add(x[0], like(1, y))),), _FLOAT)
sin = _elementwise("sin", np.sin, lambda g, x, y, _: (mul(g, cos(x[0])),), _FLOAT)
cos: _Function = _elementwise("cos", np.cos, lambda g, x, y, _: (neg(mul(g, sin(x[0]))),), _FLOAT)
atan = _elementwise("atan", np.arctan, lambda g, x, y, _: (div(g, add(mul(x[0], x[0]), like(1, y))),), _FLOAT)
tanh = _elementwise("tanh", np.tanh, lambda g, x, y, _: (mul(g, sub(like(1, y), mul(y, y))),), _FLOAT)
erf = _elementwise(
    "erf",
    _erf,
    lambda g, x, y, _: (mul(g, mul(like(2 / math.sqrt(math.pi), y), exp(neg(mul(x[0], x[0]))))),),
    _FLOAT,
)

# -- comparison and logic ---------------------------------------------------------------------------------------------

eq = _elementwise("eq", np.equal, None, _ANY, bool_)
ne = _elementwise("ne", np.not_equal, None, _ANY, bool_)
lt: _Function = _elementwise("lt", np.less, None, _ANY, bool_)
le = _elementwise("le", np.less_equal, None, _ANY, bool_)
gt: _Function = _elementwise("gt", np.greater, None, _ANY, bool_)
ge = _elementwise("ge", np.greater_equal, None, _ANY, bool_)
logical_and = _elementwise("and", np.bitwise_and, None, _INTEGER_OR_BOOL)
logical_or = _elementwise("or", np.bitwise_or, None, _INTEGER_OR_BOOL)
logical_xor = _elementwise("xor", np.bitwise_xor, None, _INTEGER_OR_BOOL)
invert = _elementwise("invert", np.invert, None, _INTEGER_OR_BOOL)

# -- integers ---------------------------------------------------------------------------------------------------------

# A shift by less than 0, or by all bits or more, leaves no bit of the number but its sign.
shift_left = _elementwise("shift_left", np.left_shift, None, _INTEGER)
shift_right = _elementwise("shift_right", np.right_shift, None, _INTEGER)
gcd = _elementwise("gcd", np.gcd, None, _INTEGER)

# -- select and cast --------------------------------------------------------------------------------------------------


def _infer_select(types: tuple[TensorType, ...]) -> TensorType:
    condition, a, b = types
    if condition.dtype is not bool_:
        raise DTypeError(f"where: the condition has dtype {condition.dtype.name}; it must be bool (compare first)")
    if not condition.shape == a.shape == b.shape:
        raise ShapeError(f"where: shapes {condition.shape}, {a.shape} and {b.shape} must be equal here")
    if a.dtype is not b.dtype:
        raise DTypeError(f"where: the choices have dtypes {a.dtype.name} and {b.dtype.name}")
    return a


def _select_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[None, Node, Node]:
    zero = like(0, g)
    return None, select(x[0], g, zero), select(x[0], zero, g)


SELECT = register(Primitive("select", _infer_select, np.where, _select_gradient, _batch("select")))
_MADE["select"] = SELECT


def select(condition: Node, a: Node, b: Node) -> Node:
    """a where the condition holds, else b."""
    return record(SELECT, (condition, a, b))


def _infer_cast(types: tuple[TensorType, ...], dtype: str) -> TensorType:
    return tensor_type(types[0].shape, DTYPES[dtype])


def _cast_reference(x: np.ndarray, dtype: str) -> np.ndarray:
    target = DTYPES[dtype]
    with np.errstate(all="ignore"):
        if (x.dtype.itemsize == 2 and x.dtype.kind not in "iu") or target.is_half:
            # The only way from and to 16 bits is over float32, as in PyTorch.
            x = x.astype(np.float32)
        return x.astype(target.numpy)


def _cast_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node | None]:
    return (cast(g, x[0].type.dtype) if x[0].type.dtype.is_floating_point else None,)


CAST = register(Primitive("cast", _infer_cast, _cast_reference, _cast_gradient, _batch("cast")))
_MADE["cast"] = CAST


def cast(x: Node, dtype: DType) -> Node:
    """x with another dtype: floats to integers truncate, anything to bool is `!= 0`."""
    return x if x.type.dtype is dtype else record(CAST, (x,), (dtype.name,))


def _infer_bitcast(types: tuple[TensorType, ...], dtype: str) -> TensorType:
    old, new = types[0].dtype, DTYPES[dtype]
    if old.itemsize != new.itemsize or bool_ in (old, new):
        raise DTypeError(f"bitcast: the bits of {old.name} are not those of one {new.name}; both must have one size")
    return tensor_type(types[0].shape, new)


BITCAST = register(
    Primitive("bitcast", _infer_bitcast, lambda x, dtype: x.view(DTYPES[dtype].numpy), None, _batch("bitcast"))
)
_MADE["bitcast"] = BITCAST


def bitcast(x: Node, dtype: DType) -> Node:
    """The bits of x read as another dtype of the same size; no gradient flows."""
    return x if x.type.dtype is dtype else record(BITCAST, (x,), (dtype.name,))
