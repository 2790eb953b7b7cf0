"""Pruning of single elements: at random, the smallest, or as a mask says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn.module import Module
from retrograd.nn.utils.convert import parameters_to_vector
from retrograd.nn.utils.prune.method import BasePruningMethod, PruningContainer, pruned_count, require_amount
from retrograd.tensor.creation import ones_like
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.random import rand_like


class Identity(BasePruningMethod):
    """Prunes nothing, and makes the mask. Source: torch.nn.utils.prune.Identity."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        return default_mask


class _Unstructured(BasePruningMethod):
    """Prunes the elements that come first in an order.

    Args:
        amount: how many, as a share (a float) or a count (an int).
    """

    PRUNING_TYPE = "unstructured"

    def __init__(self, amount: float) -> None:
        require_amount(amount)
        self.amount = amount

    def _first(self, t: Any, count: int) -> Any:
        """The positions of the elements that are pruned."""
        raise NotImplementedError

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        count = pruned_count(self.amount, t.numel())
        mask = default_mask.clone()
        if count:
            mask.view(-1)[self._first(t, count)] = 0
        return mask


class RandomUnstructured(_Unstructured):
    """Prunes elements at random. Source: torch.nn.utils.prune.RandomUnstructured."""

    def _first(self, t: Any, count: int) -> Any:
        return rand_like(t).view(-1).topk(count).indices


class L1Unstructured(_Unstructured):
    """Prunes the elements of the smallest magnitude. Source: torch.nn.utils.prune.L1Unstructured."""

    def _first(self, t: Any, count: int) -> Any:
        return t.abs().reshape(-1).topk(count, largest=False).indices

    @classmethod
    def apply(  # type: ignore[override]
        cls, module: Module, name: str, amount: float, importance_scores: Any = None
    ) -> BasePruningMethod:
        return super().apply(module, name, amount, importance_scores=importance_scores)


class CustomFromMask(BasePruningMethod):
    """Prunes where a mask is 0. Source: torch.nn.utils.prune.CustomFromMask."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Any) -> None:
        self.mask = mask

    def compute_mask(self, t: Any, default_mask: Any) -> Any:
        if self.mask.shape != default_mask.shape:
            raise ShapeError(
                f"custom_from_mask: the mask has shape {tuple(self.mask.shape)}, and the parameter "
                f"{tuple(default_mask.shape)}"
            )
        return default_mask * self.mask.to(default_mask.dtype)


def identity(module: Module, name: str) -> Module:
    """Make the mask of a parameter, and prune nothing. Source: torch.nn.utils.prune.identity."""
    Identity.apply(module, name)
    return module


def random_unstructured(module: Module, name: str, amount: float) -> Module:
    """Prune elements of a parameter at random; the arguments are those of `l1_unstructured`.

    Source: torch.nn.utils.prune.random_unstructured, whose choice it makes for the same state of the generator.
    """
    RandomUnstructured.apply(module, name, amount)
    return module


def l1_unstructured(module: Module, name: str, amount: float, importance_scores: Any = None) -> Module:
    """Prune the elements of a parameter whose magnitude is smallest.

    Args:
        module: whose parameter it is.
        name: of the parameter.
        amount: how many of the elements that are left, as a share (a float) or a count (an int).
        importance_scores: numbers for the elements, to look at in their place.

    Returns:
        The module.

    Raises:
        TypeError: the amount is no number. OptionError: it is out of range. ShapeError: the scores have another shape.

    Source: torch.nn.utils.prune.l1_unstructured; Han et al. (2015).

    >>> import retrograd as rg
    >>> layer = rg.nn.Linear(4, 1)
    >>> _ = layer.weight.data.copy_(rg.tensor([[3.0, -1.0, 2.0, 0.5]]))
    >>> rg.nn.utils.prune.l1_unstructured(layer, "weight", amount=0.5).weight_mask
    tensor([[1., 0., 1., 0.]])
    """
    L1Unstructured.apply(module, name, amount, importance_scores)
    return module


def custom_from_mask(module: Module, name: str, mask: Any) -> Module:
    """Prune a parameter where a mask of its shape is 0. Source: torch.nn.utils.prune.custom_from_mask."""
    CustomFromMask.apply(module, name, mask)
    return module


def global_unstructured(
    parameters: Iterable[tuple[Module, str]],
    pruning_method: type[BasePruningMethod],
    importance_scores: Mapping[tuple[Module, str], Any] | None = None,
    **kwargs: Any,
) -> None:
    """Prune several parameters as if they were one.

    Args:
        parameters: modules and the names of their parameters.
        pruning_method: one that is unstructured, `L1Unstructured` say.
        importance_scores: what to look at in the place of some of the parameters.
        kwargs: of the method: amount=0.2.

    Raises:
        TypeError: `parameters` is no iterable, or the scores are no mapping. OptionError: the method is not
        unstructured.

    Source: torch.nn.utils.prune.global_unstructured.
    """
    if not isinstance(parameters, Iterable):
        raise TypeError(f"global_unstructured: parameters is a {type(parameters).__name__}; pass (module, name) pairs")
    scores = {} if importance_scores is None else importance_scores
    if not isinstance(scores, Mapping):
        raise TypeError(f"global_unstructured: importance_scores is a {type(scores).__name__}; pass a dictionary")
    method = pruning_method(**kwargs)
    if method.PRUNING_TYPE != "unstructured":
        raise OptionError(
            f"global_unstructured: {pruning_method.__name__} is {method.PRUNING_TYPE}; only unstructured methods can "
            "prune several parameters as one"
        )
    method._tensor_name = "all of them"
    places = list(parameters)
    values = [getattr(module, name) for module, name in places]
    with no_grad():
        seen = [scores.get(place, value) for place, value in zip(places, values, strict=True)]
        masks = [getattr(m, name + "_mask", ones_like(v)) for (m, name), v in zip(places, values, strict=True)]
        whole = PruningContainer(method).compute_mask(parameters_to_vector(seen), parameters_to_vector(masks))
        start = 0
        for (module, name), value in zip(places, values, strict=True):
            custom_from_mask(module, name, whole[start : start + value.numel()].reshape(value.shape))
            start += value.numel()
