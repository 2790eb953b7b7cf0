"""Transforms against PyTorch: values, inverses, stretches, gradients, shapes; and what constraints lead to."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.table import numbers

_X = numbers((2, 3), 1)
_SQUARE = numbers((2, 3, 3), 2, -0.5, 0.5)
# how a transform is made of torch.distributions, and an x
TRANSFORMS: dict[str, tuple[Callable[[Any, Any], Any], np.ndarray]] = {
    "exp": (lambda d, _: d.ExpTransform(), _X),
    "affine": (lambda d, t: d.AffineTransform(t(0.5), t([1.0, -2.0, 3.0])), _X),
    "affine of vectors": (lambda d, t: d.AffineTransform(0.5, t([1.0, -2.0, 3.0]), event_dim=1), _X),
    "affine by number of matrices": (lambda d, _: d.AffineTransform(0.5, -2.0, event_dim=2), _X),
    "sigmoid": (lambda d, _: d.SigmoidTransform(), _X),
    "tanh": (lambda d, _: d.TanhTransform(), _X),
    "softplus": (lambda d, _: d.SoftplusTransform(), _X),
    "power": (lambda d, t: d.PowerTransform(t(0.5)), np.exp(_X)),
    "cdf": (lambda d, _: d.CumulativeDistributionTransform(d.Normal(0.5, 2.0)), _X),
    "softmax": (lambda d, _: d.SoftmaxTransform(), _X),
    "stick-breaking": (lambda d, _: d.StickBreakingTransform(), _X),
    "lower triangle": (lambda d, _: d.LowerCholeskyTransform(), _SQUARE),
    "positive definite": (lambda d, _: d.PositiveDefiniteTransform(), _SQUARE),
    "correlations": (lambda d, _: d.CorrCholeskyTransform(), numbers((2, 6), 3)),
    "correlations of two": (lambda d, _: d.CorrCholeskyTransform(), numbers((2, 1), 3)),
    "reshape": (lambda d, _: d.ReshapeTransform((3,), (3, 1)), _X),
    "independent": (lambda d, _: d.IndependentTransform(d.ExpTransform(), 1), _X),
    "composed": (lambda d, _: d.ComposeTransform([d.ExpTransform(), d.AffineTransform(1.0, -2.0)]), _X),
    "composed with one of vectors": (
        lambda d, _: d.ComposeTransform([d.AffineTransform(1.0, -2.0), d.StickBreakingTransform(), d.ExpTransform()]),
        _X,
    ),
    "composed of nothing": (lambda d, _: d.ComposeTransform([]), _X),
    "inverse": (lambda d, _: d.ExpTransform().inv, np.exp(_X)),
    "inverse of a chain": (
        lambda d, _: d.ComposeTransform([d.ExpTransform(), d.AffineTransform(1.0, 2.0)]).inv, 2 + np.exp(_X),
    ),
    "stretches": (lambda d, _: d.CatTransform([d.ExpTransform(), d.TanhTransform()], -1, [1, 2]), _X),
    "stretches of vectors": (
        lambda d, _: d.CatTransform(
            [d.IndependentTransform(d.ExpTransform(), 1), d.IndependentTransform(d.TanhTransform(), 1)], -1, [1, 2]
        ),
        _X,
    ),
    "places": (lambda d, _: d.StackTransform([d.ExpTransform(), d.TanhTransform()], 0), _X),
}  # fmt: skip


def _double(lib: Any) -> Callable[[Any], Any]:
    return lambda value: lib.tensor(value, dtype=lib.float64)


@needs_torch
@pytest.mark.parametrize("name", TRANSFORMS)
def test_values_inverses_and_stretches(name: str) -> None:
    make, x = TRANSFORMS[name]
    ours, theirs = (make(lib.distributions, _double(lib)) for lib in (rg, torch))
    assert_same(ours, theirs, [x])
    y = theirs(torch.tensor(x)).numpy()
    assert_same(ours.inv, theirs.inv, [y], rtol=1e-9)
    assert ours.bijective == theirs.bijective
    assert ours.domain.event_dim == theirs.domain.event_dim
    assert ours.codomain.event_dim == theirs.codomain.event_dim
    try:
        expected = theirs.log_abs_det_jacobian(torch.tensor(x), torch.tensor(y))
    except NotImplementedError:
        with pytest.raises(NotImplementedError, match="has no log_abs_det_jacobian"):
            ours.log_abs_det_jacobian(rg.tensor(x), rg.tensor(y))
        return
    found = ours.log_abs_det_jacobian(rg.tensor(x), rg.tensor(y))
    assert tuple(found.shape) == tuple(expected.shape)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-9, atol=1e-9)


@needs_torch
@pytest.mark.parametrize("name", TRANSFORMS)
def test_shapes_and_signs(name: str) -> None:
    make, x = TRANSFORMS[name]
    ours, theirs = (make(lib.distributions, _double(lib)) for lib in (rg, torch))
    shape = tuple(theirs(torch.tensor(x)).shape)
    assert tuple(ours.forward_shape(x.shape)) == tuple(theirs.forward_shape(torch.Size(x.shape))) == shape
    assert tuple(ours.inverse_shape(shape)) == tuple(theirs.inverse_shape(torch.Size(shape))) == x.shape
    try:
        expected = theirs.sign
    except NotImplementedError:
        with pytest.raises(NotImplementedError, match="neither grows nor falls"):
            _ = ours.sign
        return
    as_list = [s if isinstance(s, int) else s.tolist() for s in (ours.sign, expected)]
    assert as_list[0] == as_list[1]


BIJECTIVE = [name for name in TRANSFORMS if name not in ("softmax", "lower triangle", "positive definite")]


@pytest.mark.parametrize("name", BIJECTIVE)
def test_stretches_are_those_of_the_jacobian(name: str) -> None:
    """Of the first x: log |det J| of what it is made of, for square Jacobians."""
    make, x = TRANSFORMS[name]
    made = make(rg.distributions, _double(rg))
    if made.domain.event_dim == 0 or name in ("stick-breaking", "correlations", "composed with one of vectors"):
        pytest.skip("not a square matrix, or of single numbers")
    whole = x if made.domain.event_dim == 2 else x[0]
    jacobian = rg.autograd.functional.jacobian(made, rg.tensor(whole)).numpy().reshape(whole.size, -1)
    if jacobian.shape[0] != jacobian.shape[1]:
        pytest.skip("not a square matrix")
    found = made.log_abs_det_jacobian(rg.tensor(whole), made(rg.tensor(whole))).item()
    assert found == pytest.approx(np.linalg.slogdet(jacobian)[1], abs=1e-9)


def test_the_last_pair_is_kept_for_both_directions() -> None:
    made = rg.distributions.TanhTransform(cache_size=1)
    x = rg.tensor([0.5])
    y = made(x)
    assert made(x) is y
    assert made.inv(y) is x
    plain = made.with_cache(0)
    assert plain.inv(plain(x)) is not x
    chain = rg.distributions.ComposeTransform([plain, rg.distributions.ExpTransform()], cache_size=1)
    assert chain.inv(chain(x)) is x
    with pytest.raises(OptionError, match="cache_size must be 0 or 1"):
        rg.distributions.ExpTransform(cache_size=2)


def test_equality() -> None:
    d = rg.distributions
    assert d.ExpTransform() == d.ExpTransform() != d.TanhTransform()
    assert d.AffineTransform(0, 1) == d.AffineTransform(0, 1) != d.AffineTransform(0, 2)
    assert d.AffineTransform(0, rg.ones(2)) == d.AffineTransform(0, rg.ones(2))
    assert d.ExpTransform().inv == d.ExpTransform().inv
    assert len({d.ExpTransform(), d.ExpTransform()}) == 1


def test_refusals() -> None:
    d = rg.distributions
    with pytest.raises(ShapeError, match="must be 2 long"):
        d.CatTransform([d.ExpTransform(), d.ExpTransform()])(rg.ones(3))
    with pytest.raises(OptionError, match="2 transforms and 1 lengths"):
        d.CatTransform([d.ExpTransform(), d.ExpTransform()], lengths=[2])
    with pytest.raises(ShapeError, match="differ in their elements"):
        d.ReshapeTransform((2,), (3,))
    with pytest.raises(ShapeError, match="do not fill the triangle"):
        d.CorrCholeskyTransform()(rg.ones(4))
    with pytest.raises(ShapeError, match="takes 1 axes"):
        d.TransformedDistribution(d.Normal(0.0, 1.0), d.StickBreakingTransform())
    with pytest.raises(TypeError, match="expected transforms"):
        d.TransformedDistribution(d.Normal(0.0, 1.0), [1])


@needs_torch
@pytest.mark.parametrize("registry", ["transform_to", "biject_to"])
def test_what_constraints_lead_to(registry: str) -> None:
    made = {
        "real": lambda c: c.real,
        "positive": lambda c: c.positive,
        "nonnegative": lambda c: c.nonnegative,
        "greater": lambda c: c.greater_than(1.5),
        "less": lambda c: c.less_than(1.5),
        "unit": lambda c: c.unit_interval,
        "interval": lambda c: c.interval(-1.0, 3.0),
        "half open": lambda c: c.half_open_interval(-1.0, 3.0),
        "simplex": lambda c: c.simplex,
        "vectors": lambda c: c.independent(c.positive, 1),
        "correlations": lambda c: c.corr_cholesky,
        "lower": lambda c: c.lower_cholesky,
        "definite": lambda c: c.positive_definite,
        "stretches": lambda c: c.cat([c.positive, c.unit_interval], -1, [1, 2]),
        "places": lambda c: c.stack([c.positive, c.unit_interval], 0),
    }
    for name, make in made.items():
        x = _SQUARE if name in ("lower", "definite") else _X
        ours, theirs = (make(lib.distributions.constraints) for lib in (rg, torch))
        try:
            expected = getattr(torch.distributions, registry)(theirs)(torch.tensor(x))
        except NotImplementedError:
            with pytest.raises(NotImplementedError, match="no transform is known"):
                getattr(rg.distributions, registry)(ours)
            continue
        found = getattr(rg.distributions, registry)(ours)(rg.tensor(x))
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-12, atol=1e-12)
        assert ours.check(found).tolist() == theirs.check(expected).tolist()


def test_constraints_of_the_user() -> None:
    d = rg.distributions
    even = d.constraints.Constraint("Even()", lambda x: x % 2 == 0, is_discrete=True)
    with pytest.raises(NotImplementedError, match="no transform is known that leads to Even"):
        d.transform_to(even)
    with pytest.raises(TypeError, match="expected a constraint"):
        d.transform_to.register(3, lambda _: d.ExpTransform())

    @d.transform_to.register(even)
    def doubled(constraint: Any) -> Any:
        return d.AffineTransform(0, 2)

    assert d.transform_to(even)(rg.tensor(3)).item() == 6


@needs_torch
def test_distributions_of_vectors_made_of_numbers() -> None:
    value = np.abs(_X) / np.abs(_X).sum(-1, keepdims=True)

    def density(lib: Any, x: Any) -> Any:
        d = lib.distributions
        made = d.TransformedDistribution(
            d.Normal(x[:, :2], 1.5), [d.AffineTransform(0.0, lib.ones(3, 1, 1)), d.StickBreakingTransform()]
        )
        assert (tuple(made.batch_shape), tuple(made.event_shape)) == ((3, 2), (3,))
        assert tuple(made.sample((4,)).shape) == (4, 3, 2, 3)
        return made.log_prob(lib.tensor(value))

    assert_same(lambda x: density(rg, x), lambda x: density(torch, x), [_X], rtol=1e-9)
