"""Activations and the softmax family as composites."""

from __future__ import annotations

from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import floating
from retrograd.ops.constant import like
from retrograd.ops.movement import broadcast_to
from retrograd.ops.reduce import max_keepdim, sum_keepdim


def _relu_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    return (e.select(e.gt(y, like(0, y)), g, like(0, g)),)


@composite("relu", _relu_gradient)
def RELU(x: Node) -> Node:
    """max(x, 0), NaN kept; the gradient at 0 is 0."""
    zero = like(0, x)
    return e.select(e.le(x, zero), zero, x)


def _sigmoid_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    return (e.mul(g, e.mul(y, e.sub(like(1, y), y))),)


@composite("sigmoid", _sigmoid_gradient)
def SIGMOID(x: Node) -> Node:
    """1 / (1 + exp(-x))."""
    x = e.cast(x, floating(x.type.dtype))
    one = like(1, x)
    return e.div(one, e.add(one, e.exp(e.neg(x))))


def _softmax_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    (axis,) = attributes
    inner = sum_keepdim(e.mul(g, y), (axis,))
    return (e.mul(y, e.sub(g, broadcast_to(inner, g.type.shape))),)


@composite("softmax", _softmax_gradient)
def SOFTMAX(x: Node, axis: int) -> Node:
    """exp(x_i) / sum_j exp(x_j) along an axis, shifted by the maximum."""
    powers = e.exp(_shifted(x, axis))
    return e.div(powers, broadcast_to(sum_keepdim(powers, (axis,)), x.type.shape))


def _log_softmax_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    (axis,) = attributes
    total = broadcast_to(sum_keepdim(g, (axis,)), g.type.shape)
    return (e.sub(g, e.mul(e.exp(y), total)),)


@composite("log_softmax", _log_softmax_gradient)
def LOG_SOFTMAX(x: Node, axis: int) -> Node:
    """x_i - log sum_j exp(x_j) along an axis, shifted by the maximum."""
    return log_softmax(x, axis)


def log_softmax(x: Node, axis: int) -> Node:
    shifted = _shifted(x, axis)
    total = sum_keepdim(e.exp(shifted), (axis,))
    return e.sub(shifted, broadcast_to(e.log(total), x.type.shape))


def _shifted(x: Node, axis: int) -> Node:
    """x less its maximum along an axis; nothing, of nothing."""
    if x.type.size == 0:
        return x
    return e.sub(x, broadcast_to(max_keepdim(x, (axis,)), x.type.shape))
