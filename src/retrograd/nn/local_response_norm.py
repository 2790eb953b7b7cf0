"""Local response normalisation as a layer."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions.instance_norm import local_response_norm
from retrograd.nn.module import Module


class LocalResponseNorm(Module):
    """x / (k + alpha m)^beta, m the mean of x² over `size` channels around each; see `functional.local_response_norm`.

    Args:
        size, alpha, beta, k: as there.

    Source: torch.nn.LocalResponseNorm; Krizhevsky et al. (2012).

    >>> import retrograd as rg
    >>> rg.nn.LocalResponseNorm(1, alpha=3.0, beta=0.5)(rg.ones(1, 1, 1)).tolist()
    [[[0.5]]]
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Any:
        return local_response_norm(input, self.size, self.alpha, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
