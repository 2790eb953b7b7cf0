"""Vector math: the transcendental functions, on scalars or vectors of float and double, with the same bits for both.

NaN, infinities, signed zeros and subnormal numbers are treated as IEEE 754 asks, also on CPUs without fused
multiply-add. No function calls a library.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrograd.backends.native.ir import Function, Value, element_of, lanes_of
from retrograd.backends.native.vmath_atan import atan
from retrograd.backends.native.vmath_core import round_to_whole
from retrograd.backends.native.vmath_erf import erf
from retrograd.backends.native.vmath_exp import exp, exp2, expm1, tanh
from retrograd.backends.native.vmath_log import log, log1p, log2, log10, pow
from retrograd.backends.native.vmath_trig import cos, sin

__all__ = ["FUNCTIONS", "MAX_ULP", "call", "round_to_whole"]

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "exp": exp, "exp2": exp2, "expm1": expm1, "log": log, "log2": log2, "log10": log10, "log1p": log1p, "pow": pow,
    "tanh": tanh, "erf": erf, "sin": sin, "cos": cos, "atan": atan,
}  # fmt: skip

# Bounds of the error, in units in the last place, in single and in double precision; the tests hold them.
MAX_ULP = {
    "exp": (1.05, 1.0), "exp2": (1.1, 1.1), "expm1": (1.6, 2.2), "log": (1.0, 1.0), "log2": (0.6, 0.6),
    "log10": (0.6, 0.6), "log1p": (1.0, 1.0), "pow": (1.0, 1.5), "tanh": (1.5, 1.5), "erf": (1.5, 1.5),
    "sin": (1.6, 1.0), "cos": (1.6, 1.0), "atan": (1.0, 1.0),
}  # fmt: skip


def call(f: Function, name: str, args: Sequence[Value]) -> Value:
    """The same as emitting the function in place, bit by bit, but out of line: once in a module for each type."""
    type_ = args[0].type
    symbol = f"{name}_{element_of(type_)}_{lanes_of(type_)}"
    if symbol not in f.module.functions:
        parameters = [(f"x{number}", type_) for number in range(len(args))]
        function = f.module.function(symbol, parameters, type_, internal=True, noinline=True)
        function.ret(FUNCTIONS[name](function, *function.args))
    result = f.call(f.module.functions[symbol], *args, returns=type_)
    assert result is not None
    return result
