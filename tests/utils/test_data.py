"""Data sets, samplers and loaders: PyTorch's batches for the same seed, and threads that change nothing."""

from __future__ import annotations

import threading
import time
from collections import namedtuple
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import IndexRangeError, OptionError, ShapeError
from retrograd.utils.data import (
    BatchSampler,
    ConcatDataset,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    SequentialSampler,
    Subset,
    TensorDataset,
    default_collate,
    default_convert,
    get_worker_info,
    random_split,
)
from tests.support.parity import needs_torch, torch

Pair = namedtuple("Pair", "x y")


class Squares(Dataset[tuple[int, float]]):
    def __init__(self, size: int = 11) -> None:
        self.size = size

    def __len__(self) -> int:
        return self.size

    def __getitem__(self, index: int) -> tuple[int, float]:
        if not 0 <= index < self.size:
            raise IndexError(index)
        return index, index / 2


class Stream(IterableDataset[int]):
    def __init__(self, size: int) -> None:
        self.size = size

    def __iter__(self) -> Iterator[int]:
        return iter(range(self.size))


def _lists(loader: Any) -> list[Any]:
    return [[part.tolist() for part in batch] for batch in loader]


LOADERS: tuple[dict[str, Any], ...] = (
    {"batch_size": 4},
    {"batch_size": 4, "shuffle": True},
    {"batch_size": 3, "shuffle": True, "drop_last": True},
    {},
)


@needs_torch
@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("options", LOADERS)
def test_batches_equal_pytorch(options: dict[str, Any], seed: int) -> None:
    data = Squares()
    rg.manual_seed(seed), torch.manual_seed(seed)
    ours, theirs = rg.utils.data.DataLoader(data, **options), torch.utils.data.DataLoader(data, **options)
    assert len(ours) == len(theirs)
    for _ in range(3):
        assert _lists(ours) == _lists(theirs)
        assert rg.rand(1).item() == torch.rand(1).item()


@needs_torch
@pytest.mark.parametrize("seed", [0, 3])
def test_own_generators_and_samplers_equal_pytorch(seed: int) -> None:
    data = Squares(70)
    found = []
    for library in (rg, torch):
        u = library.utils.data
        library.manual_seed(seed)
        generator = library.Generator()
        generator.manual_seed(seed + 1)
        lists = [
            _lists(u.DataLoader(data, 8, True, generator=generator)),
            list(u.RandomSampler(data, replacement=True, num_samples=75)),
            list(u.RandomSampler(data, num_samples=150)),
            list(u.SubsetRandomSampler([5, 7, 9, 2])),
            list(u.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7, 3.0, 0.6], 9)),
            list(u.WeightedRandomSampler([0.1, 0.9, 0.4, 0.7], 3, replacement=False)),
            [list(part.indices) for part in u.random_split(data, [30, 40])],
            [list(part.indices) for part in u.random_split(data, [0.31, 0.3, 0.39], generator=generator)],
            list(u.BatchSampler(u.RandomSampler(data), 16, True)),
        ]
        found.append(lists)
    assert found[0] == found[1]


def test_a_tensor_data_set_is_batched_at_once_and_alike() -> None:
    x, y = rg.rand(10, 3), rg.arange(10)
    data = TensorDataset(x, y)
    parts = random_split(data, [7, 3])
    for dataset in (data, parts[0], Subset(parts[0], [2, 0])):
        for a, b in zip(
            DataLoader(dataset, 3), DataLoader(dataset, 3, collate_fn=lambda b: default_collate(b)), strict=True
        ):
            assert type(a) is type(b) is list
            assert [part.tolist() for part in a] == [part.tolist() for part in b]
            assert all(part._storage.node.buffer is not None for part in a)


def test_collate() -> None:
    batch = default_collate([{"x": np.float32([1, 2]), "t": ("a", True)}, {"x": np.float32([3, 4]), "t": ("b", False)}])
    assert batch["x"].dtype is rg.float32 and batch["x"].tolist() == [[1, 2], [3, 4]]
    assert batch["t"][0] == ("a", "b") and batch["t"][1].dtype is rg.bool
    pair = default_collate([Pair(1, 2.0), Pair(3, 4.0)])
    assert isinstance(pair, Pair) and pair.x.dtype is rg.int64 and pair.y.dtype is rg.float64
    w = rg.ones(2, requires_grad=True)
    assert default_collate([w * 2, w]).requires_grad
    with pytest.raises(ShapeError, match="pad them to one"):
        default_collate([rg.ones(2), rg.ones(3)])
    with pytest.raises(TypeError, match="pass a collate_fn"):
        default_collate([object()])


def test_streams_and_batches_of_one() -> None:
    assert [b.tolist() for b in DataLoader(Stream(5), 2)] == [[0, 1], [2, 3], [4]]
    assert [b.tolist() for b in DataLoader(Stream(5), 2, drop_last=True)] == [[0, 1], [2, 3]]
    assert list(DataLoader(Stream(3), None)) == [0, 1, 2]
    assert list(DataLoader(Squares(2), None)) == [(0, 0.0), (1, 0.5)]
    batches = DataLoader(Squares(5), batch_sampler=BatchSampler(SequentialSampler(range(5)), 2, True))
    assert len(batches) == 2 and _lists(batches) == [[[0, 1], [0.0, 0.5]], [[2, 3], [1.0, 1.5]]]


def test_data_sets_one_after_another() -> None:
    both = Squares(3) + Squares(2)
    assert isinstance(both, ConcatDataset) and len(both) == 5
    assert [both[i][0] for i in range(5)] == [0, 1, 2, 0, 1] and both[-1][0] == 1
    with pytest.raises(IndexRangeError, match="out of range for 5 examples"):
        both[5]


class Slow(Squares):
    threads: set[int] = set()  # noqa: RUF012 - what the test looks at

    def __getitem__(self, index: int) -> tuple[int, float]:
        self.threads.add(threading.get_ident())
        time.sleep(0.002 * (index % 3))
        return super().__getitem__(index)


@pytest.mark.parametrize("workers", [1, 3])
def test_workers_change_nothing(workers: int) -> None:
    started: list[int] = []
    Slow.threads.clear()
    rg.manual_seed(1)
    alone = _lists(DataLoader(Squares(20), 3, True))
    rg.manual_seed(1)
    loader = DataLoader(Slow(20), 3, True, num_workers=workers, worker_init_fn=started.append)
    assert _lists(loader) == alone
    assert sorted(started) == list(range(len(started))) and 1 <= len(started) <= workers
    assert threading.get_ident() not in Slow.threads
    # A pass that is given up early leaves no thread behind.
    before = threading.active_count()
    for _ in loader:
        break
    deadline = time.monotonic() + 5
    while threading.active_count() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert threading.active_count() <= before


def test_errors_of_workers_arrive() -> None:
    class Broken(Squares):
        def __getitem__(self, index: int) -> tuple[int, float]:
            raise ValueError("no such picture")

    with pytest.raises(ValueError, match="no such picture"):
        list(DataLoader(Broken(4), 2, num_workers=2))


def test_wrong_options_say_what_to_do() -> None:
    data = Squares(4)
    with pytest.raises(OptionError, match="either a sampler or shuffle"):
        DataLoader(data, sampler=SequentialSampler(data), shuffle=True)
    with pytest.raises(OptionError, match="excludes batch_size"):
        DataLoader(data, 2, batch_sampler=[[0, 1]])
    with pytest.raises(OptionError, match="gives its own order"):
        DataLoader(Stream(3), shuffle=True)
    with pytest.raises(OptionError, match="at least 1"):
        DataLoader(data, 0)
    with pytest.raises(OptionError, match="add up to 3, and there are 4"):
        random_split(data, [1, 2])
    with pytest.raises(ShapeError, match="equal first extents"):
        TensorDataset(rg.ones(2), rg.ones(3))


def test_workers_know_of_themselves() -> None:
    found = {}

    class Told(Squares):
        def __getitem__(self, index: int) -> Any:
            info = get_worker_info()
            assert info is not None and info.dataset is data
            found[index] = (info.id, info.num_workers, info.seed - info.id)
            return index

    started: list[int] = []
    data = Told(12)
    loader = DataLoader(data, 2, num_workers=3, worker_init_fn=started.append)
    for _ in range(2):
        assert [b.tolist() for b in loader] == [[i, i + 1] for i in range(0, 12, 2)]
    assert {count for _, count, _ in found.values()} == {3} and {number for number, _, _ in found.values()} <= {0, 1, 2}
    assert len({seed for *_, seed in found.values()}) == 1
    assert set(started) <= {0, 1, 2} and 0 in started
    assert get_worker_info() is None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"num_workers": -1}, "num_workers must not be negative"),
        ({"timeout": -1}, "timeout must not be negative"),
        ({"prefetch_factor": 2}, "prefetch_factor must be at least 1, and needs num_workers"),
        ({"num_workers": 1, "prefetch_factor": 0}, "prefetch_factor must be at least 1"),
        ({"persistent_workers": True}, "persistent_workers needs num_workers"),
    ],
)
def test_options_of_workers(options: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        DataLoader(Squares(3), **options)


@needs_torch
def test_data_sets_side_by_side_and_streams_in_a_row_equal_pytorch() -> None:
    found = []
    for library in (rg, torch):
        u = library.utils.data

        class Count(u.IterableDataset):  # type: ignore[misc,name-defined]
            def __init__(self, size: int) -> None:
                self.size = size

            def __iter__(self) -> Any:
                return iter(range(self.size))

            def __len__(self) -> int:
                return self.size

        stacked, named = u.StackDataset("abc", [1, 2, 3]), u.StackDataset(letter="abc", number=[1, 2, 3])
        chained = Count(2) + u.ChainDataset([Count(3)])
        found.append((stacked[1], len(stacked), named[2], len(named), list(chained), len(chained)))
    assert found[0] == found[1]
    with pytest.raises(ShapeError, match=r"\[1, 2\] examples"):
        rg.utils.data.StackDataset([1], [1, 2])
    with pytest.raises(OptionError, match="by place, or by keyword"):
        rg.utils.data.StackDataset()
    with pytest.raises(OptionError, match="use ConcatDataset"):
        list(rg.utils.data.ChainDataset([[1]]))


@needs_torch
@pytest.mark.parametrize("drop_last", [False, True])
@pytest.mark.parametrize("count", [0, 1, 5, 12])
def test_shares_of_several_processes_equal_pytorch(count: int, drop_last: bool) -> None:
    from torch.utils.data import DistributedSampler as Theirs  # noqa: PLC0415 - may be missing

    for shuffle in (False, True):
        for rank in range(3):
            options = {"num_replicas": 3, "rank": rank, "shuffle": shuffle, "seed": 4, "drop_last": drop_last}
            ours, theirs = DistributedSampler(range(count), **options), Theirs(range(count), **options)
            for sampler in (ours, theirs):
                sampler.set_epoch(2)
            if drop_last or count:
                assert list(ours) == list(theirs)
            assert len(ours) == len(theirs)
    with pytest.raises(OptionError, match="rank 3 is none of 3"):
        DistributedSampler(range(2), 3, 3)


@needs_torch
def test_conversion_leaves_what_is_no_array() -> None:
    from torch.utils.data import default_convert as theirs  # noqa: PLC0415 - may be missing

    data = [np.float32(2.0), Pair(np.arange(2), "text"), {"a": [np.ones(1), None]}, np.array(["a"]), b"x"]
    ours, expected = default_convert(data), theirs(data)
    assert [type(x).__name__ for x in ours] == [type(x).__name__ for x in expected]
    assert (ours[1].x.tolist(), ours[1].y) == ([0, 1], "text")
    assert (ours[2]["a"][0].tolist(), ours[2]["a"][1]) == ([1.0], None)
