"""Modules on several devices under the names of torch.nn.parallel: there is one device here."""

from retrograd.nn.parallel.data_parallel import DataParallel, data_parallel

__all__ = ["DataParallel", "data_parallel"]
