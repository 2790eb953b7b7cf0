"""Regions that start elsewhere in each example of a batch."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

import retrograd as rg
from retrograd.autodiff.batching import batched
from retrograd.core.graph import Graph
from retrograd.core.node import input_node
from retrograd.core.operation import record
from retrograd.ops.movement import SLICE, SLICE_PUT
from retrograd.runtime.devices import use_backend
from retrograd.tensor.base import wrap
from tests.support.backends import BACKENDS

_settings = settings(max_examples=40, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
SIZE = 4


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


def _region(starts: list[int], shape: list[int], sizes: list[int], steps: list[int]) -> tuple[slice, ...]:
    """What NumPy calls the region, moved so that it lies within."""
    index = []
    for start, extent, size, step in zip(starts, shape, sizes, steps, strict=True):
        span = (size - 1) * step + 1 if size else 0
        low = min(max(start, 0), extent - span)
        index.append(slice(low, low + span, step))
    return tuple(index)


@_settings
@given(data=st.data(), put=st.booleans())
def test_starts_of_each_example(data: Any, put: bool) -> None:
    ndim = data.draw(st.integers(1, 3))
    shape = [data.draw(st.integers(1, 5)) for _ in range(ndim)]
    steps = [data.draw(st.integers(1, 2)) for _ in range(ndim)]
    sizes = [data.draw(st.integers(0, (n - 1) // step + 1)) for n, step in zip(shape, steps, strict=True)]
    each = [data.draw(st.booleans()) for _ in range(ndim)]
    shared = data.draw(st.booleans())
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    starts = [rng.integers(-1, 6, SIZE if batch else ()) for batch in each]
    whole = rng.normal(size=shape if shared else (SIZE, *shape))
    value = rng.normal(size=(SIZE, *sizes))
    arrays = [whole, *([value] if put else []), *starts]
    has = [not shared, *([True] if put else []), *each]
    places = [
        input_node(rg.tensor(x[0] if batch else x)._read().type, None) for x, batch in zip(arrays, has, strict=True)
    ]
    operation, attributes = (SLICE_PUT, (tuple(steps),)) if put else (SLICE, (tuple(sizes), tuple(steps)))
    graph = Graph.from_nodes(places, [record(operation, tuple(places), attributes)])
    (found,) = batched(graph, [rg.tensor(x)._read() for x in arrays], has, SIZE)
    result = wrap(found).numpy()
    for k in range(SIZE):
        at = [int(s[k] if batch else s) for s, batch in zip(starts, each, strict=True)]
        region, example = _region(at, shape, sizes, steps), (whole if shared else whole[k]).copy()
        if put:
            example[region] = value[k]
        np.testing.assert_array_equal(result[k], example if put else example[region])
