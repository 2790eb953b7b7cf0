"""Batch and instance normalisation that find out how many channels there are."""

from __future__ import annotations

from typing import Any, ClassVar

from retrograd.core.dtype import DType, int64
from retrograd.nn.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from retrograd.nn.instance_norm import InstanceNorm1d, InstanceNorm2d, InstanceNorm3d
from retrograd.nn.lazy import LazyModuleMixin
from retrograd.nn.norm_base import NormBase
from retrograd.nn.uninitialized import UninitializedBuffer, UninitializedParameter
from retrograd.tensor.creation import zeros


class _LazyNorm(LazyModuleMixin, NormBase):
    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        NormBase.__init__(self, 0, eps, momentum, False, False, dtype=dtype)
        self.affine = affine
        self.track_running_stats = track_running_stats
        if self.affine:
            self.weight = UninitializedParameter(dtype=dtype)
            if bias:
                self.bias = UninitializedParameter(dtype=dtype)
        if self.track_running_stats:
            self.running_mean = UninitializedBuffer(dtype=dtype)
            self.running_var = UninitializedBuffer(dtype=dtype)
            self.num_batches_tracked = zeros((), dtype=int64)

    def reset_parameters(self) -> None:
        """Weight 1, bias 0, and no batches seen, once there are shapes."""
        if not self.has_uninitialized_params() and self.num_features:
            super().reset_parameters()

    def initialize_parameters(self, input: Any) -> None:
        channels = self._channels_of(input)
        if self.has_uninitialized_params():
            self.num_features = channels
            for value in (self.weight, self.bias, self.running_mean, self.running_var):
                if value is not None:
                    value.materialize((channels,))
            self.reset_parameters()
        self.num_features = self.num_features or channels

    def _channels_of(self, input: Any) -> int:
        return int(input._type_shape()[1])


class _LazyInstanceNorm(_LazyNorm):
    _axes: ClassVar[int]

    def _channels_of(self, input: Any) -> int:
        return int(input._type_shape()[-self._axes])


class LazyBatchNorm1d(_LazyNorm, BatchNorm1d):
    """`BatchNorm1d` whose num_features is the extent of axis 1 of its first input; other arguments are the same.

    Source: torch.nn.LazyBatchNorm1d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyBatchNorm1d()
    >>> type(layer).__name__, layer(rg.rand(4, 3, 5)).ndim, type(layer).__name__, layer.num_features
    ('LazyBatchNorm1d', 3, 'BatchNorm1d', 3)
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyNorm, BatchNorm2d):
    """`BatchNorm2d` whose num_features is the extent of axis 1 of its first input; other arguments are the same.

    Source: torch.nn.LazyBatchNorm2d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyBatchNorm2d()
    >>> type(layer).__name__, layer(rg.rand(4, 3, 5, 5)).ndim, type(layer).__name__, layer.num_features
    ('LazyBatchNorm2d', 4, 'BatchNorm2d', 3)
    """

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyNorm, BatchNorm3d):
    """`BatchNorm3d` whose num_features is the extent of axis 1 of its first input; other arguments are the same.

    Source: torch.nn.LazyBatchNorm3d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyBatchNorm3d()
    >>> type(layer).__name__, layer(rg.rand(4, 3, 5, 5, 5)).ndim, type(layer).__name__, layer.num_features
    ('LazyBatchNorm3d', 5, 'BatchNorm3d', 3)
    """

    cls_to_become = BatchNorm3d


class LazyInstanceNorm1d(_LazyInstanceNorm, InstanceNorm1d):
    """`InstanceNorm1d` whose num_features is the channels of its first input; the other arguments are the same.

    As in PyTorch, and unlike there, `affine` and `track_running_stats` are True if they are left out.

    Source: torch.nn.LazyInstanceNorm1d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyInstanceNorm1d()
    >>> type(layer).__name__, layer(rg.rand(4, 3, 5)).ndim, type(layer).__name__, layer.num_features
    ('LazyInstanceNorm1d', 3, 'InstanceNorm1d', 3)
    """

    cls_to_become = InstanceNorm1d


class LazyInstanceNorm2d(_LazyInstanceNorm, InstanceNorm2d):
    """`InstanceNorm2d` whose num_features is the channels of its first input; the other arguments are the same.

    As in PyTorch, and unlike there, `affine` and `track_running_stats` are True if they are left out.

    Source: torch.nn.LazyInstanceNorm2d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyInstanceNorm2d()
    >>> type(layer).__name__, layer(rg.rand(4, 3, 5, 5)).ndim, type(layer).__name__, layer.num_features
    ('LazyInstanceNorm2d', 4, 'InstanceNorm2d', 3)
    """

    cls_to_become = InstanceNorm2d


class LazyInstanceNorm3d(_LazyInstanceNorm, InstanceNorm3d):
    """`InstanceNorm3d` whose num_features is the channels of its first input; the other arguments are the same.

    As in PyTorch, and unlike there, `affine` and `track_running_stats` are True if they are left out.

    Source: torch.nn.LazyInstanceNorm3d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyInstanceNorm3d()
    >>> type(layer).__name__, layer(rg.rand(4, 3, 5, 5, 5)).ndim, type(layer).__name__, layer.num_features
    ('LazyInstanceNorm3d', 5, 'InstanceNorm3d', 3)
    """

    cls_to_become = InstanceNorm3d
