"""The Wishart distribution against PyTorch, but for samples: PyTorch throws the first ones of a seed away."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.table import numbers

_ROOT = np.tril(numbers((3, 2, 2), 5, 0.3, 1.0)) + np.eye(2)
_DF = numbers((3,), 2, 3.5, 6.0)
_VALUE = _ROOT @ np.swapaxes(_ROOT, -1, -2) + 0.3 * np.eye(2)
FORMS = {
    "scale_tril": lambda root: {"scale_tril": root.tril()},
    "covariance_matrix": lambda root: {"covariance_matrix": root @ root.mT},
    "precision_matrix": lambda root: {"precision_matrix": root @ root.mT},
}


@needs_torch
@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("what", ["log_prob", "entropy", "mean", "mode", "variance", "scale_tril", "precision_matrix"])
def test_values_and_gradients(form: str, what: str) -> None:
    def asked(lib: Any, df: Any, root: Any) -> Any:
        made = lib.distributions.Wishart(df, **FORMS[form](root))
        found = getattr(made, what)
        return found(lib.tensor(_VALUE)) if what == "log_prob" else found() if what == "entropy" else found

    assert_same(lambda *x: asked(rg, *x), lambda *x: asked(torch, *x), [_DF, _ROOT], rtol=1e-8)


@needs_torch
def test_shapes() -> None:
    for lib in (rg, torch):
        made = lib.distributions.Wishart(lib.tensor(_DF), scale_tril=lib.tensor(_ROOT[0]))
        assert (tuple(made.batch_shape), tuple(made.event_shape)) == ((3,), (2, 2))
        larger = made.expand((4, 3))
        assert tuple(larger.rsample((5,)).shape) == (5, 4, 3, 2, 2)
        assert tuple(larger.log_prob(lib.tensor(_VALUE)).shape) == (4, 3)
        assert tuple(made.log_prob(larger.sample()).shape) == (4, 3)


def test_samples_have_the_moments_that_they_should() -> None:
    rg.manual_seed(0)
    made = rg.distributions.Wishart(rg.tensor(_DF), scale_tril=rg.tensor(_ROOT))
    drawn = made.sample((20_000,))
    assert bool(made.support.check(drawn).all())
    np.testing.assert_allclose(drawn.mean(0).numpy(), made.mean.numpy(), rtol=0.03)
    np.testing.assert_allclose(drawn.var(0).numpy(), made.variance.numpy(), rtol=0.06)
    np.testing.assert_allclose(-made.log_prob(drawn).mean(0).numpy(), made.entropy().numpy(), rtol=0.01)


def test_gradients_of_samples() -> None:
    """d/dL of the mean of a sample is that of df L L^T."""
    rg.manual_seed(0)
    root = rg.tensor(_ROOT[0], requires_grad=True)
    made = rg.distributions.Wishart(4.0, scale_tril=root)
    (found,) = rg.autograd.grad(made.rsample((20_000,)).mean(0).sum(), root)
    (expected,) = rg.autograd.grad(made.mean.sum(), root)
    np.testing.assert_allclose(found.tril().numpy(), expected.tril().numpy(), rtol=0.05)


def test_refusals() -> None:
    with pytest.raises(OptionError, match="give one of"):
        rg.distributions.Wishart(3.0)
    with pytest.raises(ShapeError, match="expected"):
        rg.distributions.Wishart(3.0, rg.ones(2))
    with pytest.raises(OptionError, match="df must satisfy GreaterThan"):
        rg.distributions.Wishart(rg.tensor(0.5), rg.eye(2))
