"""Negative logarithms of likelihoods, as composites: Poisson and Gaussian."""

from __future__ import annotations

import math

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite, record
from retrograd.ops.arithmetic import meet
from retrograd.ops.distance import FLOORED
from retrograd.ops.elementwise import cast
from retrograd.ops.formula import Formula, exp, log, where
from retrograd.ops.loss import reduced, require_same_shape
from retrograd.ops.movement import reshape
from retrograd.ops.spread import spread


def _stirling(t: Formula) -> Formula:
    """log t! for large t, and 0 for t <= 1."""
    safe = where(t > 1, t, 1.0)
    return where(t > 1, t * log(safe) - t + 0.5 * log(2 * math.pi * safe), 0.0)


@composite("poisson_nll_loss")
def POISSON_NLL_LOSS(x: Node, target: Node, eps: Node, log_input: bool, full: bool, reduction: str) -> Node:
    """mean_i of exp(x) - t x, or of x - t log(x + eps) without `log_input`; with `full`, log t! is added."""
    require_same_shape("poisson_nll_loss", x, target)
    rate, t = Formula(x), Formula(cast(target, x.type.dtype))
    losses = exp(rate) - t * rate if log_input else rate - t * log(rate + Formula(spread(eps, x)))
    return reduced((losses + _stirling(t) if full else losses).node, reduction)


def _variances(var: Node, x: Node) -> Node:
    """The variances for each element: given so, or one for all elements of an axis."""
    shape, given = x.type.shape, var.type.shape
    if given == shape[:-1] and given != shape:
        var = reshape(var, (*given, 1))
    elif len(given) != len(shape) or sum(a != b for a, b in zip(given, shape, strict=True)) > 1:
        raise ShapeError(
            f"gaussian_nll_loss: var has shape {given}, and the input {shape}; it must have the same shape, or one "
            "axis of extent 1, or lack the last one"
        )
    return var


@composite("gaussian_nll_loss")
def GAUSSIAN_NLL_LOSS(x: Node, target: Node, var: Node, eps: Node, full: bool, reduction: str) -> Node:
    """mean_i (log v + (x - t)^2 / v) / 2, v = max(var, eps); with `full`, log(2 pi) / 2 is added.

    Input and target may broadcast, as PyTorch says, but only axis by axis.
    """
    if x.type.shape and target.type.shape and len(x.type.shape) != len(target.type.shape):
        require_same_shape("gaussian_nll_loss", x, target)
    mean, t, spread_out = meet("gaussian_nll_loss", x, target, _variances(var, x), dtype=x.type.dtype)
    v = Formula(record(FLOORED, (spread_out, eps)))
    error = Formula(mean) - Formula(t)
    losses = 0.5 * (log(v) + error * error / v)
    return reduced((losses + 0.5 * math.log(2 * math.pi) if full else losses).node, reduction)
