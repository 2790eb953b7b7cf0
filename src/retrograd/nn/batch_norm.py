"""Batch normalisation."""

from __future__ import annotations

from typing import Any, ClassVar

from retrograd.core.dtype import DType, int64
from retrograd.core.errors import ShapeError
from retrograd.nn import init
from retrograd.nn.functions.norm import batch_norm
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.tensor.autograd import no_grad
from retrograd.tensor.creation import empty, ones, zeros


class _BatchNorm(Module):
    """What the three have in common.

    (x - mean) / sqrt(var + eps) weight + bias, channel by channel. In training mean and variance (divided by n) are
    the batch's, and the running ones move towards them: running <- (1 - momentum) running + momentum batch, with the
    variance divided by n - 1. In evaluation the running ones are used.

    Args:
        num_features: channels, the extent of axis 1.
        eps: keeps the root from zero.
        momentum: how far the running values move; None makes them plain averages over all batches.
        affine: whether there are weight and bias.
        track_running_stats: whether there are running values; without them the batch's are used in evaluation too.
        bias: whether there is a bias beside the weight.
        dtype: of parameters and buffers.

    Raises:
        ShapeError: an input with another number of axes or channels, or in training with one value for each channel.

    Source: Ioffe and Szegedy (2015).
    """

    _axes: ClassVar[tuple[int, ...]] = ()
    _expected: ClassVar[str] = ""
    weight: Any
    bias: Any
    running_mean: Any
    running_var: Any
    num_batches_tracked: Any

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        self.num_features = num_features
        self.eps = eps
        self.momentum = momentum
        self.affine = affine
        self.track_running_stats = track_running_stats
        for name, present in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, Parameter(empty(num_features, dtype=dtype)) if present else None)
        tracked = track_running_stats
        self.register_buffer("running_mean", zeros(num_features, dtype=dtype) if tracked else None)
        self.register_buffer("running_var", ones(num_features, dtype=dtype) if tracked else None)
        self.register_buffer("num_batches_tracked", zeros((), dtype=int64) if tracked else None)
        self.reset_parameters()

    def reset_running_stats(self) -> None:
        """Mean 0, variance 1, no batches seen."""
        if self.track_running_stats:
            with no_grad():
                self.running_mean.zero_()
                self.running_var.fill_(1)
                self.num_batches_tracked.zero_()

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no batches seen."""
        self.reset_running_stats()
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        shape = input._type_shape()
        if len(shape) not in self._axes or shape[1] != self.num_features:
            raise ShapeError(
                f"{type(self).__name__}: the input has shape {shape}; it must be {self._expected} "
                f"with {self.num_features} channels"
            )
        momentum: Any = self.momentum
        if self.training and self.track_running_stats:
            with no_grad():
                self.num_batches_tracked.add_(1)
                if momentum is None:
                    momentum = 1.0 / self.num_batches_tracked.to(self.running_mean.dtype)
        from_batch = self.training or self.running_mean is None
        uses_running = not from_batch or self.training
        mean, var = (self.running_mean, self.running_var) if uses_running else (None, None)
        moved = 0.0 if momentum is None else momentum
        return batch_norm(input, mean, var, self.weight, self.bias, from_batch, moved, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_features}, eps={self.eps}, momentum={self.momentum}, affine={self.affine}, "
            f"bias={self.bias is not None}, track_running_stats={self.track_running_stats}"
        )


class BatchNorm1d(_BatchNorm):
    """Batch normalisation of (rows, channels) or (rows, channels, length).

    z = (x - mean) / sqrt(var + eps) weight + bias, channel by channel: with the batch's mean and variance in training,
    with running averages of them in evaluation.

    Args:
        num_features: channels, the extent of axis 1.
        eps: keeps the root from zero.
        momentum: how far the running values move; None makes them plain averages over all batches.
        affine: whether there are weight and bias, both (num_features,).
        track_running_stats: whether there are running values.

    Raises:
        ShapeError: another shape, or in training one value for each channel.

    Source: torch.nn.BatchNorm1d; Ioffe and Szegedy (2015).

    >>> import retrograd as rg
    >>> layer = rg.nn.BatchNorm1d(1)
    >>> layer(rg.tensor([[1.0], [3.0]])).tolist(), layer.running_mean.tolist()
    ([[-0.9999949932098389], [0.9999949932098389]], [0.20000000298023224])
    """

    _axes = (2, 3)
    _expected = "(rows, channels) or (rows, channels, length)"


class BatchNorm2d(_BatchNorm):
    """Batch normalisation of (rows, channels, height, width); see `BatchNorm1d`.

    Args:
        num_features: channels, the extent of axis 1.
        eps, momentum, affine, track_running_stats: as for `BatchNorm1d`.

    Source: torch.nn.BatchNorm2d; Ioffe and Szegedy (2015).

    >>> import retrograd as rg
    >>> rg.nn.BatchNorm2d(3)(rg.rand(2, 3, 4, 4)).shape
    retrograd.Size([2, 3, 4, 4])
    """

    _axes = (4,)
    _expected = "(rows, channels, height, width)"


class BatchNorm3d(_BatchNorm):
    """Batch normalisation of (rows, channels, depth, height, width); see `BatchNorm1d`.

    Args:
        num_features: channels, the extent of axis 1.
        eps, momentum, affine, track_running_stats: as for `BatchNorm1d`.

    Source: torch.nn.BatchNorm3d; Ioffe and Szegedy (2015).

    >>> import retrograd as rg
    >>> rg.nn.BatchNorm3d(2)(rg.rand(2, 2, 3, 3, 3)).shape
    retrograd.Size([2, 2, 3, 3, 3])
    """

    _axes = (5,)
    _expected = "(rows, channels, depth, height, width)"
