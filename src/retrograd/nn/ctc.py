"""Connectionist temporal classification as a module."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions.ctc import ctc_loss
from retrograd.nn.loss_base import Loss


class CTCLoss(Loss):
    """-log of the probability of a target sequence, summed over all alignments with the input.

    Args:
        blank: the class that stands for nothing.
        reduction: "mean" (of the losses, each divided by its target's length), "sum" or "none".
        zero_infinity: whether infinite losses, of targets that are longer than their inputs, become 0.

    Call it with log-probabilities (time, batch, classes), targets (batch, longest) or one after another, and how long
    the inputs and the targets are.

    Source: torch.nn.CTCLoss; Graves et al. (2006).

    >>> import retrograd as rg
    >>> log_probs = rg.randn(5, 2, 4).log_softmax(2)
    >>> rg.nn.CTCLoss(reduction="none")(log_probs, rg.tensor([[1, 2], [3, 3]]), [5, 5], [2, 2]).shape
    retrograd.Size([2])
    """

    def __init__(self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(self, log_probs: Any, targets: Any, input_lengths: Any, target_lengths: Any) -> Any:
        return ctc_loss(
            log_probs, targets, input_lengths, target_lengths, self.blank, self.reduction, self.zero_infinity
        )
