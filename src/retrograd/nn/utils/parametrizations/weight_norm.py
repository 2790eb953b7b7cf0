"""Weights by direction and length, as a parametrization."""

from __future__ import annotations

from typing import Any

from retrograd.nn.module import Module
from retrograd.nn.utils.parametrize import register_parametrization
from retrograd.nn.utils.weight_norm import norm_except_dim, normalized_weight


class _WeightNorm(Module):
    """original0 is the length g, original1 the direction v."""

    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Any, weight_v: Any) -> Any:
        return normalized_weight(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Any) -> tuple[Any, Any]:
        return norm_except_dim(weight, self.dim), weight


class _OldKeys:
    """A hook that reads state dicts of `nn.utils.weight_norm`, where the two are <name>_g and <name>_v."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __call__(self, state_dict: Any, prefix: str, *args: Any) -> None:
        old = [f"{prefix}{self.name}_{part}" for part in "gv"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                state_dict[f"{prefix}parametrizations.{self.name}.original{i}"] = state_dict.pop(key)


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train direction v and length g of a weight in its place: w = g v / |v|.

    Args:
        module: whose weight it is.
        name: of the weight.
        dim: each slice along this axis has a length of its own; None for one length.

    Returns:
        The module; the weight's originals are g (`original0`) and v (`original1`). Those of `nn.utils.weight_norm`
        can be loaded.

    Raises:
        OptionError: there is no such weight.

    Source: torch.nn.utils.parametrizations.weight_norm; Salimans and Kingma (2016).

    >>> import retrograd as rg
    >>> layer = rg.nn.utils.parametrizations.weight_norm(rg.nn.Linear(3, 2))
    >>> layer.parametrizations.weight.original0.shape
    retrograd.Size([2, 1])
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)
    module._register_load_state_dict_pre_hook(_OldKeys(name))
    return module
