"""DataLoader: batches of a data set, in order or shuffled, made here or by threads ahead of time."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import count, islice
from typing import Any

from retrograd.core import generator as random
from retrograd.core.errors import OptionError
from retrograd.utils.data.collate import default_collate
from retrograd.utils.data.dataset import IterableDataset, Subset, TensorDataset
from retrograd.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler
from retrograd.utils.data.worker import WorkerInfo, become


class DataLoader:
    """Batches of a data set; each pass over it is an epoch.

    With the same seed a shuffling loader gives PyTorch's order. Each pass draws one number for the seeds of workers
    (also without any) and, when shuffling, another one for the order.

    Args:
        dataset: numbered examples, or an IterableDataset.
        batch_size: examples a batch; None hands examples over one by one, as they are.
        shuffle: a new random order for each pass.
        sampler: gives the numbers of examples, instead of `shuffle`.
        batch_sampler: gives lists of them, instead of batch_size, shuffle, sampler and drop_last.
        num_workers: threads that make batches ahead of time; 0 makes them when they are asked for.
        collate_fn: makes a batch of a list of examples; `default_collate` if left out.
        drop_last: leave out a last batch that is shorter.
        worker_init_fn: called with the number of each worker, in it; `get_worker_info()` tells it more.
        generator: where seeds are drawn from.
        prefetch_factor: batches that each worker is ahead; 2 if left out. It needs workers.
        pin_memory, timeout, multiprocessing_context, persistent_workers: accepted, without effect.

    Raises:
        OptionError: options that exclude each other, or a number out of its range.

    Source: torch.utils.data.DataLoader. Deviation: workers are threads, which share the memory of the program. NumPy
    and reading files run at once in several of them; random numbers that a data set draws from the default generator
    come in the order in which workers get to them. An IterableDataset is gone through where the loader is, once,
    however many workers there are.

    >>> import retrograd as rg
    >>> data = rg.utils.data.TensorDataset(rg.arange(5))
    >>> [batch.tolist() for (batch,) in rg.utils.data.DataLoader(data, batch_size=2)]
    [[0, 1], [2, 3], [4]]
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[list[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: random.Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        self._streams = isinstance(dataset, IterableDataset)
        _check_options(self._streams, batch_size, shuffle, sampler, batch_sampler, drop_last)
        _check_workers(num_workers, timeout, prefetch_factor, persistent_workers)
        self.dataset = dataset
        self.batch_size = batch_size if batch_sampler is None else None
        self.drop_last = drop_last
        self.num_workers = num_workers
        self.generator = generator
        self.worker_init_fn = worker_init_fn
        self.prefetch_factor = 2 if prefetch_factor is None else prefetch_factor
        if sampler is None and not self._streams:
            sampler = RandomSampler(dataset, generator=generator) if shuffle else SequentialSampler(dataset)
        self.sampler: Any = sampler
        if batch_sampler is None and batch_size is not None and sampler is not None and not self._streams:
            batch_sampler = BatchSampler(sampler, batch_size, drop_last)
        self.batch_sampler: Any = batch_sampler
        self._single = batch_sampler is None and batch_size is None
        self.collate_fn: Callable[[Any], Any] = collate_fn or (_as_it_is if self._single else default_collate)

    def __len__(self) -> int:
        """Batches a pass."""
        if not self._streams:
            return len(self.sampler if self._single else self.batch_sampler)
        size = len(self.dataset)
        if self.batch_size is None:
            return size
        full, rest = divmod(size, self.batch_size)
        return full if self.drop_last or not rest else full + 1

    def __iter__(self) -> Iterator[Any]:
        # PyTorch draws this number for its workers in any case, before the sampler draws.
        seed = (self.generator or random.default_generator).random_seed()
        if self._streams:
            return self._stream()
        wanted = iter(self.sampler if self._single else self.batch_sampler)
        return self._ahead(wanted, seed) if self.num_workers else map(self._fetch, wanted)

    def _fetch(self, numbers: Any) -> Any:
        """The example, or the batch, with these numbers."""
        if self._single:
            return self.collate_fn(self.dataset[numbers])
        if self.collate_fn is default_collate:
            found = _rows(self.dataset, numbers)
            if found is not None:
                return found
        if hasattr(self.dataset, "__getitems__"):
            return self.collate_fn(self.dataset.__getitems__(numbers))
        return self.collate_fn([self.dataset[i] for i in numbers])

    def _stream(self) -> Iterator[Any]:
        examples = iter(self.dataset)
        if self.batch_size is None:
            yield from map(self.collate_fn, examples)
            return
        while batch := list(islice(examples, self.batch_size)):
            if len(batch) < self.batch_size and self.drop_last:
                return
            yield self.collate_fn(batch)

    def _ahead(self, wanted: Iterator[Any], seed: int) -> Iterator[Any]:
        """Batches made by threads, handed over in order."""
        numbers = count()
        waiting: deque[Future[Any]] = deque()

        def start() -> None:
            number = next(numbers)
            become(WorkerInfo(number, self.num_workers, seed + number, self.dataset))
            if self.worker_init_fn is not None:
                self.worker_init_fn(number)

        with ThreadPoolExecutor(self.num_workers, "DataLoader", start) as pool:
            try:
                for batch in islice(wanted, self.num_workers * self.prefetch_factor):
                    waiting.append(pool.submit(self._fetch, batch))
                while waiting:
                    made = waiting.popleft().result()
                    waiting.extend(pool.submit(self._fetch, batch) for batch in islice(wanted, 1))
                    yield made
            finally:
                for future in waiting:
                    future.cancel()


def _as_it_is(example: Any) -> Any:
    return example


def _rows(dataset: Any, numbers: list[int]) -> list[Any] | None:
    """A batch of a TensorDataset, or of parts of one, taken at once; None for other data sets."""
    while type(dataset) is Subset:
        numbers = [dataset.indices[i] for i in numbers]
        dataset = dataset.dataset
    return dataset.batch(numbers) if type(dataset) is TensorDataset else None


def _check_workers(num_workers: int, timeout: float, prefetch_factor: int | None, persistent_workers: bool) -> None:
    if num_workers < 0:
        raise OptionError(f"DataLoader: num_workers must not be negative, and is {num_workers}")
    if timeout < 0:
        raise OptionError(f"DataLoader: timeout must not be negative, and is {timeout}")
    if prefetch_factor is not None and (prefetch_factor < 1 or not num_workers):
        raise OptionError("DataLoader: prefetch_factor must be at least 1, and needs num_workers of at least 1")
    if persistent_workers and not num_workers:
        raise OptionError("DataLoader: persistent_workers needs num_workers of at least 1")


def _check_options(
    streams: bool, batch_size: int | None, shuffle: bool | None, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if streams and (shuffle or sampler is not None or batch_sampler is not None):
        raise OptionError("DataLoader: an IterableDataset gives its own order; leave out shuffle and samplers")
    if sampler is not None and shuffle:
        raise OptionError("DataLoader: give either a sampler or shuffle=True")
    if batch_sampler is not None and (batch_size != 1 or shuffle or sampler is not None or drop_last):
        raise OptionError("DataLoader: a batch_sampler excludes batch_size, shuffle, sampler and drop_last")
    if batch_size is None and drop_last:
        raise OptionError("DataLoader: drop_last needs a batch_size")
    if batch_size is not None and batch_size < 1:
        raise OptionError(f"DataLoader: batch_size must be at least 1, and is {batch_size}; None for no batches")
