"""erf."""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.ir import Function, Value
from retrograd.backends.native.vmath_core import (
    DOUBLE, SINGLE, clamp, copy_sign, format_of, magnitude, multiply_add, polynomial,
)  # fmt: skip
from retrograd.backends.native.vmath_exp import exp


@dataclass(frozen=True)
class ErrorFunction:
    """Constants of erf in one format.

    Attributes:
        highest: from here on erf rounds to 1.
        small: of p in erf(x) = x + x p(x**2) for |x| <= 1, fitted for the least relative error.
        large: of p in erfc(x) = exp(-p(t)), where t goes from -1 to 1 as x goes from 1 to `highest`, fitted for the
            least absolute error of erfc.
    """

    highest: float
    small: tuple[float, ...]
    large: tuple[float, ...]


CONSTANTS = {
    SINGLE: ErrorFunction(
        4.0,
        (0.128379166, -0.37612626, 0.112835854, -0.0268538147, 0.00518833753, -0.000801029732, 7.85423836e-05),
        (
            7.80681515, 8.02902126, 2.12375665, 0.0366304182, -0.0109688966, 0.0032707965, -0.000705208804,
            0.000370239082,
        ),
    ),
    DOUBLE: ErrorFunction(
        6.0,
        (
            0.1283791670955126, -0.3761263890318375, 0.11283791670954857, -0.026866170645072875, 0.0052239776247806876,
            -0.000854832697873076, 0.00012055331036443594, -1.4925593495163043e-05, 1.6460972619156904e-06,
            -1.635002304745135e-07, 1.4657864845466291e-08, -1.1365607098561081e-09, 5.945161410696042e-11,
        ),
        (
            14.112437402148188, 18.165248970913, 6.042206592131911, 0.08165090963120787, -0.034128411258559976,
            0.01438455113238581, -0.005953683669023933, 0.0023740387723290633, -0.0008937027867598763,
            0.0003069519900288137, -9.260994166482255e-05, 1.882972320775931e-05, 9.982303452118668e-06,
            1.3106043950381867e-05, 1.6361199026957914e-05, -1.4456356142885555e-05, -4.025404231968177e-05,
            -4.8418730772670746e-05, -3.157488073286742e-05, -1.1933421223652891e-05, -2.0415722979041135e-06,
        ),
    ),
}  # fmt: skip


def erf(f: Function, x: Value) -> Value:
    constants = CONSTANTS[format_of(x)]
    small = multiply_add(f, polynomial(f, x * x, constants.small), x, x)
    size = magnitude(f, x)
    middle, half_width = (constants.highest + 1.0) / 2, (constants.highest - 1.0) / 2
    position = (clamp(f, size, 1.0, constants.highest) - middle) * (1.0 / half_width)
    complement = exp(f, f.emit(x.type, f"fneg {polynomial(f, position, constants.large)}"))
    large = copy_sign(f, f.binary("sub", 1.0, complement), x)
    return f.select(f.compare("ole", size, 1.0), small, large)
