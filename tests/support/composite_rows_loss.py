"""Rows of norms, distances, and the losses that ask for a margin or a likelihood; see `tests/support/table.py`.

Numbers that have no gradient (margins, epsilons) are in float32 here, and chosen so that float32 holds them exactly.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.table import Array, Case, Function, Refusal, Row, numbers, whole

_REDUCTIONS = ("mean", "sum", "none")
_KINDS = {"0": 0.0, "1": 1.0, "2": 2.0, "inf": np.inf, "-inf": -np.inf, "p": 3.0}
_EPS = np.array(2.0**-10, np.float32)


def _number(x: float) -> Array:
    return np.array(x, np.float32)


def _order(kind: str) -> tuple[Array, ...]:
    """The order of a norm as an input, where its kind does not say it."""
    return (_number(_KINDS[kind]),) if kind == "p" else ()


def _reduced(losses: Any, reduction: str) -> Any:
    return {"none": losses, "sum": np.sum(losses), "mean": np.mean(losses)}[reduction]


def _norm(x: Array, p: float, axes: Any) -> Array:
    """By the definition, row by row."""
    size = np.abs(x)
    if p == 0:
        return np.asarray(np.sum(x != 0, axes, keepdims=True).astype(x.dtype))
    if np.isinf(p):
        return np.asarray((np.max if p > 0 else np.min)(size, axes, keepdims=True))
    return np.asarray(np.sum(size**p, axes, keepdims=True) ** (1 / p))


def _distance(a: Array, b: Array, eps: Any, *rest: Any) -> Array:
    kind, keepdim = rest[-2:]
    found = _norm(a - b + float(eps), _KINDS[kind], (-1,))
    return found if keepdim else found[..., 0]


def _cosine(a: Array, b: Array, eps: Any, axis: int) -> Array:
    sizes = [np.maximum(_norm(x, 2.0, axis), float(eps)) for x in np.broadcast_arrays(a, b)]
    return np.asarray((a / sizes[0] * (b / sizes[1])).sum(axis))


def _normalized(x: Array, eps: Any, *rest: Any) -> Array:
    return np.asarray(x / _norm(x, _KINDS[rest[-2]], rest[-1]))


def _hinge(x: Array) -> Array:
    return np.maximum(x, 0)


def _hinge_embedding(x: Array, t: Array, margin: Array, r: str) -> Any:
    return _reduced(np.where(t == 1, x, _hinge(float(margin) - x)), r)


def _cosine_embedding(a: Array, b: Array, t: Array, margin: Array, r: str) -> Any:
    cosine = (a * b).sum(-1) / np.sqrt(((a * a).sum(-1) + 1e-12) * ((b * b).sum(-1) + 1e-12))
    return _reduced(np.where(t == 1, 1 - cosine, _hinge(cosine - float(margin))), r)


def _triplet(a: Array, p: Array, n: Array, margin: Array, eps: Array, *rest: Any) -> Any:
    kind, swap, r = rest[-3:]
    near, apart = (_distance(a, x, eps, kind, False) for x in (p, n))
    if swap:
        apart = np.minimum(apart, _distance(p, n, eps, kind, False))
    return _reduced(_hinge(near - apart + float(margin)), r)


def _multi_margin(x: Array, t: Array, margin: Array, *rest: Any) -> Any:
    *weight, p, r = rest
    rows = x.reshape(-1, x.shape[-1])
    losses = []
    for row, own in zip(rows, t.ravel(), strict=True):
        w = weight[0][own] if weight else 1.0
        others = [w * max(float(margin) - row[own] + row[c], 0) ** p for c in range(len(row)) if c != own]
        losses.append(sum(others) / len(row))
    return _reduced(np.reshape(losses, t.shape), r)


def _multilabel_margin(x: Array, t: Array, r: str) -> Any:
    losses = []
    for row, listed in zip(x.reshape(-1, x.shape[-1]), t.reshape(-1, x.shape[-1]), strict=True):
        ends = np.flatnonzero(listed < 0)
        chosen = listed[: ends[0]] if len(ends) else listed
        rest = [c for c in range(len(row)) if c not in chosen]
        losses.append(sum(max(1 - row[k] + row[c], 0) for k in chosen for c in rest) / len(row))
    return _reduced(np.reshape(losses, x.shape[:-1]), r)


def _log_sigmoid(x: Array) -> Array:
    return -np.log1p(np.exp(-x))


def _multilabel_soft(x: Array, t: Array, *rest: Any) -> Any:
    *weight, r = rest
    losses = -(t * _log_sigmoid(x) + (1 - t) * _log_sigmoid(-x)) * (weight[0] if weight else 1.0)
    return _reduced(losses.mean(-1), r)


def _poisson(x: Array, t: Array, eps: Array, log_input: bool, full: bool, r: str) -> Any:
    losses = np.exp(x) - t * x if log_input else x - t * np.log(x + float(eps))
    if full:
        safe = np.where(t > 1, t, 1)
        losses = losses + np.where(t > 1, t * np.log(safe) - t + 0.5 * np.log(2 * np.pi * safe), 0)
    return _reduced(losses, r)


def _gaussian(x: Array, t: Array, var: Array, eps: Array, full: bool, r: str) -> Any:
    v = np.maximum(var if var.ndim == x.ndim else var[..., None], float(eps))
    losses = 0.5 * (np.log(v) + (x - t) ** 2 / v) + (0.5 * math.log(2 * math.pi) if full else 0)
    return _reduced(losses, r)


def _collapsed(path: tuple[int, ...], blank: int) -> list[int]:
    """What an alignment reads as: repetitions merged, blanks left out."""
    return [c for i, c in enumerate(path) if c != blank and (i == 0 or path[i - 1] != c)]


def _ctc(log_probs: Array, targets: Array, inputs: Array, lengths: Array, blank: Array, *options: Any) -> Any:
    """By the definition: the sum over all alignments."""
    reduction, zero_infinity = options
    losses = []
    for n in range(log_probs.shape[1]):
        target, time, total = targets[n, : lengths[n]].tolist(), int(inputs[n]), 0.0
        for path in itertools.product(range(log_probs.shape[2]), repeat=time):
            if _collapsed(path, int(blank)) == target:
                total += math.exp(sum(log_probs[t, n, c] for t, c in enumerate(path)))
        losses.append(-math.log(total) if total else 0.0 if zero_infinity else math.inf)
    each = np.maximum(lengths, 1) if reduction == "mean" else 1
    return _reduced(np.array(losses) / each, reduction)


_signs = np.array([[1, -1, 1], [-1, -1, 1]])
_apart = (numbers((404, 1)), numbers((404,)))
_hint = r"write target.reshape\(\(404, 1\)\)"


def _by_reduction(formula: Function, *inputs: Array) -> tuple[Case, ...]:
    return tuple(Case(inputs, (r,), formula) for r in _REDUCTIONS)


# Targets of length 2, 2 (a repetition, which needs a blank between), 1 and 0; the second does not fit in its time.
_alignments = (
    numbers((4, 4, 3), 1, -2.0, -0.1),
    np.array([[1, 2], [1, 1], [2, 7], [5, -1]]),
    np.array([4, 2, 3, 2]),
    np.array([2, 2, 1, 0]),
)
_triplet_inputs = (numbers((3, 4), 1), numbers((3, 4), 2), numbers((3, 4), 3), _number(1.5), _EPS)
_rows = (numbers((3, 4), 1), np.array([3, 0, 3]), _number(0.75))
_labels = np.array([[3, 0, -1, 1], [1, -1, 0, 2], [-1, 0, 1, 2]])

LOSS_ROWS: tuple[Row, ...] = (
    # The gradient is that of x, below the bound too: no derivative of anything.
    Row("floored", (Case((numbers((2, 3)), _number(0.25)), (), lambda x, low: np.maximum(x, low), None, False),)),
    Row(
        "pairwise_distance",
        (
            *(
                Case((numbers((2, 3), 1), numbers((2, 3), 2), _EPS, *_order(kind)), (kind, keepdim), _distance)
                for kind in _KINDS
                for keepdim in (False, True)
            ),
            Case((numbers((2, 1, 3), 1), numbers((3,), 2), _EPS), ("2", False), _distance),
        ),
        (
            Refusal((numbers((2, 3)), numbers((2,)), _EPS), ("2", False), ShapeError, "do not broadcast"),
            Refusal((numbers(()), numbers(()), _EPS), ("2", False), ShapeError, "0-dimensional"),
        ),
    ),
    Row(
        "cosine_similarity",
        (
            *(Case((numbers((2, 3), 1), numbers((2, 3), 2), _EPS), (axis,), _cosine) for axis in (0, 1)),
            Case((numbers((2, 1, 3), 1), numbers((4, 3), 2), _EPS), (2,), _cosine),
            Case((numbers(()), numbers((), 1), _EPS), (0,), lambda a, b, *_: np.sign(a * b), None, False),
        ),
        (Refusal((numbers((2, 3)), numbers((2,)), _EPS), (0,), ShapeError, "do not broadcast"),),
    ),
    Row(
        "normalize",
        tuple(Case((numbers((2, 3)), _EPS, *_order(kind)), (kind, (1,)), _normalized) for kind in _KINDS),
    ),
    Row(
        "log_add",
        (
            *(
                Case(tuple(numbers((2, 3), i) for i in range(n)), (), lambda *x: np.log(sum(map(np.exp, x))))
                for n in (2, 3)
            ),
            Case(
                (np.array([-np.inf, -np.inf, 900.0]), np.array([-np.inf, 1.0, 900.0])),
                (),
                lambda *_: np.array([-np.inf, 1.0, 900.0 + math.log(2)]),
                None,
                False,
            ),
        ),
    ),
    # The gradient has exp(log_probs) beside that of the loss, as PyTorch's; tests/nn/test_ctc.py looks at both.
    Row(
        "ctc_loss",
        tuple(
            Case((log_probs, targets - shift, *lengths, np.array(2 * shift)), options, _ctc, None, False, shared=(4,))
            for log_probs, targets, *lengths in (_alignments,)
            # The blank first, or (with the other classes before it) last.
            for shift, options in ((0, ("none", False)), (1, ("mean", True)), (0, ("sum", True)))
        ),
        (
            Refusal((numbers((4, 3)), *_alignments[1:], np.array(0)), ("sum", False), ShapeError, "time, batch"),
            Refusal(
                (_alignments[0], whole((2, 2)), *_alignments[2:], np.array(0)), ("sum", False), ShapeError, "4 rows"
            ),
            Refusal(
                (*_alignments[:2], whole((3,)), _alignments[3], np.array(0)),
                ("sum", False),
                ShapeError,
                "input_lengths",
            ),
            Refusal(
                (_alignments[0], numbers((4, 2)), *_alignments[2:], np.array(0)), ("sum", False), DTypeError, "int64"
            ),
        ),
    ),
    Row(
        "soft_margin_loss",
        _by_reduction(lambda x, t, r: _reduced(np.log1p(np.exp(-t * x)), r), numbers((2, 3)), _signs),
        (Refusal(_apart, ("mean",), ShapeError, _hint),),
    ),
    Row(
        "hinge_embedding_loss",
        _by_reduction(_hinge_embedding, numbers((2, 3)), _signs, _number(0.5)),
        (Refusal((*_apart, _number(1)), ("mean",), ShapeError, _hint),),
    ),
    Row(
        "margin_ranking_loss",
        _by_reduction(
            lambda a, b, t, m, r: _reduced(_hinge(float(m) - t * (a - b)), r),
            numbers((2, 3), 1),
            numbers((2, 3), 2),
            _signs,
            _number(0.5),
        ),
        (Refusal((*_apart, whole((404, 1)), _number(1)), ("mean",), ShapeError, _hint),),
    ),
    Row(
        "cosine_embedding_loss",
        (
            *_by_reduction(
                _cosine_embedding, numbers((3, 4), 1), numbers((3, 4), 2), np.array([1, -1, -1]), _number(-0.75)
            ),
            Case((numbers((4,), 1), numbers((4,), 2), np.array(1), _number(0)), ("mean",), _cosine_embedding),
        ),
        (
            Refusal(
                (numbers((3, 4)), numbers((3, 4)), whole((3, 1)), _number(0)), ("mean",), ShapeError, r"and \(rows,\)"
            ),
        ),
    ),
    Row(
        "triplet_margin_loss",
        (
            *(Case(_triplet_inputs, ("2", False, r), _triplet) for r in _REDUCTIONS),
            Case(_triplet_inputs, ("2", True, "none"), _triplet),
            Case((*_triplet_inputs, *_order("p")), ("p", True, "sum"), _triplet),
        ),
        (
            Refusal(
                (numbers((3, 4)), numbers((4,)), numbers((3, 4)), *_triplet_inputs[3:]),
                ("2", False, "mean"),
                ShapeError,
                "equally many",
            ),
        ),
    ),
    Row(
        "multi_margin_loss",
        (
            *(Case(_rows, (1, r), _multi_margin) for r in _REDUCTIONS),
            Case((*_rows, np.array([0.5, 1.5, 2.0, 0.7])), (2, "mean"), _multi_margin),
            Case((numbers((4,)), np.array(2), _number(1)), (2, "none"), _multi_margin),
        ),
        (
            Refusal((numbers((3, 4)), np.array([0, 1]), _number(1)), (1, "mean"), ShapeError, "do not fit"),
            Refusal((numbers((3, 4)), numbers((3,)), _number(1)), (1, "mean"), DTypeError, "must be int64"),
            Refusal((*_rows, numbers((3,))), (1, "mean"), ShapeError, "one number for each"),
        ),
    ),
    Row(
        "multilabel_margin_loss",
        (
            *_by_reduction(_multilabel_margin, numbers((3, 4), 1), _labels),
            Case((numbers((4,)), np.array([3, 0, -1, 1])), ("none",), _multilabel_margin),
        ),
        (
            Refusal((numbers((3, 4)), np.array([0, 1])), ("mean",), ShapeError, "do not fit"),
            Refusal((numbers((3, 4)), numbers((3, 4))), ("mean",), DTypeError, "must be int64"),
        ),
    ),
    Row(
        "multilabel_soft_margin_loss",
        (
            *_by_reduction(_multilabel_soft, numbers((2, 3), 1), numbers((2, 3), 2, 0.1, 0.9)),
            Case((numbers((2, 3)), whole((2, 3), 1, 0, 2), numbers((3,), 2)), ("mean",), _multilabel_soft),
        ),
        (
            Refusal(_apart, ("mean",), ShapeError, _hint),
            Refusal((numbers(()), numbers(())), ("mean",), ShapeError, "0-dimensional"),
        ),
    ),
    Row(
        "poisson_nll_loss",
        tuple(
            Case((numbers((2, 3), 1, 0.2, 2), numbers((2, 3), 2, 0.2, 3), _EPS), (log_input, full, r), _poisson)
            for log_input, full, r in ((True, False, "mean"), (False, True, "sum"), (True, True, "none"))
        ),
        (Refusal((*_apart, _EPS), (True, False, "mean"), ShapeError, _hint),),
    ),
    Row(
        "gaussian_nll_loss",
        (
            *(
                Case((numbers((2, 3), 1), numbers((2, 3), 2), numbers(shape, 3, 0.2), _EPS), (full, r), _gaussian)
                for shape, full, r in (((2, 3), False, "mean"), ((2, 1), True, "sum"), ((2,), False, "none"))
            ),
            Case((numbers((2, 3), 1), numbers((2, 1), 2), numbers((2, 3), 3, 0.2), _EPS), (False, "mean"), _gaussian),
        ),
        (
            Refusal((*_apart, numbers((404, 1)), _EPS), (False, "mean"), ShapeError, _hint),
            Refusal(
                (numbers((2, 3)), numbers((2, 3)), numbers((3,)), _EPS),
                (False, "mean"),
                ShapeError,
                "lack the last",
            ),
        ),
    ),
)
