"""Samplers: in which order a loader asks for examples. Random ones draw as PyTorch's do, for the same seed."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, Generic, TypeVar

import numpy as np

from retrograd.core import generator as random
from retrograd.core.errors import OptionError

T = TypeVar("T", covariant=True)


class Sampler(Generic[T]):
    """Base of the samplers: subclasses define `__iter__`. Source: torch.utils.data.Sampler."""

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")


class SequentialSampler(Sampler[int]):
    """0, 1, 2, ... . Source: torch.utils.data.SequentialSampler."""

    def __init__(self, data_source: Any) -> None:
        self.data_source = data_source

    def __iter__(self) -> Iterator[int]:
        return iter(range(len(self.data_source)))

    def __len__(self) -> int:
        return len(self.data_source)


class RandomSampler(Sampler[int]):
    """All numbers in a random order, or numbers drawn again and again.

    Args:
        data_source: whose length counts.
        replacement: whether a number may be drawn again.
        num_samples: how many to draw; as many as there are if left out.
        generator: to draw from; if left out, one that is seeded anew each time from the default one.

    Raises:
        OptionError: num_samples is not positive.

    Source: torch.utils.data.RandomSampler.

    >>> import retrograd as rg
    >>> generator = rg.manual_seed(0)
    >>> sorted(RandomSampler(range(4)))
    [0, 1, 2, 3]
    """

    def __init__(
        self,
        data_source: Any,
        replacement: bool = False,
        num_samples: int | None = None,
        generator: random.Generator | None = None,
    ) -> None:
        self.data_source = data_source
        self.replacement = replacement
        self._num_samples = num_samples
        self.generator = generator
        if self.num_samples <= 0:
            raise OptionError(f"RandomSampler: num_samples must be above 0, and is {self.num_samples}")

    @property
    def num_samples(self) -> int:
        return len(self.data_source) if self._num_samples is None else self._num_samples

    def __iter__(self) -> Iterator[int]:
        size, wanted = len(self.data_source), self.num_samples
        source = self.generator
        if source is None:
            source = random.Generator().manual_seed(random.default_generator.random_seed())
        if self.replacement:
            for _ in range(wanted // 32):
                yield from source.randint(0, size, (32,)).tolist()
            yield from source.randint(0, size, (wanted % 32,)).tolist()
            return
        for _ in range(wanted // size):
            yield from source.randperm(size).tolist()
        yield from source.randperm(size)[: wanted % size].tolist()

    def __len__(self) -> int:
        return self.num_samples


class SubsetRandomSampler(Sampler[int]):
    """The numbers that are listed, in a random order. Source: torch.utils.data.SubsetRandomSampler."""

    def __init__(self, indices: Sequence[int], generator: random.Generator | None = None) -> None:
        self.indices = indices
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        order = (self.generator or random.default_generator).randperm(len(self.indices))
        return (self.indices[i] for i in order.tolist())

    def __len__(self) -> int:
        return len(self.indices)


class WeightedRandomSampler(Sampler[int]):
    """Numbers drawn in proportion to weights.

    Args:
        weights: one for each example; they need not add up to 1.
        num_samples: how many to draw.
        replacement: whether a number may be drawn again.
        generator: to draw from.

    Raises:
        OptionError: num_samples is not positive, or the weights are not one line.

    Source: torch.utils.data.WeightedRandomSampler.
    """

    def __init__(
        self,
        weights: Sequence[float],
        num_samples: int,
        replacement: bool = True,
        generator: random.Generator | None = None,
    ) -> None:
        self.weights = np.asarray(weights, np.float64)
        if self.weights.ndim != 1:
            raise OptionError(f"WeightedRandomSampler: weights have one axis, and these shape {self.weights.shape}")
        if num_samples <= 0:
            raise OptionError(f"WeightedRandomSampler: num_samples must be above 0, and is {num_samples}")
        self.num_samples = num_samples
        self.replacement = replacement
        self.generator = generator

    def __iter__(self) -> Iterator[int]:
        source = self.generator or random.default_generator
        return iter(source.multinomial(self.weights, self.num_samples, self.replacement).tolist())

    def __len__(self) -> int:
        return self.num_samples


class BatchSampler(Sampler[list[int]]):
    """What another sampler gives, in lists of batch_size.

    Args:
        sampler: gives numbers.
        batch_size: how many a list.
        drop_last: leave out a last list that is shorter.

    Raises:
        OptionError: batch_size is below 1.

    Source: torch.utils.data.BatchSampler.

    >>> list(BatchSampler(range(5), 2, drop_last=False))
    [[0, 1], [2, 3], [4]]
    """

    def __init__(self, sampler: Iterable[int], batch_size: int, drop_last: bool) -> None:
        if isinstance(batch_size, bool) or batch_size < 1:
            raise OptionError(f"BatchSampler: batch_size must be at least 1, and is {batch_size}")
        self.sampler = sampler
        self.batch_size = batch_size
        self.drop_last = drop_last

    def __iter__(self) -> Iterator[list[int]]:
        batch: list[int] = []
        for number in self.sampler:
            batch.append(number)
            if len(batch) == self.batch_size:
                yield batch
                batch = []
        if batch and not self.drop_last:
            yield batch

    def __len__(self) -> int:
        full, rest = divmod(len(self.sampler), self.batch_size)  # type: ignore[arg-type]
        return full if self.drop_last or not rest else full + 1
