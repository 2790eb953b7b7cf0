"""The rows of all primitives; see `tests/support/table.py`."""

from __future__ import annotations

from tests.support.primitive_rows_conv import CONV_ROWS
from tests.support.primitive_rows_gather import GATHER_ROWS
from tests.support.primitive_rows_math import MATH_PRIMITIVE_ROWS
from tests.support.primitive_rows_pool import POOL_ROWS
from tests.support.rows_linalg import LINALG_PRIMITIVE_ROWS
from tests.support.rows_random import RANDOM_ROWS
from tests.support.table import PRIMITIVE_ROWS as BASIC_ROWS, Row

PRIMITIVE_ROWS: tuple[Row, ...] = (
    *BASIC_ROWS,
    *CONV_ROWS,
    *GATHER_ROWS,
    *LINALG_PRIMITIVE_ROWS,
    *MATH_PRIMITIVE_ROWS,
    *POOL_ROWS,
    *RANDOM_ROWS,
)
