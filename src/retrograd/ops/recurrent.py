"""Recurrent layers as composites: one node for each layer and direction.

What the input gives to the gates is one product for all steps, before the loop; a step adds what the last state gives.
The layers have more outputs than users see: what their gradients read of the steps, so that a loss that is looked at
before its backward pass leaves that at hand.

x is (T, B, in), states are (B, H), weights (gates * H, in) and (gates * H, H), with PyTorch's order of the gates. A
mask (T, B) says which sequences still go on: where it is false a state stays as it was.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import composite, record
from retrograd.core.types import tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.activation import RELU, SIGMOID
from retrograd.ops.loop import Loop
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, reshape, transpose
from retrograd.ops.scan import scan
from retrograd.ops.split import split

# Carries, one step of each stream, constants -> next carries, and what is stacked.
Step = Callable[[list[Node], list[Node], list[Node]], tuple[list[Node], list[Node]]]

# -- pieces -----------------------------------------------------------------------------------------------------------


def _gates(x: Node, count: int) -> list[Node]:
    """The last axis in equal parts."""
    extent = x.type.shape[-1]
    if extent % count:
        raise ShapeError(f"a recurrent layer has {count} gates, and its weights {extent} rows, no multiple of that")
    return split(x, len(x.type.shape) - 1, (extent // count,) * count)


def _sigmoid(x: Node) -> Node:
    return record(SIGMOID, (x,))


def _affine(x: Node, weight: Node, biases: Sequence[Node]) -> Node:
    """x W^T + b for all steps at once."""
    *leading, extent = x.type.shape
    rows, columns = weight.type.shape
    if columns != extent:
        raise ShapeError(f"a recurrent layer takes {columns} features, and its input has shape {x.type.shape}")
    y = matmul(reshape(x, (math.prod(leading), extent)), transpose(weight))
    if biases:
        total = functools.reduce(e.add, biases)
        y = e.add(y, broadcast_to(total, y.type.shape))
    return reshape(y, (*leading, rows))


def _loop(step: Step, carries: list[Node], streams: list[Node], constants: list[Node], reverse: bool) -> list[Node]:
    """The last carries and the stacks of a step that is taken over and over."""
    places = [input_node(c.type, None) for c in carries]
    places += [input_node(tensor_type(x.type.shape[1:], x.type.dtype), None) for x in streams]
    places += [input_node(w.type, None) for w in constants]
    first, last = len(carries), len(carries) + len(streams)
    following, stacked = step(places[:first], places[first:last], places[last:])
    body = Graph.from_nodes(places, [*following, *stacked])
    loop = Loop(body, first, len(streams), streams[0].type.shape[0], reverse)
    return scan(loop, [*carries, *streams, *constants])


def _where(mask: Sequence[Node], new: Node, old: Node) -> Node:
    """The new state where a sequence goes on."""
    if not mask:
        return new
    (rows,) = mask
    return e.select(broadcast_to(reshape(rows, (*rows.type.shape, 1)), new.type.shape), new, old)


# -- one step ---------------------------------------------------------------------------------------------------------


def _rnn_step(gates: Node, nonlinearity: str) -> Node:
    return e.tanh(gates) if nonlinearity == "tanh" else record(RELU, (gates,))


def _lstm_step(gates: Node, c: Node) -> tuple[Node, Node, list[Node]]:
    """The next states, and what the gradient reads."""
    i, f, g, o = _gates(gates, 4)
    i, f, g, o = _sigmoid(i), _sigmoid(f), e.tanh(g), _sigmoid(o)
    following = e.add(e.mul(f, c), e.mul(i, g))
    squashed = e.tanh(following)
    return e.mul(o, squashed), following, [i, f, g, o, squashed]


def _gru_step(from_input: Node, from_state: Node, h: Node) -> tuple[Node, list[Node]]:
    """The next state, and what the gradient reads."""
    input_r, input_z, input_n = _gates(from_input, 3)
    state_r, state_z, state_n = _gates(from_state, 3)
    r, z = _sigmoid(e.add(input_r, state_r)), _sigmoid(e.add(input_z, state_z))
    n = e.tanh(e.add(input_n, e.mul(r, state_n)))
    return e.add(n, e.mul(z, e.sub(h, n))), [r, z, n, state_n]


# -- layers -----------------------------------------------------------------------------------------------------------


@composite("rnn")
def RNN(x: Node, h: Node, w_ih: Node, w_hh: Node, *rest: Any) -> tuple[Node, ...]:
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), or relu: all h_t, the last one, and what is kept.

    A mask may follow the biases. The last arguments: whether there are biases, the nonlinearity, and whether time runs
    backwards.
    """
    *more, has_bias, nonlinearity, reverse = rest
    biases, masks = more[: 2 * has_bias], more[2 * has_bias :]

    def step(carries: list[Node], streams: list[Node], constants: list[Node]) -> tuple[list[Node], list[Node]]:
        (before,), (gates, *mask), (w,) = carries, streams, constants
        made = _rnn_step(e.add(gates, matmul(before, w)), nonlinearity)
        after = _where(mask, made, before)
        return [after], [after, before, *([made] if mask else [])]

    last, y, *kept = _loop(step, [h], [_affine(x, w_ih, biases), *masks], [transpose(w_hh)], reverse)
    return (y, last, *kept)


@composite("lstm")
def LSTM(x: Node, h: Node, c: Node, w_ih: Node, w_hh: Node, *rest: Any) -> tuple[Node, ...]:
    """All h_t, the last h and c, and what is kept:

    i, f, g, o = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh,
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g),  h_t = sigmoid(o) tanh(c_t), projected by W_hr if there is one.

    A mask may follow the weights. The last arguments: whether there are biases, whether there is a projection, and
    whether time runs backwards.
    """
    *more, has_bias, has_projection, reverse = rest
    biases, more = more[: 2 * has_bias], more[2 * has_bias :]
    projections, masks = more[:has_projection], more[has_projection:]

    def step(carries: list[Node], streams: list[Node], constants: list[Node]) -> tuple[list[Node], list[Node]]:
        (h, c), (gates, *mask), (w, *projection) = carries, streams, constants
        made, following, kept = _lstm_step(e.add(gates, matmul(h, w)), c)
        if projection:
            made = matmul(made, projection[0])
        after = _where(mask, made, h)
        return [after, _where(mask, following, c)], [after, h, c, *kept]

    constants = [transpose(w_hh), *map(transpose, projections)]
    h, c, y, *kept = _loop(step, [h, c], [_affine(x, w_ih, biases), *masks], constants, reverse)
    return (y, h, c, *kept)


@composite("gru")
def GRU(x: Node, h: Node, w_ih: Node, w_hh: Node, *rest: Any) -> tuple[Node, ...]:
    """All h_t, the last one, and what is kept:

    r = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr),  z = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz),
    n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn)),  h_t = n + z (h_{t-1} - n).

    A mask may follow the biases. The last arguments: whether there are biases, and whether time runs backwards.
    """
    *more, has_bias, reverse = rest
    biases, masks = more[: 2 * has_bias], more[2 * has_bias :]

    def step(carries: list[Node], streams: list[Node], constants: list[Node]) -> tuple[list[Node], list[Node]]:
        (before,), (gates, *mask), (w, *bias) = carries, streams, constants
        from_state = matmul(before, w)
        if bias:
            from_state = e.add(from_state, broadcast_to(bias[0], from_state.type.shape))
        made, kept = _gru_step(gates, from_state, before)
        after = _where(mask, made, before)
        return [after], [after, before, *kept]

    streams = [_affine(x, w_ih, biases[:1]), *masks]
    last, y, *kept = _loop(step, [h], streams, [transpose(w_hh), *biases[1:]], reverse)
    return (y, last, *kept)


# -- cells ------------------------------------------------------------------------------------------------------------


@composite("rnn_cell")
def RNN_CELL(x: Node, h: Node, w_ih: Node, w_hh: Node, *rest: Any) -> Node:
    """One step of `rnn`; the last argument is the nonlinearity."""
    *biases, nonlinearity = rest
    return _rnn_step(e.add(_affine(x, w_ih, biases[:1]), _affine(h, w_hh, biases[1:])), nonlinearity)


@composite("lstm_cell")
def LSTM_CELL(x: Node, h: Node, c: Node, w_ih: Node, w_hh: Node, *biases: Node) -> tuple[Node, Node]:
    """One step of `lstm`."""
    h, c, _ = _lstm_step(e.add(_affine(x, w_ih, biases[:1]), _affine(h, w_hh, biases[1:])), c)
    return h, c


@composite("gru_cell")
def GRU_CELL(x: Node, h: Node, w_ih: Node, w_hh: Node, *biases: Node) -> Node:
    """One step of `gru`."""
    after, _ = _gru_step(_affine(x, w_ih, biases[:1]), _affine(h, w_hh, biases[1:]), h)
    return after
