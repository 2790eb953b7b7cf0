"""Packed and padded sequences against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

rnn = rg.nn.utils.rnn


def _same(ours: Any, theirs: Any) -> None:
    if theirs is None:
        assert ours is None
        return
    assert tuple(ours.shape) == tuple(theirs.shape)
    assert str(ours.dtype).rpartition(".")[2] == str(theirs.dtype).rpartition(".")[2]
    np.testing.assert_array_equal(ours.detach().numpy(), theirs.detach().numpy())


_lengths = st.lists(st.integers(1, 6), min_size=1, max_size=5)
_tails = st.lists(st.integers(1, 3), max_size=2).map(tuple)


@given(_lengths, _tails, st.booleans(), st.integers(0, 2), st.booleans())
@settings(max_examples=40, deadline=None)
def test_packing_and_padding(
    lengths: list[int], tail: tuple[int, ...], batch_first: bool, spare: int, as_tensor: bool
) -> None:
    steps, batch = max(lengths) + spare, len(lengths)
    shape = ((batch, steps) if batch_first else (steps, batch)) + tail
    x = np.random.default_rng(0).standard_normal(shape)
    found = []
    for lib in (rg, torch):
        given_ = lib.tensor(x, requires_grad=True)
        asked = lib.tensor(lengths) if as_tensor else lengths
        packed = lib.nn.utils.rnn.pack_padded_sequence(given_, asked, batch_first, enforce_sorted=False)
        padded, back = lib.nn.utils.rnn.pad_packed_sequence(packed, batch_first, -1.5, steps)
        (padded * padded).sum().backward()
        found.append((packed, padded, back, given_.grad))
    (packed, *rest), (expected, *others) = found
    for a, b in zip((*packed, *rest), (*expected, *others), strict=True):
        _same(a, b)


@given(_lengths, _tails, st.booleans(), st.sampled_from(["left", "right"]), st.sampled_from([0.0, 2.5]))
@settings(max_examples=40, deadline=None)
def test_sequences_side_by_side(
    lengths: list[int], tail: tuple[int, ...], batch_first: bool, side: str, value: float
) -> None:
    random = np.random.default_rng(0)
    arrays = [random.standard_normal((length, *tail)) for length in lengths]
    found = []
    for lib in (rg, torch):
        sequences = [lib.tensor(x, requires_grad=True) for x in arrays]
        padded = lib.nn.utils.rnn.pad_sequence(sequences, batch_first, value, side)
        (padded * padded).sum().backward()
        # PyTorch's transposes the tensor that it is given.
        back = lib.nn.utils.rnn.unpad_sequence(padded.clone(), lib.tensor(lengths), batch_first)
        found.append((padded, *back, *(x.grad for x in sequences)))
    for a, b in zip(*found, strict=True):
        _same(a, b)


@pytest.mark.parametrize("enforce_sorted", [True, False])
def test_packing_a_list(enforce_sorted: bool) -> None:
    arrays = [np.arange(float(n)) + 10 * n for n in ((4, 2, 1) if enforce_sorted else (2, 4, 1))]
    ours = rnn.pack_sequence([rg.tensor(x) for x in arrays], enforce_sorted)
    theirs = torch.nn.utils.rnn.pack_sequence([torch.tensor(x) for x in arrays], enforce_sorted)
    for a, b in zip(ours, theirs, strict=True):
        _same(a, b)
    for a, b in zip(rnn.unpack_sequence(ours), torch.nn.utils.rnn.unpack_sequence(theirs), strict=True):
        _same(a, b)


def test_a_packed_sequence_is_cast_as_a_tensor() -> None:
    packed = rnn.pack_sequence([rg.tensor([1.5, 2.5]), rg.tensor([3.0])])
    assert packed.double().data.dtype is rg.float64
    assert packed.to(rg.float64).batch_sizes is packed.batch_sizes
    assert packed.long().data.tolist() == [1, 3, 2]
    assert packed.cpu() is packed
    data, sizes, order, inverse = packed
    assert (data.tolist(), sizes.tolist(), order, inverse) == ([1.5, 3.0, 2.5], [2, 1], None, None)


def test_taking_apart_leaves_the_padded_tensor_as_it_is() -> None:
    padded = rnn.pad_sequence([rg.ones(3), rg.ones(1)])
    rnn.unpad_sequence(padded, rg.tensor([3, 1]))
    assert padded.shape == (3, 2)


def test_integers_are_padded_with_an_integer() -> None:
    padded = rnn.pad_sequence([rg.tensor([1, 2]), rg.tensor([3])], True, 7)
    assert padded.dtype is rg.int64
    assert padded.tolist() == [[1, 2], [3, 7]]


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rnn.pack_padded_sequence(rg.zeros(3, 2), [1, 3]), ShapeError, "enforce_sorted=False"),
        (lambda: rnn.pack_padded_sequence(rg.zeros(3, 2), [3]), ShapeError, "one for each of 2"),
        (lambda: rnn.pack_padded_sequence(rg.zeros(3, 2), [3, 0]), ShapeError, "at least one step"),
        (lambda: rnn.pack_padded_sequence(rg.zeros(3, 2), [4, 1]), ShapeError, "only 3"),
        (lambda: rnn.pad_packed_sequence(rnn.pack_sequence([rg.zeros(3)]), total_length=2), OptionError, "below"),
        (lambda: rnn.pad_sequence([]), OptionError, "no sequences"),
        (lambda: rnn.pad_sequence([rg.zeros(2)], padding_side="top"), OptionError, "'left' or 'right'"),
    ],
)
def test_wrong_uses(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
