"""Rows of attention; see `tests/support/table.py`."""

from __future__ import annotations

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.table import Array, Case, Refusal, Row, flags, numbers

# Its gradient is not asked for, so finite differences must not see it: float32 inputs are constants to the table.
SCALE = np.array(0.7, np.float32)


def _weights(q: Array, k: Array, scale: Array, *rest: object) -> Array:
    *mask, is_causal = rest
    scores = q @ np.swapaxes(k, -1, -2) * scale.astype(q.dtype)
    if is_causal:
        rows, columns = scores.shape[-2:]
        scores = np.where(np.arange(columns) <= np.arange(rows)[:, None], scores, -np.inf)
    for given in mask:
        assert isinstance(given, np.ndarray)
        scores = np.where(given, scores, -np.inf) if given.dtype == bool else scores + given
    with np.errstate(all="ignore"):
        powers = np.exp(scores - scores.max(-1, keepdims=True, initial=-1e300))
        total = powers.sum(-1, keepdims=True)
        return np.asarray(np.where(total == 0, 0, powers / total))


def _attention(q: Array, k: Array, v: Array, scale: Array, *rest: object) -> Array:
    return np.asarray(_weights(q, k, scale, *rest) @ v)


def _inputs(*batch: int) -> tuple[Array, Array, Array, Array]:
    return numbers((*batch, 3, 2)), numbers((*batch, 4, 2), 1), numbers((*batch, 4, 5), 2), SCALE


_BLIND = np.array([[True, False, True, True], [False, False, False, False], [False, True, False, True]])


def _by_blocks(q: Array, k: Array, v: Array, scale: Array, *rest: object) -> Array:
    *given, _ = rest
    return _attention(q, k, v, scale, *given)


ATTENTION_ROWS = (
    Row(
        "attention_by_blocks",
        (
            Case(_inputs(), (False, 2), _by_blocks),
            Case(_inputs(2), (True, 1), _by_blocks),
            Case((*_inputs(2, 3), numbers((3, 4), 3)), (False, 2), _by_blocks),
            Case((*_inputs(2), numbers((2, 1, 4), 3)), (True, 2), _by_blocks),
            Case((*_inputs(2), flags((2, 3, 4), 4)), (False, 3), _by_blocks),
            Case((*_inputs(2), _BLIND), (False, 16), _by_blocks),
            Case((numbers((2, 1, 3, 2)), *_inputs(3)[1:]), (True, 2), _by_blocks),
            Case(_inputs(0), (True, 2), _by_blocks),
        ),
        (Refusal((numbers((3, 3)), *_inputs()[1:]), (False, 2), ShapeError, "equally wide"),),
    ),
    Row(
        "attention_weights",
        (
            Case((numbers((2, 3, 2)), numbers((2, 4, 2), 1), SCALE), (True,), _weights),
            Case((numbers((3, 2)), numbers((4, 2), 1), SCALE, _BLIND), (False,), _weights),
        ),
        (Refusal((numbers((3, 3)), numbers((4, 2)), SCALE), (False,), ShapeError, "equally wide"),),
    ),
    Row(
        "scaled_dot_product_attention",
        (
            Case(_inputs(), (False,), _attention),
            Case(_inputs(2), (True,), _attention),
            Case((*_inputs(2, 3), numbers((3, 4), 3)), (False,), _attention),
            Case((*_inputs(2), flags((2, 3, 4), 4)), (False,), _attention),
            Case((*_inputs(2), _BLIND), (False,), _attention),
            Case((numbers((2, 1, 3, 2)), *_inputs(3)[1:]), (True,), _attention),
            Case(_inputs(0), (True,), _attention),
        ),
        (
            Refusal((numbers((3,)), *_inputs()[1:]), (False,), ShapeError, r"(..., rows, width)"),
            Refusal((numbers((3, 3)), *_inputs()[1:]), (False,), ShapeError, "equally wide"),
            Refusal((*_inputs()[:2], numbers((3, 5)), SCALE), (False,), ShapeError, "as many rows"),
            Refusal((numbers((3, 2)).astype(np.int64), *_inputs()[1:]), (False,), DTypeError, "floating-point"),
        ),
    ),
)
