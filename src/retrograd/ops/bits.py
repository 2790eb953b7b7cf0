"""What floating-point numbers are made of: sign, exponent, neighbours; and shifts of integers. All as composites."""

from __future__ import annotations

import numpy as np

from retrograd.core.dtype import bool_, int32
from retrograd.core.errors import DTypeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype, floating, meet
from retrograd.ops.constant import like
from retrograd.ops.formula import Formula, copy_sign, exp2, pair_function, where


@composite("signbit")
def SIGNBIT(x: Node) -> Node:
    """Whether the sign is minus, that of -0 and of NaN too."""
    if x.type.dtype is bool_:
        return like(False, x)
    if not x.type.dtype.is_floating_point:
        return e.lt(x, like(0, x))
    return (Formula(x).bits < 0).node


@pair_function("copysign", lambda a, b, y: (where(a.equals(0), 0.0, y / a), b.constant(0)))
def COPYSIGN(a: Formula, b: Formula) -> Formula:
    """The magnitude of a with the sign of b."""
    return copy_sign(a, b)


@pair_function("nextafter", lambda a, b, y: (a.constant(1), b.constant(0)))
def NEXTAFTER(a: Formula, b: Formula) -> Formula:
    """The floating-point number after a in the direction of b."""
    bits = a.bits
    # Seen as integers, floats are ordered by their magnitude on either side of 0.
    grows = (b > a).equals(a > 0)
    moved = where(grows, bits + 1, bits - 1).to_float(a)
    smallest = bits.constant(1).to_float(a)
    moved = where(a.equals(0), copy_sign(smallest, b), moved)
    return where(a.equals(b), b, where(a.equals(a) & b.equals(b), moved, a + b))


@composite("frexp")
def FREXP(x: Node) -> tuple[Node, Node]:
    """m and e with x = m 2^e and 1/2 <= |m| < 1; 0, infinities and NaN have the exponent 0."""
    if not x.type.dtype.is_floating_point:
        raise DTypeError(f"frexp takes floating-point numbers, and received {x.type.dtype.name}; use .float() first")
    info = np.finfo(x.type.dtype.numpy)
    number = Formula(x)
    is_subnormal = abs(number) < float(info.smallest_normal)
    scaled = where(is_subnormal, number * 2.0**info.nmant, number)
    exponent = scaled.bits.shifted_right(info.nmant).masked(2**info.nexp - 1) - (info.maxexp - 2)
    exponent = where(is_subnormal, exponent - info.nmant, exponent)
    ordinary = (abs(number) > 0) & (abs(number) <= float(info.max))
    exponent = where(ordinary, exponent, 0)
    # 2^-e alone may overflow.
    half = exponent.shifted_right(1)
    mantissa = number * exp2((-half).to(x.type.dtype)) * exp2((half - exponent).to(x.type.dtype))
    return mantissa.node, exponent.to(int32).node


@composite("ldexp")
def LDEXP(a: Node, b: Node) -> Node:
    """a 2^b."""
    a, b = meet("ldexp", a, b, dtype=floating(common_dtype(a, b)))
    return e.mul(a, e.exp2(b))


@composite("bitwise_left_shift")
def LEFT_SHIFT(a: Node, b: Node) -> Node:
    """a 2^b, in the bits that there are."""
    return e.shift_left(*meet("bitwise_left_shift", a, b))


@composite("bitwise_right_shift")
def RIGHT_SHIFT(a: Node, b: Node) -> Node:
    """a / 2^b, rounded down."""
    return e.shift_right(*meet("bitwise_right_shift", a, b))


@composite("gcd")
def GCD(a: Node, b: Node) -> Node:
    """The greatest common divisor, not negative."""
    return e.gcd(*meet("gcd", a, b))


@composite("lcm")
def LCM(a: Node, b: Node) -> Node:
    """The least common multiple, not negative; 0 where one of them is 0."""
    a, b = meet("lcm", a, b)
    divisor = e.gcd(a, b)
    return e.absolute(e.mul(e.floor_divide(a, e.maximum(divisor, like(1, divisor))), b))
