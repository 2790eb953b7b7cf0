"""Batch normalisation over the batches of all processes."""

from __future__ import annotations

import sys
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.nn.batch_norm import BatchNormBase
from retrograd.nn.module import Module


class SyncBatchNorm(BatchNormBase):
    """Batch normalisation of (rows, channels, ...), with mean and variance over all processes that train together.

    There is one process: this is `BatchNorm1d` for any number of axes.

    Args:
        num_features: channels, the extent of axis 1.
        eps, momentum, affine, track_running_stats, bias: as for `BatchNorm1d`.
        process_group: None, which is all processes.

    Raises:
        OptionError: a group is given.

    Source: torch.nn.SyncBatchNorm.

    >>> import retrograd as rg
    >>> rg.nn.SyncBatchNorm(3)(rg.rand(2, 3, 4)).shape
    retrograd.Size([2, 3, 4])
    """

    _axes = range(2, sys.maxsize)
    _expected = "(rows, channels, ...)"

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: None = None,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        if process_group is not None:
            raise OptionError("SyncBatchNorm: process_group must be None; there is one process")
        super().__init__(num_features, eps, momentum, affine, track_running_stats, device, dtype, bias=bias)
        self.process_group = process_group

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, process_group: None = None) -> Module:
        """A module with every batch normalisation replaced by one of this class that shares its state.

        Source: torch.nn.SyncBatchNorm.convert_sync_batchnorm.

        >>> import retrograd as rg
        >>> net = rg.nn.Sequential(rg.nn.Conv2d(3, 4, 1), rg.nn.BatchNorm2d(4))
        >>> rg.nn.SyncBatchNorm.convert_sync_batchnorm(net)[1]
        SyncBatchNorm(4, eps=1e-05, momentum=0.1, affine=True, bias=True, track_running_stats=True)
        """
        converted = cls._like(module, process_group) if isinstance(module, BatchNormBase) else module
        for name, child in module.named_children():
            converted.add_module(name, cls.convert_sync_batchnorm(child, process_group))
        return converted

    @classmethod
    def _like(cls, module: BatchNormBase, process_group: None) -> SyncBatchNorm:
        """A layer with the options, parameters and statistics of another one."""
        options = (module.num_features, module.eps, module.momentum, module.affine, module.track_running_stats)
        made = cls(*options, process_group, bias=module.bias is not None)
        for name in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
            setattr(made, name, getattr(module, name))
        made.training = module.training
        return made
