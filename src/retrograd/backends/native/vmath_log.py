"""log, log2, log10, log1p and pow."""

from __future__ import annotations

import math
from dataclasses import dataclass

from retrograd.backends.native.ir import F32, F64, Function, Value, element_of
from retrograd.backends.native.vectors import like
from retrograd.backends.native.vmath_core import (
    DOUBLE,
    SINGLE,
    bits_of,
    copy_sign,
    format_of,
    from_bits,
    magnitude,
    multiply_add,
    polynomial,
    round_to_whole,
    two_product,
    two_sum,
)
from retrograd.backends.native.vmath_exp import exp


@dataclass(frozen=True)
class Logarithm:
    """Constants of log in one format.

    Attributes:
        smallest_normal: numbers below it are scaled up first.
        ln2_high, ln2_low: ln 2 in two parts; the first times any exponent of the format is exact.
        coefficients: of p in log((1 + s) / (1 - s)) = 2 s + s**3 p(s**2), fitted for the least relative error on the s
            of numbers between sqrt(1/2) and sqrt(2).
    """

    smallest_normal: float
    ln2_high: float
    ln2_low: float
    coefficients: tuple[float, ...]


CONSTANTS = {
    SINGLE: Logarithm(
        2.0**-126, 0.693145751953125, 1.4286068203094173e-06, (0.666666627, 0.400003314, 0.285375208, 0.235786438)
    ),
    DOUBLE: Logarithm(
        2.0**-1022, 0.6931471805598903, 5.497923018708371e-14,
        (
            0.6666666666666733, 0.3999999999942433, 0.28571428740504307, 0.2222219874322477, 0.1818355654550527,
            0.1531422558567196, 0.14794414918310433,
        ),
    ),
}  # fmt: skip

# log((1 + s) / (1 - s)) = 2 s + s**3 (2/3 + s**2 p(s**2)), to more than twice the precision of a single term.
TWO_THIRDS_HIGH, TWO_THIRDS_LOW = 0.6666666666666666, 3.700743415417188e-17
PRECISE_COEFFICIENTS = (
    0.40000000000002245, 0.28571428570102025, 0.22222222519724147, 0.1818178437096887, 0.153867576408507,
    0.13256800696336624, 0.13196569888991674,
)  # fmt: skip

ONE_OVER_LN2 = 1.4426950408889634, 2.0355273740931033e-17
ONE_OVER_LN10 = 0.4342944819032518, 1.098319650216765e-17


def log(f: Function, x: Value) -> Value:
    return _with_edges(f, x, _finite_log(f, x))


def log2(f: Function, x: Value) -> Value:
    return _to_base(f, x, ONE_OVER_LN2)


def log10(f: Function, x: Value) -> Value:
    return _to_base(f, x, ONE_OVER_LN10)


def _to_base(f: Function, x: Value, factor: tuple[float, float]) -> Value:
    """log(x) times a factor in two parts, rounded once, so that the logarithms of powers of the base are exact."""
    if element_of(x.type) == F32:
        return f.convert("fptrunc", log(f, f.convert("fpext", x, like(x, F64))) * factor[0], x.type)
    parts = f.const(factor[0], x.type), f.const(factor[1], x.type)
    product, low = _precise_product(f, _precise_log(f, x), parts)
    return _with_edges(f, x, product + low)


def log1p(f: Function, x: Value) -> Value:
    form = format_of(x)
    total = x + 1.0
    # What rounding lost of 1 + x.
    lost = f.select(f.compare("olt", x, 1.0), x - (total - 1.0), f.binary("sub", 1.0, total - x))
    result = _with_edges(f, total, _finite_log(f, total, lost / total))
    return f.select(f.compare("olt", magnitude(f, x), form.tiny), x, result)


def pow(f: Function, base: Value, exponent: Value) -> Value:
    if element_of(base.type) == F32:
        wide = like(base, F64)
        logarithm = log(f, magnitude(f, f.convert("fpext", base, wide)))
        size = f.convert("fptrunc", exp(f, f.convert("fpext", exponent, wide) * logarithm), base.type)
    else:
        size = _precise_power(f, magnitude(f, base), exponent)
    return _power_with_edges(f, base, exponent, size)


def _decompose(f: Function, x: Value) -> tuple[Value, Value]:
    """f and k such that x = (1 + f) * 2**k, with 1 + f between sqrt(1/2) and sqrt(2), for finite x > 0."""
    form = format_of(x)
    subnormal = f.compare("olt", x, CONSTANTS[form].smallest_normal)
    x = f.select(subnormal, x * 2.0**form.fraction_bits, x)
    one, root = bits_of(f, f.const(1.0, x.type)), bits_of(f, f.const(math.sqrt(0.5), x.type))
    bits = bits_of(f, x) + (one - root)
    exponent = f.binary("lshr", bits, form.fraction_bits) - form.bias
    exponent = f.select(subnormal, exponent - form.fraction_bits, exponent)
    fraction = from_bits(f, (bits & ((1 << form.fraction_bits) - 1)) + root, x.type)
    shifted = from_bits(f, exponent + bits_of(f, f.const(form.whole_shift, x.type)), x.type)
    return fraction - 1.0, shifted - form.whole_shift


def _finite_log(f: Function, x: Value, correction: Value | None = None) -> Value:
    """log(x) + correction for finite x > 0 and a correction that is tiny beside it."""
    constants = CONSTANTS[format_of(x)]
    rest, exponent = _decompose(f, x)
    ratio = rest / (rest + 2.0)
    square = ratio * ratio
    series = polynomial(f, square, constants.coefficients) * square
    half_square = rest * rest * 0.5
    # log(1 + rest) = rest - (half_square - ratio (half_square + series)): the largest term is added last.
    low = exponent * constants.ln2_low
    if correction is not None:
        low = low + correction
    low = multiply_add(f, ratio, half_square + series, low)
    return multiply_add(f, exponent, constants.ln2_high, rest - (half_square - low))


def _with_edges(f: Function, x: Value, result: Value) -> Value:
    """The logarithm of zero, negative and infinite numbers and of NaN."""
    ordinary = f.compare("ogt", x, 0.0) & f.compare("olt", x, math.inf)
    negative = f.select(f.compare("olt", x, 0.0), f.const(math.nan, x.type), x)
    edge = f.select(f.compare("oeq", x, 0.0), f.const(-math.inf, x.type), negative)
    return f.select(ordinary, result, edge)


def _precise_power(f: Function, base: Value, exponent: Value) -> Value:
    """base**exponent for base >= 0: the logarithm is carried in two doubles."""
    high, low = _precise_log(f, base)
    ordinary = f.compare("ogt", base, 0.0) & f.compare("olt", base, math.inf)
    high = f.select(ordinary, high, _with_edges(f, base, high))
    low = f.select(ordinary, low, f.const(0.0, low.type))
    product, error = two_product(f, exponent, high)
    tail = multiply_add(f, exponent, low, error)
    # Where exp is 0 or infinite anyway, the tail may be NaN.
    tail = f.select(f.compare("olt", magnitude(f, product), 800.0), tail, f.const(0.0, tail.type))
    return exp(f, product, tail)


def _precise_log(f: Function, x: Value) -> tuple[Value, Value]:
    """The logarithm of a finite double x > 0 as the sum of two doubles."""
    constants = CONSTANTS[DOUBLE]
    rest, exponent = _decompose(f, x)
    ratio, ratio_low = _precise_ratio(f, rest)
    square, square_error = two_product(f, ratio, ratio)
    square_low = multiply_add(f, ratio * 2.0, ratio_low, square_error)

    series = polynomial(f, square, PRECISE_COEFFICIENTS) * square
    factor, factor_error = two_sum(f.const(TWO_THIRDS_HIGH, x.type), series)
    quadratic = _precise_product(f, (square, square_low), (factor, factor_error + TWO_THIRDS_LOW))
    cubic, cubic_low = _precise_product(f, (ratio, ratio_low), quadratic)

    total, error = two_sum(exponent * constants.ln2_high, ratio * 2.0)
    total, cubic_error = two_sum(total, cubic)
    low = multiply_add(f, exponent, constants.ln2_low, ratio_low * 2.0) + cubic_low + error + cubic_error
    return two_sum(total, low)


def _precise_ratio(f: Function, rest: Value) -> tuple[Value, Value]:
    """rest / (2 + rest) as the sum of two doubles."""
    divisor, divisor_low = two_sum(f.const(2.0, rest.type), rest)
    ratio = rest / divisor
    product, error = two_product(f, ratio, divisor)
    return ratio, (((rest - product) - error) - ratio * divisor_low) / divisor


def _precise_product(f: Function, a: tuple[Value, Value], b: tuple[Value, Value]) -> tuple[Value, Value]:
    product, error = two_product(f, a[0], b[0])
    return product, multiply_add(f, a[0], b[1], multiply_add(f, a[1], b[0], error))


def _power_with_edges(f: Function, base: Value, exponent: Value, size: Value) -> Value:
    """The sign of a power, and the edges that IEEE 754 defines for pow; `size` is |base|**exponent."""
    trivial = f.compare("oeq", magnitude(f, base), 1.0) | f.compare("oeq", exponent, 0.0)
    size = f.select(trivial, f.const(1.0, base.type), size)
    half = exponent * 0.5
    whole = f.compare("oeq", round_to_whole(f, "trunc", exponent), exponent)
    odd = f.compare("une", round_to_whole(f, "trunc", half), half) & whole
    signed = f.select(odd, copy_sign(f, size, base), size)
    undefined = f.compare("olt", base, 0.0) & f.compare("ogt", base, -math.inf) & (whole ^ True)
    return f.select(undefined, f.const(math.nan, base.type), signed)
