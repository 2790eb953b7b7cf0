"""The types of LLVM, spelled as it spells them."""

from __future__ import annotations

import struct

PTR, VOID = "ptr", "void"
I1, I8, I16, I32, I64 = "i1", "i8", "i16", "i32", "i64"
F32, F64 = "float", "double"


def vector(lanes: int, element: str) -> str:
    """The LLVM type of `lanes` elements of type `element`."""
    return f"<{lanes} x {element}>"


def element_of(type_: str) -> str:
    """The element type of a vector type, or the type itself."""
    return type_[type_.index("x") + 2 : -1] if type_.startswith("<") else type_


def lanes_of(type_: str) -> int:
    """How many elements a vector type has; 1 for a scalar type."""
    return int(type_[1 : type_.index("x")]) if type_.startswith("<") else 1


def is_float(type_: str) -> bool:
    return element_of(type_) in (F32, F64)


def float_literal(value: float, type_: str) -> str:
    """A float constant as LLVM reads it back bit for bit: the hexadecimal image of a double."""
    if element_of(type_) == F32:
        value = struct.unpack("f", struct.pack("f", value))[0]
    return f"0x{struct.unpack('Q', struct.pack('d', value))[0]:016X}"


def natural_alignment(type_: str) -> int:
    """The alignment of one element: a vector may start at any element."""
    return {I1: 1, I8: 1, I16: 2, "half": 2, "bfloat": 2, I32: 4, F32: 4}.get(element_of(type_), 8)


def intrinsic_suffix(type_: str) -> str:
    element = element_of(type_)
    element = {F32: "f32", F64: "f64"}.get(element, element)
    return f"v{lanes_of(type_)}{element}" if type_.startswith("<") else element
