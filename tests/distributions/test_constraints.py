"""Constraints against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch

_NUMBERS = np.array([-2.0, -0.5, 0.0, 0.5, 1.0, 2.0, np.nan, np.inf])
_MATRICES = np.stack([
    np.eye(2), -np.eye(2), np.ones((2, 2)), np.array([[1.0, 0.0], [0.6, 0.8]]), np.array([[2.0, 1.0], [1.0, 2.0]]),
    np.array([[1.0, 1.0], [0.0, 1.0]]),
])  # fmt: skip
CONSTRAINTS: dict[str, tuple[Callable[[Any, Any], Any], np.ndarray]] = {
    "positive_integer": (lambda c, t: c.positive_integer, _NUMBERS),
    "nonnegative_integer": (lambda c, t: c.nonnegative_integer, _NUMBERS),
    "less_than": (lambda c, t: c.less_than(1.0), _NUMBERS),
    "greater_than of a tensor": (lambda c, t: c.greater_than(t(_NUMBERS[::-1].copy())), _NUMBERS),
    "interval of tensors": (lambda c, t: c.interval(t(-_NUMBERS), t(_NUMBERS)), _NUMBERS),
    "half_open_interval": (lambda c, t: c.half_open_interval(0.0, 1.0), _NUMBERS),
    "square": (lambda c, t: c.square, _MATRICES),
    "not square": (lambda c, t: c.symmetric, _MATRICES[:, :1]),
    "symmetric": (lambda c, t: c.symmetric, _MATRICES),
    "lower_triangular": (lambda c, t: c.lower_triangular, _MATRICES),
    "lower_cholesky": (lambda c, t: c.lower_cholesky, _MATRICES),
    "corr_cholesky": (lambda c, t: c.corr_cholesky, _MATRICES),
    "positive_semidefinite": (lambda c, t: c.positive_semidefinite, _MATRICES),
    "positive_definite": (lambda c, t: c.positive_definite, _MATRICES),
    "cat": (lambda c, t: c.cat([c.positive, c.unit_interval], 0, [3, 5]), _NUMBERS),
    "stack": (lambda c, t: c.stack([c.positive, c.unit_interval], -1), _NUMBERS.reshape(4, 2)),
}


@needs_torch
@pytest.mark.parametrize("name", CONSTRAINTS)
def test_what_holds(name: str) -> None:
    make, values = CONSTRAINTS[name]
    ours, theirs = (make(lib.distributions.constraints, lib.tensor) for lib in (rg, torch))
    found = ours.check(rg.tensor(values)).tolist()
    # Matrices one by one: where one is not symmetric, PyTorch looks no further at the others.
    parts = values if values is _MATRICES else [values]
    expected = [theirs.check(torch.tensor(each)).tolist() for each in parts]
    assert found == (expected if values is _MATRICES else expected[0])
    assert (ours.event_dim, ours.is_discrete) == (theirs.event_dim, theirs.is_discrete)


def test_what_it_was_made_of() -> None:
    c = rg.distributions.constraints
    assert (c.interval(1.0, 2.0).lower_bound, c.interval(1.0, 2.0).upper_bound) == (1.0, 2.0)
    assert c.real_vector.base_constraint is c.real
    assert c.interval(1.0, 2.0).kind == c.unit_interval.kind == "Interval"
    with pytest.raises(AttributeError, match="has no lower_bound"):
        _ = c.real.lower_bound
