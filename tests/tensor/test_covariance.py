"""Covariances and correlations against PyTorch and NumPy."""

from __future__ import annotations

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.table import numbers

X = numbers((3, 5), 1)


@needs_torch
@pytest.mark.parametrize("array", [X, X[0], X[:1], X[:, :0]], ids=["matrix", "line", "one row", "empty"])
@pytest.mark.parametrize("correction", [0, 1, 2])
@pytest.mark.filterwarnings("ignore")
def test_covariance(array: np.ndarray, correction: int) -> None:
    theirs = torch.tensor(array).cov(correction=correction)
    np.testing.assert_allclose(rg.tensor(array).cov(correction=correction).numpy(), theirs.numpy(), rtol=1e-12)


@needs_torch
@pytest.mark.parametrize("weights", ["f", "a", "fa", ""])
@pytest.mark.parametrize("correction", [0, 1])
def test_weights_and_gradients(weights: str, correction: int) -> None:
    def covariance(m: object, x: object) -> object:
        given = {
            "fweights": m.tensor([1, 2, 3, 1, 0]) if "f" in weights else None,  # type: ignore[attr-defined]
            "aweights": m.tensor([0.5, 1.0, 0.25, 2.0, 1.0]).double() if "a" in weights else None,  # type: ignore[attr-defined]
        }
        return m.cov(x, correction=correction, **given)  # type: ignore[attr-defined]

    assert_same(lambda x: covariance(rg, x), lambda x: covariance(torch, x), [X])


@needs_torch
def test_correlation_and_its_gradient() -> None:
    assert_same(rg.corrcoef, torch.corrcoef, [X])
    np.testing.assert_allclose(rg.corrcoef(rg.tensor(X[0])).item(), 1.0)


def test_of_integers_as_numpy_has_it() -> None:
    whole = np.array([[1, 2, 4], [3, 1, 0]])
    np.testing.assert_allclose(rg.cov(rg.tensor(whole)).numpy(), np.cov(whole), rtol=1e-6)


def test_few_observations_are_told() -> None:
    with pytest.warns(UserWarning, match="1 observations are too few"):
        assert np.isnan(rg.cov(rg.ones(2, 1)).numpy()).all()


def test_refusals() -> None:
    with pytest.raises(ShapeError, match=r"received shape \(1, 2, 3\)"):
        rg.cov(rg.ones(1, 2, 3))
    with pytest.raises(DTypeError, match="received bool"):
        rg.cov(rg.ones(2, 3) > 0)
    with pytest.raises(ShapeError, match="one for each of the 3"):
        rg.cov(rg.ones(2, 3), aweights=rg.ones(2))
    with pytest.raises(DTypeError, match="fweights must be integers"):
        rg.cov(rg.ones(2, 3), fweights=rg.ones(3))
