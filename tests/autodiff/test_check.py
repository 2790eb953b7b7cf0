"""Finite differences of functions whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest

from retrograd.autodiff.check import differ, numerical_derivative, numerical_jacobians


def test_jacobians_of_several_outputs() -> None:
    x, y = np.array([[1.0, 2.0]]), np.array(3.0)
    of_x = numerical_jacobians(lambda: [x * y, x.sum(keepdims=True) ** 2], x, 1e-6)
    np.testing.assert_allclose(of_x[0], 3.0 * np.eye(2), atol=1e-8)
    np.testing.assert_allclose(of_x[1], [[6.0], [6.0]], atol=1e-7)
    (of_y,) = numerical_jacobians(lambda: [x * y], y, 1e-6)
    np.testing.assert_allclose(of_y, [[1.0, 2.0]], atol=1e-8)
    assert x.tolist() == [[1, 2]] and y == 3


def test_nothing_to_change_and_nothing_to_see() -> None:
    assert numerical_jacobians(lambda: [np.ones(2)], np.zeros((0, 3)), 1e-6)[0].shape == (0, 2)
    assert numerical_jacobians(lambda: [np.ones(0)], np.zeros(3), 1e-6)[0].shape == (3, 0)


def test_along_a_direction() -> None:
    x, y = np.array([1.0, 2.0]), np.array([3.0])
    (found,) = numerical_derivative(lambda: [x * y], [x, y], [np.array([1.0, 0.0]), np.array([10.0])], 1e-6)
    np.testing.assert_allclose(found, [13.0, 20.0], atol=1e-7)
    assert x.tolist() == [1, 2] and y.tolist() == [3]


def test_what_was_changed_is_put_back_after_an_error() -> None:
    x = np.array([1.0, 2.0])

    def fails() -> list[np.ndarray]:
        raise ValueError

    with pytest.raises(ValueError):
        numerical_jacobians(fails, x, 1e-6)
    with pytest.raises(ValueError):
        numerical_derivative(fails, [x], [np.ones(2)], 1e-6)
    assert x.tolist() == [1, 2]


def test_differ() -> None:
    assert not differ(np.array([1.0, np.nan]), np.array([1.0 + 1e-6, np.nan]), 1e-5, 0.0)
    assert differ(np.array([1.0]), np.array([1.1]), 1e-3, 1e-3)
    assert differ(np.array([np.inf]), np.array([1.0]), 1e-3, 1e-3)
