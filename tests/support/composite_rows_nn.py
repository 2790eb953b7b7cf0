"""Rows of the composites behind layers, losses and optimizers; see `tests/support/table.py`.

Where a gradient rule leaves a number out (an epsilon), the sample has it in float32: the table asks for the gradients
of float64 inputs alone.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.table import Array, Case, Function, Refusal, Row, numbers

SHAPES = ((2, 3), (), (0, 3))
EPS = np.array(1e-3, np.float32)
_erf = np.vectorize(math.erf, otypes=[np.float64])


def _unary(name: str, numpy: Function, torch: Function | str | None = None, given: tuple[float, ...] = ()) -> Row:
    """An activation, with numbers that are inputs."""
    more = tuple(np.array(x) for x in given)
    return Row(name, tuple(Case((np.asarray(2.1 * numbers(shape, 1)), *more), (), numpy, torch) for shape in SHAPES))


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _elu(x: Array, alpha: Any, scale: float = 1.0) -> Array:
    return np.where(x > 0, x, alpha * np.expm1(x)) * scale


def _softmax(x: Array, axis: int) -> Array:
    powers = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis, keepdims=True))


def _gelu_tanh(x: Array, _: str) -> Array:
    return np.asarray(x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))) / 2)


def _gumbel(x: Array, drawn: Array, tau: Array, axis: int, hard: bool) -> Array:
    soft = _softmax((x - np.log(drawn)) / float(tau), axis)
    return (soft == soft.max(axis, keepdims=True)).astype(float) if hard else soft


def _glu(x: Array, axis: int) -> Array:
    a, b = np.split(x, 2, axis)
    return a * _sigmoid(b)


def _reduced(losses: Array, reduction: str) -> Any:
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]


_REDUCTIONS = ("mean", "sum", "none")
_apart = Refusal((numbers((404, 1)), numbers((404,))), ("mean",), ShapeError, r"write target.reshape\(\(404, 1\)\)")


def _with_reduction(formula: Function, reduction: str) -> Function:
    return lambda x, t, *rest: _reduced(formula(x, t, *rest[:-1]), reduction)


def _pointwise(name: str, formula: Function, *given: float) -> Row:
    """A loss of input, target and numbers."""
    more = tuple(np.array(x) for x in given)
    inputs = (numbers((2, 3)), numbers((2, 3), 1), *more)
    cases = tuple(Case(inputs, (r,), _with_reduction(formula, r)) for r in _REDUCTIONS)
    return Row(name, cases, (Refusal((*_apart.inputs, *more), ("mean",), ShapeError, _apart.message),))


def _huber(x: Array, t: Array, delta: Any) -> Array:
    d = np.abs(x - t)
    return np.where(d <= delta, d * d / 2, delta * (d - delta / 2))


def _smooth_l1(x: Array, t: Array, beta: Any) -> Array:
    d = np.abs(x - t)
    return np.where(d < beta, d * d / 2 / beta, d - beta / 2)


def _bce(x: Array, t: Array, w: Any = 1.0) -> Array:
    return np.asarray(-w * (t * np.log(x) + (1 - t) * np.log1p(-x)))


def _bce_logits(x: Array, t: Array, *rest: Any) -> Any:
    *weights, has_weight, has_positive, reduction = rest
    w = weights[0] if has_weight else 1.0
    q = weights[-1] if has_positive else 1.0
    return _reduced(-w * (q * t * np.log(_sigmoid(x)) + (1 - t) * np.log(_sigmoid(-x))), reduction)


def _kl(x: Array, t: Array, reduction: str, log_target: bool) -> Any:
    losses = np.exp(t) * (t - x) if log_target else t * (np.log(t) - x)
    return losses.sum() / len(x) if reduction == "batchmean" else _reduced(losses, reduction)


def _class_loss(log_p: Array, target: Array, *rest: Any) -> Any:
    """Of logarithms (rows, classes, ...), class by class and row by row."""
    *nodes, has_weight, has_smoothing, has_ignore, reduction = rest
    given = iter(nodes)
    classes = log_p.shape[1]
    weight = next(given) if has_weight else np.ones(classes)
    smoothing = float(next(given)) if has_smoothing else 0.0
    ignore = int(next(given)) if has_ignore else None
    rows = np.moveaxis(log_p, 1, -1)
    losses, counts = np.zeros(target.shape), np.zeros(target.shape)
    for place in np.ndindex(*target.shape):
        t = target[place]
        if t != ignore:
            even = -(weight * rows[place]).sum() / classes
            losses[place] = -(1 - smoothing) * weight[t] * rows[place][t] + smoothing * even
            counts[place] = weight[t]
    return {"none": losses, "sum": losses.sum(), "mean": losses.sum() / counts.sum()}[reduction]


def _cross_entropy(x: Array, target: Array, *rest: Any) -> Any:
    return _class_loss(np.log(_softmax(x, 1)), target, *rest)


def _soft_cross_entropy(x: Array, t: Array, *rest: Any) -> Any:
    *nodes, has_weight, has_smoothing, _, reduction = rest
    given = iter(nodes)
    weight = next(given) if has_weight else np.ones(x.shape[1])
    smoothing = float(next(given)) if has_smoothing else 0.0
    t = t * (1 - smoothing) + smoothing / x.shape[1]
    axes = (1, -1, *[1] * (x.ndim - 2))
    return _reduced(
        -(weight.reshape([len(weight) if a == -1 else 1 for a in axes]) * t * np.log(_softmax(x, 1))).sum(1), reduction
    )


_classes = np.array([3, 0, 3])
_grid = np.array([[1, 0], [2, 1]])
_class_weight = np.array([0.5, 1.5, 2.0, 0.7])
_ignored = np.array(0)
_class_refusals = (
    Refusal((numbers((3, 4)), np.array([0, 1])), (False, False, False, "mean"), ShapeError, "do not fit"),
    Refusal((numbers((3, 4)), numbers((3,))), (False, False, False, "mean"), DTypeError, "must be int64"),
    Refusal(
        (numbers((3, 4)), _classes, numbers((3,))), (True, False, False, "mean"), ShapeError, "one number for each"
    ),
)


def _class_cases(numpy: Function, smoothing: bool) -> tuple[Case, ...]:
    plain = [Case((numbers((3, 4)), _classes), (False, False, False, r), numpy) for r in _REDUCTIONS]
    weighted = [
        Case((numbers((3, 4)), _classes, _class_weight, _ignored), (True, False, True, r), numpy) for r in _REDUCTIONS
    ]
    deep = Case((numbers((2, 3, 2)), _grid), (False, False, False, "none"), numpy)
    smoothed = [
        Case((numbers((3, 4)), _classes, _class_weight, np.array(0.2), _ignored), (True, True, True, r), numpy)
        for r in _REDUCTIONS
    ]
    return (*plain, *weighted, deep, *(smoothed if smoothing else ()))


def _norm(x: Array, eps: Array, axes: tuple[int, ...], weight: Any = 1.0, bias: Any = 0.0) -> Array:
    mean, variance = x.mean(axes, keepdims=True), x.var(axes, keepdims=True)
    return np.asarray((x - mean) / np.sqrt(variance + np.float64(eps)) * weight + bias)


def _channel(v: Array, x: Array) -> Array:
    return v.reshape(1, -1, *[1] * (x.ndim - 2))


def _batch_norm(x: Array, eps: Array, *rest: Any) -> Array:
    *parameters, _ = rest
    return _norm(x, eps, (0, *range(2, x.ndim)), *(_channel(v, x) for v in parameters))


def _running(x: Array, eps: Array, mean: Array, variance: Array, *rest: Any) -> Array:
    *parameters, _ = rest
    weight, bias = (_channel(v, x) for v in parameters) if parameters else (1.0, 0.0)
    root = np.sqrt(_channel(variance, x) + np.float64(eps))
    return np.asarray((x - _channel(mean, x)) / root * weight + bias)


def _track(x: Array, mean: Array, variance: Array, momentum: Array, *rest: Any) -> tuple[Array, ...]:
    axes = (0, *range(2, x.ndim))
    m = float(momentum)
    counts = [count + 1 for count in rest[:-1]]
    return (1 - m) * mean + m * x.mean(axes), (1 - m) * variance + m * x.var(axes, ddof=1), *counts


def _layer_norm(x: Array, eps: Array, *rest: Any) -> Array:
    *parameters, shape, _ = rest
    return _norm(x, eps, tuple(range(-len(shape), 0)), *parameters)


def _rms_norm(x: Array, eps: Array, *rest: Any) -> Array:
    *weight, shape, _ = rest
    axes = tuple(range(-len(shape), 0))
    root = np.sqrt((x * x).mean(axes, keepdims=True) + np.float64(eps))
    return np.asarray(x / root * (weight[0] if weight else 1.0))


def _group_norm(x: Array, eps: Array, *rest: Any) -> Array:
    *parameters, groups, _ = rest
    z = _norm(x.reshape(len(x), groups, -1), eps, (2,)).reshape(x.shape)
    weight, bias = (_channel(v, x) for v in parameters) if parameters else (1.0, 0.0)
    return np.asarray(z * weight + bias)


def _clip(a: Array, b: Array, max_norm: Array, p: Array, kind: str) -> tuple[Any, Array, Array]:
    norm = np.linalg.norm(np.concatenate((a.ravel(), b.ravel())), float(p))
    factor = min(float(max_norm) / (norm + 1e-6), 1.0)
    return norm, a * factor, b * factor


def _total_norm(a: Array, b: Array, p: Array, kind: str) -> Any:
    return np.linalg.norm(np.concatenate((a.ravel(), b.ravel())), float(p))


def _number(x: float) -> Array:
    return np.array(x, np.float32)


def _renorm(table: Array, index: Array, most: Array, *rest: Any) -> Array:
    p = {"2": 2.0, "p": 3.0}[rest[-1]]
    out = table.copy()
    for row in set(index.tolist()):
        norm = np.sum(np.abs(table[row]) ** p) ** (1 / p)
        if norm > most:
            out[row] *= np.float64(most) / (norm + 1e-7)
    return out


def _embedding_bag(table: Array, index: Array, offsets: Array, *rest: Any) -> Array:
    *nodes, has_factors, has_padding, mode, bags = rest
    rows = table[index] * (nodes[0][:, None] if has_factors else 1)
    out = np.zeros((bags, table.shape[1]))
    stops = [*offsets[1:], len(index)][:bags]
    for bag, (start, stop) in enumerate(zip(offsets, stops, strict=False)):
        inside = [i for i in range(start, stop) if not has_padding or index[i] != nodes[-1]]
        if inside:
            out[bag] = {"sum": np.sum, "mean": np.mean, "max": np.max}[mode](rows[inside], axis=0)
    return out


_bag = (numbers((4, 2)), np.array([1, 3, 3, 0, 2]), np.array([0, 2, 2]))
_kinds = tuple((np.array(p, np.float32), kind) for p, kind in ((2, "2"), (np.inf, "inf"), (3, "p")))

LAYER_AND_LOSS_ROWS: tuple[Row, ...] = (
    _unary("leaky_relu", lambda x, a: np.where(x > 0, x, a * x), None, (0.1,)),
    Row(
        "prelu",
        (
            Case((numbers((2, 3)), np.array([0.2])), (), lambda x, a: np.where(x > 0, x, a * x), "prelu"),
            Case((numbers((2, 3)), numbers((3,), 1)), (), lambda x, a: np.where(x > 0, x, a * x), "prelu"),
        ),
        (Refusal((numbers((2, 3)), numbers((2,))), (), ShapeError, "pass num_parameters=3"),),
    ),
    _unary("hardtanh", lambda x, low, high: np.clip(x, low, high), None, (-0.4, 0.6)),
    _unary("relu6", lambda x: np.clip(x, 0, 6)),
    _unary("hardsigmoid", lambda x: np.clip(x + 3, 0, 6) / 6),
    _unary("hardswish", lambda x: x * np.clip(x + 3, 0, 6) / 6),
    _unary("hardshrink", lambda x, b: np.where(np.abs(x) <= b, 0, x), None, (0.5,)),
    _unary("softshrink", lambda x, b: np.sign(x) * np.maximum(np.abs(x) - b, 0), None, (0.5,)),
    _unary("threshold", lambda x, t, v: np.where(x > t, x, v), None, (0.3, -2.0)),
    _unary("elu", _elu, None, (1.3,)),
    _unary("selu", lambda x: _elu(x, 1.6732632423543772) * 1.0507009873554805, "selu"),
    _unary("celu", lambda x, a: np.where(x > 0, x, a * np.expm1(x / a)), None, (1.3,)),
    _unary("logsigmoid", lambda x: np.log(_sigmoid(x))),
    _unary("softplus", lambda x, b, t: np.where(b * x > t, x, np.log1p(np.exp(b * x)) / b), None, (1.5, 3.0)),
    Row(
        "gelu",
        (
            *(Case((numbers(s),), ("none",), lambda x, _: x * (1 + _erf(x / math.sqrt(2))) / 2) for s in SHAPES),
            Case((numbers((2, 3)),), ("tanh",), _gelu_tanh),
        ),
    ),
    _unary("silu", lambda x: x * _sigmoid(x)),
    _unary("mish", lambda x: x * np.tanh(np.log1p(np.exp(x)))),
    _unary("softsign", lambda x: x / (1 + np.abs(x))),
    _unary("tanhshrink", lambda x: x - np.tanh(x)),
    Row("softmin", tuple(Case((numbers((2, 3), 1),), (axis,), lambda x, a: _softmax(-x, a)) for axis in (0, 1))),
    Row(
        "gumbel_softmax",
        (
            Case((numbers((2, 3)), numbers((2, 3), 1, 0.2), np.array(0.7)), (1, False), _gumbel),
            # The gradient is that of the soft choice.
            Case((numbers((2, 3)), numbers((2, 3), 1, 0.2), np.array(0.7)), (0, True), _gumbel, None, False),
            Case((numbers(()), numbers((), 1, 0.2), np.array(0.7)), (0, True), lambda *_: np.ones(()), None, False),
        ),
    ),
    Row(
        "glu",
        (Case((numbers((2, 4)),), (1,), _glu), Case((numbers((2, 3)),), (0,), _glu)),
        (Refusal((numbers((2, 3)),), (1,), ShapeError, "odd extent"),),
    ),
    _pointwise("l1_loss", lambda x, t: np.abs(x - t)),
    _pointwise("smooth_l1_loss", _smooth_l1, 0.7),
    _pointwise("huber_loss", _huber, 0.7),
    Row(
        "binary_cross_entropy",
        (
            *(
                Case(
                    (numbers((2, 3), 0, 0.1, 0.9), numbers((2, 3), 1, 0.1, 0.9)),
                    (r,),
                    lambda x, t, r: _reduced(_bce(x, t), r),
                )
                for r in _REDUCTIONS
            ),
            Case(
                (numbers((2, 3), 0, 0.1, 0.9), numbers((2, 3), 1, 0.1, 0.9), np.array([0.5, 1.0, 2.0], np.float32)),
                ("mean",),
                lambda x, t, w, r: _reduced(_bce(x, t, w.astype(np.float64)), r),
            ),
        ),
        (
            _apart,
            Refusal((numbers((2, 3)), numbers((2, 3)), numbers((2,))), ("mean",), ShapeError, "does not broadcast"),
        ),
    ),
    Row(
        "binary_cross_entropy_with_logits",
        (
            *(
                Case((numbers((2, 3)), numbers((2, 3), 1, 0.1, 0.9)), (False, False, r), _bce_logits)
                for r in _REDUCTIONS
            ),
            Case(
                (numbers((2, 3)), numbers((2, 3), 1, 0.1, 0.9), numbers((2, 1), 2), numbers((3,), 3)),
                (True, True, "mean"),
                _bce_logits,
            ),
        ),
        (
            Refusal(_apart.inputs, (False, False, "mean"), ShapeError, _apart.message),
            Refusal((numbers((2, 3)), numbers((2, 3)), numbers((2,))), (False, True, "mean"), ShapeError, "pos_weight"),
        ),
    ),
    Row(
        "kl_div",
        tuple(
            Case((numbers((2, 3)), numbers((2, 3), 1, 0.1, 0.9)), (r, log), _kl)
            for r in ("batchmean", *_REDUCTIONS)
            for log in (False, True)
        ),
        (Refusal(_apart.inputs, ("mean", False), ShapeError, _apart.message),),
    ),
    Row("nll_loss", _class_cases(_class_loss, smoothing=False), _class_refusals),
    Row("cross_entropy.classes", _class_cases(_cross_entropy, smoothing=True), _class_refusals),
    Row(
        "cross_entropy.probabilities",
        (
            *(
                Case((numbers((3, 4)), numbers((3, 4), 1, 0.1, 0.9)), (False, False, False, r), _soft_cross_entropy)
                for r in _REDUCTIONS
            ),
            Case(
                (numbers((3, 4)), numbers((3, 4), 1, 0.1, 0.9), _class_weight, np.array(0.2)),
                (True, True, False, "mean"),
                _soft_cross_entropy,
            ),
            Case(
                (numbers((2, 4, 2)), numbers((2, 4, 2), 1, 0.1, 0.9), _class_weight),
                (True, False, False, "none"),
                _soft_cross_entropy,
            ),
        ),
        (Refusal((numbers((3, 4)), numbers((3, 5))), (False, False, False, "mean"), ShapeError, "equal shapes"),),
    ),
    Row(
        "bilinear",
        (
            Case(
                (numbers((4, 3)), numbers((4, 2), 1), numbers((5, 3, 2), 2), numbers((5,), 3)),
                (),
                lambda a, b, w, c: np.einsum("ni,kij,nj->nk", a, w, b) + c,
            ),
        ),
        (Refusal((numbers((4, 3)), numbers((4, 3)), numbers((5, 3, 2))), (), ShapeError, "in1"),),
    ),
    Row(
        "embedding",
        (
            Case((numbers((4, 2)), np.array([[3, 0], [3, 1]])), (), lambda w, i: w[i]),
            Case((numbers((4, 2)), np.array([3, 0]), np.array(1)), (), lambda w, i, _: w[i]),
        ),
        (
            Refusal((numbers((4, 2)), numbers((3,))), (), DTypeError, "must be int64"),
            Refusal((numbers((4,)), np.array([1])), (), ShapeError, r"must be \(rows, features\)"),
        ),
    ),
    Row(
        "embedding.by_frequency",
        (
            # The gradient is a mean over the places where a row is read: no derivative of anything.
            Case((numbers((4, 2)), np.array([[3, 0], [3, 1]])), (), lambda w, i: w[i], None, False),
            Case((numbers((4, 2)), np.array([3, 0]), np.array(1)), (), lambda w, i, _: w[i], None, False),
        ),
    ),
    Row(
        "embedding.renorm",
        (
            Case((numbers((4, 2)), np.array([3, 0, 3]), _number(0.9)), ("2",), _renorm),
            Case(
                (numbers((4, 2)), np.array([3, 1]), np.array(0.9, np.float32), np.array(3, np.float32)), ("p",), _renorm
            ),
        ),
    ),
    Row(
        "embedding_bag",
        (
            *(Case(_bag, (False, False, kind, 3), _embedding_bag) for kind in ("sum", "mean", "max")),
            *(Case((*_bag, np.array(3)), (False, True, kind, 3), _embedding_bag) for kind in ("sum", "mean", "max")),
            Case((*_bag, numbers((5,), 1)), (True, False, "sum", 3), _embedding_bag),
            Case(_bag, (False, False, "sum", 2), _embedding_bag),
            Case(
                (numbers((2, 2)), np.zeros(0, np.int64), np.zeros(1, np.int64)),
                (False, False, "sum", 1),
                _embedding_bag,
                None,
                False,
            ),
        ),
        (
            Refusal((numbers((4,)), *_bag[1:]), (False, False, "sum", 3), ShapeError, "rows, features"),
            Refusal((_bag[0], numbers((2,)), _bag[2]), (False, False, "sum", 3), DTypeError, "use .long"),
        ),
    ),
    Row(
        "embedding_bag.by_frequency",
        tuple(Case(_bag, (False, False, kind, 3), _embedding_bag, None, False) for kind in ("sum", "mean")),
    ),
    Row(
        "batch_norm",
        (
            Case((numbers((4, 3)), EPS, numbers((3,), 1), numbers((3,), 2)), (True,), _batch_norm),
            Case((numbers((2, 3, 2)), EPS), (False,), _batch_norm),
        ),
        (
            Refusal((numbers((4,)), EPS), (False,), ShapeError, "must be"),
            Refusal((numbers((1, 3)), EPS), (False,), ShapeError, "drop_last=True"),
            Refusal((numbers((4, 3)), EPS, numbers((2,))), (True,), ShapeError, "one number for each channel"),
        ),
    ),
    Row(
        "batch_norm.running",
        (
            Case(
                (
                    numbers((4, 3)),
                    np.array(1e-3),
                    numbers((3,), 1),
                    numbers((3,), 2, 0.2),
                    numbers((3,), 3),
                    numbers((3,), 4),
                ),
                (True,),
                _running,
            ),
            Case((numbers((2, 3, 2)), EPS, numbers((3,), 1), numbers((3,), 2, 0.2)), (False,), _running),
        ),
    ),
    Row(
        "batch_norm.track",
        (
            Case((numbers((4, 3, 2)), numbers((3,), 1), numbers((3,), 2, 0.2), np.array(0.3)), (True,), _track),
            Case(
                (numbers((4, 3)), numbers((3,), 1), numbers((3,), 2, 0.2), np.array(0.3), np.array(7)), (True,), _track
            ),
        ),
    ),
    Row(
        "layer_norm",
        (
            Case((numbers((4, 3)), EPS, numbers((3,), 1), numbers((3,), 2)), ((3,), True), _layer_norm),
            Case((numbers((2, 3, 2)), EPS, numbers((3, 2), 1)), ((3, 2), True), _layer_norm),
            Case((numbers((2, 3)), EPS), ((3,), False), _layer_norm),
            Case((numbers((0, 3)), EPS), ((3,), False), _layer_norm),
        ),
        (Refusal((numbers((4, 3)), EPS), ((4,), False), ShapeError, "last axes must be"),),
    ),
    Row(
        "rms_norm",
        (
            Case((numbers((4, 3)), EPS, numbers((3,), 1)), ((3,), True), _rms_norm),
            Case((numbers((2, 3, 2)), EPS, numbers((3, 2), 1)), ((3, 2), True), _rms_norm),
            Case((numbers((3,)), EPS), ((3,), False), _rms_norm),
            Case((numbers((0, 3)), EPS), ((3,), False), _rms_norm),
        ),
        (
            Refusal((numbers((4, 3)), EPS), ((4,), False), ShapeError, "last axes must be"),
            Refusal((numbers((4, 3)), EPS, numbers((2,))), ((3,), True), ShapeError, "must have the normalized_shape"),
        ),
    ),
    Row(
        "group_norm",
        (
            Case((numbers((2, 4, 3)), EPS, numbers((4,), 1), numbers((4,), 2)), (2, True), _group_norm),
            Case((numbers((2, 4)), EPS), (2, False), _group_norm),
        ),
        (Refusal((numbers((2, 4)), EPS), (3, False), ShapeError, "do not divide"),),
    ),
    Row("total_norm", tuple(Case((numbers((2, 3)), numbers((2,), 1), p), (k,), _total_norm) for p, k in _kinds)),
    Row(
        "clip_grad_norm",
        tuple(Case((numbers((2, 3)), numbers((2,), 1), np.array(0.5, np.float32), p), (k,), _clip) for p, k in _kinds),
    ),
)
