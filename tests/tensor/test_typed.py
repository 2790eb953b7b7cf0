"""The old names of dtypes as constructors: extents, sequences, and arrays of any dtype."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg

NAMES = {"FloatTensor": rg.float32, "DoubleTensor": rg.float64, "LongTensor": rg.int64, "IntTensor": rg.int32}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize(
    "data", [[1, 2], (3,), range(3), np.array([1.0, 2.0]), np.arange(3), np.zeros((2, 2)), np.zeros((0, 3)), [[1.0]]]
)
def test_data_become_elements(name: str, data: Any) -> None:
    made = getattr(rg, name)(data)
    assert made.dtype is NAMES[name]
    assert np.array_equal(made.numpy(), np.asarray(data).astype(NAMES[name].numpy))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("extents", [(), (3,), (2, 3), (np.int64(4),), (np.array(4),), (rg.Size([2, 1]),)])
def test_integers_are_extents(name: str, extents: tuple[Any, ...]) -> None:
    shape = tuple(extents[0]) if extents and isinstance(extents[0], rg.Size) else tuple(map(int, extents))
    made = getattr(rg, name)(*extents)
    assert made.dtype is NAMES[name]
    assert made.shape == (shape or (0,))


def test_a_float_is_refused() -> None:
    with pytest.raises(TypeError, match="expected extents or a sequence"):
        rg.FloatTensor(1.5)
