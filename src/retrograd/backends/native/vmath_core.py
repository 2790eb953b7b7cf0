"""What the vector math functions are built from: exact steps, polynomials, and the bits of floats.

Every function takes a scalar or a vector of float or double and emits the same instructions for both.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrograd.backends.native.ir import F32, I32, I64, Function, Value, element_of, intrinsic_suffix
from retrograd.backends.native.vectors import is_vector, like


@dataclass(frozen=True)
class Format:
    """A binary floating-point format: the LLVM integer of its size, its fraction bits, its exponent's bias."""

    integer: str
    fraction_bits: int
    bias: int

    @property
    def whole_shift(self) -> float:
        """Adding this rounds a small number to a whole one, which then stands in the lowest bits."""
        return 1.5 * 2.0**self.fraction_bits

    @property
    def tiny(self) -> float:
        """Below this, x and any f(x) = x + O(x**2) of interest here round alike."""
        return 2.0 ** -(self.fraction_bits + 3)


SINGLE, DOUBLE = Format(I32, 23, 127), Format(I64, 52, 1023)


def format_of(x: Value) -> Format:
    return SINGLE if element_of(x.type) == F32 else DOUBLE


def has_fma(f: Function) -> bool:
    return bool({"fma", "neon"} & set(f.module.target.features))


def multiply_add(f: Function, a: Value | float, b: Value | float, c: Value | float) -> Value:
    """a * b + c, in one rounding where the CPU can."""
    if has_fma(f):
        return f.fma(a, b, c)
    return f.binary("add", f.binary("mul", a, b), c)


def polynomial(f: Function, x: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule; the coefficients are in ascending order."""
    result: Value | float = coefficients[-1]
    for coefficient in reversed(coefficients[:-1]):
        result = multiply_add(f, result, x, coefficient)
    assert isinstance(result, Value)
    return result


def polynomial_in_pairs(f: Function, x: Value, square: Value, coefficients: Sequence[float]) -> Value:
    """Horner's rule in x**2 over pairs of coefficients, in ascending order: as many steps, half of them in a chain."""
    pairs = [multiply_add(f, x, high, low) for low, high in zip(coefficients[::2], coefficients[1::2], strict=False)]
    terms: list[Value | float] = [*pairs, *coefficients[2 * len(pairs) :]]
    result = terms.pop()
    while terms:
        result = multiply_add(f, result, square, terms.pop())
    assert isinstance(result, Value)
    return result


def clamp(f: Function, x: Value, low: float, high: float) -> Value:
    """`x` within [low, high]; NaN stays."""
    x = f.select(f.compare("ogt", x, high), f.const(high, x.type), x)
    return f.select(f.compare("olt", x, low), f.const(low, x.type), x)


def magnitude(f: Function, x: Value) -> Value:
    return f.intrinsic("fabs", x.type, x)


def copy_sign(f: Function, size: Value | float, sign: Value) -> Value:
    return f.intrinsic("copysign", sign.type, size, sign)


def bits_of(f: Function, x: Value) -> Value:
    return f.convert("bitcast", x, like(x, format_of(x).integer))


def from_bits(f: Function, bits: Value, type_: str) -> Value:
    return f.convert("bitcast", bits, type_)


def nearest_whole(f: Function, x: Value, scale: float) -> tuple[Value, Value]:
    """x * scale rounded to a whole number of moderate size: as a float and as an integer of the same width."""
    form = format_of(x)
    shifted = multiply_add(f, x, scale, form.whole_shift)
    integer = bits_of(f, shifted) - bits_of(f, f.const(form.whole_shift, x.type))
    return shifted - form.whole_shift, integer


def power_of_two(f: Function, exponent: Value, type_: str) -> Value:
    """2**exponent for an integer exponent of a normal number."""
    form = SINGLE if element_of(type_) == F32 else DOUBLE
    return from_bits(f, (exponent + form.bias) << form.fraction_bits, type_)


def scale_by_power(f: Function, x: Value, exponent: Value) -> Value:
    """x * 2**exponent, rounded once, also where the result is subnormal or overflows."""
    if is_vector(x) and "avx512f" in f.module.target.features:
        return _scale_in_one(f, x, exponent)
    half = f.binary("ashr", exponent, 1)
    return x * power_of_two(f, half, x.type) * power_of_two(f, exponent - half, x.type)


def _scale_in_one(f: Function, x: Value, exponent: Value) -> Value:
    """AVX-512 scales in one instruction, with the same single rounding."""
    name = f"llvm.ldexp.{intrinsic_suffix(x.type)}.{intrinsic_suffix(exponent.type)}"
    f.module.declare(f"declare {x.type} @{name}({x.type}, {exponent.type})")
    return f.emit(x.type, f"call {x.type} @{name}({x}, {exponent})")


def two_product(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    """a * b and its rounding error."""
    product = a * b
    if has_fma(f):
        return product, f.fma(a, b, f.emit(product.type, f"fneg {product}"))
    (a_high, a_low), (b_high, b_low) = _split(f, a), _split(f, b)
    return product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low


def _split(f: Function, a: Value) -> tuple[Value, Value]:
    """Two halves of a double whose products are exact (Veltkamp)."""
    spread = a * (2.0**27 + 1.0)
    high = spread - (spread - a)
    return high, a - high


def two_sum_any(a: Value, b: Value) -> tuple[Value, Value]:
    """The sum and its rounding error (Knuth)."""
    total = a + b
    b_part = total - a
    return total, (a - (total - b_part)) + (b - b_part)


def two_sum(larger: Value, smaller: Value) -> tuple[Value, Value]:
    """The sum and its rounding error, given |larger| >= |smaller|."""
    total = larger + smaller
    return total, smaller - (total - larger)


def round_to_whole(f: Function, mode: str, x: Value) -> Value:
    """`x` rounded to a whole number: "floor", "ceil", "trunc" or "round" (half to even)."""
    if f.module.target.features:
        return f.intrinsic({"round": "roundeven"}.get(mode, mode), x.type, x)
    # Without rounding instructions: adding and subtracting 2**fraction_bits rounds half to even.
    size, shift = magnitude(f, x), f.const(2.0 ** format_of(x).fraction_bits, x.type)
    nearest = copy_sign(f, (size + shift) - shift, x)
    if mode == "trunc":
        down = copy_sign(f, magnitude(f, nearest) - 1.0, x)
        nearest = f.select(f.compare("ogt", magnitude(f, nearest), size), down, nearest)
    elif mode == "floor":
        nearest = f.select(f.compare("ogt", nearest, x), nearest - 1.0, nearest)
    elif mode == "ceil":
        nearest = f.select(f.compare("olt", nearest, x), nearest + 1.0, nearest)
    # From the shift on every float is whole; NaN fails the comparison too.
    return f.select(f.compare("olt", size, shift), copy_sign(f, magnitude(f, nearest), x), x)
