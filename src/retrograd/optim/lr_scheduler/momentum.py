"""Momentum that a schedule moves against the learning rate."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError
from retrograd.optim.optimizer import Optimizer, ParameterGroup


def uses_beta1(name: str, optimizer: Optimizer) -> bool:
    """Whether the momentum is the first of "betas".

    Raises:
        OptionError: the optimizer has no momentum.
    """
    if "betas" in optimizer.defaults:
        return True
    if "momentum" not in optimizer.defaults:
        raise OptionError(f"{name}: the optimizer has no momentum to cycle; pass cycle_momentum=False")
    return False


def set_momentum(group: ParameterGroup, value: Any, beta1: bool) -> None:
    """Set the momentum of a group."""
    if beta1:
        group["betas"] = (value, *group["betas"][1:])
    else:
        group["momentum"] = value
