"""Weights by direction and length, computed by a hook before each forward."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError, RetrogradError
from retrograd.core.operation import record
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.nn.uninitialized import is_lazy
from retrograd.nn.utils.weight_hook import hook_number, remove_hook
from retrograd.ops.weight_norm import NORM_EXCEPT_DIM, WEIGHT_NORM
from retrograd.tensor.base import wrap
from retrograd.tensor.grad_mode import no_grad


def _axis(v: Any, dim: int | None) -> int | None:
    """-1 is no axis at all, as in PyTorch."""
    return None if dim is None or dim == -1 else v._axis(dim)


def norm_except_dim(v: Any, dim: int | None) -> Any:
    """The norm of each slice of v along an axis, which keeps its extent; of the whole v if `dim` is None or -1."""
    return wrap(record(NORM_EXCEPT_DIM, (v._read(),), (_axis(v, dim),)))


def normalized_weight(v: Any, g: Any, dim: int | None) -> Any:
    """g v / |v|, with the norms of `norm_except_dim`."""
    return wrap(record(WEIGHT_NORM, (v._read(), g._read()), (_axis(v, dim),)))


class WeightNorm:
    """The hook of `weight_norm`.

    Attributes:
        name: of the weight.
        dim: the axis of the lengths; -1 for one length.

    Source: torch.nn.utils.weight_norm.WeightNorm.
    """

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Any:
        """The weight that the module is to have now."""
        v, g = getattr(module, self.name + "_v"), getattr(module, self.name + "_g")
        return normalized_weight(v, g, self.dim)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module)
        for name in (self.name, self.name + "_g", self.name + "_v"):
            delattr(module, name)
        module.register_parameter(self.name, Parameter(weight))


def weight_norm(module: Module, name: str = "weight", dim: int | None = 0) -> Module:
    """Train direction v and length g of a weight in its place: w = g v / |v|.

    Before each forward the module's weight is computed from its parameters `<name>_g` and `<name>_v`.

    Args:
        module: whose weight it is.
        name: of the weight.
        dim: each slice along this axis has a length of its own; None for one length.

    Returns:
        The module.

    Raises:
        RetrogradError: the weight is computed like this already. OptionError: it has no shape yet.

    Source: torch.nn.utils.weight_norm; Salimans and Kingma (2016). New programs use
    `nn.utils.parametrizations.weight_norm`.

    >>> import retrograd as rg
    >>> layer = rg.nn.utils.weight_norm(rg.nn.Linear(3, 2))
    >>> layer.weight_g.shape, layer.weight_v.shape
    (retrograd.Size([2, 1]), retrograd.Size([2, 3]))
    """
    if hook_number(module, WeightNorm, name) is not None:
        raise RetrogradError(f"weight_norm: {name!r} of {type(module).__name__} has a weight_norm already")
    weight = getattr(module, name)
    if is_lazy(weight):
        raise OptionError(
            f"weight_norm: {name!r} of {type(module).__name__} has no shape yet; call the module once before"
        )
    hook = WeightNorm(name, dim)
    delattr(module, name)
    module.register_parameter(name + "_g", Parameter(norm_except_dim(weight.detach(), dim)))
    module.register_parameter(name + "_v", Parameter(weight.detach()))
    setattr(module, name, hook.compute_weight(module))
    module.register_forward_pre_hook(hook)
    return module


def remove_weight_norm(module: Module, name: str = "weight") -> Any:
    """Undo `weight_norm`: the weight is a parameter again, with the value that it has.

    Raises:
        OptionError: there is no weight_norm on it.

    Source: torch.nn.utils.remove_weight_norm.
    """
    return remove_hook("remove_weight_norm", "has no weight_norm", module, WeightNorm, name)
