"""The von Mises distribution of angles."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np

from retrograd.core import generator as random
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.distribution import Distribution
from retrograd.distributions.parameters import derived, together
from retrograd.tensor.special_functions import i0e, i1e
from retrograd.tensor.tensor import from_array

Array = np.ndarray[Any, Any]


class VonMises(Distribution):
    """The normal distribution's counterpart on the circle: p(x) = exp(k cos(x - loc)) / (2 pi I0(k)).

    Args:
        loc: the angle in the middle, in radians.
        concentration: k, how close to it the others are.
        validate_args: see `Distribution`.

    Source: torch.distributions.VonMises, whose values it draws for the same seed; Best and Fisher (1979). Deviation:
    the Bessel function is exact to rounding, where PyTorch's is an approximation to seven digits.

    >>> import retrograd as rg
    >>> rg.distributions.VonMises(0.0, 1.0).log_prob(rg.tensor(0.0))
    tensor(-1.0738)
    """

    arg_constraints: ClassVar[Mapping[str, Constraint]] = {
        "loc": constraints.real,
        "concentration": constraints.positive,
    }

    def __init__(self, loc: Any, concentration: Any, validate_args: bool | None = None) -> None:
        self.loc, self.concentration = together(loc, concentration)
        super().__init__(self.loc.shape, validate_args=validate_args)

    @property
    def support(self) -> Constraint:
        return constraints.real

    @property
    def mean(self) -> Any:
        """That of the directions."""
        return self.loc

    @property
    def mode(self) -> Any:
        return self.loc

    @derived
    def variance(self) -> Any:
        """That of the directions: 1 - I1(k) / I0(k)."""
        return 1 - i1e(self.concentration) / i0e(self.concentration)

    def sample(self, sample_shape: tuple[int, ...] = ()) -> Any:
        loc, k = (x._value().astype(np.float64) for x in (self.loc, self.concentration))
        angle = _angles(k, tuple(self._extended_shape(sample_shape)))
        turned = (angle + math.pi + loc) % (2 * math.pi) - math.pi
        return from_array(np.asarray(turned).astype(self.loc.dtype.numpy), self.loc.dtype)

    def log_prob(self, value: Any) -> Any:
        self._check_value(value)
        # exp(k) is taken out of I0(k), which would overflow.
        k = self.concentration
        return k * ((value - self.loc).cos() - 1) - math.log(2 * math.pi) - i0e(k).log()


def _angles(k: Array, shape: tuple[int, ...]) -> Array:
    """Angles around 0 in double precision, proposed by a wrapped Cauchy distribution and rejected in PyTorch's order.

    A proposal that is accepted later replaces one that was accepted before, as there.
    """
    with np.errstate(all="ignore"):
        tau = 1 + np.sqrt(1 + 4 * k**2)
        rho = (tau - np.sqrt(2 * tau)) / (2 * k)
        width = np.where(k < 1e-5, 1 / k + k, (1 + rho**2) / (2 * rho))
        angle, done = np.zeros(shape), np.zeros(shape, bool)
        while not done.all():
            u1, u2, u3 = random.default_generator.rand((3, *shape), np.float64)
            z = np.cos(math.pi * u1)
            cosine = (1 + width * z) / (width + z)
            c = k * (width - cosine)
            accepted = (c * (2 - c) - u2 > 0) | (np.log(c / u2) + 1 - c >= 0)
            angle = np.where(accepted, np.sign(u3 - 0.5) * np.arccos(cosine), angle)
            done |= accepted
    return angle
