"""Losses that compare element with element, as composites. Shapes must be equal; weights may broadcast."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.loss import reduced, require_same_shape
from retrograd.ops.movement import broadcast_shapes, broadcast_to
from retrograd.ops.smooth import LOG_SIGMOID
from retrograd.ops.spread import spread


def _difference(name: str, x: Node, target: Node) -> Node:
    require_same_shape(name, x, target)
    return e.sub(x, e.cast(target, x.type.dtype))


def _fitted(name: str, what: str, weight: Node, x: Node) -> Node:
    """A weight that broadcasts to the input, which must not grow."""
    shape: Shape | None = None
    if len(weight.type.shape) <= len(x.type.shape):
        try:
            shape = broadcast_shapes(name, weight.type.shape, x.type.shape)
        except ShapeError:
            shape = None
    if shape != x.type.shape:
        raise ShapeError(
            f"{name}: {what} has shape {weight.type.shape} and does not broadcast to the input's {x.type.shape}; "
            "give it one number for each element, or for each position of the last axes"
        )
    return broadcast_to(e.cast(weight, x.type.dtype), x.type.shape)


@composite("l1_loss")
def L1_LOSS(x: Node, target: Node, reduction: str) -> Node:
    """mean_i |x_i - t_i|."""
    return reduced(e.absolute(_difference("l1_loss", x, target)), reduction)


@composite("smooth_l1_loss")
def SMOOTH_L1_LOSS(x: Node, target: Node, beta: Node, reduction: str) -> Node:
    """mean_i of d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; d = x - t."""
    d = _difference("smooth_l1_loss", x, target)
    size, half = e.absolute(d), like(0.5, d)
    beta = spread(beta, d)
    losses = e.select(e.lt(size, beta), e.div(e.mul(half, e.mul(d, d)), beta), e.sub(size, e.mul(half, beta)))
    return reduced(losses, reduction)


@composite("huber_loss")
def HUBER_LOSS(x: Node, target: Node, delta: Node, reduction: str) -> Node:
    """mean_i of d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2); d = x - t."""
    d = _difference("huber_loss", x, target)
    size, half = e.absolute(d), like(0.5, d)
    delta = spread(delta, d)
    linear = e.mul(delta, e.sub(size, e.mul(half, delta)))
    return reduced(e.select(e.le(size, delta), e.mul(half, e.mul(d, d)), linear), reduction)


def _bounded_log(x: Node) -> Node:
    """log x, and -100 where it would be less: log 0 has a gradient then that can be used."""
    return e.maximum(e.log(x), like(-100, x))


def _rows(g: Node, x: Node, reduction: str) -> Node:
    """The gradient of a reduction, for each element."""
    if reduction == "mean":
        g = e.div(g, like(x.type.size, g))
    return g if reduction == "none" else broadcast_to(g, x.type.shape)


def _bce_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    """(x - t) / (x (1 - x)), the denominator kept from 0, NaN outside [0, 1]; to the target log(1 - x) - log x."""
    p, given, *weights = x
    t, one = e.cast(given, p.type.dtype), like(1, p)
    rows = _rows(g, p, attributes[0])
    if weights:
        rows = e.mul(rows, _fitted("binary_cross_entropy", "the weight", weights[0], p))
    room = e.mul(e.sub(one, p), p)
    room = e.select(e.le(like(0, p), room), e.maximum(room, like(1e-12, p)), like(math.nan, p))
    to_target = None
    if given.type.dtype.is_floating_point:
        opposite = e.maximum(e.log1p(e.neg(p)), like(-100, p))
        to_target = e.cast(e.mul(rows, e.sub(opposite, _bounded_log(p))), given.type.dtype)
    return e.mul(rows, e.div(e.sub(p, t), room)), to_target, *[None] * len(weights)


@composite("binary_cross_entropy", _bce_gradient)
def BINARY_CROSS_ENTROPY(x: Node, target: Node, *rest: Any) -> Node:
    """-w (t log x + (1 - t) log(1 - x)), logarithms not below -100; the last argument is the reduction."""
    *weights, reduction = rest
    require_same_shape("binary_cross_entropy", x, target)
    t, one = e.cast(target, x.type.dtype), like(1, x)
    opposite = e.maximum(e.log1p(e.neg(x)), like(-100, x))
    losses = e.sub(e.mul(e.sub(t, one), opposite), e.mul(t, _bounded_log(x)))
    if weights:
        losses = e.mul(losses, _fitted("binary_cross_entropy", "the weight", weights[0], x))
    return reduced(losses, reduction)


@composite("binary_cross_entropy_with_logits")
def BINARY_CROSS_ENTROPY_WITH_LOGITS(x: Node, target: Node, *rest: Any) -> Node:
    """-w (q t log s(x) + (1 - t) log s(-x)), s the sigmoid and q the weight of positives.

    The last arguments: whether there is w, whether there is q, and the reduction.
    """
    *weights, has_weight, has_positive, reduction = rest
    name = "binary_cross_entropy_with_logits"
    require_same_shape(name, x, target)
    t, one = e.cast(target, x.type.dtype), like(1, x)
    log_probability = record(LOG_SIGMOID, (x,))
    if has_positive:
        positive = _fitted(name, "pos_weight", weights[-1], x)
        log_probability = e.mul(e.add(one, e.mul(e.sub(positive, one), t)), log_probability)
    losses = e.sub(e.mul(e.sub(one, t), x), log_probability)
    if has_weight:
        losses = e.mul(losses, _fitted(name, "the weight", weights[0], x))
    return reduced(losses, reduction)


@composite("kl_div")
def KL_DIV(x: Node, target: Node, reduction: str, log_target: bool) -> Node:
    """t (log t - x), 0 where t is 0; with `log_target`, exp(t) (t - x)."""
    require_same_shape("kl_div", x, target)
    t = e.cast(target, x.type.dtype)
    if log_target:
        losses = e.mul(e.exp(t), e.sub(t, x))
    else:
        # A probability of 0 counts for nothing, and has no logarithm to worry about.
        safe = e.select(e.eq(t, like(0, t)), like(1, t), t)
        losses = e.sub(e.mul(t, e.log(safe)), e.mul(t, x))
    if reduction == "batchmean":
        rows = x.type.shape[0] if x.type.shape else 1
        total = reduced(losses, "sum")
        return e.div(total, like(rows, total))
    return reduced(losses, reduction)
