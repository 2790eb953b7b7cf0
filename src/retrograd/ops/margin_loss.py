"""Losses that ask for a margin between what belongs together and what does not, as composites."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype, floating, meet
from retrograd.ops.constant import const, iota, like
from retrograd.ops.distance import distance
from retrograd.ops.gather import gather
from retrograd.ops.loss import reduced, require_same_shape
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import drop_axes, max_keepdim, sum_keepdim
from retrograd.ops.smooth import LOG_SIGMOID, softplus
from retrograd.ops.spread import spread


def _hinge(x: Node) -> Node:
    """max(x, 0); the gradient flows at 0, as PyTorch's clamp has it."""
    zero = like(0, x)
    return e.select(e.lt(x, zero), zero, x)


def _open_hinge(x: Node) -> Node:
    """max(x, 0); no gradient flows at 0."""
    zero = like(0, x)
    return e.select(e.gt(x, zero), x, zero)


def _sum_last(x: Node) -> Node:
    """Without the last axis."""
    last = len(x.type.shape) - 1
    return drop_axes(sum_keepdim(x, (last,)), (last,))


@composite("soft_margin_loss")
def SOFT_MARGIN_LOSS(x: Node, target: Node, reduction: str) -> Node:
    """mean_i log(1 + exp(-t_i x_i))."""
    require_same_shape("soft_margin_loss", x, target)
    return reduced(softplus(e.neg(e.mul(e.cast(target, x.type.dtype), x))), reduction)


@composite("hinge_embedding_loss")
def HINGE_EMBEDDING_LOSS(x: Node, target: Node, margin: Node, reduction: str) -> Node:
    """mean_i of x_i where t_i is 1, and of max(margin - x_i, 0) where it is -1; of both where it is neither."""
    require_same_shape("hinge_embedding_loss", x, target)
    zero, one = like(0, x), like(1, target)
    apart = e.select(e.ne(target, one), _hinge(e.sub(spread(margin, x), x)), zero)
    near = e.select(e.ne(target, like(-1, target)), x, zero)
    return reduced(e.add(apart, near), reduction)


@composite("margin_ranking_loss")
def MARGIN_RANKING_LOSS(x1: Node, x2: Node, target: Node, margin: Node, reduction: str) -> Node:
    """mean_i max(margin - t_i (x1_i - x2_i), 0)."""
    require_same_shape("margin_ranking_loss", x1, x2)
    require_same_shape("margin_ranking_loss", x1, target)
    a, b, t = meet("margin_ranking_loss", x1, x2, target)
    return reduced(_hinge(e.add(e.mul(e.neg(t), e.sub(a, b)), spread(margin, a))), reduction)


@composite("cosine_embedding_loss")
def COSINE_EMBEDDING_LOSS(x1: Node, x2: Node, target: Node, margin: Node, reduction: str) -> Node:
    """Mean of 1 - cos(x1, x2) where t is 1, and of max(cos(x1, x2) - margin, 0) where it is -1."""
    name = "cosine_embedding_loss"
    shape = x1.type.shape
    if len(shape) not in (1, 2) or x2.type.shape != shape or target.type.shape != shape[:-1]:
        raise ShapeError(
            f"{name}: the inputs have shapes {shape} and {x2.type.shape} and the target {target.type.shape}; they must "
            "be (rows, features) twice and (rows,), or (features,) twice and ()"
        )
    a, b = meet(name, x1, x2, dtype=floating(common_dtype(x1, x2)))
    squares = [_sum_last(e.mul(x, x)) for x in (a, b)]
    sizes = [e.add(square, like(1e-12, square)) for square in squares]
    cosine = e.div(_sum_last(e.mul(a, b)), e.sqrt(e.mul(*sizes)))
    zero, one = like(0, cosine), like(1, target)
    near = e.select(e.eq(target, one), e.sub(like(1, cosine), cosine), zero)
    apart = e.select(e.eq(target, e.neg(one)), _hinge(e.sub(cosine, spread(margin, cosine))), zero)
    return reduced(e.add(near, apart), reduction)


@composite("triplet_margin_loss")
def TRIPLET_MARGIN_LOSS(anchor: Node, positive: Node, negative: Node, margin: Node, eps: Node, *rest: Any) -> Node:
    """Mean of max(d(a, p) - d(a, n) + margin, 0), d the p-norm of a difference; with `swap`, min(d(a, n), d(p, n)).

    The arguments after eps: p if its kind is "p", the kind, whether to swap, the reduction.
    """
    *p, kind, swap, reduction = rest
    axes = [len(x.type.shape) for x in (anchor, positive, negative)]
    if len(set(axes)) > 1:
        raise ShapeError(
            f"triplet_margin_loss: anchor, positive and negative have {axes[0]}, {axes[1]} and {axes[2]} axes; "
            "they must have equally many"
        )
    pairs = [(anchor, positive), (anchor, negative)] + ([(positive, negative)] if swap else [])
    near, apart, *other = (distance(a, b, eps, tuple(p), kind) for a, b in pairs)
    if other:
        apart = e.minimum(*meet("triplet_margin_loss", apart, other[0]))
    near, apart = meet("triplet_margin_loss", near, apart)
    losses = _hinge(e.sub(e.add(spread(margin, near), near), apart))
    return reduced(drop_axes(losses, (len(losses.type.shape) - 1,)), reduction)


# -- over classes -----------------------------------------------------------------------------------------------------


def _as_rows(name: str, x: Node, target: Node, wanted: Shape) -> Node:
    """x as (rows, classes), for a target that has the shape `wanted`; one class number may have an axis."""
    alone = wanted == () and target.type.shape == (1,)
    if len(x.type.shape) > 2 or 0 in x.type.shape[-1:] or not (alone or target.type.shape == wanted):
        raise ShapeError(
            f"{name}: the input {x.type.shape} and the target {target.type.shape} do not fit; the input is "
            f"(rows, classes) or (classes,), and for this one the target must have shape {wanted}"
        )
    if target.type.dtype is not int64:
        raise DTypeError(f"{name}: the target has dtype {target.type.dtype.name}; it must be int64 (use .long())")
    return x if len(x.type.shape) == 2 else reshape(x, (1, x.type.size))


@composite("multi_margin_loss")
def MULTI_MARGIN_LOSS(x: Node, target: Node, margin: Node, *rest: Any) -> Node:
    """sum over c other than t of w_t max(margin - x[t] + x[c], 0)^p / classes, averaged over the rows.

    The arguments after the margin: class weights, if there are any; p, 1 or 2; the reduction.
    """
    name = "multi_margin_loss"
    *weight, p, reduction = rest
    rows = _as_rows(name, x, target, x.type.shape[:-1])
    shape = rows.type.shape
    column = reshape(target, (shape[0], 1))
    own = broadcast_to(gather(rows, column, 1), shape)
    room = _open_hinge(e.add(e.sub(spread(margin, rows), own), rows))
    losses = e.mul(room, room) if p == 2 else room
    if weight:
        if weight[0].type.shape != shape[1:]:
            raise ShapeError(
                f"{name}: the weight has shape {weight[0].type.shape}; it must have one number for each of the "
                f"{shape[1]} classes"
            )
        table = broadcast_to(reshape(e.cast(weight[0], rows.type.dtype), (1, shape[1])), shape)
        losses = e.mul(losses, broadcast_to(gather(table, column, 1), shape))
    other = e.ne(iota(shape, 1), broadcast_to(column, shape))
    total = _sum_last(e.select(other, losses, like(0, losses)))
    return reduced(reshape(e.div(total, like(shape[1], total)), target.type.shape), reduction)


def _listed(target: Node) -> Node:
    """Which entries stand before the first negative one of their row."""
    rows, classes = target.type.shape
    square = (rows, classes, classes)
    ends = broadcast_to(reshape(e.lt(target, like(0, target)), (rows, 1, classes)), square)
    ended = e.logical_and(ends, e.le(iota(square, 2), iota(square, 1)))
    return e.invert(drop_axes(max_keepdim(ended, (2,)), (2,)))


@composite("multilabel_margin_loss")
def MULTILABEL_MARGIN_LOSS(x: Node, target: Node, reduction: str) -> Node:
    """sum over targets t and classes c that are none of max(1 - x[t] + x[c], 0) / classes, averaged over the rows.

    A row of the target lists classes, up to its first negative entry.
    """
    rows = _as_rows("multilabel_margin_loss", x, target, x.type.shape)
    count, classes = rows.type.shape
    numbers = reshape(target, (count, classes))
    square = (count, classes, classes)
    listed = reshape(_listed(numbers), (count, classes, 1))
    # Axis 1 goes through the entries of the target, axis 2 through the classes.
    own = reshape(gather(rows, numbers, 1), (count, classes, 1))
    hit = e.eq(broadcast_to(reshape(numbers, (count, classes, 1)), square), iota(square, 2))
    is_target = max_keepdim(e.logical_and(hit, broadcast_to(listed, square)), (1,))
    counts = e.logical_and(broadcast_to(listed, square), e.invert(broadcast_to(is_target, square)))
    every = broadcast_to(reshape(rows, (count, 1, classes)), square)
    room = _open_hinge(e.add(e.sub(const(1, x.type.dtype, square), broadcast_to(own, square)), every))
    total = _sum_last(_sum_last(e.select(counts, room, like(0, room))))
    return reduced(reshape(e.div(total, like(classes, total)), x.type.shape[:-1]), reduction)


@composite("multilabel_soft_margin_loss")
def MULTILABEL_SOFT_MARGIN_LOSS(x: Node, target: Node, *rest: Any) -> Node:
    """-mean_c w_c (t log s(x) + (1 - t) log s(-x)), s the sigmoid, averaged over the rows.

    The arguments after the target: the weights, if there are any, and the reduction.
    """
    name = "multilabel_soft_margin_loss"
    *weight, reduction = rest
    require_same_shape(name, x, target)
    if not x.type.shape:
        raise ShapeError(f"{name}: the input is 0-dimensional; it must be (..., classes)")
    t = e.cast(target, x.type.dtype)
    no = e.mul(e.sub(like(1, t), t), record(LOG_SIGMOID, (e.neg(x),)))
    losses = e.neg(e.add(e.mul(t, record(LOG_SIGMOID, (x,))), no))
    if weight:
        losses = e.mul(*meet(name, losses, weight[0]))
    total = _sum_last(losses)
    return reduced(e.div(total, like(x.type.shape[-1], total)), reduction)
