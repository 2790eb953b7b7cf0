"""A small builder of textual LLVM IR: values with operators, loops and branches as context managers.

A kernel generator reads like the kernel it writes::

    module = Module(target)
    f = module.function("scale", [("x", PTR), ("n", I64)])
    x, n = f.args
    with f.loop(0, n, 1) as i:
        f.store(f.load(f.at(x, i, F32), F32) * 2.0, f.at(x, i, F32))

Types are spelled as LLVM spells them. Floating-point instructions carry no fast-math flags unless a
generator asks for them with `fast(...)`: canonical arithmetic (every node rounded on its own) is the default.
"""

from retrograd.backends.native.ir.function import Function
from retrograd.backends.native.ir.module import Module
from retrograd.backends.native.ir.types import (
    F32,
    F64,
    I1,
    I8,
    I16,
    I32,
    I64,
    PTR,
    VOID,
    element_of,
    intrinsic_suffix,
    is_float,
    lanes_of,
    natural_alignment,
    vector,
)
from retrograd.backends.native.ir.value import Operand, Value, Variable

__all__ = [
    "F32", "F64", "Function", "I1", "I16", "I32", "I64", "I8", "Module", "Operand", "PTR", "VOID", "Value", "Variable",
    "element_of", "intrinsic_suffix", "is_float", "lanes_of", "natural_alignment", "vector",
]  # fmt: skip
