"""Connectionist temporal classification as a composite: the forward recursion over time, in logarithms.

With the extended target l' = (blank, t_1, blank, t_2, ..., t_S, blank), a_0 = (0, -inf, -inf, ...) before time begins,

    a_t(s) = log p_t(l'_s) + log(e^a_{t-1}(s) + e^a_{t-1}(s-1) + e^a_{t-1}(s-2)),

the last term only where l'_s is no blank and differs from l'_{s-2}. The loss is -log(e^a_T(2 S) + e^a_T(2 S - 1)).
Graves et al. (2006).
"""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import bool_, int64
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.operation import composite, record
from retrograd.core.types import tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, const_offset, iota, like
from retrograd.ops.gather import gather
from retrograd.ops.loop import Loop
from retrograd.ops.loss import reduced
from retrograd.ops.movement import broadcast_to, concat, reshape, slice_
from retrograd.ops.reduce import drop_axes, sum_keepdim
from retrograd.ops.scan import scan
from retrograd.ops.spread import spread
from retrograd.ops.stop_gradient import STOP_GRADIENT

_NOTHING = float("-inf")


def _log_add_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node, ...]:
    """The part that each term has in the sum."""
    dead = e.eq(y, like(_NOTHING, y))
    whole = e.select(dead, like(0, y), y)
    return tuple(e.select(dead, like(0, g), e.mul(g, e.exp(e.sub(term, whole)))) for term in x)


@composite("log_add", _log_add_gradient)
def LOG_ADD(*terms: Node) -> Node:
    """log sum_i exp(x_i), element by element; -inf, without a gradient, where every term is."""
    most = terms[0]
    for term in terms[1:]:
        most = e.maximum(most, term)
    dead = e.eq(most, like(_NOTHING, most))
    most = e.select(dead, like(0, most), most)
    total = e.exp(e.sub(terms[0], most))
    for term in terms[1:]:
        total = e.add(total, e.exp(e.sub(term, most)))
    return e.add(most, e.log(total))


def _check(log_probs: Node, targets: Node, input_lengths: Node, target_lengths: Node) -> None:
    shape = log_probs.type.shape
    if len(shape) != 3 or not log_probs.type.dtype.is_floating_point:
        raise ShapeError(f"ctc_loss: log_probs is {log_probs.type}; it must be (time, batch, classes) of floats")
    batch = shape[1:2]
    if len(targets.type.shape) != 2 or targets.type.shape[:1] != batch:
        raise ShapeError(
            f"ctc_loss: the targets have shape {targets.type.shape}; for {shape} they must be {batch[0]} rows"
        )
    for name, lengths in (("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if lengths.type.shape != batch:
            raise ShapeError(
                f"ctc_loss: {name} have shape {lengths.type.shape}; there must be one for each of {batch[0]}"
            )
    for name, x in (("targets", targets), ("input_lengths", input_lengths), ("target_lengths", target_lengths)):
        if x.type.dtype is not int64:
            raise DTypeError(f"ctc_loss: {name} have dtype {x.type.dtype.name}; they must be int64 (use .long())")


def _extended(targets: Node, blank: Node) -> Node:
    """(blank, t_1, blank, ..., t_S, blank), row by row."""
    rows, length = targets.type.shape
    blanks = spread(blank, targets)
    pairs = concat((reshape(blanks, (rows, length, 1)), reshape(targets, (rows, length, 1))), 2)
    last = broadcast_to(reshape(e.cast(blank, int64), (1, 1)), (rows, 1))
    return concat((reshape(pairs, (rows, 2 * length)), last), 1)


def _shifted(x: Node, by: int, fill: Node) -> Node:
    """x moved to the right along its rows, with `fill` in front."""
    rows, length = x.type.shape
    if by >= length:
        return broadcast_to(fill, x.type.shape)
    kept = slice_(x, (const_offset(0), const_offset(0)), (rows, length - by), (1, 1))
    return concat((broadcast_to(fill, (rows, by)), kept), 1)


def _forward(emissions: Node, alive: Node, may_skip: Node) -> Node:
    """a_T, (batch, extended target); rows that are not alive at a time stay as they were."""
    _, rows, length = emissions.type.shape
    dtype = emissions.type.dtype
    state = tensor_type((rows, length), dtype)
    a, emitted, goes_on, skip = (
        input_node(type_, None)
        for type_ in (state, state, tensor_type((rows,), bool_), tensor_type((rows, length), bool_))
    )
    nothing = const(_NOTHING, dtype)
    skipped = e.select(skip, _shifted(a, 2, nothing), like(_NOTHING, a))
    following = e.add(emitted, record(LOG_ADD, (a, _shifted(a, 1, nothing), skipped)))
    following = e.select(broadcast_to(reshape(goes_on, (rows, 1)), following.type.shape), following, a)
    body = Graph.from_nodes([a, emitted, goes_on, skip], [following])
    begin = e.eq(iota((rows, length), 1), const(0, int64, (rows, length)))
    start = e.select(begin, const(0, dtype, (rows, length)), const(_NOTHING, dtype, (rows, length)))
    loop = Loop(body, 1, 2, emissions.type.shape[0], False)
    return scan(loop, [start, emissions, alive, may_skip])[0]


def _at_end(a: Node, target_lengths: Node) -> Node:
    """log(e^a(2 S) + e^a(2 S - 1)), S the length of each row's target."""
    rows = a.type.shape[0]
    last = e.mul(target_lengths, like(2, target_lengths))
    none = e.eq(last, like(0, last))
    before = e.select(none, last, e.sub(last, like(1, last)))
    at_blank, at_label = (drop_axes(gather(a, reshape(place, (rows, 1)), 1), (1,)) for place in (last, before))
    at_label = e.select(none, like(_NOTHING, at_label), at_label)
    return record(LOG_ADD, (at_blank, at_label))


def _normalizers(log_probs: Node, alive: Node) -> Node:
    """0 for each row, with the gradient exp(log_probs).

    PyTorch's gradient is that for the logits whose log-softmax log_probs are. Where they are, the two are the same in
    the end, since the gradient of a log-softmax takes out what sums to 1.
    """
    inside = broadcast_to(reshape(alive, (*alive.type.shape, 1)), log_probs.type.shape)
    powers = e.select(inside, e.exp(log_probs), like(0, log_probs))
    total = drop_axes(sum_keepdim(powers, (0, 2)), (0, 2))
    return e.sub(total, record(STOP_GRADIENT, (total,)))


@composite("ctc_loss")
def CTC_LOSS(
    log_probs: Node, targets: Node, input_lengths: Node, target_lengths: Node, blank: Node, *options: Any
) -> Node:
    """-log p(target) of each row; a mean divides by the target's length first.

    The last arguments: the reduction, and whether infinite losses and their gradients become 0.
    """
    reduction, zero_infinity = options
    _check(log_probs, targets, input_lengths, target_lengths)
    time, rows, _ = log_probs.type.shape
    labels = _extended(targets, blank)
    emitted = broadcast_to(reshape(labels, (1, *labels.type.shape)), (time, *labels.type.shape))
    is_label = e.ne(labels, spread(blank, labels))
    differs = e.ne(labels, _shifted(labels, 2, e.cast(blank, int64)))
    alive = e.lt(iota((time, rows), 0), broadcast_to(reshape(input_lengths, (1, rows)), (time, rows)))
    last = _forward(gather(log_probs, emitted, 2), alive, e.logical_and(is_label, differs))
    losses = e.sub(_normalizers(log_probs, alive), _at_end(last, target_lengths))
    if zero_infinity:
        losses = e.select(e.eq(losses, like(float("inf"), losses)), like(0, losses), losses)
    if reduction == "mean":
        one = like(1, target_lengths)
        lengths = e.select(e.lt(target_lengths, one), one, target_lengths)
        losses = e.div(losses, e.cast(lengths, losses.type.dtype))
    return reduced(losses, reduction)
