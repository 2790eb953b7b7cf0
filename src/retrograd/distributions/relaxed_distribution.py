"""What relaxed distributions have in common: a continuous one, at a temperature, in place of a discrete one."""

from __future__ import annotations

from typing import Any

from retrograd.distributions.transformed_distribution import TransformedDistribution


class RelaxedDistribution(TransformedDistribution):
    """A transformed distribution that shows the parameters of the one it is made of."""

    @property
    def temperature(self) -> Any:
        return self.base_dist.temperature

    @property
    def logits(self) -> Any:
        return self.base_dist.logits

    @property
    def probs(self) -> Any:
        return self.base_dist.probs
