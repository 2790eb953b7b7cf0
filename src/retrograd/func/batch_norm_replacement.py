"""Batch normalisation as a pure function."""

from __future__ import annotations

from retrograd.nn.batch_norm import BatchNormBase
from retrograd.nn.module import Module


def replace_all_batch_norm_modules_(root: Module) -> Module:
    """Take the running statistics away from every batch normalisation, in place: nothing is changed by calls then.

    Args:
        root: the module; itself, or those inside of it.

    Returns:
        The module.

    Source: torch.func.replace_all_batch_norm_modules_.

    >>> import retrograd as rg
    >>> net = rg.func.replace_all_batch_norm_modules_(rg.nn.Sequential(rg.nn.BatchNorm1d(3)))
    >>> net[0].running_mean is None, list(net.state_dict())
    (True, ['0.weight', '0.bias'])
    """
    for module in root.modules():
        if isinstance(module, BatchNormBase):
            module.running_mean = module.running_var = module.num_batches_tracked = None
            module.track_running_stats = False
    return root
