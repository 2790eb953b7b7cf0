"""Losses as modules."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions import loss as f
from retrograd.nn.loss_base import Loss, WeightedLoss
from retrograd.nn.module import Module


class MSELoss(Loss):
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

    def forward(self, input: Any, target: Any) -> Any:
        return f.mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """mean_i |x_i - t_i|; input and target have one shape.

    Args:
        reduction: "mean", "sum" or "none".

    Source: torch.nn.L1Loss. Deviation: shapes that differ are an error.

    >>> import retrograd as rg
    >>> rg.nn.L1Loss()(rg.tensor([1.0, -2.0]), rg.tensor([0.0, 0.0])).item()
    1.5
    """

    def forward(self, input: Any, target: Any) -> Any:
        return f.l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
    """mean_i of d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; d = x - t.

    Args:
        reduction: "mean", "sum" or "none".
        beta: where the square turns into a line.

    Source: torch.nn.SmoothL1Loss; Girshick (2015). Deviation: shapes that differ are an error.

    >>> import retrograd as rg
    >>> rg.nn.SmoothL1Loss(reduction="none")(rg.tensor([0.5, 2.0]), rg.zeros(2)).tolist()
    [0.125, 1.5]
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Any:
        return f.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(Loss):
    """mean_i of d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2); d = x - t.

    Args:
        reduction: "mean", "sum" or "none".
        delta: where the square turns into a line.

    Source: torch.nn.HuberLoss; Huber (1964). Deviation: shapes that differ are an error.

    >>> import retrograd as rg
    >>> rg.nn.HuberLoss(reduction="none", delta=2.0)(rg.tensor([1.0, 3.0]), rg.zeros(2)).tolist()
    [0.5, 4.0]
    """

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Any:
        return f.huber_loss(input, target, self.reduction, self.delta)


class BCELoss(WeightedLoss):
    """-w (t log x + (1 - t) log(1 - x)) of probabilities x, with logarithms not below -100.

    Args:
        weight: w; broadcasts to the input.
        reduction: "mean", "sum" or "none".

    Source: torch.nn.BCELoss. Deviation: probabilities outside [0, 1] that are still pending give NaN, not an error; see
    `functional.binary_cross_entropy`.

    >>> import retrograd as rg
    >>> round(rg.nn.BCELoss()(rg.tensor([0.5, 0.5]), rg.tensor([0.0, 1.0])).item(), 4)
    0.6931
    """

    def forward(self, input: Any, target: Any) -> Any:
        return f.binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(WeightedLoss):
    """-w (q t log s(x) + (1 - t) log s(-x)), s(x) = 1 / (1 + exp(-x)); safe for logits of any size.

    Args:
        weight: w; broadcasts to the input.
        reduction: "mean", "sum" or "none".
        pos_weight: q, how much positives count; broadcasts to the input.

    Source: torch.nn.BCEWithLogitsLoss.

    >>> import retrograd as rg
    >>> rg.nn.BCEWithLogitsLoss()(rg.tensor([-1000.0, 1000.0]), rg.tensor([0.0, 1.0])).item()
    0.0
    """

    pos_weight: Any

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Any = None,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Any, target: Any) -> Any:
        return f.binary_cross_entropy_with_logits(
            input, target, self.weight, reduction=self.reduction, pos_weight=self.pos_weight
        )


class KLDivLoss(Module):
    """t (log t - x) of log-probabilities x and probabilities t.

    Args:
        reduction: "batchmean" (the divergence for each row), "mean" (over all elements), "sum" or "none".
        log_target: whether the target is logarithms too.

    Source: torch.nn.KLDivLoss; Kullback and Leibler (1951).

    >>> import retrograd as rg
    >>> half = rg.full((1, 2), 0.5)
    >>> round(rg.nn.KLDivLoss(reduction="batchmean")(rg.tensor([[0.9, 0.1]]).log(), half).item(), 4)
    0.5108
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__()
        if size_average is not None or reduce is not None:
            reduction = f.chosen_reduction("KLDivLoss", size_average, reduce, reduction)
        self.reduction = f.checked_reduction("KLDivLoss", reduction, ("batchmean", "mean", "sum", "none"))
        self.log_target = log_target

    def forward(self, input: Any, target: Any) -> Any:
        return f.kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class NLLLoss(WeightedLoss):
    """-w_t x[t] of log-probabilities x, averaged with the weights of the targets that are not ignored.

    Args:
        weight: (classes,).
        ignore_index: targets that do not count.
        reduction: "mean", "sum" or "none".

    Shapes: x (rows, classes, ...) or (classes,); t (rows, ...) or () of int64 class numbers.

    Source: torch.nn.NLLLoss.

    >>> import retrograd as rg
    >>> rg.nn.NLLLoss()(rg.tensor([[-1.0, -2.0], [-3.0, -4.0]]), rg.tensor([0, 1])).item()
    2.5
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Any:
        return f.nll_loss(input, target, self.weight, ignore_index=self.ignore_index, reduction=self.reduction)


class CrossEntropyLoss(WeightedLoss):
    """-w_t log softmax(x)[t], averaged with the weights of the targets that are not ignored.

    Args:
        weight: (classes,).
        ignore_index: class numbers that do not count.
        reduction: "mean", "sum" or "none".
        label_smoothing: part of each target, in [0, 1], that is spread evenly over all classes.

    Shapes: x (rows, classes, ...) or (classes,) of logits; t (rows, ...) or () of int64 class numbers, or
    probabilities of the shape of x.

    Source: torch.nn.CrossEntropyLoss.

    >>> import retrograd as rg
    >>> round(rg.nn.CrossEntropyLoss()(rg.zeros(2, 4), rg.tensor([0, 3])).item(), 4)
    1.3863
    """

    def __init__(
        self,
        weight: Any = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Any:
        return f.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )
