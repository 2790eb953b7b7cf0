"""Data sets: what can be asked for an example by its number, or gone through from start to end."""

from __future__ import annotations

import math
import warnings
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate
from typing import Any, Generic, TypeVar

import numpy as np

from retrograd.core import generator as random
from retrograd.core.errors import IndexRangeError, OptionError, ShapeError
from retrograd.tensor.tensor import from_array

T = TypeVar("T")


class Dataset(Generic[T]):
    """Base of data sets with numbered examples. Subclasses define `__getitem__`, and `__len__` as a rule.

    Source: torch.utils.data.Dataset.

    >>> class Squares(Dataset):
    ...     def __len__(self):
    ...         return 4
    ...     def __getitem__(self, index):
    ...         return index**2
    >>> Squares()[3], len(Squares() + Squares())
    (9, 8)
    """

    def __getitem__(self, index: Any) -> T:
        raise NotImplementedError(f"{type(self).__name__} does not define __getitem__()")

    def __add__(self, other: Dataset[T]) -> ConcatDataset[T]:
        return ConcatDataset([self, other])


class IterableDataset(Dataset[T]):
    """Base of data sets that are a stream: subclasses define `__iter__`. Source: torch.utils.data.IterableDataset."""

    def __iter__(self) -> Iterator[T]:
        raise NotImplementedError(f"{type(self).__name__} does not define __iter__()")

    def __add__(self, other: Dataset[T]) -> ChainDataset[T]:  # type: ignore[override]
        return ChainDataset([self, other])


class ChainDataset(IterableDataset[T]):
    """Streams one after another. Source: torch.utils.data.ChainDataset.

    >>> class Count(IterableDataset):
    ...     def __iter__(self):
    ...         return iter(range(2))
    >>> list(Count() + Count())
    [0, 1, 0, 1]
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)

    def __iter__(self) -> Iterator[T]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise OptionError(f"ChainDataset: {type(dataset).__name__} is no IterableDataset; use ConcatDataset")
            yield from dataset

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


class TensorDataset(Dataset[tuple[Any, ...]]):
    """Examples that are rows of tensors.

    Args:
        tensors: with equal first extents.

    Raises:
        ShapeError: no tensors, or their first extents differ.

    Source: torch.utils.data.TensorDataset.

    >>> import retrograd as rg
    >>> data = TensorDataset(rg.tensor([[1.0], [2.0]]), rg.tensor([0, 1]))
    >>> len(data), data[1]
    (2, (tensor([2.]), tensor(1)))
    """

    def __init__(self, *tensors: Any) -> None:
        sizes = {len(x) for x in tensors}
        if len(sizes) != 1:
            raise ShapeError(f"TensorDataset: tensors must have equal first extents, and have {sorted(sizes)}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Any, ...]:
        return tuple(x[index] for x in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def batch(self, indices: Sequence[int]) -> list[Any]:
        """The rows of a batch at once: what collating them one by one gives."""
        rows = np.asarray(indices, np.int64)
        return [x[rows] if x.requires_grad else from_array(x._value()[rows]) for x in self.tensors]


class StackDataset(Dataset[Any]):
    """Data sets side by side: an example is a tuple of theirs, or under keywords a dictionary.

    Raises:
        OptionError: none, or both by place and by keyword.
        ShapeError: they differ in length.

    Source: torch.utils.data.StackDataset.

    >>> StackDataset(["a", "b"], [1, 2])[1], StackDataset(text=["a", "b"])[0]
    (('b', 2), {'text': 'a'})
    """

    datasets: tuple[Any, ...] | dict[str, Any]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if bool(args) == bool(kwargs):
            raise OptionError("StackDataset: give data sets by place, or by keyword")
        sizes = {len(dataset) for dataset in (args or kwargs.values())}
        if len(sizes) != 1:
            raise ShapeError(f"StackDataset: data sets must be equally long, and have {sorted(sizes)} examples")
        self.datasets = args or kwargs

    def __getitem__(self, index: Any) -> Any:
        if isinstance(self.datasets, dict):
            return {name: dataset[index] for name, dataset in self.datasets.items()}
        return tuple(dataset[index] for dataset in self.datasets)

    def __len__(self) -> int:
        datasets = self.datasets
        return len(next(iter(datasets.values()))) if isinstance(datasets, dict) else len(datasets[0])


class Subset(Dataset[T]):
    """The examples of another data set whose numbers are listed. Source: torch.utils.data.Subset."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset = dataset
        self.indices = indices

    def __getitem__(self, index: Any) -> T:
        if isinstance(index, list):
            found: Any = self.dataset[[self.indices[i] for i in index]]
        else:
            found = self.dataset[self.indices[index]]
        return found  # type: ignore[no-any-return]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset[T]):
    """Data sets one after another.

    Args:
        datasets: at least one, none of them a stream.

    Attributes:
        cumulative_sizes: where each of them ends.

    Raises:
        OptionError: there is none, or one is an IterableDataset.

    Source: torch.utils.data.ConcatDataset.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise OptionError("ConcatDataset: there must be at least one data set")
        if any(isinstance(dataset, IterableDataset) for dataset in self.datasets):
            raise OptionError("ConcatDataset: an IterableDataset has no numbered examples; use ChainDataset")
        self.cumulative_sizes = list(accumulate(len(dataset) for dataset in self.datasets))

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]

    def __getitem__(self, index: int) -> T:
        size = len(self)
        if not -size <= index < size:
            raise IndexRangeError(f"index {index} is out of range for {size} examples")
        index %= size
        place = bisect_right(self.cumulative_sizes, index)
        start = self.cumulative_sizes[place - 1] if place else 0
        found: T = self.datasets[place][index - start]
        return found


def random_split(
    dataset: Any, lengths: Sequence[int | float], generator: random.Generator | None = None
) -> list[Subset[Any]]:
    """Parts of a data set, drawn at random without overlap, in PyTorch's order for the same seed.

    Args:
        dataset: with a length.
        lengths: of the parts, or fractions that add up to 1; what rounding leaves over goes to the first parts.
        generator: where the order is drawn from.

    Raises:
        OptionError: the lengths do not add up to the data set's.

    Source: torch.utils.data.random_split.

    >>> [len(part) for part in random_split(range(10), [0.75, 0.25])]
    [8, 2]
    """
    size = len(dataset)
    if math.isclose(sum(lengths), 1) and sum(lengths) <= 1:
        if any(not 0 <= fraction <= 1 for fraction in lengths):
            raise OptionError(f"random_split: each fraction must lie in [0, 1], and they are {list(lengths)}")
        counts = [math.floor(size * fraction) for fraction in lengths]
        for i in range(size - sum(counts)):
            counts[i % len(counts)] += 1
        for i, count in enumerate(counts):
            if count == 0:
                warnings.warn(f"random_split: part {i} is empty", stacklevel=2)
    else:
        counts = [int(length) for length in lengths]
    if sum(counts) != size:
        raise OptionError(f"random_split: the lengths {counts} add up to {sum(counts)}, and there are {size} examples")
    order = (generator or random.default_generator).randperm(size).tolist()
    ends = list(accumulate(counts))
    return [Subset(dataset, order[end - count : end]) for end, count in zip(ends, counts, strict=True)]
