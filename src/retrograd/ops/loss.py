"""Losses as composites. `reduction` is one of "mean", "sum", "none"."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.activation import log_softmax
from retrograd.ops.constant import const, iota, like
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import sum_keepdim


def reduced(x: Node, reduction: str) -> Node:
    """Every element, their sum, or their mean, as a 0-dimensional value."""
    if reduction == "none":
        return x
    axes = tuple(range(len(x.type.shape)))
    total = reshape(sum_keepdim(x, axes), ())
    if reduction == "sum":
        return total
    return e.div(total, like(max(x.type.size, 0), total)) if x.type.size else e.div(total, like(0, total))


def require_same_shape(name: str, x: Node, target: Node) -> None:
    """A loss never broadcasts in silence: (404, 1) against (404,) would average 404 x 404 differences."""
    if x.type.shape != target.type.shape:
        hint = "make the shapes equal"
        if x.type.size == target.type.size:
            hint = f"write target.reshape({x.type.shape}) or squeeze the input"
        raise ShapeError(
            f"{name}: the input has shape {x.type.shape} and the target {target.type.shape}; they must be equal, "
            f"since broadcasting would compare every element with every other: {hint}"
        )


@composite("mse_loss")
def MSE_LOSS(x: Node, target: Node, reduction: str) -> Node:
    """mean_i (x_i - t_i)^2."""
    require_same_shape("mse_loss", x, target)
    difference = e.sub(x, e.cast(target, x.type.dtype))
    return reduced(e.mul(difference, difference), reduction)


def _class_mask(target: Node, shape: tuple[int, ...]) -> Node:
    """true at (i, t_i): which class each row is of."""
    rows = broadcast_to(reshape(target, (*target.type.shape, 1)), shape)
    return e.eq(iota(shape, len(shape) - 1), rows)


def _check_classes(x: Node, target: Node) -> None:
    if len(x.type.shape) != 2 or target.type.shape != x.type.shape[:1]:
        raise ShapeError(
            f"cross_entropy: logits {x.type.shape} and targets {target.type.shape} do not fit; logits are "
            "(rows, classes) and targets (rows,) of class numbers"
        )
    if target.type.dtype is not int64:
        raise DTypeError(
            f"cross_entropy: targets have dtype {target.type.dtype.name}; class numbers must be int64 (use .long())"
        )


def _cross_entropy_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node, None]:
    """(softmax(x) - onehot(t)) g / N, as one row kernel."""
    logits, target = x
    (reduction,) = attributes
    shape = logits.type.shape
    if reduction == "mean":
        g = e.div(g, like(shape[0], g))
    rows = broadcast_to(reshape(g, (shape[0], 1) if reduction == "none" else (1, 1)), shape)
    probability = e.exp(log_softmax(logits, 1))
    one, zero = like(1, logits), like(0, logits)
    onehot = e.select(_class_mask(target, shape), one, zero)
    return e.mul(e.sub(probability, onehot), rows), None


@composite("cross_entropy", _cross_entropy_gradient)
def CROSS_ENTROPY(x: Node, target: Node, reduction: str) -> Node:
    """-log softmax(x)[t], averaged over the rows."""
    _check_classes(x, target)
    shape = x.type.shape
    picked = e.select(_class_mask(target, shape), log_softmax(x, 1), const(0, x.type.dtype, shape))
    losses = reshape(e.neg(sum_keepdim(picked, (1,))), shape[:1])
    return reduced(losses, reduction)
