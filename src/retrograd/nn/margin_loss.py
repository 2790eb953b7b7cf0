"""Losses that ask for a margin, as modules; `nn/functions/margin_loss.py` has what they compute."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.nn.functions import margin_loss as f
from retrograd.nn.functions.distance import pairwise_distance
from retrograd.nn.loss_base import Loss, WeightedLoss


class SoftMarginLoss(Loss):
    """mean_i log(1 + exp(-t_i x_i)); t is 1 or -1.

    Args:
        reduction: "mean", "sum" or "none".

    Source: torch.nn.SoftMarginLoss. Deviation: shapes that differ are an error.

    >>> import retrograd as rg
    >>> round(rg.nn.SoftMarginLoss()(rg.zeros(3), rg.ones(3)).item(), 4)
    0.6931
    """

    def forward(self, input: Any, target: Any) -> Any:
        return f.soft_margin_loss(input, target, reduction=self.reduction)


class HingeEmbeddingLoss(Loss):
    """mean_i of x_i where t_i is 1, and of max(margin - x_i, 0) where it is -1; x are distances.

    Args:
        margin: how far apart what does not belong together shall be.
        reduction: "mean", "sum" or "none".

    Source: torch.nn.HingeEmbeddingLoss. Deviation: shapes that differ are an error.

    >>> import retrograd as rg
    >>> rg.nn.HingeEmbeddingLoss(reduction="none")(rg.tensor([0.25, 0.25]), rg.tensor([1, -1])).tolist()
    [0.25, 0.75]
    """

    def __init__(
        self,
        margin: float = 1.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        return f.hinge_embedding_loss(input, target, self.margin, reduction=self.reduction)


class MarginRankingLoss(Loss):
    """mean_i max(margin - t_i (x1_i - x2_i), 0): where t is 1 the first shall rank higher, where it is -1 the second.

    Args:
        margin: by how much.
        reduction: "mean", "sum" or "none".

    Source: torch.nn.MarginRankingLoss. Deviation: shapes that differ are an error.

    >>> import retrograd as rg
    >>> rg.nn.MarginRankingLoss(margin=1.0)(rg.tensor([2.0]), rg.tensor([1.5]), rg.tensor([1.0])).item()
    0.5
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        return f.margin_ranking_loss(input1, input2, target, self.margin, reduction=self.reduction)


class CosineEmbeddingLoss(Loss):
    """Mean of 1 - cos(x1, x2) where t is 1, and of max(cos(x1, x2) - margin, 0) where it is -1.

    Args:
        margin: how similar what does not belong together may be, in [-1, 1].
        reduction: "mean", "sum" or "none".

    Shapes: x1 and x2 (rows, features) and t (rows,), or without rows.

    Source: torch.nn.CosineEmbeddingLoss.

    >>> import retrograd as rg
    >>> x = rg.tensor([[1.0, 0.0], [1.0, 0.0]])
    >>> rg.nn.CosineEmbeddingLoss(reduction="none")(x, x, rg.tensor([1, -1])).tolist()
    [0.0, 1.0]
    """

    def __init__(
        self,
        margin: float = 0.0,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.margin = margin

    def forward(self, input1: Any, input2: Any, target: Any) -> Any:
        return f.cosine_embedding_loss(input1, input2, target, self.margin, reduction=self.reduction)


class TripletMarginLoss(Loss):
    """Mean of max(d(a, p) - d(a, n) + margin, 0), with d the p-norm of the difference of rows.

    Args:
        margin: how much nearer the positive shall be to the anchor than the negative.
        p: which norm.
        eps: added to each difference.
        swap: whether d(p, n) takes the place of d(a, n) where it is smaller.
        reduction: "mean", "sum" or "none".

    Raises:
        OptionError: a margin that is not positive.

    Source: torch.nn.TripletMarginLoss; Balntas et al. (2016).

    >>> import retrograd as rg
    >>> loss = rg.nn.TripletMarginLoss(eps=0.0)
    >>> loss(rg.zeros(1, 2), rg.tensor([[3.0, 4.0]]), rg.tensor([[0.0, 2.0]])).item()
    4.0
    """

    def __init__(
        self,
        margin: float = 1.0,
        p: float = 2.0,
        eps: float = 1e-6,
        swap: bool = False,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        if margin <= 0:
            raise OptionError(f"TripletMarginLoss: margin must be above 0, and is {margin}")
        self.margin = margin
        self.p = p
        self.eps = eps
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        return f.triplet_margin_loss(
            anchor, positive, negative, self.margin, self.p, self.eps, self.swap, reduction=self.reduction
        )


class TripletMarginWithDistanceLoss(Loss):
    """`TripletMarginLoss` with a distance of one's own.

    Args:
        distance_function: of two batches of rows; default: `pairwise_distance`.
        margin, swap, reduction: as for `TripletMarginLoss`.

    Raises:
        OptionError: a margin that is not positive.

    Source: torch.nn.TripletMarginWithDistanceLoss.
    """

    def __init__(
        self,
        *,
        distance_function: Callable[[Any, Any], Any] | None = None,
        margin: float = 1.0,
        swap: bool = False,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        if margin <= 0:
            raise OptionError(f"TripletMarginWithDistanceLoss: margin must be above 0, and is {margin}")
        self.distance_function = pairwise_distance if distance_function is None else distance_function
        self.margin = margin
        self.swap = swap

    def forward(self, anchor: Any, positive: Any, negative: Any) -> Any:
        return f.triplet_margin_with_distance_loss(
            anchor,
            positive,
            negative,
            distance_function=self.distance_function,
            margin=self.margin,
            swap=self.swap,
            reduction=self.reduction,
        )


class MultiMarginLoss(WeightedLoss):
    """sum over classes c other than t of w_t max(margin - x[t] + x[c], 0)^p / classes, averaged over the rows.

    Args:
        p: 1 or 2.
        margin: how far the class of the target shall stand above the others.
        weight: w, (classes,).
        reduction: "mean", "sum" or "none".

    Shapes: x (rows, classes) and t (rows,) of class numbers, or without rows.

    Raises:
        OptionError: another p. ShapeError: a weight with other than one axis.

    Source: torch.nn.MultiMarginLoss.

    >>> import retrograd as rg
    >>> rg.nn.MultiMarginLoss()(rg.tensor([[0.5, 1.0]]), rg.tensor([1])).item()
    0.25
    """

    def __init__(
        self,
        p: int = 1,
        margin: float = 1.0,
        weight: Any = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, size_average, reduce, reduction)
        if p not in (1, 2):
            raise OptionError(f"MultiMarginLoss: p must be 1 or 2, and is {p}")
        self.p = p
        self.margin = margin

    def forward(self, input: Any, target: Any) -> Any:
        return f.multi_margin_loss(input, target, self.p, self.margin, self.weight, reduction=self.reduction)


class MultiLabelMarginLoss(Loss):
    """sum over targets t and classes c that are none of max(1 - x[t] + x[c], 0) / classes, averaged over the rows.

    Args:
        reduction: "mean", "sum" or "none".

    Shapes: x (rows, classes), and an int64 target of the same shape, whose rows list classes up to the first negative
    entry; or both without rows.

    Source: torch.nn.MultiLabelMarginLoss.

    >>> import retrograd as rg
    >>> rg.nn.MultiLabelMarginLoss()(rg.tensor([0.1, 0.2, 0.4, 0.8]), rg.tensor([3, 0, -1, 1]))
    tensor(0.8500)
    """

    def forward(self, input: Any, target: Any) -> Any:
        return f.multilabel_margin_loss(input, target, reduction=self.reduction)


class MultiLabelSoftMarginLoss(WeightedLoss):
    """-mean_c w_c (t log s(x) + (1 - t) log s(-x)), s(x) = 1 / (1 + exp(-x)), averaged over the rows.

    Args:
        weight: w, (classes,).
        reduction: "mean", "sum" or "none".

    Source: torch.nn.MultiLabelSoftMarginLoss. Deviation: shapes that differ are an error.

    >>> import retrograd as rg
    >>> round(rg.nn.MultiLabelSoftMarginLoss()(rg.zeros(2, 3), rg.ones(2, 3)).item(), 4)
    0.6931
    """

    def forward(self, input: Any, target: Any) -> Any:
        return f.multilabel_soft_margin_loss(input, target, self.weight, reduction=self.reduction)
