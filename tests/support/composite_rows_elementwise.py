"""Rows of elementwise composites: functions of one number, of two, and of more; see `tests/support/table.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, OptionError, ShapeError
from tests.support.table import Array, Case, Function, Refusal, Row, flags, numbers, whole

SHAPES = ((2, 3), (), (0, 3))
EDGES = np.array([0.0, -0.0, 1.5, -1.5, np.inf, -np.inf, np.nan, 5e-324, 1.7e308])


def _unary(
    name: str, numpy: Function, torch: str | Function | None, low: float = -1.5, high: float = 1.63, smooth: bool = True
) -> Row:
    return Row(name, tuple(Case((numbers(shape, 1, low, high),), (), numpy, torch, smooth) for shape in SHAPES))


def _test(name: str, numpy: Function, torch: str) -> Row:
    """A test of numbers, on all that is special."""
    cases = (Case((EDGES,), (), numpy, torch, False), Case((whole((3,)),), (), numpy, torch, False))
    return Row(name, cases)


def _binary(name: str, numpy: Function, torch: str | Function | None, low: float = -1.5, smooth: bool = True) -> Row:
    pairs = (((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((0, 3), (1, 3)))
    cases = tuple(
        Case((numbers(a, 2, low), numbers(b, 3, max(low, -1.3), 1.7)), (), numpy, torch, smooth) for a, b in pairs
    )
    return Row(name, cases, (Refusal((numbers((2, 3)), numbers((4,))), (), ShapeError, "do not broadcast"),))


def _integers(name: str, numpy: Function, torch: str, low: int = -9, high: int = 10) -> Row:
    return Row(
        name,
        (
            Case((whole((2, 3), 1, low, high), whole((3,), 2, low, high)), (), numpy, torch, False),
            Case((whole((0,), 1), whole((1,), 2)), (), numpy, torch, False),
        ),
        (Refusal((numbers((2,)), numbers((2,))), (), DTypeError, "takes integers"),),
    )


def _logic(name: str, numpy: Function) -> Row:
    return Row(
        name,
        (
            Case((flags((2, 3), 1), flags((3,), 2)), (), numpy, name, False),
            Case((whole((4,), 1, 0, 2), numbers((4,), 2)), (), numpy, name, False),
        ),
    )


def _times_log(x: Array, y: Array) -> Array:
    return np.where(x == 0, 0.0, x * np.log(np.where(x == 0, 1.0, y)))


def _clamp(x: Array, *rest: Any) -> Array:
    *bounds, has_low, has_high = rest
    return np.clip(x, bounds[0] if has_low else None, bounds[-1] if has_high else None)


def _rounded(x: Array, scale: Any, is_fraction: bool) -> Array:
    return np.asarray(np.rint(x * scale) / scale if is_fraction else np.rint(x / scale) * scale)


def _mantissa_and_exponent(x: Array) -> tuple[Array, Array]:
    mantissa, exponent = np.frexp(x)
    return np.asarray(mantissa), np.asarray(exponent, np.int32)


def _isclose(a: Array, b: Array, rtol: Any, atol: Any, equal_nan: bool) -> Array:
    return np.isclose(a, b, float(rtol), float(atol), equal_nan)


_FUNCTIONS = (
    _unary("exp2", np.exp2, "exp2"),
    _unary("log2", np.log2, "log2", 0.2),
    _unary("log10", np.log10, "log10", 0.2),
    _unary("tan", np.tan, "tan"),
    _unary("asin", np.arcsin, "asin", -0.95, 0.96),
    _unary("acos", np.arccos, "acos", -0.95, 0.96),
    _unary("atan", np.arctan, "atan", -6.0, 7.0),
    _unary("sinh", np.sinh, "sinh", -3.0, 4.0),
    _unary("cosh", np.cosh, "cosh", -3.0, 4.0),
    _unary("asinh", np.arcsinh, "asinh", -6.0, 7.0),
    _unary("acosh", np.arccosh, "acosh", 1.05, 7.0),
    _unary("atanh", np.arctanh, "atanh", -0.95, 0.96),
    _unary("sinc", np.sinc, "sinc"),
    _unary("deg2rad", np.deg2rad, "deg2rad", -300.0, 301.0),
    _unary("rad2deg", np.rad2deg, "rad2deg"),
    _unary("frac", lambda x: x - np.trunc(x), "frac"),
    _unary("angle", np.angle, "angle"),
    Row(
        "round.decimals",
        (
            Case((numbers((2, 3)), np.array(100.0)), (True,), _rounded, None, False),
            Case((1e3 * numbers((2, 3)), np.array(100.0)), (False,), _rounded, None, False),
        ),
    ),
    Row(
        "logit",
        (
            Case((numbers((2, 3), 1, 0.05, 0.95),), (), lambda x: np.log(x / (1 - x)), "logit"),
            Case(
                (numbers((2, 3), 1, 0.0, 1.0), np.array(0.2, np.float32)), (), lambda x, eps: np.log(np.clip(x,
                np.float32(0.2), 1 - np.float64(np.float32(0.2))) / (1 - np.clip(x, np.float32(0.2), 1 -
                np.float64(np.float32(0.2))))),
            ),
        ),
    ),
)  # fmt: skip

_TESTS = (
    _test("isnan", np.isnan, "isnan"),
    _test("isinf", np.isinf, "isinf"),
    _test("isfinite", np.isfinite, "isfinite"),
    _test("isposinf", np.isposinf, "isposinf"),
    _test("isneginf", np.isneginf, "isneginf"),
    _test("isreal", np.isreal, "isreal"),
    _test("signbit", np.signbit, "signbit"),
    _test("logical_not", np.logical_not, "logical_not"),
    _logic("logical_and", np.logical_and),
    _logic("logical_or", np.logical_or),
    _logic("logical_xor", np.logical_xor),
    Row(
        "isclose",
        tuple(
            Case((EDGES, EDGES + shift, np.array(1e-3), np.array(1e-6)), (equal_nan,), _isclose, None, False)
            for shift in (0.0, 1e-4, 1e-2)
            for equal_nan in (False, True)
        ),
    ),
)

_PAIRS = (
    _binary("atan2", np.arctan2, "atan2"),
    _binary("hypot", np.hypot, "hypot"),
    _binary("logaddexp", np.logaddexp, "logaddexp"),
    _binary("logaddexp2", np.logaddexp2, "logaddexp2"),
    _binary("xlogy", _times_log, "xlogy", 0.2),
    _binary("xlog1py", lambda x, y: x * np.log1p(y), lambda x, y: x * y.log1p(), -0.9),
    _binary("copysign", np.copysign, "copysign"),
    _binary("nextafter", np.nextafter, None),
    _binary("ldexp", lambda a, b: a * 2**b, "ldexp"),
    _binary("fmod", np.fmod, "fmod"),
    _binary("fmax", np.fmax, "fmax"),
    _binary("fmin", np.fmin, "fmin"),
    _binary("float_power", np.float_power, "float_power", 0.2),
    _binary("heaviside", np.heaviside, None, smooth=False),
    _integers("bitwise_left_shift", np.left_shift, "bitwise_left_shift", 0),
    _integers("bitwise_right_shift", np.right_shift, "bitwise_right_shift", 0),
    _integers("gcd", np.gcd, "gcd"),
    _integers("lcm", np.lcm, "lcm"),
    Row(
        "div.rounded",
        (
            *(
                Case((numbers((2, 3)), numbers((3,), 1)), (mode,), lambda a, b, m: getattr(np, m)(a / b), None, False)
                for mode in ("floor", "trunc")
            ),
            Case(
                (whole((9,), 1), whole((9,), 2, 1)), ("trunc",), lambda a, b, _: np.fix(a / b).astype(int), None, False
            ),
            Case((whole((9,), 1), whole((9,), 2, 1)), ("floor",), lambda a, b, _: a // b, None, False),
        ),
        (Refusal((numbers((2,)), numbers((2,))), ("up",), OptionError, "must be None, 'trunc' or 'floor'"),),
    ),
    Row("frexp", tuple(Case((np.asarray(100 * numbers(shape, 1)),), (), _mantissa_and_exponent) for shape in SHAPES)),
)  # fmt: skip

_low, _high = np.array([-0.4, 0.2, -0.9]), np.array(0.6)

_BLENDS = (
    Row(
        "clamp",
        (
            Case((numbers((2, 3)), _low, _high), (True, True), _clamp, "clamp"),
            Case((numbers((2, 3)), _low), (True, False), _clamp),
            Case((numbers((2, 3)), _high), (False, True), _clamp),
            Case((np.array([0.0, np.nan, 9.0]), np.array([1.0, 1.0, np.nan])), (True, False), _clamp, None, False),
        ),
    ),
    Row(
        "nan_to_num",
        (
            Case(
                (EDGES, np.array(1.0), np.array(2.0), np.array(3.0)),
                (),
                lambda x, n, p, m: np.nan_to_num(x, nan=1.0, posinf=2.0, neginf=3.0),
                None,
                False,
            ),
            Case((whole((3,)), np.array(1.0), np.array(2.0), np.array(3.0)), (), lambda x, *_: x, None, False),
        ),
    ),
    Row(
        "lerp",
        (
            Case((numbers((2, 3)), numbers((3,), 1), numbers((2, 1), 2)), (), lambda a, b, w: a + w * (b - a), "lerp"),
            Case((numbers((2,)), numbers((2,), 1), np.array(0.25)), (), lambda a, b, w: a + w * (b - a), "lerp"),
        ),
        (Refusal((whole((2,)), whole((2,)), np.array(0.5)), (), DTypeError, "floating-point"),),
    ),
    Row(
        "addcmul", (Case((numbers((2, 3)), numbers((3,), 1), numbers((2, 1), 2), np.array(3.0)), (), lambda x, a, b,
        v: x + v * a * b),),
    ),
    Row(
        "addcdiv", (Case((numbers((2, 3)), numbers((3,), 1), numbers((2, 1), 2), np.array(3.0)), (), lambda x, a, b,
        v: x + v * a / b),), (Refusal((whole((2,)), whole((2,)), whole((2,)), np.array(1)), (), DTypeError,
        "floating-point"),),
    ),
    Row("add.scaled", (Case((numbers((2, 3)), numbers((3,), 1), np.array(3.0)), (), lambda a, b, k: a + k * b),)),
    Row("sub.scaled", (Case((numbers((2, 3)), numbers((3,), 1), np.array(3.0)), (), lambda a, b, k: a - k * b),)),
)  # fmt: skip

ELEMENTWISE_ROWS: tuple[Row, ...] = (*_FUNCTIONS, *_TESTS, *_PAIRS, *_BLENDS)
