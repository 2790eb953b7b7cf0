"""Vector math: the transcendental functions, on scalars or vectors of float and double, with the same bits for both.

Largest error found, in units in the last place (ULP). NaN, infinities, signed zeros and subnormal numbers are treated
as IEEE 754 asks.
"""

from __future__ import annotations

from collections.abc import Callable

from retrograd.backends.native.ir import Function, Value
from retrograd.backends.native.vmath_core import round_to_whole
from retrograd.backends.native.vmath_erf import erf
from retrograd.backends.native.vmath_exp import exp, expm1, tanh
from retrograd.backends.native.vmath_log import log, log1p, pow
from retrograd.backends.native.vmath_trig import cos, sin

__all__ = ["FUNCTIONS", "round_to_whole"]

FUNCTIONS: dict[str, Callable[..., Value]] = {
    "exp": exp, "expm1": expm1, "log": log, "log1p": log1p, "pow": pow, "tanh": tanh, "erf": erf, "sin": sin,
    "cos": cos,
}  # fmt: skip
