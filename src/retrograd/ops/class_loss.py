"""Losses over classes in their whole breadth: class weights, ignored targets, smoothing, any number of axes.

The input is (rows, classes, d1, ...), and the target (rows, d1, ...) of class numbers or, for cross-entropy, of the
input's shape with probabilities. `ops/loss.py` has cross-entropy for the plain case, where every row counts the same.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.activation import LOG_SOFTMAX
from retrograd.ops.constant import iota, like
from retrograd.ops.movement import broadcast_to, permute, reshape
from retrograd.ops.reduce import sum_keepdim
from retrograd.ops.spread import spread


class _Options(NamedTuple):
    """What the arguments after input and target are: class weights, smoothing, the number of targets to ignore."""

    weight: Node | None
    smoothing: Node | None
    ignore: Node | None
    reduction: str


def _options(rest: Sequence[Any]) -> _Options:
    *nodes, has_weight, has_smoothing, has_ignore, reduction = rest
    given = iter(nodes)
    weight, smoothing, ignore = (next(given) if has else None for has in (has_weight, has_smoothing, has_ignore))
    return _Options(weight, smoothing, ignore, reduction)


def _class_axis(x: Node) -> int:
    return 0 if len(x.type.shape) == 1 else 1


def _as_rows(x: Node) -> Node:
    """(rows, classes, d1, ...) as (rows * d1 * ..., classes)."""
    shape, axis = x.type.shape, _class_axis(x)
    last = permute(x, (*(i for i in range(len(shape)) if i != axis), axis))
    return reshape(last, (math.prod(n for i, n in enumerate(shape) if i != axis), shape[axis]))


def positions(x: Node) -> Shape:
    """The shape that class numbers for an input have."""
    axis = _class_axis(x)
    return tuple(n for i, n in enumerate(x.type.shape) if i != axis)


def _require_class_numbers(name: str, x: Node, target: Node) -> None:
    if not x.type.shape or target.type.shape != positions(x):
        wanted = positions(x) if x.type.shape else "(rows,)"
        raise ShapeError(
            f"{name}: the input {x.type.shape} and the targets {target.type.shape} do not fit; an input is "
            f"(rows, classes, ...), and for this one class numbers must have shape {wanted}"
        )
    if target.type.dtype is not int64:
        raise DTypeError(
            f"{name}: targets have dtype {target.type.dtype.name}; class numbers must be int64 (use .long())"
        )


def _class_weights(name: str, weight: Node | None, rows: Node) -> Node | None:
    """The weights of the classes, spread over the rows."""
    if weight is None:
        return None
    classes = rows.type.shape[1]
    if weight.type.shape != (classes,):
        raise ShapeError(
            f"{name}: the weight has shape {weight.type.shape}; it must have one number for each of the "
            f"{classes} classes"
        )
    return broadcast_to(e.cast(weight, rows.type.dtype), rows.type.shape)


def _by_class_numbers(name: str, x: Node, log_rows: Node, target: Node, options: _Options) -> Node:
    """-w_t log p_t for each row, smoothed towards -sum_c w_c log p_c / C; the mean is over the weights that count."""
    shape = log_rows.type.shape
    weights = _class_weights(name, options.weight, log_rows)
    column = reshape(target, (shape[0], 1))
    zero, one = like(0, log_rows), like(1, log_rows)
    chosen = e.eq(iota(shape, 1), broadcast_to(column, shape))
    valid = None
    if options.ignore is not None:
        valid = e.ne(column, spread(options.ignore, column))
        chosen = e.logical_and(chosen, broadcast_to(valid, shape))
    weighted = log_rows if weights is None else e.mul(weights, log_rows)
    losses = e.neg(sum_keepdim(e.select(chosen, weighted, zero), (1,)))
    if options.smoothing is not None:
        counted = weighted if valid is None else e.select(broadcast_to(valid, shape), weighted, zero)
        even = e.div(sum_keepdim(counted, (1,)), like(-shape[1], losses))
        part = spread(options.smoothing, losses)
        losses = e.add(e.mul(e.sub(like(1, losses), part), losses), e.mul(part, even))
    if options.reduction == "none":
        return reshape(losses, positions(x))
    total = reshape(sum_keepdim(losses, (0,)), ())
    if options.reduction == "sum":
        return total
    counts = one if weights is None else weights
    count = reshape(sum_keepdim(sum_keepdim(e.select(chosen, counts, zero), (1,)), (0,)), ())
    return e.div(total, count)


@composite("nll_loss")
def NLL_LOSS(x: Node, target: Node, *rest: Any) -> Node:
    """-w_t x[t], x being logarithms of probabilities; see `_Options` for the other arguments."""
    _require_class_numbers("nll_loss", x, target)
    return _by_class_numbers("nll_loss", x, _as_rows(x), target, _options(rest))


@composite("cross_entropy.classes")
def CROSS_ENTROPY_OF_CLASSES(x: Node, target: Node, *rest: Any) -> Node:
    """-w_t log softmax(x)[t]; see `_Options` for the other arguments."""
    _require_class_numbers("cross_entropy", x, target)
    log_rows = record(LOG_SOFTMAX, (_as_rows(x),), (1,))
    return _by_class_numbers("cross_entropy", x, log_rows, target, _options(rest))


@composite("cross_entropy.probabilities")
def CROSS_ENTROPY_OF_PROBABILITIES(x: Node, target: Node, *rest: Any) -> Node:
    """-sum_c w_c t_c log softmax(x)_c, averaged over the rows; t is smoothed first."""
    options = _options(rest)
    if x.type.shape != target.type.shape or not x.type.shape:
        raise ShapeError(
            f"cross_entropy: logits {x.type.shape} and probabilities {target.type.shape} must have equal shapes, "
            "(rows, classes, ...); class numbers are int64 and have no axis of classes"
        )
    log_rows = record(LOG_SOFTMAX, (_as_rows(x),), (1,))
    rows = e.cast(_as_rows(target), log_rows.type.dtype)
    shape = rows.type.shape
    if options.smoothing is not None:
        part = spread(options.smoothing, rows)
        rows = e.add(e.mul(e.sub(like(1, rows), part), rows), e.div(part, like(shape[1], rows)))
    weights = _class_weights("cross_entropy", options.weight, rows)
    terms = e.mul(rows, log_rows)
    losses = e.neg(sum_keepdim(terms if weights is None else e.mul(weights, terms), (1,)))
    if options.reduction == "none":
        return reshape(losses, positions(x))
    total = reshape(sum_keepdim(losses, (0,)), ())
    return total if options.reduction == "sum" else e.div(total, like(shape[0], total))
