"""A sampler for one of several processes that share a data set."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.generator import Generator
from retrograd.utils.data.sampler import Sampler


class DistributedSampler(Sampler[int]):
    """Every num_replicas-th number of an order that all processes know.

    Args:
        dataset: whose length counts.
        num_replicas: how many processes there are; 1 if left out.
        rank: which of them this one is; 0 if left out.
        shuffle: whether the order is random: drawn from `seed` plus the number that `set_epoch` was given.
        seed: the same in all processes.
        drop_last: whether numbers that do not come out even are left out; else the first ones come again.

    Raises:
        OptionError: a rank that is none of 0 .. num_replicas - 1.

    Source: torch.utils.data.DistributedSampler.

    >>> list(DistributedSampler(range(5), num_replicas=2, rank=1, shuffle=False))
    [1, 3, 0]
    """

    def __init__(
        self,
        dataset: Any,
        num_replicas: int | None = None,
        rank: int | None = None,
        shuffle: bool = True,
        seed: int = 0,
        drop_last: bool = False,
    ) -> None:
        self.num_replicas = 1 if num_replicas is None else num_replicas
        self.rank = 0 if rank is None else rank
        if not 0 <= self.rank < self.num_replicas:
            raise OptionError(f"DistributedSampler: rank {self.rank} is none of {self.num_replicas} processes")
        self.dataset, self.shuffle, self.seed, self.drop_last, self.epoch = dataset, shuffle, seed, drop_last, 0
        share = len(dataset) / self.num_replicas
        self.num_samples = math.floor(share) if drop_last else math.ceil(share)
        self.total_size = self.num_samples * self.num_replicas

    def __iter__(self) -> Iterator[int]:
        count = len(self.dataset)
        order = list(range(count))
        if self.shuffle:
            order = Generator().manual_seed(self.seed + self.epoch).randperm(count).tolist()
        if not self.drop_last and order:
            order = (order * math.ceil(self.total_size / count))[: self.total_size]
        return iter(order[self.rank : self.total_size : self.num_replicas])

    def __len__(self) -> int:
        return self.num_samples

    def set_epoch(self, epoch: int) -> None:
        """Name the epoch, so that the next order is another one."""
        self.epoch = epoch
