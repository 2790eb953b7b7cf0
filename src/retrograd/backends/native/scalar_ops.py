"""How each elementwise operation of a loop kernel is emitted, for every dtype, on scalars and on vectors alike.

A value's bits do not depend on whether it is computed as a scalar or in a lane: both go through the same sequence of
correctly rounded instructions.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable

import numpy as np

from retrograd.backends.native import vmath
from retrograd.backends.native.half import HALVES, from_float32, to_float32
from retrograd.backends.native.ir import F32, F64, I1, I8, I16, I32, I64, Function, Value, element_of, lanes_of
from retrograd.backends.native.kernel import FLOATS, Instruction
from retrograd.backends.native.threefry import random_bits, random_key
from retrograd.backends.native.vectors import is_vector, like
from retrograd.core.dtype import DTYPES

REGISTER_TYPES = {
    "float32": F32, "float64": F64, "int64": I64, "int32": I32, "int16": I16, "int8": I8, "uint8": I8, "bool": I1,
    "float16": I16, "bfloat16": I16,
}  # fmt: skip
BITS = {I8: 8, I16: 16, I32: 32, I64: 64}
INTEGER_RANGES = {
    "int64": (-(2**63), 2**63 - 1), "int32": (-(2**31), 2**31 - 1), "int16": (-(2**15), 2**15 - 1),
    "int8": (-128, 127), "uint8": (0, 255), "bool": (0, 1),
}  # fmt: skip
UNSIGNED = frozenset({"uint8", "bool"})
DIRECT_BINARY = {"add": "add", "sub": "sub", "mul": "mul", "div": "fdiv", "and": "and", "or": "or", "xor": "xor"}


def compute(
    f: Function, instruction: Instruction, args: list[Value], operand_dtype: str, *, seldom: bool = False
) -> Value:
    """The value of an elementwise instruction; `operand_dtype` is the dtype of its last argument.

    Where it is computed `seldom`, a long operation becomes a call, which keeps the code small and changes no bit.
    """
    op, dtype = instruction.op, instruction.dtype
    if op in DIRECT_BINARY:
        return f.binary(DIRECT_BINARY[op], *args)
    if op in PREDICATES:
        return f.compare(_predicate(op, operand_dtype), *args)
    if op == "select":
        return f.emit(args[1].type, f"select {args[0]}, {args[1]}, {args[2]}")
    if op == "cast":
        return _cast(f, args[0], operand_dtype, dtype)
    if op == "bitcast":
        return f.convert("bitcast", args[0], like(args[0], REGISTER_TYPES[dtype]))
    if op in vmath.FUNCTIONS and dtype in FLOATS:
        return vmath.call(f, op, args) if seldom else vmath.FUNCTIONS[op](f, *args)
    return _EMITTERS[op](f, dtype, *args)


def constant(f: Function, value: bool | int | float, dtype: str, type_: str) -> Value:
    """`value` in `dtype`, rounded or wrapped as a cast would, as a constant of the LLVM type `type_`."""
    if dtype == "float32":
        return f.const(ctypes.c_float(value).value, type_)
    if dtype == "float64":
        return f.const(float(value), type_)
    if dtype == "bool":
        return f.const(bool(value), type_)
    if dtype in HALVES:
        return f.const(int(np.float32(value).astype(DTYPES[dtype].numpy).view(np.int16)), type_)
    bits = BITS[element_of(type_)]
    wrapped = int(value) % (1 << bits)
    return f.const(wrapped - (1 << bits) * (wrapped >> (bits - 1)), type_)


# -- reductions -------------------------------------------------------------------------------------------------------

_COMBINE = {"sum": "add", "prod": "mul", "max": "maximum", "min": "minimum"}


def combine(f: Function, reduction: str, dtype: str, a: Value, b: Value) -> Value:
    """Two partial results of a reduction made one."""
    return compute(f, Instruction(_COMBINE[reduction], dtype), [a, b], dtype)


def identity(reduction: str, dtype: str) -> bool | int | float:
    """What a reduction of nothing yields."""
    if reduction in ("sum", "prod"):
        return int(reduction == "prod")
    low, high = (-math.inf, math.inf) if dtype in FLOATS else INTEGER_RANGES[dtype]
    return low if reduction == "max" else high


# -- comparisons and casts --------------------------------------------------------------------------------------------

# Operation -> predicates for floats, signed and unsigned integers.
PREDICATES = {
    "eq": ("oeq", "eq", "eq"), "ne": ("une", "ne", "ne"), "lt": ("olt", "slt", "ult"),
    "le": ("ole", "sle", "ule"), "gt": ("ogt", "sgt", "ugt"), "ge": ("oge", "sge", "uge"),
}  # fmt: skip


def _predicate(op: str, dtype: str) -> str:
    return PREDICATES[op][0 if dtype in FLOATS else 2 if dtype in UNSIGNED else 1]


def _cast(f: Function, value: Value, source: str, target: str) -> Value:
    if source == target:
        return value
    if source in HALVES:
        return _cast(f, to_float32(f, value, source), "float32", target)
    if target in HALVES:
        return from_float32(f, _cast(f, value, source, "float32"), target)
    type_ = like(value, REGISTER_TYPES[target])
    if target == "bool":
        return f.compare("une" if source in FLOATS else "ne", value, 0)
    if source in FLOATS:
        return _cast_float(f, value, source, target, type_)
    if target in FLOATS:
        return f.convert("uitofp" if source in UNSIGNED else "sitofp", value, type_)
    return _resize(f, value, type_, signed=source not in UNSIGNED)


def _cast_float(f: Function, value: Value, source: str, target: str, type_: str) -> Value:
    if target in FLOATS:
        return f.convert("fpext" if target == "float64" else "fptrunc", value, type_)
    wide = like(value, I64 if target == "int64" else I32)
    whole = f.convert("fptosi", value, wide)
    # Out of range the conversion is poison; frozen, it is some number.
    return _resize(f, f.emit(wide, f"freeze {whole}"), type_, signed=True)


def _resize(f: Function, value: Value, type_: str, *, signed: bool) -> Value:
    """An integer with more or fewer bits."""
    if type_ == value.type:
        return value
    widens = int(element_of(type_)[1:]) > int(element_of(value.type)[1:])
    return f.convert(("sext" if signed else "zext") if widens else "trunc", value, type_)


# -- arithmetic that LLVM has no single instruction for ---------------------------------------------------------------


def _neg(f: Function, dtype: str, a: Value) -> Value:
    return f.emit(a.type, f"fneg {a}") if dtype in FLOATS else f.binary("sub", 0, a)


def _abs(f: Function, dtype: str, a: Value) -> Value:
    if dtype in FLOATS:
        return f.intrinsic("fabs", a.type, a)
    return a if dtype in UNSIGNED else f.select(f.compare("slt", a, 0), f.binary("sub", 0, a), a)


def _sign(f: Function, dtype: str, a: Value) -> Value:
    positive = f.compare(_predicate("gt", dtype), a, 0)
    negative = f.compare(_predicate("lt", dtype), a, 0)
    return f.emit(a.type, f"select {positive}, {f.const(1, a.type)}, {f.select(negative, f.const(-1, a.type), a)}")


def _not(f: Function, dtype: str, a: Value) -> Value:
    return f.binary("xor", a, 1 if dtype == "bool" else -1)


def _sqrt(f: Function, dtype: str, a: Value) -> Value:
    return f.intrinsic("sqrt", a.type, a)


def _extreme(intrinsic: str, predicate: str, on_bool: str) -> Callable[[Function, str, Value, Value], Value]:
    def emit(f: Function, dtype: str, a: Value, b: Value) -> Value:
        if dtype == "bool":
            return f.binary(on_bool, a, b)
        if dtype not in FLOATS:
            return f.intrinsic(("u" if dtype in UNSIGNED else "s") + intrinsic, a.type, a, b)
        # The comparison fails for a NaN on either side and so takes b; that leaves a NaN in a.
        better = f.select(f.compare(predicate, a, b), a, b)
        return f.select(f.compare("uno", a, a), a, better)

    return emit


def _rounding(name: str) -> Callable[[Function, str, Value], Value]:
    return lambda f, dtype, a: vmath.round_to_whole(f, name, a)


# -- division ---------------------------------------------------------------------------------------------------------


def _divide(f: Function, dtype: str, a: Value, b: Value) -> tuple[Value, Value]:
    """Quotient, rounded down, and remainder, of the divisor's sign, as Python has them; 0 for a zero divisor."""
    zero = f.compare("eq", b, 0)
    unsafe = zero
    if dtype not in UNSIGNED:
        lowest = f.compare("eq", a, INTEGER_RANGES[dtype][0])
        # The lowest number over -1 overflows; over 1 it gives the wrapped quotient.
        unsafe = unsafe | (lowest & f.compare("eq", b, -1))
    quotient = _truncated_quotient(f, dtype, a, f.select(unsafe, f.const(1, b.type), b))
    rest = a - quotient * b
    if dtype not in UNSIGNED:
        down = f.compare("ne", rest, 0) & f.compare("slt", rest ^ b, 0)
        quotient, rest = f.select(down, quotient - 1, quotient), f.select(down, rest + b, rest)
    return f.select(zero, f.const(0, a.type), quotient), f.select(zero, f.const(0, a.type), rest)


def _truncated_quotient(f: Function, dtype: str, a: Value, b: Value) -> Value:
    if dtype == "int64":
        return f.binary("sdiv", a, b)
    # A float with twice as many bits divides exactly enough to truncate, and in vectors.
    wide = "float64" if dtype == "int32" else "float32"
    return _cast(f, _cast(f, a, dtype, wide) / _cast(f, b, dtype, wide), wide, dtype)


def _truncated_remainder(f: Function, a: Value, b: Value) -> tuple[Value, Value]:
    """The remainder with the sign of `a`, and whether it has the wrong one: not 0 and not the sign of `b`."""
    rest = f.binary("srem", a, b)
    opposite = f.compare("olt", rest, 0) ^ f.compare("olt", b, 0)
    return rest, f.compare("une", rest, 0) & opposite


def _remainder(f: Function, dtype: str, a: Value, b: Value) -> Value:
    if dtype not in FLOATS:
        return _divide(f, dtype, a, b)[1]
    rest, wrong = _truncated_remainder(f, a, b)
    return f.select(wrong, rest + b, rest)


def _floor_divide(f: Function, dtype: str, a: Value, b: Value) -> Value:
    if dtype not in FLOATS:
        return _divide(f, dtype, a, b)[0]
    exact = a / b
    rest, wrong = _truncated_remainder(f, a, b)
    nearly_whole = (a - rest) / b
    nearly_whole = f.select(wrong, nearly_whole - 1.0, nearly_whole)
    floor = vmath.round_to_whole(f, "floor", nearly_whole)
    floor = f.select(f.compare("ogt", nearly_whole - floor, 0.5), floor + 1.0, floor)
    floor = f.select(f.compare("oeq", nearly_whole, 0), f.intrinsic("copysign", a.type, 0.0, exact), floor)
    return f.select(f.compare("oeq", b, 0), exact, floor)


# -- shifts, powers and divisors of integers --------------------------------------------------------------------------


def _shift_left(f: Function, dtype: str, a: Value, b: Value) -> Value:
    inside = f.compare("ult", b, BITS[element_of(a.type)])
    return f.select(inside, a << f.select(inside, b, f.const(0, b.type)), f.const(0, a.type))


def _shift_right(f: Function, dtype: str, a: Value, b: Value) -> Value:
    bits = BITS[element_of(a.type)]
    if dtype not in UNSIGNED:
        return f.binary("ashr", a, f.intrinsic("umin", b.type, b, bits - 1))
    inside = f.compare("ult", b, bits)
    return f.select(inside, f.binary("lshr", a, f.select(inside, b, f.const(0, b.type))), f.const(0, a.type))


def _integer_power(f: Function, dtype: str, base: Value, exponent: Value) -> Value:
    """By repeated squaring. A negative exponent gives what truncating does: 0, unless the base is 1 or -1."""
    result, square, left = f.variable(base.type, 1), f.variable(base.type, base), f.variable(base.type, exponent)
    with f.loop(0, _highest_bit(f, exponent)):
        odd = f.compare("ne", left.get() & 1, 0)
        result.set(f.select(odd, result.get() * square.get(), result.get()))
        square.set(square.get() * square.get())
        left.set(f.binary("lshr", left.get(), 1))
    if dtype in UNSIGNED:
        return result.get()
    alternating = f.select(f.compare("ne", exponent & 1, 0), base, f.const(1, base.type))
    unit = f.compare("eq", base, 1) | f.compare("eq", base, -1)
    inverse = f.select(unit, alternating, f.const(0, base.type))
    return f.select(f.compare("slt", exponent, 0), inverse, result.get())


def _greatest_common_divisor(f: Function, dtype: str, a: Value, b: Value) -> Value:
    """Stein's binary algorithm: only the powers of two that both have are kept, and odd numbers subtracted.

    Magnitudes are taken as unsigned: that of the lowest number is right so, though it wraps around.
    """
    first, second = _abs(f, dtype, a), _abs(f, dtype, b)
    twos = _trailing_zeros(f, first | second)
    odd = f.variable(a.type, f.binary("lshr", first, _trailing_zeros(f, first)))
    rest = f.variable(a.type, second)
    # Each subtraction leaves an even number or 0, so that each step takes one bit, at least, from one of the two.
    with f.loop(0, _highest_bit(f, first | second) * 2):
        shifted = f.binary("lshr", rest.get(), _trailing_zeros(f, rest.get()))
        # Nothing divides 0: the other number is the divisor, and is left alone.
        larger, smaller = (f.intrinsic(name, a.type, odd.get(), shifted) for name in ("umax", "umin"))
        done = f.compare("eq", smaller, 0)
        odd.set(f.select(done, larger, smaller))
        rest.set(f.select(done, smaller, larger - smaller))
    return odd.get() << twos


def _trailing_zeros(f: Function, value: Value) -> Value:
    """How many zeros the bits end in; never all of them, so that a shift by so many is defined for 0 as well."""
    bits = value | -(1 << (BITS[element_of(value.type)] - 1))
    return f.intrinsic("ctpop", value.type, (bits ^ -1) & (bits - 1))


def _highest_bit(f: Function, value: Value) -> Value:
    """How many bits the largest of the lanes has, as i64."""
    element = element_of(value.type)
    bits = value
    if is_vector(value):
        suffix = f"v{lanes_of(value.type)}{element}"
        f.module.declare(f"declare {element} @llvm.vector.reduce.or.{suffix}({value.type})")
        bits = f.emit(element, f"call {element} @llvm.vector.reduce.or.{suffix}({value})")
    bits = _resize(f, bits, I64, signed=True)
    f.module.declare("declare i64 @llvm.ctlz.i64(i64, i1 immarg)")
    return f.const(64, I64) - f.emit(I64, f"call i64 @llvm.ctlz.i64({bits}, i1 false)")


_EMITTERS: dict[str, Callable[..., Value]] = {
    "neg": _neg, "abs": _abs, "sign": _sign, "not": _not, "sqrt": _sqrt,
    "floor": _rounding("floor"), "ceil": _rounding("ceil"), "trunc": _rounding("trunc"), "round": _rounding("round"),
    "maximum": _extreme("max", "ogt", "or"), "minimum": _extreme("min", "olt", "and"),
    "floor_divide": _floor_divide, "remainder": _remainder, "pow": _integer_power,
    "shift_left": _shift_left, "shift_right": _shift_right, "gcd": _greatest_common_divisor,
    "random_key": lambda f, dtype, seed, stream: random_key(f, seed, stream),
    "random_bits": lambda f, dtype, key, position: random_bits(f, key, position),
}  # fmt: skip
