"""One cycle: the learning rate goes up once, and down for the rest of the training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.optim.lr_scheduler.momentum import set_momentum, uses_beta1
from retrograd.optim.lr_scheduler.scheduler import LRScheduler, for_each_group
from retrograd.optim.optimizer import Optimizer


class OneCycleLR(LRScheduler):
    """lr rises from max_lr / div_factor to max_lr, and falls to a final_div_factor of where it began.

    Call `step()` after each batch.

    Args:
        optimizer: whose groups' `lr` it sets.
        max_lr: the greatest learning rate, or one for each group.
        total_steps: steps of the whole training; or give epochs and steps_per_epoch.
        pct_start: the part of the steps in which lr rises.
        anneal_strategy: "cos" or "linear".
        cycle_momentum: whether the momentum goes the other way.
        base_momentum, max_momentum: its bounds, or one for each group.
        div_factor: max_lr over the first learning rate.
        final_div_factor: the first learning rate over the last.
        three_phase: whether to go back to the first learning rate, and only then to the last.

    Raises:
        OptionError: an argument out of range; no count of steps; a step after the last; no momentum to cycle.

    Source: torch.optim.lr_scheduler.OneCycleLR; Smith and Topin (2018).

    >>> import retrograd as rg
    >>> optimizer = rg.optim.SGD([rg.ones(1, requires_grad=True)], lr=0.1, momentum=0.9)
    >>> scheduler = rg.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=1.0, total_steps=10)
    >>> rates = []
    >>> for step in range(9):
    ...     rates.append(round(scheduler.get_last_lr()[0], 2)); optimizer.step(); scheduler.step()
    >>> rates
    [0.04, 0.52, 1.0, 0.95, 0.81, 0.61, 0.39, 0.19, 0.05]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        max_lr: float | Sequence[float],
        total_steps: int | None = None,
        epochs: int | None = None,
        steps_per_epoch: int | None = None,
        pct_start: float = 0.3,
        anneal_strategy: str = "cos",
        cycle_momentum: bool = True,
        base_momentum: float | Sequence[float] = 0.85,
        max_momentum: float | Sequence[float] = 0.95,
        div_factor: float = 25.0,
        final_div_factor: float = 1e4,
        three_phase: bool = False,
        last_epoch: int = -1,
    ) -> None:
        self.total_steps = _count(total_steps, epochs, steps_per_epoch)
        if not 0 <= pct_start <= 1:
            raise OptionError(f"OneCycleLR: pct_start must lie in [0, 1], and is {pct_start}")
        if anneal_strategy not in ("cos", "linear"):
            raise OptionError(f"OneCycleLR: anneal_strategy must be 'cos' or 'linear', and is {anneal_strategy!r}")
        self._schedule_phases = _phases(self.total_steps, pct_start, three_phase)
        self._anneal_func_type = anneal_strategy
        self.cycle_momentum = cycle_momentum
        if cycle_momentum:
            self.use_beta1 = uses_beta1("OneCycleLR", optimizer)
        if last_epoch == -1:
            for group, most in zip(optimizer.param_groups, for_each_group("max_lr", optimizer, max_lr), strict=True):
                group["initial_lr"] = most / div_factor
                group["max_lr"] = most
                group["min_lr"] = group["initial_lr"] / final_div_factor
            if cycle_momentum:
                lows = for_each_group("base_momentum", optimizer, base_momentum)
                highs = for_each_group("max_momentum", optimizer, max_momentum)
                for group, low, high in zip(optimizer.param_groups, lows, highs, strict=True):
                    set_momentum(group, high, self.use_beta1)
                    group["max_momentum"], group["base_momentum"] = high, low
        super().__init__(optimizer, last_epoch)

    def _between(self, start: float, end: float, part: float) -> float:
        if self._anneal_func_type == "linear":
            return (end - start) * part + start
        return end + (start - end) / 2.0 * (math.cos(math.pi * part) + 1)

    def get_lr(self) -> list[float]:
        step = self.last_epoch
        if step > self.total_steps:
            raise OptionError(f"OneCycleLR: step {step} is after the last one: total_steps is {self.total_steps}")
        begin = 0.0
        for phase in self._schedule_phases[:-1]:
            if step <= phase["end_step"]:
                break
            begin = phase["end_step"]
        else:
            phase = self._schedule_phases[-1]
        part = (step - begin) / (phase["end_step"] - begin)
        rates = []
        for group in self.optimizer.param_groups:
            rates.append(self._between(group[phase["start_lr"]], group[phase["end_lr"]], part))
            if self.cycle_momentum:
                momentum = self._between(group[phase["start_momentum"]], group[phase["end_momentum"]], part)
                set_momentum(group, momentum, self.use_beta1)
        return rates


def _count(total_steps: int | None, epochs: int | None, steps_per_epoch: int | None) -> int:
    if total_steps is None and (epochs is None or steps_per_epoch is None):
        raise OptionError("OneCycleLR: give total_steps, or both epochs and steps_per_epoch")
    count = total_steps if total_steps is not None else (epochs or 0) * (steps_per_epoch or 0)
    if not isinstance(count, int) or count <= 0:
        raise OptionError(f"OneCycleLR: the number of steps must be a positive integer, and is {count}")
    return count


def _phases(steps: int, start: float, three: bool) -> list[dict[str, Any]]:
    """The ways that lr and momentum go, and where each ends."""

    def phase(end: float, lr: tuple[str, str], momentum: tuple[str, str]) -> dict[str, Any]:
        return {
            "end_step": end,
            "start_lr": lr[0],
            "end_lr": lr[1],
            "start_momentum": momentum[0],
            "end_momentum": momentum[1],
        }

    up, down = ("max_momentum", "base_momentum"), ("base_momentum", "max_momentum")
    rise = phase(float(start * steps) - 1, ("initial_lr", "max_lr"), up)
    if not three:
        return [rise, phase(steps - 1, ("max_lr", "min_lr"), down)]
    return [
        rise,
        phase(float(2 * start * steps) - 2, ("max_lr", "initial_lr"), down),
        phase(steps - 1, ("initial_lr", "min_lr"), ("max_momentum", "max_momentum")),
    ]
