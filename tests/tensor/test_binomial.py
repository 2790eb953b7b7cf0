"""Binomial numbers: what is refused, and their moments. Their values are PyTorch's: `tests/test_rng_parity.py`."""

from __future__ import annotations

import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, ShapeError


@pytest.mark.parametrize(("n", "p"), [(7.0, 0.2), (500.0, 0.3), (500.0, 0.9)])
def test_moments(n: float, p: float) -> None:
    rg.manual_seed(0)
    drawn = rg.binomial(rg.full((20_000,), n), rg.full((1,), p))
    assert bool(((drawn >= 0) & (drawn <= n) & (drawn % 1 == 0)).all())
    assert drawn.mean().item() == pytest.approx(n * p, rel=0.02)
    assert drawn.var().item() == pytest.approx(n * p * (1 - p), rel=0.05)


def test_a_generator_of_its_own_and_half_precision() -> None:
    generator = rg.Generator().manual_seed(1)
    first = rg.binomial(rg.full((5,), 9.0), rg.full((5,), 0.5), generator)
    again = rg.binomial(rg.full((5,), 9.0), rg.full((5,), 0.5), generator.manual_seed(1))
    assert first.tolist() == again.tolist()
    assert rg.binomial(rg.ones(2, dtype=rg.bfloat16), rg.ones(2, dtype=rg.bfloat16)).dtype is rg.bfloat16


def test_refusals() -> None:
    with pytest.raises(OptionError, match="count must be at least 0"):
        rg.binomial(rg.tensor(-1.0), rg.tensor(0.5))
    with pytest.raises(OptionError, match=r"probability must lie in \[0, 1\]"):
        rg.binomial(rg.tensor(1.0), rg.tensor(1.5))
    with pytest.raises(DTypeError, match="cast one"):
        rg.binomial(rg.tensor(1), rg.tensor(0.5))
    with pytest.raises(DTypeError, match="takes floating-point numbers"):
        rg.binomial(rg.tensor(1), rg.tensor(1))
    with pytest.raises(ShapeError, match="do not broadcast"):
        rg.binomial(rg.ones(2), rg.ones(3))
