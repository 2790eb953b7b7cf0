"""Connectionist temporal classification as a function, under PyTorch's name."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.nn.functions.loss import checked_reduction
from retrograd.ops.ctc import CTC_LOSS
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.tensor import tensor


def ctc_loss(
    log_probs: Any,
    targets: Any,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Any:
    """-log of the probability of a target sequence, summed over all alignments with the input.

    Args:
        log_probs: logarithms of probabilities, (time, batch, classes) or (time, classes), as of `log_softmax`.
        targets: class numbers: (batch, longest), padded; or all one after another, (sum of target_lengths,).
        input_lengths: how much of the time counts, for each row: (batch,) or (); a tensor or numbers.
        target_lengths: the same for the targets.
        blank: the class that stands for nothing.
        reduction: "mean" (of the losses, each divided by its target's length), "sum" or "none".
        zero_infinity: whether infinite losses, of targets that are longer than their inputs, become 0.

    Returns:
        The loss; with "none", (batch,) or ().

    Raises:
        ShapeError: these do not fit. DTypeError: targets or lengths that are no integers. OptionError: a blank that is
        no class, or lengths, known already, that are out of range.

    Source: torch.nn.functional.ctc_loss; Graves et al. (2006). As there, the gradient is that for logits of which
    log_probs are the log-softmax.

    >>> import retrograd as rg
    >>> log_probs = rg.full((2, 1, 2), 0.5).log()
    >>> rg.nn.functional.ctc_loss(log_probs, rg.tensor([[1]]), [2], [1]).exp().item()
    1.3333333730697632
    """
    checked_reduction("ctc_loss", reduction)
    batched = log_probs.ndim == 3
    classes = log_probs._type_shape()[-1] if log_probs.ndim else 0
    if log_probs.ndim not in (2, 3):
        raise ShapeError(
            f"ctc_loss: log_probs have shape {tuple(log_probs.shape)}; they must be (time, batch, classes) or "
            "(time, classes)"
        )
    if not 0 <= blank < classes:
        raise OptionError(f"ctc_loss: blank must be one of the {classes} classes, and is {blank}")
    rows = log_probs._type_shape()[1] if batched else 1
    inputs, lengths = (
        _lengths(name, x, rows) for name, x in (("input_lengths", input_lengths), ("target_lengths", target_lengths))
    )
    padded = _padded(_integers("targets", targets), lengths, rows)
    _check_lengths("input_lengths", inputs, log_probs._type_shape()[0])
    _check_lengths("target_lengths", lengths, padded._type_shape()[1])
    given = log_probs if batched else log_probs.unsqueeze(1)
    nodes = [x._read() for x in (given, padded, inputs, lengths)]
    result = wrap(record(CTC_LOSS, (*nodes, node_of(int(blank), int64)), (reduction, bool(zero_infinity))))
    return result if batched or reduction != "none" else result.squeeze(0)


def _integers(name: str, value: Any) -> Any:
    given: Any = value if isinstance(value, TensorBase) else tensor(value)
    if given.dtype.kind != 1:
        raise DTypeError(f"ctc_loss: {name} have dtype {given.dtype.name}; they must be integers (use .long())")
    return given.long()


def _lengths(name: str, value: Any, rows: int) -> Any:
    """Lengths as (batch,)."""
    lengths = _integers(name, value)
    if lengths.numel() != rows:
        raise ShapeError(f"ctc_loss: there are {lengths.numel()} {name} for a batch of {rows}")
    return lengths.reshape(rows)


def _check_lengths(name: str, lengths: Any, most: int) -> None:
    if lengths._storage.node.buffer is None or not lengths.numel():
        return
    values = lengths._value()
    if values.min() < 0 or values.max() > most:
        raise OptionError(f"ctc_loss: {name} must lie in [0, {most}], and are {values.tolist()}")


def _padded(targets: Any, lengths: Any, rows: int) -> Any:
    """Targets as (batch, longest). Those that stand one after another are parted by their lengths, which are read."""
    if targets.ndim == 2:
        return targets
    if targets.ndim != 1:
        raise ShapeError(f"ctc_loss: the targets have shape {tuple(targets.shape)}; they must have one axis or two")
    counts = lengths._value()
    total, longest = int(counts.sum()), int(counts.max(initial=0))
    if total != targets.numel():
        raise ShapeError(
            f"ctc_loss: targets of shape {tuple(targets.shape)} must have as many elements as target_lengths add up "
            f"to, {total}"
        )
    if not total:
        return targets.reshape(1, 0).expand(rows, 0)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    places = np.minimum(starts[:, None] + np.arange(longest), total - 1)
    return targets[tensor(places)]
