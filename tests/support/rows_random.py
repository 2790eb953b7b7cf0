"""Rows of random bits and of dropout; see `tests/support/table.py`."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.table import Array, Case, Refusal, Row, numbers, whole

_MASK = (1 << 32) - 1


def threefry(key: tuple[int, int], counter: tuple[int, int]) -> tuple[int, int]:
    """Threefry-2x32 of 20 rounds in Python's integers, as its authors write it down."""
    schedule = (*key, key[0] ^ key[1] ^ 0x1BD11BDA)
    x, y = ((c + k) & _MASK for c, k in zip(counter, key, strict=True))
    for turn in range(20):
        shift = (13, 15, 26, 6, 17, 29, 16, 24)[turn % 8]
        x = (x + y) & _MASK
        y = ((y << shift | y >> (32 - shift)) & _MASK) ^ x
        if turn % 4 == 3:
            part = turn // 4 + 1
            x = (x + schedule[part % 3]) & _MASK
            y = (y + schedule[(part + 1) % 3] + part) & _MASK
    return x, y


def _words(number: Any) -> tuple[int, int]:
    return int(number) >> 32 & _MASK, int(number) & _MASK


def _signed(number: int, bits: int) -> int:
    return number - (1 << bits) if number >> (bits - 1) else number


def _key(seed: Any, stream: Any) -> int:
    high, low = threefry(_words(seed), _words(stream))
    return _signed(high << 32 | low, 64)


def _bits(key: Any, position: Any) -> int:
    first, second = threefry(_words(key), _words(position))
    return _signed(first ^ second, 32)


def _keys(seed: Array, stream: Array) -> Array:
    return np.asarray(np.vectorize(_key, otypes=[np.int64])(seed, stream))


def _all_bits(key: Array, position: Array) -> Array:
    return np.asarray(np.vectorize(_bits, otypes=[np.int32])(key, position))


def kept(stream: Array, p: Any, shape: tuple[int, ...]) -> Array:
    """The mask of a stream."""
    positions = np.arange(math.prod(shape)).reshape(shape)
    bits = _all_bits(np.full(shape, _key(*stream)), positions) if positions.size else positions
    return np.asarray(bits / 2.0**32 + 0.5 >= p)


def _features(x: Array, by_feature: bool) -> tuple[int, ...]:
    return (*x.shape[:2], *[1] * (x.ndim - 2)) if by_feature else x.shape


def _masked(x: Array, p: Any, mask: Array) -> Array:
    return x * mask / (1 - p) if p < 1 else 0 * x


def _dropout(x: Array, p: Any, stream: Array, by_feature: bool) -> Array:
    return _masked(x, p, kept(stream, p, _features(x, by_feature)))


def _alpha_masked(x: Array, p: Any, mask: Array) -> Array:
    """Klambauer et al., appendix 3: an affine map that undoes what the dropped elements did to mean and variance."""
    saturated = -1.0507009873554805 * 1.6732632423543772
    q = 1 - p
    a = (q + saturated**2 * q * p) ** -0.5 if q else 0.0
    return a * np.where(mask, x, saturated) - a * p * saturated


def _alpha_dropout(x: Array, p: Any, stream: Array, by_feature: bool) -> Array:
    return _alpha_masked(x, p, kept(stream, p, _features(x, by_feature)))


_SEEDS = np.array([0, 1, -1, 2**63 - 1, -(2**63), 12345678901])
_STREAM = np.array([7, 3])
_P = np.array(0.3)
_MASKS = np.array([[True, False, True], [False, True, True]])

RANDOM_ROWS: tuple[Row, ...] = (
    Row(
        "positions",
        (
            Case((), ((2, 3), (3, 1)), lambda *_: np.arange(6).reshape(2, 3), smooth=False),
            Case((), ((2, 3, 2), (1, 0, 5)), lambda *_: np.add.outer(np.add.outer(np.arange(2), [0] * 3), [0, 5])),
            Case((), ((), ()), lambda *_: np.array(0)),
            Case((), ((0, 3), (3, 1)), lambda *_: np.zeros((0, 3), np.int64)),
        ),
    ),
    Row(
        "random_key",
        (
            Case((_SEEDS, np.arange(6)), (), _keys, smooth=False),
            Case((np.array(5), np.array(2**40)), (), _keys, smooth=False),
            Case((np.zeros(0, np.int64), np.zeros(0, np.int64)), (), _keys, smooth=False),
        ),
        (
            Refusal((whole((2,)), whole((3,))), (), ShapeError, "must be equal"),
            Refusal((whole((2,)), numbers((2,))), (), DTypeError, "must be int64"),
        ),
    ),
    Row(
        "random_bits",
        (
            Case((_SEEDS, 2 ** np.arange(28, 34)), (), _all_bits, smooth=False),
            Case((np.full((3, 50), -9), np.arange(150).reshape(3, 50)), (), _all_bits, smooth=False),
            Case((np.array(5), np.array(7)), (), _all_bits, smooth=False),
        ),
        (Refusal((whole((2,)), whole((2,)).astype(np.int32)), (), DTypeError, "must be int64"),),
    ),
)

DROPOUT_ROWS: tuple[Row, ...] = (
    Row(
        "dropout",
        (
            Case((numbers((5, 9)), _P, _STREAM), (False,), _dropout),
            Case((numbers((3, 4, 2, 5)), _P, _STREAM), (True,), _dropout),
            Case((numbers((4, 3)), np.array(1.0), _STREAM), (False,), _dropout, smooth=False),
            Case((numbers((4, 3)), np.array(0.0), _STREAM), (False,), _dropout, smooth=False),
            Case((numbers(()), _P, _STREAM), (False,), _dropout),
            Case((numbers((0, 3)), _P, _STREAM), (False,), _dropout, smooth=False),
        ),
    ),
    Row("dropout.masked", (Case((numbers((2, 3)), _P, _MASKS), (), _masked),)),
    Row(
        "dropout.alpha",
        (
            Case((numbers((5, 9)), _P, _STREAM), (False,), _alpha_dropout),
            Case((numbers((3, 4, 5)), _P, _STREAM), (True,), _alpha_dropout),
            Case((numbers((2, 3)), np.array(1.0), _STREAM), (False,), _alpha_dropout, smooth=False),
        ),
    ),
    Row("dropout.alpha.masked", (Case((numbers((2, 3)), _P, _MASKS), (), _alpha_masked),)),
)
