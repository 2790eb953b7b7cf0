"""Losses as modules."""

from __future__ import annotations

from typing import Any

from retrograd.nn import functional
from retrograd.nn.module import Module


class _Loss(Module):
    def __init__(self, reduction: str = "mean") -> None:
        super().__init__()
        self.reduction = functional.checked_reduction(type(self).__name__, reduction)


class MSELoss(_Loss):
    """mean_i (x_i - t_i)^2.

    Args:
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError: input and target differ in shape. Deviation from torch.nn.MSELoss, which broadcasts: (404, 1)
            against (404,) would average 404 x 404 differences.

    >>> import retrograd as rg
    >>> rg.nn.MSELoss()(rg.tensor([1.0, 2.0]), rg.tensor([0.0, 0.0])).item()
    2.5
    """

    def forward(self, x: Any, target: Any) -> Any:
        return functional.mse_loss(x, target, self.reduction)


class CrossEntropyLoss(_Loss):
    """-log softmax(x)[t], averaged over the rows.

    Args:
        reduction: "mean", "sum" or "none".

    Shapes: x (rows, classes) of logits, t (rows,) of int64 class numbers.

    Source: torch.nn.CrossEntropyLoss (class numbers as targets).

    >>> import retrograd as rg
    >>> round(rg.nn.CrossEntropyLoss()(rg.zeros(2, 4), rg.tensor([0, 3])).item(), 4)
    1.3863
    """

    def forward(self, x: Any, target: Any) -> Any:
        return functional.cross_entropy(x, target, self.reduction)
