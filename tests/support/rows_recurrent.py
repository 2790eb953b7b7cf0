"""Rows of loops and of recurrent layers; see `tests/support/table.py`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core.dtype import DType, float64, int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.types import tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to
from tests.support.table import Array, Case, Function, Refusal, Row, numbers, whole

# -- scan -------------------------------------------------------------------------------------------------------------


def place(*shape: int, dtype: DType = float64) -> Node:
    return input_node(tensor_type(shape, dtype), None)


def body(places: list[Node], outputs: Callable[..., list[Node]]) -> Graph:
    return Graph.from_nodes(places, outputs(*places))


def _times(length: int, reverse: bool) -> list[int]:
    return list(reversed(range(length))) if reverse else list(range(length))


def _dense_step(h: Node, a: Node, x: Node, w: Node) -> list[Node]:
    following = e.tanh(e.add(x, matmul(h, w)))
    return [following, e.mul(a, following), e.mul(x, following), h, x]


def _dense(h: Array, a: Array, xs: Array, w: Array, *attributes: Any) -> tuple[Array, ...]:
    *_, length, reverse = attributes
    products, before, given = np.zeros((3, length, *h.shape))
    for t in _times(length, reverse):
        before[t], given[t] = h, xs[t]
        h = np.tanh(xs[t] + h @ w)
        a = a * h
        products[t] = xs[t] * h
    return h, a, products, before, given


def _sum_step(total: Node, fixed: Node, x: Node, w: Node) -> list[Node]:
    return [e.add(total, e.mul(e.mul(x, w), fixed)), fixed, e.mul(x, x)]


def _sums(total: Any, fixed: Any, xs: Array, w: Any, *_: Any) -> tuple[Any, ...]:
    return total + np.sum(xs) * w * fixed, fixed, xs * xs


def _count_step(count: Node, x: Node) -> list[Node]:
    return [e.add(count, like(1, count)), e.add(x, x), x]


def _counts(count: Any, x: Array, *attributes: Any) -> tuple[Any, ...]:
    length = attributes[3]
    return count + length, x * 2.0**length, x * 2.0 ** np.arange(length).reshape(-1, 1)


def _scale_step(h: Node, x: Node, w: Node, b: Node) -> list[Node]:
    """A constant that a step multiplies by, and one that it adds to every row."""
    following = e.mul(e.add(h, x), e.add(w, broadcast_to(b, w.type.shape)))
    return [following, following]


def _scaled(h: Array, xs: Array, w: Array, b: Array, *attributes: Any) -> tuple[Array, Array]:
    *_, length, reverse = attributes
    stack = np.zeros((length, *h.shape))
    for t in _times(length, reverse):
        stack[t] = h = (h + xs[t]) * (w + b)
    return h, stack


_DENSE = body([place(2, 3), place(2, 3), place(2, 3), place(3, 3)], _dense_step)
_SUM = body([place(), place(), place(), place()], _sum_step)
_COUNT = body([place(dtype=int64), place(2)], _count_step)
_SCALE = body([place(2, 3), place(2, 3), place(2, 3), place(3)], _scale_step)
_GROWING = body([place(2)], lambda x: [broadcast_to(x, (3, 2))])
_CASTING = body([place(2)], lambda x: [e.cast(x, int64)])

_dense_inputs = (0.4 * numbers((2, 3), 1), numbers((2, 3), 2), numbers((4, 2, 3), 3), 0.4 * numbers((3, 3), 4))
_scale_inputs = (numbers((2, 3), 1), numbers((3, 2, 3), 2), 0.5 * numbers((2, 3), 3), 0.5 * numbers((3,), 4))

# -- branches ---------------------------------------------------------------------------------------------------------

_TWICE = body([place(2, 3), place(2, 3)], lambda x, y: [e.mul(x, y), e.add(x, x)])
_SINE = body([place(2, 3), place(2, 3)], lambda x, y: [e.sin(x), y])
_SHORT = body([place(2, 3), place(2, 3)], lambda x, y: [x])
_SUMMED = body([place(2, 3), place(2, 3)], lambda x, y: [e.add(x, y), e.cast(y, int64)])


def _branch(condition: Array, x: Array, y: Array, _: Any) -> tuple[Array, Array]:
    return (x * y, x + x) if condition else (np.sin(x), y)


_pair = (numbers((2, 3), 1), numbers((2, 3), 2))

# -- loops of unknown length ------------------------------------------------------------------------------------------

_ABOVE = body([place(dtype=int64), place(dtype=int64), place(dtype=int64)], lambda n, k, w: [e.gt(n, like(1, n))])
_HALVED = body(
    [place(dtype=int64), place(dtype=int64), place(dtype=int64)],
    lambda n, k, w: [e.floor_divide(n, w), e.add(k, like(1, k))],
)
_ONE = body([place(dtype=int64), place(dtype=int64), place(dtype=int64)], lambda n, k, w: [n])


def _halvings(n: Any, k: Any, w: Any, *_: Any) -> tuple[Any, Any]:
    while n > 1:
        n, k = n // w, k + 1
    return n, k


CONTROL_FLOW_ROWS = (
    Row(
        "scan",
        (
            Case(_dense_inputs, ((_DENSE,), 2, 1, 4, False), _dense),
            Case(_dense_inputs, ((_DENSE,), 2, 1, 4, True), _dense),
            Case((*_dense_inputs[:2], _dense_inputs[2][:1], _dense_inputs[3]), ((_DENSE,), 2, 1, 1, False), _dense),
            Case((*_dense_inputs[:2], _dense_inputs[2][:0], _dense_inputs[3]), ((_DENSE,), 2, 1, 0, False), _dense),
            Case((*map(np.array, (0.3, 0.7)), numbers((5,)), np.array(1.2)), ((_SUM,), 2, 1, 5, True), _sums),
            Case((np.array(7), numbers((2,))), ((_COUNT,), 2, 0, 3, False), _counts),
            Case(_scale_inputs, ((_SCALE,), 1, 1, 3, True), _scaled),
        ),
        (
            Refusal((numbers((2,)),), ((_GROWING,), 1, 0, 3, False), ShapeError, "the shape must stay"),
            Refusal((numbers((2,)),), ((_CASTING,), 1, 0, 3, False), DTypeError, "cast one"),
            Refusal(
                (np.array(7), numbers((3,))), ((_COUNT,), 2, 0, 3, False), ShapeError, "the body takes"
            ),
            Refusal(_scale_inputs, ((_SCALE,), 1, 1, 4, False), ShapeError, "must have 4 steps"),
        ),
    ),
    Row(
        "cond",
        (
            Case((np.array(True), *_pair), ((_TWICE, _SINE),), _branch),
            Case((np.array(False), *_pair), ((_TWICE, _SINE),), _branch),
        ),
        (
            Refusal((np.array([True]), *_pair), ((_TWICE, _SINE),), ShapeError, "a single value"),
            Refusal((np.array(1), *_pair), ((_TWICE, _SINE),), DTypeError, "must be bool"),
            Refusal((np.array(True), *_pair), ((_TWICE, _SHORT),), ShapeError, "the same shapes"),
            Refusal((np.array(True), *_pair), ((_TWICE, _SUMMED),), ShapeError, "the same shapes"),
            Refusal((np.array(True), _pair[0]), ((_TWICE, _SINE),), ShapeError, "a branch takes"),
        ),
    ),
    Row(
        "while",
        (
            Case((np.array(41), np.array(0), np.array(2)), ((_ABOVE, _HALVED), 2), _halvings, smooth=False),
            Case((np.array(1), np.array(7), np.array(2)), ((_ABOVE, _HALVED), 2), _halvings, smooth=False, shared=(2,)),
        ),
        (
            Refusal((np.array(41), np.array(0), np.array(2)), ((_ONE, _HALVED), 2), DTypeError, "must be bool"),
            Refusal((np.array(41), np.array(0), np.array(2)), ((_ABOVE, _ONE), 2), ShapeError, "must stay the same"),
            Refusal((np.array(41), np.array(0)), ((_ABOVE, _HALVED), 2), ShapeError, "a function takes"),
        ),
    ),
)  # fmt: skip

# -- recurrent layers -------------------------------------------------------------------------------------------------

_T, _B, _I, _H = 3, 2, 3, 2


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-x)))


def _relu(x: Array) -> Array:
    return np.maximum(x, 0)


def _rnn_cell(x: Array, h: Array, w_ih: Array, w_hh: Array, *rest: Any) -> Array:
    *biases, nonlinearity = rest
    return (np.tanh if nonlinearity == "tanh" else _relu)(x @ w_ih.T + h @ w_hh.T + sum(biases))


def _lstm_gates(x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, *biases: Array) -> list[Array]:
    i, f, g, o = np.split(x @ w_ih.T + h @ w_hh.T + sum(biases), 4, 1)
    return [_sigmoid(i), _sigmoid(f), np.tanh(g), _sigmoid(o)]


def _lstm_cell(x: Array, h: Array, c: Array, *weights: Array) -> tuple[Array, Array]:
    i, f, g, o = _lstm_gates(x, h, c, *weights)
    c = f * c + i * g
    return o * np.tanh(c), c


def _gru_gates(x: Array, h: Array, w_ih: Array, w_hh: Array, *biases: Array) -> list[Array]:
    b_ih, b_hh = biases or (0.0, 0.0)
    (xr, xz, xn), (hr, hz, hn) = np.split(x @ w_ih.T + b_ih, 3, 1), np.split(h @ w_hh.T + b_hh, 3, 1)
    r = _sigmoid(xr + hr)
    return [r, _sigmoid(xz + hz), np.tanh(xn + r * hn), hn]


def _gru_cell(x: Array, h: Array, *weights: Array) -> Array:
    _, z, n, _ = _gru_gates(x, h, *weights)
    return n + z * (h - n)


def _layer(step: Function, length: int, reverse: bool) -> tuple[Array, ...]:
    """What `step(t)` gives at each time, stacked in the order of time."""
    made = {t: step(t) for t in _times(length, reverse)}
    return tuple(np.stack(column) for column in zip(*(made[t] for t in range(length)), strict=True))


def _mask_of(masks: tuple[Array, ...], t: int) -> Any:
    return masks[0][t][:, None] if masks else True


def _rnn(x: Array, h: Array, w_ih: Array, w_hh: Array, *rest: Any) -> tuple[Array, ...]:
    *more, has_bias, nonlinearity, reverse = rest
    biases, masks = more[: 2 * has_bias], tuple(more[2 * has_bias :])
    state = [h]

    def step(t: int) -> list[Array]:
        before = state[0]
        made = _rnn_cell(x[t], before, w_ih, w_hh, *biases, nonlinearity)
        state[0] = np.where(_mask_of(masks, t), made, before)
        return [state[0], before, *([made] if masks else [])]

    y, *kept = _layer(step, len(x), reverse)
    return (y, state[0], *kept)


def _lstm(x: Array, h: Array, c: Array, w_ih: Array, w_hh: Array, *rest: Any) -> tuple[Array, ...]:
    *more, has_bias, has_projection, reverse = rest
    biases, more = more[: 2 * has_bias], more[2 * has_bias :]
    projections, masks = more[:has_projection], tuple(more[has_projection:])
    state = [h, c]

    def step(t: int) -> list[Array]:
        before, memory = state
        i, f, g, o = _lstm_gates(x[t], before, memory, w_ih, w_hh, *biases)
        following = f * memory + i * g
        made = o * np.tanh(following)
        for w in projections:
            made = made @ w.T
        mask = _mask_of(masks, t)
        state[:] = np.where(mask, made, before), np.where(mask, following, memory)
        return [state[0], before, memory, i, f, g, o, np.tanh(following)]

    y, *kept = _layer(step, len(x), reverse)
    return (y, *state, *kept)


def _gru(x: Array, h: Array, w_ih: Array, w_hh: Array, *rest: Any) -> tuple[Array, ...]:
    *more, has_bias, reverse = rest
    biases, masks = more[: 2 * has_bias], tuple(more[2 * has_bias :])
    state = [h]

    def step(t: int) -> list[Array]:
        before = state[0]
        r, z, n, hn = _gru_gates(x[t], before, w_ih, w_hh, *biases)
        state[0] = np.where(_mask_of(masks, t), n + z * (before - n), before)
        return [state[0], before, r, z, n, hn]

    y, *kept = _layer(step, len(x), reverse)
    return (y, state[0], *kept)


def _weights(gates: int, biased: bool, extent: int = _H) -> tuple[Array, ...]:
    shapes: list[tuple[int, ...]] = [(gates * _H, _I), (gates * _H, extent)]
    shapes += [(gates * _H,)] * 2 * biased
    return tuple(0.6 * numbers(shape, 11 + i) for i, shape in enumerate(shapes))


_x, _h, _c = numbers((_T, _B, _I), 1), numbers((_B, _H), 2), numbers((_B, _H), 3)
_mask = np.array([[True, True], [True, False], [True, False]])
_wrong = Refusal((_x, _h, numbers((_H, 5)), numbers((_H, _H))), (False, "tanh", False), ShapeError, "takes 5 features")

RECURRENT_ROWS = (
    Row("stop_gradient", (Case((numbers((2,)),), (), lambda x: x, smooth=False),)),
    Row(
        "rnn",
        (
            Case((_x, _h, *_weights(1, True)), (True, "tanh", False), _rnn),
            Case((_x, _h, *_weights(1, False)), (False, "relu", True), _rnn),
            Case((_x, _h, *_weights(1, True), _mask), (True, "tanh", True), _rnn),
        ),
        (_wrong,),
    ),
    Row(
        "lstm",
        (
            Case((_x, _h, _c, *_weights(4, True)), (True, False, False), _lstm),
            Case((_x, numbers((_B, 1)), _c, *_weights(4, False, 1), numbers((1, _H))), (False, True, True), _lstm),
            Case((_x, _h, _c, *_weights(4, True), _mask), (True, False, True), _lstm),
        ),
    ),
    Row(
        "gru",
        (
            Case((_x, _h, *_weights(3, True)), (True, False), _gru),
            Case((_x, _h, *_weights(3, False)), (False, True), _gru),
            Case((_x, _h, *_weights(3, True), _mask), (True, True), _gru),
        ),
    ),
    Row(
        "rnn_cell",
        (
            Case((_x[0], _h, *_weights(1, True)), ("tanh",), _rnn_cell),
            Case((_x[0], _h, *_weights(1, False)), ("relu",), _rnn_cell),
        ),
        (Refusal((whole((2, 3)), _h, *_weights(1, False)), ("tanh",), DTypeError, "cast one"),),
    ),
    Row("lstm_cell", tuple(Case((_x[0], _h, _c, *_weights(4, biased)), (), _lstm_cell) for biased in (True, False))),
    Row("gru_cell", tuple(Case((_x[0], _h, *_weights(3, biased)), (), _gru_cell) for biased in (True, False))),
)
