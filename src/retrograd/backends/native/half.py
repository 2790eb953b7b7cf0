"""float16 and bfloat16: 16 bits in registers as in memory, of which a cast makes a float32 and back.

In integer arithmetic, so that the bits are the same on every processor; to the nearest, halves to even.
"""

from __future__ import annotations

from retrograd.backends.native.ir import F32, I16, I32, Function, Value
from retrograd.backends.native.vectors import like

HALVES = frozenset({"float16", "bfloat16"})

_INFINITY = 0x7F800000
# How much larger the exponent's bias is in float32 than in float16, where the exponent stands.
_BIAS = (127 - 15) << 23
_SMALLEST_NORMAL, _OVERFLOW = (127 - 14) << 23, 0x477FF000


def to_float32(f: Function, value: Value, dtype: str) -> Value:
    """The numbers that 16 bits stand for; exact."""
    bits = f.convert("zext", value, like(value, I32))
    if dtype == "bfloat16":
        return _as_float(f, bits << 16)
    magnitude = bits & 0x7FFF
    shifted = magnitude << 13
    normal = shifted + _BIAS
    special = f.compare("uge", magnitude, 0x7C00)
    finite = f.select(special, normal + _BIAS, normal)
    subnormal = _as_bits(f, f.convert("uitofp", magnitude, like(value, F32)) * 2.0**-24)
    found = f.select(f.compare("ult", magnitude, 0x400), subnormal, finite)
    return _as_float(f, found | (bits & 0x8000) << 16)


def from_float32(f: Function, value: Value, dtype: str) -> Value:
    """Numbers rounded to 16 bits."""
    bits = _as_bits(f, value)
    magnitude = bits & 0x7FFFFFFF
    is_nan = f.compare("ugt", magnitude, _INFINITY)
    if dtype == "bfloat16":
        high = f.binary("lshr", bits, 16)
        rounded = f.binary("lshr", bits + (high & 1) + 0x7FFF, 16)
        return f.convert("trunc", f.select(is_nan, high | 0x40, rounded), like(value, I16))
    moved = magnitude - _BIAS
    kept = f.binary("lshr", moved, 13)
    normal = f.binary("lshr", moved + (kept & 1) + 0xFFF, 13)
    # The sum with 1/2 has the last place that subnormal numbers have.
    half = f.const(0.5, value.type)
    subnormal = _as_bits(f, _as_float(f, magnitude) + half) - _as_bits(f, half)
    found = f.select(f.compare("ult", magnitude, _SMALLEST_NORMAL), subnormal, normal)
    found = f.select(f.compare("uge", magnitude, _OVERFLOW), f.const(0x7C00, found.type), found)
    quiet_nan = f.binary("lshr", magnitude, 13) & 0x3FF | 0x7E00
    found = f.select(is_nan, quiet_nan, found) | f.binary("lshr", bits, 16) & 0x8000
    return f.convert("trunc", found, like(value, I16))


def _as_float(f: Function, bits: Value) -> Value:
    return f.convert("bitcast", bits, like(bits, F32))


def _as_bits(f: Function, value: Value) -> Value:
    return f.convert("bitcast", value, like(value, I32))
