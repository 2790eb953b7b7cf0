"""sin and cos, for every finite argument."""

from __future__ import annotations

from fractions import Fraction

from retrograd.backends.native.ir import F32, F64, I32, I64, Function, Value, element_of, lanes_of
from retrograd.backends.native.vectors import any_lane, like, table_entry
from retrograd.backends.native.vmath_core import (
    DOUBLE,
    SINGLE,
    bits_of,
    format_of,
    from_bits,
    magnitude,
    multiply_add,
    nearest_whole,
    polynomial,
    power_of_two,
    round_to_whole,
    two_product,
    two_sum,
    two_sum_any,
)

# sin(r) = r + r**3 p(r**2) and cos(r) = 1 - r**2/2 + r**4 p(r**2), for |r| a little over pi/4.
SINE = {
    SINGLE: (-0.166666672, 0.00833332911, -0.000198391921, 2.71694194e-06),
    DOUBLE: (
        -0.16666666666666666, 0.008333333333333321, -0.00019841269841252196, 2.75573192126777e-06,
        -2.5052104513274664e-08, 1.6058315495959437e-10, -7.576150172744775e-13,
    ),
}  # fmt: skip
COSINE = {
    SINGLE: (0.0416666679, -0.00138888834, 2.47993594e-05, -2.71968958e-07),
    DOUBLE: (
        0.041666666666666664, -0.001388888888888887, 2.4801587301568206e-05, -2.7557319213965197e-07,
        2.0876754049538053e-09, -1.1470257496039789e-11, 4.7365039267567755e-14,
    ),
}  # fmt: skip

TWO_OVER_PI = 0.6366197723675814
# pi/2 in three parts; the first two are so short that their product with the number of quarter turns is exact.
HALF_PI = (1.5707963267341256, 6.077100506303966e-11, 2.0222662487959506e-21)
HALF_PI_HIGH, HALF_PI_LOW = 1.5707963267948966, 6.123233995736766e-17
# Up to here subtracting quarter turns one part after the other is accurate.
MODERATE = 2.0**20

# 2/pi in binary, cut into chunks, for the reduction of large arguments.
CHUNK_BITS, CHUNKS_USED, CHUNK_COUNT = 24, 8, 50
TABLE = "@two_over_pi"


def sin(f: Function, x: Value) -> Value:
    return f.select(f.compare("olt", magnitude(f, x), format_of(x).tiny), x, _wave(f, x, 0))


def cos(f: Function, x: Value) -> Value:
    return _wave(f, x, 1)


def _wave(f: Function, x: Value, quarter_turns: int) -> Value:
    """sin(x + quarter_turns * pi/2)."""
    single = element_of(x.type) == F32
    angle, tail, quadrant = _reduce(f, f.convert("fpext", x, like(x, F64)) if single else x)
    if single:
        angle, quadrant = f.convert("fptrunc", angle, x.type), f.convert("trunc", quadrant, like(x, I32))
        tail = f.const(0.0, x.type)
    quadrant = quadrant + quarter_turns
    square = angle * angle
    result = f.select(f.compare("ne", quadrant & 1, 0), _cosine(f, angle, square, tail), _sine(f, angle, square, tail))
    sign_position = 30 if single else 62
    return from_bits(f, bits_of(f, result) ^ ((quadrant & 2) << sign_position), x.type)


def _sine(f: Function, angle: Value, square: Value, tail: Value) -> Value:
    series = polynomial(f, square, SINE[format_of(angle)])
    slope = multiply_add(f, square, -0.5, 1.0)
    return angle + multiply_add(f, angle * square, series, tail * slope)


def _cosine(f: Function, angle: Value, square: Value, tail: Value) -> Value:
    half = square * 0.5
    start = f.binary("sub", 1.0, half)
    lost = f.binary("sub", 1.0, start) - half
    series = polynomial(f, square, COSINE[format_of(angle)])
    return start + (multiply_add(f, square * square, series, lost) - angle * tail)


def _reduce(f: Function, x: Value) -> tuple[Value, Value, Value]:
    """The double x less the nearest multiple of pi/2, as a sum of two doubles, and that multiple modulo 4."""
    results = [f.variable(value.type, value) for value in _reduce_moderate(f, x)]
    large = f.compare("ogt", magnitude(f, x), MODERATE)
    with f.when(any_lane(f, large)):
        reduced = f.call(_large_reduction(f, x), x, returns=_result_type(x))
        for number, result in enumerate(results):
            value = f.emit(result.type, f"extractvalue {reduced}, {number}")
            result.set(f.select(large, value, result.get()))
    angle, tail, quadrant = (result.get() for result in results)
    return angle, tail, quadrant


def _reduce_moderate(f: Function, x: Value) -> tuple[Value, Value, Value]:
    turns, quadrant = nearest_whole(f, x, TWO_OVER_PI)
    first, second, third = HALF_PI
    rest, error = two_sum_any(multiply_add(f, turns, -first, x), turns * -second)
    angle, tail = two_sum(rest, multiply_add(f, turns, -third, error))
    return angle, tail, quadrant


def _result_type(x: Value) -> str:
    return f"{{ {x.type}, {x.type}, {like(x, I64)} }}"


def _large_reduction(f: Function, x: Value) -> Function:
    """The function of the module that reduces large arguments: seldom called, so out of line."""
    name = f"reduce_large_{lanes_of(x.type)}"
    if name not in f.module.functions:
        function = f.module.function(name, [("x", x.type)], _result_type(x), internal=True, noinline=True)
        result = Value(function, _result_type(x), "poison")
        for number, part in enumerate(_reduce_large(function, *function.args)):
            result = function.emit(result.type, f"insertvalue {result}, {part}, {number}")
        function.ret(result)
    return f.module.functions[name]


def _reduce_large(f: Function, x: Value) -> tuple[Value, Value, Value]:
    """After Payne and Hanek: multiply x by the chunks of 2/pi that can still change x * 2/pi modulo 4."""
    exponent = (f.binary("lshr", bits_of(f, x), DOUBLE.fraction_bits) & 0x7FF) - DOUBLE.bias
    # Chunks whose product with the last bit of x is a multiple of 4 are skipped; 2731 / 2**16 is 1 / 24.
    spare = exponent - (DOUBLE.fraction_bits + 2)
    spare = f.select(f.compare("sgt", spare, 0), spare, f.const(0, spare.type))
    first_chunk = f.binary("lshr", spare * 2731, 16)
    x = x * power_of_two(f, first_chunk * -CHUNK_BITS, x.type)
    upper = from_bits(f, bits_of(f, x) & -(1 << 27), x.type)
    turns, turns_low = f.const(0.0, x.type), f.const(0.0, x.type)
    _define_table(f)
    for number in range(CHUNKS_USED):
        chunk = table_entry(f, TABLE, first_chunk + number, F64) * 2.0 ** (-CHUNK_BITS * (number + 1))
        for part in (upper, x - upper):
            product = part * chunk
            turns, error = two_sum_any(turns, product - round_to_whole(f, "round", product * 0.25) * 4.0)
            turns_low = turns_low + error
    whole, quadrant = nearest_whole(f, turns, 1.0)
    rest, rest_low = two_sum_any(turns - whole, turns_low)
    angle, error = two_product(f, rest, f.const(HALF_PI_HIGH, x.type))
    low = multiply_add(f, rest, HALF_PI_LOW, multiply_add(f, rest_low, HALF_PI_HIGH, error))
    return *two_sum(angle, low), quadrant


def _define_table(f: Function) -> None:
    bits = CHUNK_BITS * CHUNK_COUNT
    digits = int(2 * 2**bits / _pi(bits + 64))
    mask = (1 << CHUNK_BITS) - 1
    chunks = [digits >> (bits - CHUNK_BITS * (number + 1)) & mask for number in range(CHUNK_COUNT)]
    items = ", ".join(f"double {chunk}.0" for chunk in chunks)
    f.module.declare(f"{TABLE} = internal constant [{CHUNK_COUNT} x double] [{items}]")


def _pi(bits: int) -> Fraction:
    """Pi to this many bits, by Machin's formula."""
    one = 1 << bits

    def arctan_inverse(n: int) -> int:
        total, power, k = 0, one // n, 1
        while power:
            total += power // k if k % 4 == 1 else -(power // k)
            power //= n * n
            k += 2
        return total

    return Fraction(4 * (4 * arctan_inverse(5) - arctan_inverse(239)), one)
