"""Functions of two tensors, element by element, as a table: a row is a function, its method and its in-place form.

Operands broadcast and are promoted to a common dtype; either may be a number. Each call is one node.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.errors import OptionError
from retrograd.core.operation import Composite, record
from retrograd.ops import arithmetic, bits, blend, comparison, division, exponential, trigonometry
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import binary, binary_reversed, deliver, node_of, require_castable, unary
from retrograd.tensor.registry import method

__all__ = [
    "add", "allclose", "arctan2", "atan2", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift",
    "bitwise_xor", "copysign", "div", "divide", "eq", "equal", "float_power", "floor_divide", "fmax", "fmin", "fmod",
    "gcd", "ge", "greater", "greater_equal", "gt", "heaviside", "hypot", "isclose", "lcm", "ldexp", "le", "less",
    "less_equal", "logaddexp", "logaddexp2", "logical_and", "logical_or", "logical_xor", "lt", "maximum", "minimum",
    "mul", "multiply", "ne", "nextafter", "not_equal", "pow", "remainder", "rsub", "sub", "subtract", "true_divide",
    "xlogy",
]  # fmt: skip

_TEXT = """{meaning}, element by element.

Args:
    input, other: tensors, or one of them a number; they broadcast.
    out: a tensor that the result is written to.

Source: torch.{name}.

>>> import retrograd as rg
>>> rg.{name}(rg.tensor({a}), rg.tensor({b}))
{shown}
"""


def _apply(name: str, operation: Composite, a: Any, b: Any) -> Any:
    if isinstance(a, TensorBase):
        return binary(operation, a, b)
    if isinstance(b, TensorBase):
        return binary_reversed(operation, b, a)
    raise TypeError(f"{name}: expected a tensor among the operands, received {type(a).__name__} and {type(b).__name__}")


def _binary(
    name: str, operation: Composite, meaning: str, example: str, *aliases: str, in_place: bool = True
) -> Callable[..., Any]:
    """A row: name, composite, what it computes of a and b, an example `a | b -> printed result`, other names."""

    def function(input: Any, other: Any, *, out: Any = None) -> Any:
        result = _apply(name, operation, input, other)
        return result if out is None else deliver(name, result, out)

    given, shown = example.split(" -> ")
    a, b = given.split(" | ")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _TEXT.format(meaning=meaning, name=name, a=a, b=b, shown=shown)
    return method(*aliases, in_place=in_place)(function)


# -- arithmetic -------------------------------------------------------------------------------------------------------


def _scaled(name: str, plain: Composite, scaled: Composite, a: Any, b: Any, alpha: Any) -> Any:
    if alpha.__class__ is int and alpha == 1:
        return _apply(name, plain, a, b)
    x = a._read() if isinstance(a, TensorBase) else node_of(a, b.dtype)
    y = node_of(b, x.type.dtype)
    factor = node_of(alpha, y.type.dtype)
    require_castable(f"{name}: alpha", factor.type.dtype, arithmetic.common_dtype(x, y))
    return wrap(record(scaled, (x, y, factor)))


@method(in_place=True)
def add(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """input + alpha * other, element by element. Source: torch.add.

    >>> import retrograd as rg
    >>> rg.add(rg.tensor([1.0, 2.0]), rg.tensor([3.0, 4.0]), alpha=10)
    tensor([31., 42.])
    """
    return deliver("add", _scaled("add", arithmetic.ADD, blend.ADD_SCALED, input, other, alpha), out)


@method("subtract", in_place=True)
def sub(input: Any, other: Any, *, alpha: Any = 1, out: Any = None) -> Any:
    """input - alpha * other, element by element. Source: torch.sub.

    >>> import retrograd as rg
    >>> rg.sub(rg.tensor([1.0, 2.0]), rg.tensor([3.0, 4.0]))
    tensor([-2., -2.])
    """
    return deliver("sub", _scaled("sub", arithmetic.SUB, blend.SUB_SCALED, input, other, alpha), out)


subtract = sub


@method()
def rsub(input: Any, other: Any, *, alpha: Any = 1) -> Any:
    """other - alpha * input, element by element. Source: torch.rsub."""
    other = other if isinstance(other, TensorBase) else wrap(node_of(other, input.dtype))
    return _scaled("rsub", arithmetic.SUB, blend.SUB_SCALED, other, input, alpha)


mul = multiply = _binary("mul", arithmetic.MUL, "a b", "[1.0, 2.0] | [3.0, 4.0] -> tensor([3., 8.])", "multiply")


@method("divide", in_place=True)
def div(input: Any, other: Any, *, rounding_mode: str | None = None, out: Any = None) -> Any:
    """a / b, element by element; of integers it is floating-point, unless it is rounded.

    Args:
        input, other: tensors, or one of them a number; they broadcast.
        rounding_mode: None, "trunc" (towards 0) or "floor" (down).
        out: a tensor that the result is written to.

    Source: torch.div.

    >>> import retrograd as rg
    >>> rg.div(rg.tensor([-7, 7]), 2), rg.div(rg.tensor([-7, 7]), 2, rounding_mode="trunc")
    (tensor([-3.5000,  3.5000]), tensor([-3,  3]))
    """
    if rounding_mode is None:
        return deliver("div", _apply("div", arithmetic.DIV, input, other), out)
    x = input._read() if isinstance(input, TensorBase) else node_of(input, other.dtype)
    rounded = record(division.DIV_ROUNDED, (x, node_of(other, x.type.dtype)), (rounding_mode,))
    return deliver("div", wrap(rounded), out)


divide = div
true_divide = _binary("true_divide", arithmetic.DIV, "a / b", "[1, 6] | [2, 4] -> tensor([0.5000, 1.5000])")
floor_divide = _binary(
    "floor_divide", arithmetic.FLOOR_DIVIDE, "a / b rounded down", "[-7, 7] | [2, 2] -> tensor([-4,  3])"
)
remainder = _binary(
    "remainder", arithmetic.REMAINDER, "a - b floor(a / b), with the sign of b", "[-7, 7] | [2, 2] -> tensor([1, 1])"
)
fmod = _binary("fmod", division.FMOD, "a - b trunc(a / b), with the sign of a", "[-7, 7] | [2, 2] -> tensor([-1,  1])")


@method(in_place=True)
def pow(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """a ** b, element by element.

    Args:
        input, exponent: tensors, or one of them a number; they broadcast.
        out: a tensor that the result is written to.

    Raises:
        OptionError: integers to the power of a negative integer.

    Source: torch.pow. The exponent 2 is the one number that is part of a graph's structure.

    >>> import retrograd as rg
    >>> rg.pow(rg.tensor([1.0, 2.0]), 3), rg.pow(2, rg.tensor([1, 3]))
    (tensor([1., 8.]), tensor([2, 8]))
    """
    if exponent.__class__ in (int, float) and isinstance(input, TensorBase):
        if exponent == 2 and input.dtype.kind > (exponent.__class__ is float):
            return deliver("pow", unary(arithmetic.SQUARE, input), out)
        if exponent.__class__ is int and exponent < 0 and not input.dtype.is_floating_point:
            raise OptionError(f"pow: integers to the power {exponent} are not whole; use .float() first")
    return deliver("pow", _apply("pow", arithmetic.POW, input, exponent), out)


@method(in_place=True)
def float_power(input: Any, exponent: Any, *, out: Any = None) -> Any:
    """a ** b in float64, element by element. Source: torch.float_power.

    >>> import retrograd as rg
    >>> rg.float_power(rg.tensor([1, 2]), -1)
    tensor([1.0000, 0.5000], dtype=retrograd.float64)
    """
    a, b = (x if isinstance(x, TensorBase) else wrap(node_of(x, float64)) for x in (input, exponent))
    return deliver("float_power", binary(division.FLOAT_POWER, a, b), out)


maximum = _binary(
    "maximum", arithmetic.MAXIMUM, "The larger of a and b", "[1.0, 4.0] | [3.0, 2.0] -> tensor([3., 4.])",
    in_place=False,
)  # fmt: skip
minimum = _binary(
    "minimum", arithmetic.MINIMUM, "The smaller of a and b", "[1.0, 4.0] | [3.0, 2.0] -> tensor([1., 2.])",
    in_place=False,
)  # fmt: skip
fmax = _binary(
    "fmax", division.FMAX, "The larger of a and b, NaN only where both are",
    "[1.0, float('nan')] | [3.0, 2.0] -> tensor([3., 2.])", in_place=False,
)  # fmt: skip
fmin = _binary(
    "fmin", division.FMIN, "The smaller of a and b, NaN only where both are",
    "[1.0, float('nan')] | [3.0, 2.0] -> tensor([1., 2.])", in_place=False,
)  # fmt: skip
hypot = _binary("hypot", trigonometry.HYPOT, "sqrt(a^2 + b^2)", "[3.0, 5.0] | [4.0, 12.0] -> tensor([ 5., 13.])")
atan2 = arctan2 = _binary(
    "atan2", trigonometry.ATAN2, "The angle of the point (b, a)",
    "[1.0, 1.0] | [1.0, -1.0] -> tensor([0.7854, 2.3562])",
    "arctan2",
)  # fmt: skip
copysign = _binary(
    "copysign", bits.COPYSIGN, "|a| with the sign of b", "[1.0, 2.0] | [-3.0, 0.0] -> tensor([-1.,  2.])"
)
nextafter = _binary(
    "nextafter", bits.NEXTAFTER, "The floating-point number after a towards b",
    "[1.0, 2.0] | [2.0, 2.0] -> tensor([1.0000, 2.0000])",
)  # fmt: skip
ldexp = _binary("ldexp", bits.LDEXP, "a 2^b", "[1.0, 3.0] | [2, -1] -> tensor([4.0000, 1.5000])")
heaviside = _binary(
    "heaviside", division.HEAVISIDE, "0, b or 1 where a is negative, 0 or positive",
    "[-1.0, 0.0] | [0.5, 0.5] -> tensor([0.0000, 0.5000])",
)  # fmt: skip
logaddexp = _binary(
    "logaddexp", exponential.LOGADDEXP, "log(e^a + e^b)", "[0.0, 100.0] | [0.0, 0.0] -> tensor([  0.6931, 100.0000])",
    in_place=False,
)  # fmt: skip
logaddexp2 = _binary(
    "logaddexp2", exponential.LOGADDEXP2, "log2(2^a + 2^b)", "[0.0, 3.0] | [0.0, 3.0] -> tensor([1., 4.])",
    in_place=False,
)  # fmt: skip
xlogy = _binary(
    "xlogy", exponential.XLOGY, "a log(b), and 0 where a is 0", "[0.0, 2.0] | [0.0, 10.0] -> tensor([0.0000, 4.6052])"
)

# -- integers and bits ------------------------------------------------------------------------------------------------

gcd = _binary("gcd", bits.GCD, "The greatest common divisor of a and b", "[12, 7] | [18, 0] -> tensor([6, 7])")
lcm = _binary("lcm", bits.LCM, "The least common multiple of a and b", "[4, 7] | [6, 0] -> tensor([12,  0])")
bitwise_and = _binary("bitwise_and", arithmetic.AND, "The bits set in both", "[6, 5] | [3, 1] -> tensor([2, 1])")
bitwise_or = _binary("bitwise_or", arithmetic.OR, "The bits set in either", "[6, 5] | [3, 1] -> tensor([7, 5])")
bitwise_xor = _binary("bitwise_xor", arithmetic.XOR, "The bits set in one alone", "[6, 5] | [3, 1] -> tensor([5, 4])")
bitwise_left_shift = _binary(
    "bitwise_left_shift", bits.LEFT_SHIFT, "a 2^b, of the bits that fit", "[1, 3] | [4, 1] -> tensor([16,  6])"
)
bitwise_right_shift = _binary(
    "bitwise_right_shift", bits.RIGHT_SHIFT, "a / 2^b rounded down", "[16, -3] | [4, 1] -> tensor([ 1, -2])"
)

# -- comparison and logic ---------------------------------------------------------------------------------------------

eq = _binary("eq", arithmetic.EQ, "Whether a = b", "[1, 2] | [1, 3] -> tensor([ True, False])")
ne = not_equal = _binary(
    "ne", arithmetic.NE, "Whether a and b differ", "[1, 2] | [1, 3] -> tensor([False,  True])", "not_equal"
)
lt = less = _binary("lt", arithmetic.LT, "Whether a < b", "[1, 2] | [1, 3] -> tensor([False,  True])", "less")
le = less_equal = _binary(
    "le", arithmetic.LE, "Whether a <= b", "[1, 2] | [1, 3] -> tensor([True, True])", "less_equal"
)
gt = greater = _binary("gt", arithmetic.GT, "Whether a > b", "[2, 2] | [1, 3] -> tensor([ True, False])", "greater")
ge = greater_equal = _binary(
    "ge", arithmetic.GE, "Whether a >= b", "[2, 2] | [1, 3] -> tensor([ True, False])", "greater_equal"
)
logical_and = _binary(
    "logical_and", comparison.LOGICAL_AND, "Whether both are not 0", "[1, 2] | [0, 3] -> tensor([False,  True])"
)
logical_or = _binary(
    "logical_or", comparison.LOGICAL_OR, "Whether one is not 0", "[0, 2] | [0, 3] -> tensor([False,  True])"
)
logical_xor = _binary(
    "logical_xor", comparison.LOGICAL_XOR, "Whether one alone is not 0", "[1, 2] | [0, 3] -> tensor([ True, False])"
)


@method()
def isclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> Any:
    """Whether |a - b| <= atol + rtol |b|, element by element.

    Args:
        input, other: tensors that broadcast.
        rtol, atol: relative and absolute tolerance.
        equal_nan: whether two NaN count as close.

    Source: torch.isclose.

    >>> import retrograd as rg
    >>> rg.isclose(rg.tensor([1.0, 2.0]), rg.tensor([1.0000001, 2.1]))
    tensor([ True, False])
    """
    if rtol < 0 or atol < 0:
        raise OptionError(f"isclose: tolerances must not be negative, and they are rtol {rtol} and atol {atol}")
    numbers = (node_of(float(rtol), float64), node_of(float(atol), float64))
    return wrap(record(comparison.ISCLOSE, (input._read(), other._read(), *numbers), (equal_nan,)))


@method()
def allclose(input: Any, other: Any, rtol: float = 1e-05, atol: float = 1e-08, equal_nan: bool = False) -> bool:
    """Whether all elements are close (`isclose`). Looks at the values. Source: torch.allclose.

    >>> import retrograd as rg
    >>> rg.allclose(rg.tensor([1.0]), rg.tensor([1.0000001]))
    True
    """
    return bool(isclose(input, other, rtol, atol, equal_nan).all())


@method()
def equal(input: Any, other: Any) -> bool:
    """Whether two tensors have the same shape and the same elements. Looks at the values. Source: torch.equal.

    >>> import retrograd as rg
    >>> rg.equal(rg.tensor([1, 2]), rg.tensor([1, 2]))
    True
    """
    return bool(input._type_shape() == other._type_shape() and eq(input, other).all())
