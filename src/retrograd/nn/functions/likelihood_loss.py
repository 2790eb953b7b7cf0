"""Negative logarithms of likelihoods, as functions under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.errors import OptionError
from retrograd.core.operation import record
from retrograd.nn.functions.loss import checked_reduction, chosen_reduction
from retrograd.ops.likelihood_loss import GAUSSIAN_NLL_LOSS, POISSON_NLL_LOSS
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.creation import full_like
from retrograd.tensor.dispatch import node_of


def poisson_nll_loss(
    input: Any,
    target: Any,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """mean_i of exp(x) - t x for counts t with the rate exp(x), or of x - t log(x + eps) for the rate x.

    Args:
        input: x, the logarithm of the rate, or the rate itself.
        target: t, of the same shape.
        log_input: whether the input is a logarithm.
        full: whether to add Stirling's t log t - t + log(2 pi t) / 2 where t > 1.
        eps: keeps the logarithm from 0.

    Raises:
        ShapeError: input and target differ in shape.

    Source: torch.nn.functional.poisson_nll_loss. Deviation: shapes that differ are an error.
    """
    reduction = chosen_reduction("poisson_nll_loss", size_average, reduce, reduction)
    nodes = (input._read(), target._read(), node_of(float(eps), float64))
    return wrap(record(POISSON_NLL_LOSS, nodes, (bool(log_input), bool(full), reduction)))


def gaussian_nll_loss(
    input: Any, target: Any, var: Any, full: bool = False, eps: float = 1e-6, reduction: str = "mean"
) -> Any:
    """mean_i (log v + (x - t)^2 / v) / 2, with v = max(var, eps).

    Args:
        input: x, the expectation.
        target: t, of the same shape; an axis of extent 1 in either stands for all elements of the other's.
        var: the variance: of the input's shape, or with one axis of extent 1, or without the last axis, or a number.
        full: whether to add log(2 pi) / 2.
        eps: the least variance; where it takes the place of var, the gradient flows on to var all the same.

    Raises:
        ShapeError: the shapes do not fit. OptionError: a variance, known already, that is negative.

    Source: torch.nn.functional.gaussian_nll_loss; Nix and Weigend (1994). Deviation: input and target with different
    numbers of axes are an error.
    """
    checked_reduction("gaussian_nll_loss", reduction)
    spread = var if isinstance(var, TensorBase) else full_like(input, var)
    if spread._storage.node.buffer is not None and (spread._value() < 0).any():
        raise OptionError("gaussian_nll_loss: var has a negative entry; variances are at least 0")
    nodes = (input._read(), target._read(), spread._read(), node_of(float(eps), float64))
    return wrap(record(GAUSSIAN_NLL_LOSS, nodes, (bool(full), reduction)))
