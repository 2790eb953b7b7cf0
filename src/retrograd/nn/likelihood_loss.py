"""Negative logarithms of likelihoods, as modules."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions import likelihood_loss as f
from retrograd.nn.loss_base import Loss


class PoissonNLLLoss(Loss):
    """mean_i of exp(x) - t x for counts t with the rate exp(x), or of x - t log(x + eps) for the rate x.

    Args:
        log_input: whether the input is the logarithm of the rate.
        full: whether to add Stirling's t log t - t + log(2 pi t) / 2 where t > 1.
        eps: keeps the logarithm from 0.
        reduction: "mean", "sum" or "none".

    Source: torch.nn.PoissonNLLLoss. Deviation: shapes that differ are an error.

    >>> import retrograd as rg
    >>> rg.nn.PoissonNLLLoss()(rg.zeros(2), rg.tensor([1.0, 3.0])).item()
    1.0
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(size_average, reduce, reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Any, target: Any) -> Any:
        return f.poisson_nll_loss(log_input, target, self.log_input, self.full, eps=self.eps, reduction=self.reduction)


class GaussianNLLLoss(Loss):
    """mean_i (log v + (x - t)^2 / v) / 2, with v = max(var, eps).

    Args:
        full: whether to add log(2 pi) / 2.
        eps: the least variance.
        reduction: "mean", "sum" or "none".

    Call it with the expectation x, the target t and the variance: of x's shape, with one axis of extent 1, without the
    last axis, or a number.

    Source: torch.nn.GaussianNLLLoss; Nix and Weigend (1994). Deviation: input and target with different numbers of
    axes are an error.

    >>> import retrograd as rg
    >>> rg.nn.GaussianNLLLoss()(rg.tensor([1.0, 3.0]), rg.tensor([1.0, 1.0]), rg.ones(2)).item()
    1.0
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full = full
        self.eps = eps

    def forward(self, input: Any, target: Any, var: Any) -> Any:
        return f.gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
