"""Rows of attention; see `tests/support/table.py`."""

from __future__ import annotations

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.threefry import bits_at, derive_key
from tests.support.table import Array, Case, Refusal, Row, flags, numbers

# Its gradient is not asked for, so finite differences must not see it: float32 inputs are constants to the table.
SCALE = np.array(0.7, np.float32)


def _scores(q: Array, k: Array, scale: Array, *rest: object) -> Array:
    *mask, is_causal = rest
    scores = q @ np.swapaxes(k, -1, -2) * scale.astype(q.dtype)
    if is_causal:
        rows, columns = scores.shape[-2:]
        scores = np.where(np.arange(columns) <= np.arange(rows)[:, None], scores, -np.inf)
    for given in mask:
        assert isinstance(given, np.ndarray)
        scores = np.where(given, scores, -np.inf) if given.dtype == bool else scores + given
    return np.asarray(scores)


def _weights(q: Array, k: Array, scale: Array, *rest: object) -> Array:
    scores = _scores(q, k, scale, *rest)
    with np.errstate(all="ignore"):
        powers = np.exp(scores - scores.max(-1, keepdims=True, initial=-1e300))
        total = powers.sum(-1, keepdims=True)
        return np.asarray(np.where(total == 0, 0, powers / total))


def _attention(q: Array, k: Array, v: Array, scale: Array, *rest: object) -> Array:
    return np.asarray(_weights(q, k, scale, *rest) @ v)


def _inputs(*batch: int) -> tuple[Array, Array, Array, Array]:
    return numbers((*batch, 3, 2)), numbers((*batch, 4, 2), 1), numbers((*batch, 4, 5), 2), SCALE


_BLIND = np.array([[True, False, True, True], [False, False, False, False], [False, True, False, True]])


def _by_blocks(q: Array, k: Array, v: Array, scale: Array, *rest: object) -> tuple[Array, Array]:
    *given, is_causal, drops, _ = rest
    scores = _scores(q, k, scale, *(given[:-2] if drops else given), is_causal)
    sees_nothing = np.isneginf(scores).all(-1, keepdims=True)
    powers = np.where(np.isneginf(scores), 0.0, np.exp(scores))
    logarithms = np.log(np.where(sees_nothing, 1.0, powers.sum(-1, keepdims=True)))
    p = powers / np.exp(logarithms)
    if drops:
        rate, stream = float(np.asarray(given[-2])), np.asarray(given[-1])
        bits = bits_at(derive_key(stream[0], stream[1]), np.arange(p.size).reshape(p.shape))
        p = p * np.where(bits >= rate * 2.0**32 - 2.0**31, 1 / (1 - rate), 0)
    return np.asarray(p @ v), logarithms


# Such a rate is exact in float32, of which the table makes a constant.
_DROP = (np.array(0.25, np.float32), np.array([1, 2], np.int64))


ATTENTION_ROWS = (
    Row(
        "attention_by_blocks",
        (
            Case(_inputs(), (False, False, 2), _by_blocks),
            Case(_inputs(2), (True, False, 1), _by_blocks),
            Case((*_inputs(2, 3), numbers((3, 4), 3)), (False, False, 2), _by_blocks),
            Case((*_inputs(2), numbers((2, 1, 4), 3)), (True, False, 2), _by_blocks),
            Case((*_inputs(2), flags((2, 3, 4), 4)), (False, False, 3), _by_blocks),
            Case((*_inputs(2), _BLIND), (False, False, 16), _by_blocks),
            Case((*_inputs(2, 2), numbers((2, 1, 3, 4), 3)), (False, False, 2), _by_blocks),
            Case((numbers((2, 1, 3, 2)), *_inputs(3)[1:]), (True, False, 2), _by_blocks),
            Case(
                (numbers((4, 9, 2)), numbers((4, 3, 2), 1), numbers((4, 3, 2), 2), SCALE), (True, False, 2), _by_blocks
            ),
            Case((*_inputs(2), *_DROP), (False, True, 2), _by_blocks),
            Case((*_inputs(2, 1), *_DROP), (True, True, 2), _by_blocks),
            Case((*_inputs(), numbers((4,), 3), *_DROP), (False, True, 3), _by_blocks),
            Case(_inputs(0), (True, False, 2), _by_blocks),
        ),
        (Refusal((numbers((3, 3)), *_inputs()[1:]), (False, False, 2), ShapeError, "equally wide"),),
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
