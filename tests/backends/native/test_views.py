"""Views: where values lie after movements."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, strategies as st
from numpy.lib.stride_tricks import as_strided

from retrograd.backends.native.views import View, reshaped

_EXTENTS = st.sampled_from([1, 2, 3, 4, 6])


@st.composite
def _views(draw: st.DrawFn) -> View:
    """A dense array that was permuted, broadcast and cut."""
    shape = draw(st.lists(_EXTENTS, max_size=4))
    array = np.zeros((*shape, 2), np.uint8)[..., 0] if draw(st.booleans()) else np.zeros(shape, np.uint8)
    array = array.transpose(draw(st.permutations(range(array.ndim))))
    array = array[tuple(slice(draw(st.integers(0, n - 1)), None) for n in array.shape)]
    array = np.broadcast_to(array, (draw(_EXTENTS), *array.shape)) if draw(st.booleans()) else array
    return View(0, array.shape, array.strides, draw(st.sampled_from([0, 5])))


@given(_views(), st.data())
def test_a_reshape_has_the_strides_that_numpy_gives_it(view: View, data: st.DataObject) -> None:
    shape: list[int] = []
    rest = math.prod(view.shape)
    while rest > 1 and len(shape) < 5:
        shape.append(data.draw(st.sampled_from([n for n in range(1, rest + 1) if rest % n == 0])))
        rest //= shape[-1]
    shape.append(rest)
    geometry = as_strided(np.zeros((), np.uint8), view.shape, view.strides)
    try:
        expected = geometry.reshape(shape, copy=False).strides
    except ValueError:
        assert reshaped(view, tuple(shape)) is None
        return
    found = reshaped(view, tuple(shape))
    assert found is not None
    assert [s for n, s in zip(shape, found.strides, strict=True) if n != 1] == [
        s for n, s in zip(shape, expected, strict=True) if n != 1
    ]
