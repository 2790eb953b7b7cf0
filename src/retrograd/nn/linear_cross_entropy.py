"""A classifier's last layer and its loss in one module."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn.functions.linear_cross_entropy import linear_cross_entropy
from retrograd.nn.linear import Linear
from retrograd.nn.loss_base import WeightedLoss


class LinearCrossEntropyLoss(WeightedLoss):
    """A linear layer to scores of classes, and the cross-entropy of these.

    Args:
        in_features: extent of the input's last axis.
        num_classes: how many classes there are.
        out_features: (d_1, ...), for a loss at each of d_1 x ... places.
        bias: whether the layer has a bias.
        dtype: of the parameters.
        reduction: "mean", "sum" or "none".
        weight: (num_classes,): how much each class counts.
        ignore_index: a class that does not count, -100 if left out.
        label_smoothing: share of the target that is spread evenly over all classes.
        options: must be left out; see `functional.linear_cross_entropy`.

    The parameters are `linear.weight`, (num_classes d_1 ..., in_features), and `linear.bias`.

    Raises:
        ShapeError: weights of another shape. OptionError: a share outside [0, 1].

    Source: torch.nn.LinearCrossEntropyLoss.

    >>> import retrograd as rg
    >>> loss = rg.nn.LinearCrossEntropyLoss(8, 3)
    >>> loss(rg.randn(5, 8), rg.tensor([0, 1, 2, 0, 1])).shape
    retrograd.Size([])
    """

    def __init__(
        self,
        in_features: int,
        num_classes: int,
        *,
        out_features: tuple[int, ...] = (),
        bias: bool = False,
        device: Any = None,
        dtype: DType | None = None,
        reduction: str = "mean",
        weight: Any = None,
        ignore_index: int | None = None,
        label_smoothing: float = 0.0,
        options: None = None,
    ) -> None:
        if weight is not None and tuple(weight.shape) != (num_classes,):
            raise ShapeError(
                f"LinearCrossEntropyLoss: the weights have shape {tuple(weight.shape)}; they must be ({num_classes},)"
            )
        if not 0 <= label_smoothing <= 1:
            raise OptionError(f"LinearCrossEntropyLoss: label_smoothing must be in [0, 1], and is {label_smoothing}")
        super().__init__(weight, reduction=reduction)
        self.num_classes, self.out_features = num_classes, out_features
        self.ignore_index, self.label_smoothing, self.options = ignore_index, label_smoothing, options
        self.linear = Linear(in_features, math.prod(out_features, start=num_classes), bias=bias, dtype=dtype)

    def forward(self, input: Any, target: Any) -> Any:
        shape = (self.num_classes, *self.out_features)
        bias = self.linear.bias
        return linear_cross_entropy(
            input,
            self.linear.weight.reshape(*shape, self.linear.in_features),
            target,
            linear_bias=None if bias is None else bias.reshape(shape),
            weight=self.weight,
            reduction=self.reduction,
            ignore_index=self.ignore_index,
            label_smoothing=self.label_smoothing,
            options=self.options,
        )

    def extra_repr(self) -> str:
        return (
            f"in_features={self.linear.in_features}, num_classes={self.num_classes}, "
            f"out_features={self.out_features}, bias={self.linear.bias is not None}, reduction={self.reduction}, "
            f"ignore_index={self.ignore_index}, label_smoothing={self.label_smoothing}, options={self.options}"
        )
