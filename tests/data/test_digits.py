"""The digits that come with the library."""

from __future__ import annotations

import numpy as np
import pytest

from retrograd.data.digits import load_digits, load_digits_split


def test_shapes_and_values() -> None:
    images, labels = load_digits()
    assert images.shape == (1797, 8, 8) and images.dtype == np.float32
    assert labels.shape == (1797,) and labels.dtype == np.int64
    assert (images.min(), images.max()) == (0.0, 16.0)
    assert np.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


def test_arrays_are_fresh() -> None:
    images, _ = load_digits()
    images[:] = -1.0
    assert load_digits()[0].min() == 0.0


def test_split_is_a_partition_and_always_the_same() -> None:
    first, second = load_digits_split(), load_digits_split()
    for one, other in zip(first, second, strict=True):
        np.testing.assert_array_equal(one, other)
    together = np.concatenate([first.train_images, first.held_out_images]).reshape(1797, 64)
    whole = load_digits()[0].reshape(1797, 64)
    np.testing.assert_array_equal(together[np.lexsort(together.T)], whole[np.lexsort(whole.T)])
    assert np.bincount(first.held_out_labels).min() >= 25, "every digit is held out in fair number"


def test_same_as_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_digits()
    images, labels = load_digits()
    np.testing.assert_array_equal(images, theirs.images)
    np.testing.assert_array_equal(labels, theirs.target)
