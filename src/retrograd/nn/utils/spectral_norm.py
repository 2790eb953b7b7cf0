"""Weights divided by their largest singular value, computed by a hook before each forward."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.errors import OptionError, RetrogradError
from retrograd.core.operation import project, record
from retrograd.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from retrograd.nn.functions.distance import normalize
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.nn.uninitialized import is_lazy
from retrograd.nn.utils.weight_hook import hook_number, remove_hook
from retrograd.ops.spectral_norm import POWER_ITERATION, SPECTRAL_NORM
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.random import randn


def rows_axis(module: Module, dim: int | None) -> int:
    """The axis of a weight that counts the module's outputs, unless it is given."""
    if dim is not None:
        return dim
    return 1 if isinstance(module, (ConvTranspose1d, ConvTranspose2d, ConvTranspose3d)) else 0


def drawn_vectors(weight: Any, axis: int, eps: float) -> tuple[Any, Any]:
    """Random unit vectors for the rows and the columns of a weight."""
    rows = weight.shape[axis]
    columns = weight.numel() // rows if rows else 0
    with no_grad():
        u, v = (normalize(randn(n, dtype=weight.dtype), dim=0, eps=eps) for n in (rows, columns))
    return u, v


def power_iteration(weight: Any, u: Any, v: Any, axis: int, eps: float, count: int, v_first: bool) -> None:
    """Take some steps of the power method; u and v are changed in place, and no gradient flows."""
    with no_grad():
        nodes = (weight._read(), u._read(), v._read(), node_of(float(eps), float64))
        node = record(POWER_ITERATION, nodes, (axis, count, v_first))
        u.copy_(wrap(project(node, 0)))
        v.copy_(wrap(project(node, 1)))


def divided_weight(weight: Any, u: Any, v: Any, axis: int) -> Any:
    """W / (u^T W v)."""
    return wrap(record(SPECTRAL_NORM, (weight._read(), u._read(), v._read()), (axis,)))


def require_iterations(n_power_iterations: int) -> None:
    if n_power_iterations <= 0:
        raise OptionError(f"spectral_norm: n_power_iterations is {n_power_iterations}; it must be 1 or more")


class SpectralNorm:
    """The hook of `spectral_norm`.

    Attributes:
        name: of the weight.
        n_power_iterations: steps of the power method before each forward in training.
        dim: the axis of the weight's rows.
        eps: keeps norms from zero.

    Source: torch.nn.utils.spectral_norm.SpectralNorm.
    """

    def __init__(self, name: str = "weight", n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        require_iterations(n_power_iterations)
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Any:
        """The weight that the module is to have now."""
        weight, u, v = (getattr(module, self.name + part) for part in ("_orig", "_u", "_v"))
        axis = weight._axis(self.dim)
        if do_power_iteration:
            power_iteration(weight, u, v, axis, self.eps, self.n_power_iterations, True)
        return divided_weight(weight, u, v, axis)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module, module.training))

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, False)
        for part in ("", "_u", "_v", "_orig"):
            delattr(module, self.name + part)
        module.register_parameter(self.name, Parameter(weight))


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value before each forward: W / (u^T W v).

    The weight is a matrix whose rows are the slices along `dim`; u and v, buffers `<name>_u` and `<name>_v`, come
    nearer to its singular vectors with each forward in training. The weight that is trained is `<name>_orig`.

    Args:
        module: whose weight it is.
        name: of the weight.
        n_power_iterations: steps of the power method at each forward in training.
        eps: keeps norms from zero.
        dim: the axis of the rows; if left out, that of the module's outputs.

    Returns:
        The module.

    Raises:
        RetrogradError: the weight is computed like this already. OptionError: it is None or has no shape yet, or
        n_power_iterations < 1.

    Source: torch.nn.utils.spectral_norm; Miyato et al. (2018). New programs use
    `nn.utils.parametrizations.spectral_norm`.

    >>> import retrograd as rg
    >>> layer = rg.nn.utils.spectral_norm(rg.nn.Linear(3, 2))
    >>> list(layer.state_dict())
    ['bias', 'weight_orig', 'weight_u', 'weight_v']
    """
    if hook_number(module, SpectralNorm, name) is not None:
        raise RetrogradError(f"spectral_norm: {name!r} of {type(module).__name__} has a spectral_norm already")
    hook = SpectralNorm(name, n_power_iterations, rows_axis(module, dim), eps)
    weight = module._parameters[name]
    if weight is None or is_lazy(weight):
        raise OptionError(
            f"spectral_norm: {name!r} of {type(module).__name__} "
            + ("is None" if weight is None else "has no shape yet; call the module once before")
        )
    u, v = drawn_vectors(weight, weight._axis(hook.dim), eps)
    delattr(module, name)
    module.register_parameter(name + "_orig", weight)
    setattr(module, name, weight.detach())
    module.register_buffer(name + "_u", u)
    module.register_buffer(name + "_v", v)
    module.register_forward_pre_hook(hook)
    return module


def remove_spectral_norm(module: Module, name: str = "weight") -> Any:
    """Undo `spectral_norm`: the weight is a parameter again, with the value that it has.

    Raises:
        OptionError: there is no spectral_norm on it.

    Source: torch.nn.utils.remove_spectral_norm.
    """
    return remove_hook("remove_spectral_norm", "has no spectral_norm", module, SpectralNorm, name)
