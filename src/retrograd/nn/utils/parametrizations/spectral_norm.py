"""Weights divided by their largest singular value, as a parametrization."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError
from retrograd.nn.functions.distance import normalize
from retrograd.nn.module import Module
from retrograd.nn.utils.parametrize import register_parametrization
from retrograd.nn.utils.spectral_norm import (
    divided_weight,
    drawn_vectors,
    power_iteration,
    require_iterations,
    rows_axis,
)
from retrograd.tensor.base import TensorBase

# Steps of the power method before the first forward.
_FIRST_STEPS = 15


class _SpectralNorm(Module):
    """W / (u^T W v); the buffers _u and _v come nearer to the singular vectors with each reading in training."""

    _u: Any
    _v: Any

    def __init__(self, weight: Any, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12) -> None:
        super().__init__()
        require_iterations(n_power_iterations)
        self.dim = weight._axis(dim)
        self.eps = eps
        self.n_power_iterations = n_power_iterations
        if weight.ndim > 1:
            u, v = drawn_vectors(weight, self.dim, eps)
            self.register_buffer("_u", u)
            self.register_buffer("_v", v)
            self._step(weight, _FIRST_STEPS)

    def _step(self, weight: Any, count: int) -> None:
        power_iteration(weight, self._u, self._v, self.dim, self.eps, count, False)

    def forward(self, weight: Any) -> Any:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        if self.training:
            self._step(weight, self.n_power_iterations)
        return divided_weight(weight, self._u, self._v, self.dim)

    def right_inverse(self, value: Any) -> Any:
        return value


def spectral_norm(
    module: Module, name: str = "weight", n_power_iterations: int = 1, eps: float = 1e-12, dim: int | None = None
) -> Module:
    """Divide a weight by its largest singular value: W / (u^T W v).

    The weight is a matrix whose rows are the slices along `dim`. The power method brings u and v nearer to its singular
    vectors each time that the weight is read in training; a vector is divided by its norm.

    Args:
        module: whose weight it is.
        name: of the weight.
        n_power_iterations: steps of the power method at each reading in training.
        eps: keeps norms from zero.
        dim: the axis of the rows; if left out, that of the module's outputs.

    Returns:
        The module.

    Raises:
        OptionError: there is no such weight, or n_power_iterations < 1. IndexError: the weight has no axis `dim`.

    Source: torch.nn.utils.parametrizations.spectral_norm; Miyato et al. (2018).

    >>> import retrograd as rg
    >>> layer = rg.nn.utils.parametrizations.spectral_norm(rg.nn.Linear(3, 2), n_power_iterations=20)
    >>> round(rg.linalg.matrix_norm(layer.weight, 2).item(), 3)
    1.0
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, TensorBase):
        raise OptionError(f"spectral_norm: {type(module).__name__} has no parameter or buffer {name!r}")
    parametrization = _SpectralNorm(weight, n_power_iterations, rows_axis(module, dim), eps)
    return register_parametrization(module, name, parametrization)
