"""What losses as modules share."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions.loss import chosen_reduction
from retrograd.nn.module import Module


class Loss(Module):
    """A loss with a reduction."""

    def __init__(self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = chosen_reduction(type(self).__name__, size_average, reduce, reduction)


class WeightedLoss(Loss):
    """A loss with weights, which are a buffer."""

    weight: Any

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.register_buffer("weight", weight)
