"""Rows of elementwise primitives beyond the basic ones; see `tests/support/table.py`."""

from __future__ import annotations

import numpy as np

from retrograd.core.errors import DTypeError
from tests.support.table import Case, Function, Refusal, Row, numbers, whole

SHAPES = ((2, 3), (), (0, 3))
_float_only = Refusal((whole((2,)),), (), DTypeError, "takes floating-point numbers")
_integer_only = Refusal((numbers((2,)), numbers((2,))), (), DTypeError, "takes integers")


def _unary(name: str, numpy: Function, low: float = -1.5) -> Row:
    return Row(name, tuple(Case((numbers(shape, 1, low),), (), numpy, name) for shape in SHAPES), (_float_only,))


def _integers(name: str, numpy: Function, torch: str, high: int) -> Row:
    case = Case((whole((4, 5), 1, -9, 10), whole((4, 5), 2, 0, high)), (), numpy, torch, False)
    return Row(name, (case,), (_integer_only,))


MATH_PRIMITIVE_ROWS: tuple[Row, ...] = (
    _unary("exp2", np.exp2),
    _unary("log2", np.log2, 0.2),
    _unary("log10", np.log10, 0.2),
    _unary("atan", np.arctan),
    _integers("gcd", np.gcd, "gcd", 30),
    _integers("shift_left", np.left_shift, "bitwise_left_shift", 70),
    _integers("shift_right", np.right_shift, "bitwise_right_shift", 70),
    Row(
        "bitcast",
        (
            Case((numbers((2, 3)),), ("int64",), lambda x, _: np.ascontiguousarray(x).view(np.int64), None, False),
            Case((whole((3,)),), ("float64",), lambda x, _: x.view(np.float64), None, False),
            Case((numbers((3,)).astype(np.float32),), ("int32",), lambda x, _: x.view(np.int32), None, False),
        ),
        (Refusal((numbers((2,)),), ("int32",), DTypeError, "one size"),),
    ),
)
