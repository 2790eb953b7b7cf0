"""Functions of one tensor, element by element, as a table: a row is a function, its method and its in-place form.

Each is one node. Where PyTorch computes integers as real numbers, they become floating-point numbers first.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.errors import DTypeError
from retrograd.core.operation import Composite, record
from retrograd.ops import activation, arithmetic, bits, comparison, exponential, trigonometry
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.registry import method

__all__ = [
    "abs", "absolute", "acos", "acosh", "angle", "arccos", "arccosh", "arcsin", "arcsinh", "arctan", "arctanh",
    "asin", "asinh", "atan", "atanh", "bitwise_not", "ceil", "cos", "cosh", "deg2rad", "erf", "exp", "exp2", "expm1",
    "fix", "floor", "frac", "isfinite", "isinf", "isnan", "isneginf", "isposinf", "isreal", "log", "log10", "log1p",
    "log2", "logical_not", "logit", "neg", "negative", "positive", "rad2deg", "reciprocal", "relu", "round", "rsqrt",
    "sgn", "sigmoid", "sign", "signbit", "sin", "sinc", "sinh", "sqrt", "square", "tan", "tanh", "trunc",
]  # fmt: skip

_TEXT = """{meaning}, for each element x.

Args:
    input: a tensor.
    out: a tensor that the result is written to.

Returns:
    A tensor of the same shape.

Source: torch.{name}.

>>> import retrograd as rg
>>> rg.{name}(rg.tensor({given}))
{shown}
"""


def _unary(
    name: str, operation: Composite, meaning: str, example: str, *aliases: str, in_place: bool = True
) -> Callable[..., Any]:
    """A row: name, composite, what it computes, an example `input -> printed result`, other names."""

    def function(input: Any, *, out: Any = None) -> Any:
        result = wrap(record(operation, (operand(name, input),)))
        return result if out is None else deliver(name, result, out)

    given, shown = example.split(" -> ")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _TEXT.format(meaning=meaning, name=name, given=given, shown=shown)
    return method(*aliases, in_place=in_place)(function)


abs = absolute = _unary("abs", arithmetic.ABS, "|x|", "[-1.0, 2.0] -> tensor([1., 2.])", "absolute")
neg = negative = _unary("neg", arithmetic.NEG, "-x", "[1, -2] -> tensor([-1,  2])", "negative")
sign = _unary("sign", arithmetic.SIGN, "-1, 0 or 1, as x is", "[-3.0, 0.0] -> tensor([-1.,  0.])")
sgn = _unary("sgn", arithmetic.SIGN, "-1, 0 or 1, as x is", "[-3, 5] -> tensor([-1,  1])")
square = _unary("square", arithmetic.SQUARE, "x^2", "[-3.0, 2.0] -> tensor([9., 4.])")
reciprocal = _unary("reciprocal", arithmetic.RECIPROCAL, "1 / x", "[2.0, -4.0] -> tensor([ 0.5000, -0.2500])")

# -- rounding ---------------------------------------------------------------------------------------------------------

floor = _unary("floor", arithmetic.FLOOR, "The largest whole number <= x", "[1.5, -1.5] -> tensor([ 1., -2.])")
ceil = _unary("ceil", arithmetic.CEIL, "The smallest whole number >= x", "[1.5, -1.5] -> tensor([ 2., -1.])")
trunc = fix = _unary("trunc", arithmetic.TRUNC, "x rounded towards 0", "[1.5, -1.5] -> tensor([ 1., -1.])", "fix")
frac = _unary("frac", arithmetic.FRAC, "x - trunc(x)", "[1.5, -1.25] -> tensor([ 0.5000, -0.2500])")


@method(in_place=True)
def round(input: Any, *, decimals: int = 0, out: Any = None) -> Any:
    """x rounded to so many decimals, halves to the even neighbour, for each element x.

    Args:
        input: a tensor.
        decimals: places after the decimal point; negative ones are before it.
        out: a tensor that the result is written to.

    Source: torch.round.

    >>> import retrograd as rg
    >>> rg.round(rg.tensor([0.5, 1.5, 2.26])), rg.round(rg.tensor([2.26]), decimals=1)
    (tensor([0., 2., 2.]), tensor([2.3000]))
    """
    x = operand("round", input)
    if decimals == 0:
        return deliver("round", wrap(record(arithmetic.ROUND, (x,))), out)
    if not x.type.dtype.is_floating_point:
        raise DTypeError(f"round: decimals are for floating-point numbers, and the input is {x.type.dtype.name}")
    scale = node_of(float(10 ** (decimals if decimals > 0 else -decimals)), x.type.dtype)
    return deliver("round", wrap(record(arithmetic.ROUND_DECIMALS, (x, scale), (decimals > 0,))), out)


# -- exponentials, logarithms, roots ----------------------------------------------------------------------------------

sqrt = _unary("sqrt", arithmetic.SQRT, "The square root of x", "[4.0, 9.0] -> tensor([2., 3.])")
rsqrt = _unary("rsqrt", arithmetic.RSQRT, "1 / sqrt(x)", "[4.0, 16.0] -> tensor([0.5000, 0.2500])")
exp = _unary("exp", arithmetic.EXP, "e^x", "[0.0, 1.0] -> tensor([1.0000, 2.7183])")
exp2 = _unary("exp2", arithmetic.EXP2, "2^x", "[3.0, -1.0] -> tensor([8.0000, 0.5000])")
expm1 = _unary("expm1", arithmetic.EXPM1, "e^x - 1, accurate near 0", "[0.0, 1.0] -> tensor([0.0000, 1.7183])")
log = _unary("log", arithmetic.LOG, "The natural logarithm of x", "[1.0, 10.0] -> tensor([0.0000, 2.3026])")
log2 = _unary("log2", arithmetic.LOG2, "The logarithm of x to base 2", "[1.0, 8.0] -> tensor([0., 3.])")
log10 = _unary("log10", arithmetic.LOG10, "The logarithm of x to base 10", "[1.0, 1000.0] -> tensor([0., 3.])")
log1p = _unary("log1p", arithmetic.LOG1P, "log(1 + x), accurate near 0", "[0.0, 1.0] -> tensor([0.0000, 0.6931])")
sigmoid = _unary("sigmoid", activation.SIGMOID, "1 / (1 + e^-x)", "[0.0, 2.0] -> tensor([0.5000, 0.8808])")
relu = _unary("relu", activation.RELU, "max(x, 0)", "[-1.0, 2.0] -> tensor([0., 2.])")


@method(in_place=True)
def logit(input: Any, eps: float | None = None, *, out: Any = None) -> Any:
    """log(x / (1 - x)), for each element x.

    Args:
        input: a tensor of numbers in [0, 1].
        eps: if given, x is first brought into [eps, 1 - eps].
        out: a tensor that the result is written to.

    Source: torch.logit.

    >>> import retrograd as rg
    >>> rg.logit(rg.tensor([0.5, 0.8808]))
    tensor([0.0000, 2.0000])
    """
    x = operand("logit", input)
    numbers = () if eps is None else (node_of(float(eps), x.type.dtype),)
    return deliver("logit", wrap(record(exponential.LOGIT, (x, *numbers))), out)


# -- trigonometry -----------------------------------------------------------------------------------------------------

sin = _unary("sin", arithmetic.SIN, "The sine of x", "[0.0, 1.5707964] -> tensor([0., 1.])")
cos = _unary("cos", arithmetic.COS, "The cosine of x", "[0.0, 3.1415927] -> tensor([ 1., -1.])")
tan = _unary("tan", trigonometry.TAN, "The tangent of x", "[0.0, 1.0] -> tensor([0.0000, 1.5574])")
asin = arcsin = _unary(
    "asin", trigonometry.ASIN, "The angle in [-pi/2, pi/2] whose sine is x", "[0.0, 1.0] -> tensor([0.0000, 1.5708])",
    "arcsin",
)  # fmt: skip
acos = arccos = _unary(
    "acos", trigonometry.ACOS, "The angle in [0, pi] whose cosine is x", "[1.0, 0.0] -> tensor([0.0000, 1.5708])",
    "arccos",
)  # fmt: skip
atan = arctan = _unary(
    "atan", trigonometry.ATAN, "The angle in (-pi/2, pi/2) whose tangent is x",
    "[0.0, 1.0] -> tensor([0.0000, 0.7854])", "arctan",
)  # fmt: skip
sinh = _unary("sinh", trigonometry.SINH, "(e^x - e^-x) / 2", "[0.0, 1.0] -> tensor([0.0000, 1.1752])")
cosh = _unary("cosh", trigonometry.COSH, "(e^x + e^-x) / 2", "[0.0, 1.0] -> tensor([1.0000, 1.5431])")
tanh = _unary("tanh", arithmetic.TANH, "sinh(x) / cosh(x)", "[0.0, 1.0] -> tensor([0.0000, 0.7616])")
asinh = arcsinh = _unary(
    "asinh", trigonometry.ASINH, "The number whose sinh is x", "[0.0, 1.0] -> tensor([0.0000, 0.8814])", "arcsinh"
)
acosh = arccosh = _unary(
    "acosh", trigonometry.ACOSH, "The number >= 0 whose cosh is x", "[1.0, 2.0] -> tensor([0.0000, 1.3170])", "arccosh"
)
atanh = arctanh = _unary(
    "atanh", trigonometry.ATANH, "The number whose tanh is x", "[0.0, 0.5] -> tensor([0.0000, 0.5493])", "arctanh"
)
sinc = _unary("sinc", trigonometry.SINC, "sin(pi x) / (pi x), and 1 at 0", "[0.0, 0.5] -> tensor([1.0000, 0.6366])")
deg2rad = _unary("deg2rad", trigonometry.DEG2RAD, "x degrees as radians", "[0.0, 180.0] -> tensor([0.0000, 3.1416])")
rad2deg = _unary("rad2deg", trigonometry.RAD2DEG, "x radians as degrees", "[0.0, 3.1415927] -> tensor([  0., 180.])")

# -- special functions ------------------------------------------------------------------------------------------------

erf = _unary(
    "erf", arithmetic.ERF, "2 / sqrt(pi) times the integral of exp(-t^2) from 0 to x",
    "[0.0, 1.0] -> tensor([0.0000, 0.8427])",
)  # fmt: skip

# -- tests and bits ---------------------------------------------------------------------------------------------------


def _test(name: str, operation: Composite, meaning: str, example: str) -> Callable[..., Any]:
    return _unary(name, operation, meaning, example, in_place=False)


isnan = _test("isnan", comparison.ISNAN, "Whether x is not a number", "[1.0, float('nan')] -> tensor([False,  True])")
isinf = _test("isinf", comparison.ISINF, "Whether x is infinite", "[1.0, -float('inf')] -> tensor([False,  True])")
isfinite = _test("isfinite", comparison.ISFINITE, "Whether x is a finite number", "[1.0, 2.0] -> tensor([True, True])")
isposinf = _test("isposinf", comparison.ISPOSINF, "Whether x is +infinity", "[1.0, 2.0] -> tensor([False, False])")
isneginf = _test("isneginf", comparison.ISNEGINF, "Whether x is -infinity", "[1.0, 2.0] -> tensor([False, False])")
isreal = _test("isreal", comparison.ISREAL, "Whether x has no imaginary part", "[1.0, 2.0] -> tensor([True, True])")
signbit = _test("signbit", bits.SIGNBIT, "Whether the sign of x is minus", "[1.0, -0.0] -> tensor([False,  True])")
logical_not = _unary(
    "logical_not", comparison.LOGICAL_NOT, "Whether x is 0 or False", "[0.0, 2.0] -> tensor([ True, False])"
)
bitwise_not = _unary("bitwise_not", arithmetic.INVERT, "Every bit of x turned", "[0, 5] -> tensor([-1, -6])")
angle = _unary(
    "angle", arithmetic.ANGLE, "0 where x >= 0, pi where x < 0", "[1.0, -2.0] -> tensor([0.0000, 3.1416])",
    in_place=False,
)  # fmt: skip


@method()
def positive(input: Any) -> Any:
    """+x: the tensor itself.

    Raises:
        DTypeError: the tensor is of booleans.

    Source: torch.positive.
    """
    if operand("positive", input).type.dtype.kind == 0:
        raise DTypeError("positive takes numbers, and received bool; cast with .to(dtype) first")
    return input
