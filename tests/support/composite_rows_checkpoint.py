"""The row of what is computed again for the backward pass; see `tests/support/table.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.ops import elementwise as e
from tests.support.rows_recurrent import body, place
from tests.support.table import Array, Case, Row, numbers

_PAIR = body([place(2, 3), place(2, 3)], lambda x, w: [e.tanh(e.mul(x, w)), e.mul(w, w)])
_SINE = body([place(2, 3)], lambda x: [e.sin(e.mul(x, x))])
_NUMBER = body([place()], lambda x: [e.exp(x)])
_NOTHING = body([place(0, 3)], lambda x: [e.exp(x)])


def _pair(_: Array, x: Array, w: Array, *attributes: Any) -> tuple[Array, Array]:
    return np.tanh(x * w), w * w


CHECKPOINT_ROWS = (
    Row(
        "checkpoint",
        (
            Case((np.array(True), numbers((2, 3), 1), numbers((2, 3), 2)), (_PAIR, (True, False)), _pair),
            Case((np.array(True), numbers((2, 3), 1)), (_SINE, (True,)), lambda _, x, *rest: np.sin(x * x)),
            Case((np.array(True), numbers((), 1)), (_NUMBER, (True,)), lambda _, x, *rest: np.exp(x)),
            Case((np.array(True), numbers((0, 3))), (_NOTHING, (True,)), lambda _, x, *rest: np.exp(x)),
        ),
    ),
)
