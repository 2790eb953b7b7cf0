"""Smooth activations, each in the form that neither overflows nor loses its small values."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops import elementwise as e
from retrograd.ops.activation import SIGMOID, SOFTMAX
from retrograd.ops.constant import const_offset, like
from retrograd.ops.movement import concat, slice_
from retrograd.ops.spread import spread


def sigmoid(x: Node) -> Node:
    """1 / (1 + exp(-x)), with its own gradient rule."""
    return record(SIGMOID, (x,))


def _log_sigmoid_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    return (e.mul(g, sigmoid(e.neg(x[0]))),)


@composite("logsigmoid", _log_sigmoid_gradient)
def LOG_SIGMOID(x: Node) -> Node:
    """log(1 / (1 + exp(-x))) = min(x, 0) - log(1 + exp(-|x|))."""
    low = e.select(e.gt(x, like(0, x)), like(0, x), x)
    return e.sub(low, e.log1p(e.exp(e.neg(e.absolute(x)))))


def softplus(x: Node) -> Node:
    """log(1 + exp(x)) without overflow; 0, not -0, where the exponential vanishes."""
    return e.sub(like(0, x), record(LOG_SIGMOID, (e.neg(x),)))


@composite("softplus")
def SOFTPLUS(x: Node, beta: Node, threshold: Node) -> Node:
    """log(1 + exp(beta x)) / beta, and x itself where beta x > threshold."""
    beta = spread(beta, x)
    scaled = e.mul(beta, x)
    return e.select(e.gt(scaled, spread(threshold, x)), x, e.div(softplus(scaled), beta))


def _error_function(x: Node) -> Node:
    """erf(x / sqrt(2))."""
    return e.erf(e.mul(like(math.sqrt(0.5), x), x))


def _tanh_of_cubic(x: Node) -> Node:
    """tanh(sqrt(2 / pi) (x + 0.044715 x^3))."""
    cube = e.mul(e.mul(x, x), x)
    return e.tanh(e.mul(like(math.sqrt(2 / math.pi), x), e.add(x, e.mul(like(0.044715, x), cube))))


def _gelu_gradient(g: Node, inputs: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    """Phi(x) + x phi(x), and for "tanh" (1 + t) / 2 + x (1 - t^2) sqrt(1 / (2 pi)) (1 + 0.134145 x^2).

    Either is a function of x alone, so that one array stands between the passes; so it is in the rules below.
    """
    (x,) = inputs
    half, one, square = like(0.5, x), like(1, x), e.mul(x, x)
    if attributes == ("none",):
        below, density = _error_function(x), e.exp(e.mul(like(-0.5, x), square))
    else:
        below = _tanh_of_cubic(x)
        slope = e.add(one, e.mul(like(3 * 0.044715, x), square))
        density = e.mul(e.sub(one, e.mul(below, below)), slope)
    density = e.mul(like(math.sqrt(0.5 / math.pi), x), density)
    return (e.mul(g, e.add(e.mul(half, e.add(one, below)), e.mul(x, density))),)


@composite("gelu", _gelu_gradient)
def GELU(x: Node, approximate: str) -> Node:
    """x Phi(x), Phi the normal distribution; "tanh": x (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2."""
    below = _error_function(x) if approximate == "none" else _tanh_of_cubic(x)
    return e.mul(x, e.mul(like(0.5, x), e.add(like(1, x), below)))


def _silu_gradient(g: Node, inputs: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    (x,) = inputs
    s, one = sigmoid(x), like(1, x)
    return (e.mul(g, e.mul(s, e.add(one, e.mul(x, e.sub(one, s))))),)


@composite("silu", _silu_gradient)
def SILU(x: Node) -> Node:
    """x / (1 + exp(-x))."""
    return e.mul(x, sigmoid(x))


def _mish_gradient(g: Node, inputs: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    (x,) = inputs
    t = e.tanh(softplus(x))
    return (e.mul(g, e.add(t, e.mul(x, e.mul(sigmoid(x), e.sub(like(1, x), e.mul(t, t)))))),)


@composite("mish", _mish_gradient)
def MISH(x: Node) -> Node:
    """x tanh(log(1 + exp(x)))."""
    return e.mul(x, e.tanh(softplus(x)))


@composite("softsign")
def SOFTSIGN(x: Node) -> Node:
    """x / (1 + |x|)."""
    return e.div(x, e.add(like(1, x), e.absolute(x)))


@composite("tanhshrink")
def TANHSHRINK(x: Node) -> Node:
    """x - tanh(x)."""
    return e.sub(x, e.tanh(x))


@composite("softmin")
def SOFTMIN(x: Node, axis: int) -> Node:
    """exp(-x_i) / sum_j exp(-x_j) along an axis."""
    return record(SOFTMAX, (e.neg(x),), (axis,))


def _halves(x: Node, axis: int) -> tuple[Node, Node]:
    shape = x.type.shape
    size = tuple(n // 2 if i == axis else n for i, n in enumerate(shape))
    starts = [tuple(const_offset(start if i == axis else 0) for i in range(len(shape))) for start in (0, size[axis])]
    first, second = (slice_(x, start, size, (1,) * len(shape)) for start in starts)
    return first, second


def _glu_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node]:
    (axis,) = attributes
    a, b = _halves(x[0], axis)
    s = sigmoid(b)
    to_a = e.mul(g, s)
    return (concat((to_a, e.mul(e.mul(to_a, a), e.sub(like(1, s), s))), axis),)


@composite("glu", _glu_gradient)
def GLU(x: Node, axis: int) -> Node:
    """a sigmoid(b), a and b the first and the second half along an axis."""
    if x.type.shape[axis] % 2:
        raise ShapeError(
            f"glu: axis {axis} of {x.type.shape} has an odd extent, {x.type.shape[axis]}, and no two equal halves"
        )
    a, b = _halves(x, axis)
    return e.mul(a, sigmoid(b))
