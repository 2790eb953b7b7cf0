"""Sums over bags of rows, against PyTorch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")

from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS
from tests.support.comparison import check

pytestmark = pytest.mark.parity

_table = np.random.default_rng(0).normal(size=(5, 3))
_numbers = np.array([4, 0, 0, 2, 1, 1, 3])


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
@pytest.mark.parametrize("padding", [None, 1, -5])
@pytest.mark.parametrize("last", [False, True])
def test_bags(mode: str, padding: int | None, last: bool) -> None:
    offsets = np.array([0, 2, 2, 5, 7] if last else [0, 2, 2, 5])

    def function(lib: Any, table: Any, numbers: Any, starts: Any) -> Any:
        return lib.nn.functional.embedding_bag(
            numbers, table, starts, mode=mode, padding_idx=padding, include_last_offset=last
        )

    check(function, _table, _numbers, offsets)


@pytest.mark.parametrize("mode", ["sum", "mean", "max"])
def test_rows_of_numbers_are_bags(mode: str) -> None:
    check(lambda lib, t, n: lib.nn.functional.embedding_bag(n.reshape(2, 3), t, mode=mode), _table, _numbers[:6])


def test_weights_of_samples() -> None:
    def function(lib: Any, table: Any, numbers: Any, weights: Any) -> Any:
        return lib.nn.functional.embedding_bag(
            numbers, table, lib.tensor([0, 3]), mode="sum", per_sample_weights=weights
        )

    check(function, _table, _numbers, np.linspace(-1.0, 1.0, 7))
