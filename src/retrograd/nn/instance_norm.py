"""Instance normalisation."""

from __future__ import annotations

import warnings
from typing import Any, ClassVar

from retrograd.core.dtype import DType
from retrograd.core.errors import ShapeError
from retrograd.nn.functions.instance_norm import instance_norm
from retrograd.nn.norm_base import NormBase


class _InstanceNorm(NormBase):
    _axes: ClassVar[int]

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = False,
        track_running_stats: bool = False,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)

    def forward(self, input: Any) -> Any:
        shape = input._type_shape()
        if len(shape) not in (self._axes, self._axes + 1):
            raise ShapeError(
                f"{type(self).__name__}: the input has shape {shape}; it must be (batch, channels, *spatial) or "
                f"(channels, *spatial) with {self._axes - 1} spatial axes"
            )
        self._check_channels(shape[-self._axes])
        if len(shape) == self._axes:
            return self._normalised(input.unsqueeze(0)).squeeze(0)
        return self._normalised(input)

    def _check_channels(self, channels: int) -> None:
        if channels == self.num_features:
            return
        if self.affine or self.track_running_stats:
            raise ShapeError(
                f"{type(self).__name__}: the input has {channels} channels; this layer has num_features="
                f"{self.num_features}"
            )
        warnings.warn(
            f"{type(self).__name__}: the input has {channels} channels and not num_features={self.num_features}, "
            "which makes no difference without weight, bias and running statistics",
            stacklevel=4,
        )

    def _normalised(self, input: Any) -> Any:
        from_row = self.training or not self.track_running_stats
        momentum = 0.0 if self.momentum is None else self.momentum
        return instance_norm(
            input, self.running_mean, self.running_var, self.weight, self.bias, from_row, momentum, self.eps
        )


class InstanceNorm1d(_InstanceNorm):
    """Instance normalisation of (batch, channels, length) or (channels, length).

    z = (x - mean) / sqrt(var + eps) weight + bias, with mean and variance of each channel of each row, also in
    evaluation unless running ones are tracked.

    Args:
        num_features: channels.
        eps: keeps the root from zero.
        momentum: how far the running values move towards the averages over the batch.
        affine: whether there are weight and bias, both (num_features,).
        track_running_stats: whether there are running values, used in evaluation.

    Raises:
        ShapeError: another shape, or one value for each channel.

    Source: torch.nn.InstanceNorm1d; Ulyanov et al. (2016).

    >>> import retrograd as rg
    >>> rg.nn.InstanceNorm1d(1, eps=0.0)(rg.tensor([[[1.0, 3.0]], [[0.0, 8.0]]])).tolist()
    [[[-1.0, 1.0]], [[-1.0, 1.0]]]
    """

    _axes = 2


class InstanceNorm2d(_InstanceNorm):
    """Instance normalisation of (batch, channels, height, width) or without the batch; see `InstanceNorm1d`.

    Args:
        num_features: channels.
        eps, momentum, affine, track_running_stats: as for `InstanceNorm1d`.

    Source: torch.nn.InstanceNorm2d; Ulyanov et al. (2016).

    >>> import retrograd as rg
    >>> rg.nn.InstanceNorm2d(3, affine=True)(rg.rand(2, 3, 4, 4)).shape
    retrograd.Size([2, 3, 4, 4])
    """

    _axes = 3


class InstanceNorm3d(_InstanceNorm):
    """Instance normalisation of (batch, channels, depth, height, width) or without the batch; see `InstanceNorm1d`.

    Args:
        num_features: channels.
        eps, momentum, affine, track_running_stats: as for `InstanceNorm1d`.

    Source: torch.nn.InstanceNorm3d; Ulyanov et al. (2016).

    >>> import retrograd as rg
    >>> rg.nn.InstanceNorm3d(2)(rg.rand(1, 2, 3, 3, 3)).shape
    retrograd.Size([1, 2, 3, 3, 3])
    """

    _axes = 4
