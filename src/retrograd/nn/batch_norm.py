"""Batch normalisation."""

from __future__ import annotations

from collections.abc import Container
from typing import Any, ClassVar

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.nn.functions.norm import batch_norm, normalised, track_batch
from retrograd.nn.norm_base import NormBase
from retrograd.ops.norm import BATCH_NORM


class BatchNormBase(NormBase):
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

    _axes: ClassVar[Container[int]] = ()
    _expected: ClassVar[str] = ""

    def forward(self, input: Any) -> Any:
        shape = input._type_shape()
        if len(shape) not in self._axes or shape[1] != self.num_features:
            raise ShapeError(
                f"{type(self).__name__}: the input has shape {shape}; it must be {self._expected} "
                f"with {self.num_features} channels"
            )
        if not self.training and self.running_mean is not None:
            return batch_norm(input, self.running_mean, self.running_var, self.weight, self.bias, False, 0.0, self.eps)
        x = input._read()
        result = normalised(BATCH_NORM, x, self._held_eps.node(self.eps, x.type.dtype), self.weight, self.bias)
        if self.training and self.track_running_stats:
            self._track(x)
        return result

    def _track(self, batch: Node) -> None:
        """Move the running values, and the count of batches, by one batch."""
        count, mean = self.num_batches_tracked, self.running_mean
        if not batch.type.size:
            # Nothing else is learned of an empty batch.
            count += 1
            return
        if self.momentum is None:
            momentum = (1.0 / (count + 1).to(mean.dtype))._read()
        else:
            momentum = self._held_momentum.node(self.momentum, mean.dtype)
        track_batch(batch, momentum, mean, self.running_var, count)


class BatchNorm1d(BatchNormBase):
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


class BatchNorm2d(BatchNormBase):
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


class BatchNorm3d(BatchNormBase):
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
