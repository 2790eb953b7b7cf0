"""erf."""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.ir import Function, Value
from retrograd.backends.native.vmath_core import (
    DOUBLE,
    SINGLE,
    clamp,
    copy_sign,
    format_of,
    magnitude,
    multiply_add,
    polynomial,
)
from retrograd.backends.native.vmath_exp import exp


@dataclass(frozen=True)
class ErrorFunction:
    """Constants of erf in one format.

    Attributes:
        highest: from here on erf rounds to 1.
        small: of p in erf(x) = x + x p(x**2) for |x| <= 1, fitted for the least relative error.
        large: of p in erfc(x) = exp(-p(t)), with t = x - 1, for x from 1 to `highest`, fitted for the least
            absolute error of erfc.
    """

    highest: float
    small: tuple[float, ...]
    large: tuple[float, ...]


CONSTANTS = {
    SINGLE: ErrorFunction(
        4.0,
        (0.128379166, -0.37612626, 0.112835854, -0.0268538147, 0.00518833753, -0.000801029732, 7.85423836e-05),
        (
            1.84960556, 2.63896751, 0.843107104, 0.0415634103, -0.0100462968, 0.0020117953, -0.000289438234,
            2.16692279e-05,
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
            1.8496055099332482, 2.6389675142347913, 0.843107256358487, 0.04156109804648757, -0.010033825433931946,
            0.0019779030194023717, -0.00023732470742886442, -2.6270329995738364e-05, 2.7140844146212442e-05,
            -9.576457032442939e-06, 2.0167359382957727e-06, -9.974053186159537e-08, -1.3040688046664382e-07,
            7.107160440350574e-08, -2.3249723480753717e-08, 5.592433813693175e-09, -1.0204949621970792e-09,
            1.3859112359526915e-10, -1.3244896706759809e-11, 7.943428553815889e-13, -2.2447324804909404e-14,
        ),
    ),
}  # fmt: skip


def erf(f: Function, x: Value) -> Value:
    constants = CONSTANTS[format_of(x)]
    small = multiply_add(f, polynomial(f, x * x, constants.small), x, x)
    size = magnitude(f, x)
    position = clamp(f, size, 1.0, constants.highest) - 1.0
    complement = exp(f, f.emit(x.type, f"fneg {polynomial(f, position, constants.large)}"))
    large = copy_sign(f, f.binary("sub", 1.0, complement), x)
    return f.select(f.compare("ole", size, 1.0), small, large)
