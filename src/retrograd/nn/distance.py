"""Distances and similarity of rows, as modules."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions import distance as f
from retrograd.nn.module import Module


class PairwiseDistance(Module):
    """(sum_i |x1_i - x2_i + eps|^p)^(1/p) along the last axis.

    Args:
        p: which norm.
        eps: added to each difference.
        keepdim: whether the last axis stays, with extent 1.

    Source: torch.nn.PairwiseDistance.

    >>> import retrograd as rg
    >>> rg.nn.PairwiseDistance(eps=0.0)(rg.tensor([[3.0, 4.0]]), rg.zeros(1, 2))
    tensor([5.])
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm = p
        self.eps = eps
        self.keepdim = keepdim

    def forward(self, x1: Any, x2: Any) -> Any:
        return f.pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """sum_i x1_i x2_i / (max(|x1|, eps) max(|x2|, eps)) along an axis.

    Args:
        dim: the axis.
        eps: keeps the denominator from zero.

    Source: torch.nn.CosineSimilarity.

    >>> import retrograd as rg
    >>> rg.nn.CosineSimilarity()(rg.tensor([[1.0, 0.0]]), rg.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim = dim
        self.eps = eps

    def forward(self, x1: Any, x2: Any) -> Any:
        return f.cosine_similarity(x1, x2, self.dim, self.eps)
