"""Pruning of whole slices along an axis: at random, or those of the smallest norm."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError
from retrograd.nn.module import Module
from retrograd.nn.utils.prune.method import BasePruningMethod, pruned_count, require_amount
from retrograd.tensor.creation import zeros_like
from retrograd.tensor.random import rand


class _Structured(BasePruningMethod):
    """Prunes some of the slices along an axis.

    Args:
        amount: how many, as a share (a float) or a count (an int).
        dim: the axis.
    """

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        require_amount(amount)
        self.amount = amount
        self.dim = dim

    def _kept(self, t: Any, axis: int, count: int) -> Any:
        """The index, along the axis, of the slices that stay when so many go."""
        raise NotImplementedError

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        if t.ndim < 2:
            raise OptionError(
                f"{type(self).__name__}: the parameter has shape {tuple(t.shape)}; slices are pruned of tensors of "
                "two axes or more"
            )
        axis = t._axis(self.dim)
        count = pruned_count(self.amount, t.shape[axis])
        if not count:
            return default_mask
        mask = zeros_like(t)
        index: list[Any] = [slice(None)] * t.ndim
        index[axis] = self._kept(t, axis, count)
        mask[tuple(index)] = 1
        return mask * default_mask.to(mask.dtype)


class RandomStructured(_Structured):
    """Prunes slices at random. Source: torch.nn.utils.prune.RandomStructured."""

    def _kept(self, t: Any, axis: int, count: int) -> Any:
        drawn = rand(t.shape[axis])
        return drawn > drawn.kthvalue(count).values


class LnStructured(_Structured):
    """Prunes the slices of the smallest norm.

    Args:
        amount: how many, as a share (a float) or a count (an int).
        n: which norm, as in `Tensor.norm`.
        dim: the axis.

    Source: torch.nn.utils.prune.LnStructured.
    """

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def _kept(self, t: Any, axis: int, count: int) -> Any:
        norms = t.norm(p=self.n, dim=[i for i in range(t.ndim) if i != axis])
        return norms.topk(t.shape[axis] - count).indices

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, n: Any, dim: int, importance_scores: Any = None
    ) -> BasePruningMethod:
        return super().apply(module, name, amount, n, dim, importance_scores=importance_scores)


def random_structured(module: Module, name: str, amount: float, dim: int) -> Module:
    """Prune slices of a parameter along an axis at random; the arguments are those of `ln_structured`.

    Source: torch.nn.utils.prune.random_structured, whose choice it makes for the same state of the generator.
    """
    RandomStructured.apply(module, name, amount, dim)
    return module


def ln_structured(module: Module, name: str, amount: float, n: Any, dim: int, importance_scores: Any = None) -> Module:
    """Prune the slices of a parameter along an axis whose norm is smallest.

    Args:
        module: whose parameter it is.
        name: of the parameter, of two axes or more.
        amount: how many of the slices that are left, as a share (a float) or a count (an int).
        n: which norm, as in `Tensor.norm`.
        dim: the axis; 0 prunes the outputs of a layer.
        importance_scores: numbers for the elements, to look at in their place.

    Returns:
        The module.

    Raises:
        TypeError: the amount is no number. OptionError: it is out of range, or the parameter has one axis.
        IndexError: there is no such axis.

    Source: torch.nn.utils.prune.ln_structured; Li et al. (2017).

    >>> import retrograd as rg
    >>> layer = rg.nn.Linear(2, 2)
    >>> _ = layer.weight.data.copy_(rg.tensor([[3.0, 1.0], [1.0, 0.0]]))
    >>> rg.nn.utils.prune.ln_structured(layer, "weight", amount=0.5, n=2, dim=0).weight_mask
    tensor([[1., 1.],
            [0., 0.]])
    """
    LnStructured.apply(module, name, amount, n, dim, importance_scores)
    return module
