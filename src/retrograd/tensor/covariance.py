"""How variables vary together."""

from __future__ import annotations

import warnings
from typing import Any

from retrograd.core.dtype import bool_, defaults
from retrograd.core.errors import DTypeError, ShapeError
from retrograd.tensor.dispatch import operand
from retrograd.tensor.registry import method

__all__ = ["corrcoef", "cov"]


@method()
def cov(input: Any, *, correction: int = 1, fweights: Any = None, aweights: Any = None) -> Any:
    """The covariance of variables, C[i, j] = sum_k w_k (x_ik - m_i) (x_jk - m_j) / (n - correction).

    m_i is the mean of variable i, and n the number of observations. With weights, w_k is the product of those of an
    observation, m_i the mean by them, and n the sum of all w_k; with `aweights`, the correction is multiplied by
    sum_k w_k a_k / n.

    Args:
        input: (variables, observations), or (observations,) of a single variable.
        correction: degrees of freedom that are lost.
        fweights: (observations,), integers: how often each was made.
        aweights: (observations,): how much each counts.

    Returns:
        (variables, variables), or a single number for one variable.

    Raises:
        ShapeError: more than two axes, or weights of another shape. DTypeError: booleans, or weights of a dtype that
            they cannot have.

    Source: torch.cov. Deviation: weights are not looked at; negative ones, and those whose sum is 0, are no error.

    >>> import retrograd as rg
    >>> rg.cov(rg.tensor([[0.0, 1.0, 2.0], [2.0, 1.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    operand("cov", input)
    if input.ndim > 2:
        raise ShapeError(f"cov: expected (variables, observations) or one axis, received shape {tuple(input.shape)}")
    if input.dtype is bool_:
        raise DTypeError("cov takes numbers, and received bool; use .float() first")
    x = input if input.dtype.is_floating_point else input.to(defaults.float_dtype)
    x = x if x.ndim == 2 else x.reshape(1, -1)
    w = _weights(x, fweights, aweights)
    count = x.shape[1] if w is None else w.sum()
    mean = (x if w is None else x * w).sum(1, keepdim=True) / count
    rest = x - mean
    products = rest @ (rest if w is None else rest * w).T
    return (products / _freedom(count, correction, w, aweights)).squeeze()


def _weights(x: Any, fweights: Any, aweights: Any) -> Any:
    """The weight of each observation, or None."""
    found = None
    for name, given, floating in (("fweights", fweights, False), ("aweights", aweights, True)):
        if given is None:
            continue
        operand("cov", given)
        if tuple(given.shape) != (x.shape[1],):
            raise ShapeError(
                f"cov: {name} has shape {tuple(given.shape)}; it must have one for each of the {x.shape[1]} "
                "observations"
            )
        if given.dtype.is_floating_point != floating or given.dtype is bool_:
            kind = "floating-point numbers" if floating else "integers"
            raise DTypeError(f"cov: {name} must be {kind}, and is {given.dtype.name}")
        weight = given.to(x.dtype)
        found = weight if found is None else found * weight
    return found


def _freedom(count: Any, correction: int, w: Any, aweights: Any) -> Any:
    """What the sums of products are divided by; never below 0."""
    if w is None:
        if count - correction <= 0:
            warnings.warn(f"cov: {count} observations are too few for correction={correction}", stacklevel=3)
        return float(max(count - correction, 0))
    lost = correction if aweights is None else correction * (w * aweights.to(w.dtype)).sum() / count
    return (count - lost).clamp(min=0)


@method()
def corrcoef(input: Any) -> Any:
    """Pearson's correlation of variables, C[i, j] / sqrt(C[i, i] C[j, j]) of the covariance C, within [-1, 1].

    Args:
        input: (variables, observations), or (observations,) of a single variable.

    Returns:
        (variables, variables), or a single number for one variable.

    Source: torch.corrcoef.

    >>> import retrograd as rg
    >>> rg.corrcoef(rg.tensor([[0.0, 1.0, 2.0], [4.0, 2.0, 0.0]]))
    tensor([[ 1., -1.],
            [-1.,  1.]])
    """
    c = cov(input)
    if not c.ndim:
        return c / c
    deviation = c.diagonal().sqrt()
    return (c / deviation.unsqueeze(1) / deviation).clamp(-1, 1)
