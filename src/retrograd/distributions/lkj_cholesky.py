"""The distribution of matrices of correlations of Lewandowski, Kurowicka and Joe."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar, Self

from retrograd.core.errors import OptionError
from retrograd.core.limits import finfo
from retrograd.distributions import constraints
from retrograd.distributions.beta import Beta
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import together
from retrograd.tensor.creation import zeros
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.joining import cat
from retrograd.tensor.random import randn
from retrograd.tensor.ranges import arange
from retrograd.tensor.size import Size


class LKJCholesky(Distribution):
    """Cholesky factors L of matrices of correlations M = L L^T, whose density is proportional to det(M)^(eta - 1).

    Args:
        dim: n, how many rows M has; at least 2.
        concentration: eta. At 1 all M are equally likely; above, those near the identity are likelier.
        validate_args: see `Distribution`.

    Raises:
        OptionError: `dim` is below 2.

    Source: torch.distributions.LKJCholesky, whose values it draws for the same seed; Lewandowski, Kurowicka and Joe
    (2009), by the onion method.

    >>> import retrograd as rg
    >>> lower = rg.distributions.LKJCholesky(3, 0.5).sample()
    >>> rg.allclose((lower @ lower.T).diagonal(), rg.ones(3))
    True
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {"concentration": constraints.positive}

    def __init__(self, dim: int, concentration: Any = 1.0, validate_args: bool | None = None) -> None:
        if dim < 2:
            raise OptionError(f"LKJCholesky: dim must be at least 2, and is {dim}")
        self.dim = dim
        (self.concentration,) = together(concentration)
        dtype = self.concentration.dtype
        row = cat([zeros(1, dtype=dtype), arange(dim - 1, dtype=dtype)])
        self._beta = Beta(row + 0.5, (self.concentration + 0.5 * (dim - 2)).unsqueeze(-1) - 0.5 * row, False)
        super().__init__(self.concentration.shape, (dim, dim), validate_args)

    def expand(self, batch_shape: tuple[int, ...]) -> Self:
        shape = Size(batch_shape)
        concentration, beta = self._grown(self.concentration, shape), self._beta.expand((*shape, self.dim))
        return self._copied({"concentration": concentration, "_beta": beta}, shape)

    @property
    def support(self) -> Constraint:
        return constraints.corr_cholesky

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        with no_grad():
            squares = self._beta.sample(sample_shape).unsqueeze(-1)
            normal = randn(self._extended_shape(sample_shape), dtype=squares.dtype).tril(-1)
            # The first row has nothing below the diagonal, and no direction.
            length = normal.norm(dim=-1, keepdim=True)
            below = squares.sqrt() * normal / length.masked_fill(length == 0, 1.0)
            rest = (1 - below.square().sum(-1)).clamp(min=finfo(below.dtype).tiny)
            return below + rest.sqrt().diag_embed()

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        eta, n = self.concentration, self.dim
        order = 2 * (eta - 1).unsqueeze(-1) + n - arange(2, n + 1, dtype=eta.dtype)
        density = (order * value.diagonal(0, -2, -1)[..., 1:].log()).sum(-1)
        alpha = eta + 0.5 * (n - 1)
        norm = 0.5 * (n - 1) * math.log(math.pi) + (alpha - 0.5).mvlgamma(n - 1) - (n - 1) * alpha.lgamma()
        return density - norm
