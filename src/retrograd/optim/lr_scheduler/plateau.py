"""Learning rates that fall when nothing becomes better any more."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from retrograd.core import mode
from retrograd.core.errors import OptionError
from retrograd.optim.lr_scheduler.scheduler import LRScheduler, for_each_group
from retrograd.optim.optimizer import Optimizer
from retrograd.optim.options import require_not_negative


class ReduceLROnPlateau(LRScheduler):
    """lr <- factor lr when a measured value has not become better for more than `patience` epochs.

    Args:
        optimizer: whose groups' `lr` it sets.
        mode: "min" if smaller is better, or "max".
        factor: below 1.
        patience: epochs without progress that are borne.
        threshold: how much better counts as better.
        threshold_mode: "rel" for a part of the best value, "abs" for a difference.
        cooldown: epochs after a reduction in which nothing is counted.
        min_lr: the least learning rate, or one for each group.
        eps: a reduction by less than this is left out.

    Raises:
        OptionError: an argument outside its range.

    Source: torch.optim.lr_scheduler.ReduceLROnPlateau.
    """

    def __init__(
        self,
        optimizer: Optimizer,
        mode: str = "min",
        factor: float = 0.1,
        patience: int = 10,
        threshold: float = 1e-4,
        threshold_mode: str = "rel",
        cooldown: int = 0,
        min_lr: float | Sequence[float] = 0,
        eps: float = 1e-8,
    ) -> None:
        require_not_negative("ReduceLROnPlateau", factor=factor, patience=patience, cooldown=cooldown, eps=eps)
        if factor >= 1.0:
            raise OptionError(f"ReduceLROnPlateau: factor must be below 1, and is {factor}")
        if mode not in ("min", "max") or threshold_mode not in ("rel", "abs"):
            raise OptionError(
                f"ReduceLROnPlateau: mode is 'min' or 'max' and threshold_mode 'rel' or 'abs', not {mode!r} and "
                f"{threshold_mode!r}"
            )
        self.min_lrs = for_each_group("min_lr", optimizer, min_lr)
        self.default_min_lr = None if isinstance(min_lr, (list, tuple)) else min_lr
        self.optimizer = optimizer
        self.mode, self.factor, self.patience, self.cooldown = mode, factor, patience, cooldown
        self.threshold, self.threshold_mode, self.eps = threshold, threshold_mode, eps
        self.mode_worse = math.inf if mode == "min" else -math.inf
        self.best = self.mode_worse
        self.num_bad_epochs = 0
        self.cooldown_counter = 0
        self.last_epoch = 0
        self._last_lr = self._present()

    def step(self, metrics: Any, epoch: int | None = None) -> None:  # type: ignore[override]
        """Take the value of this epoch, and reduce the learning rates if it is time."""
        mode.note_user_call()
        current = float(metrics)
        self.last_epoch = self.last_epoch + 1 if epoch is None else epoch
        if self.is_better(current, self.best):
            self.best = current
            self.num_bad_epochs = 0
        else:
            self.num_bad_epochs += 1
        if self.cooldown_counter > 0:
            self.cooldown_counter -= 1
            self.num_bad_epochs = 0
        if self.num_bad_epochs > self.patience:
            self._reduce()
            self.cooldown_counter = self.cooldown
            self.num_bad_epochs = 0
        self._last_lr = self._present()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer."""
        return {key: value for key, value in self.__dict__.items() if key != "optimizer"}

    @property
    def in_cooldown(self) -> bool:
        """Whether a reduction was so lately that nothing is counted."""
        return self.cooldown_counter > 0

    def is_better(self, a: float, best: float) -> bool:
        """Whether a value is better than the best by more than the threshold."""
        if self.threshold_mode == "rel":
            if self.mode == "min":
                return a < best * (1.0 - self.threshold)
            return a > best * (1.0 + self.threshold)
        return a < best - self.threshold if self.mode == "min" else a > best + self.threshold

    def _reduce(self) -> None:
        for group, least in zip(self.optimizer.param_groups, self.min_lrs, strict=True):
            lr = max(group["lr"] * self.factor, least)
            if group["lr"] - lr > self.eps:
                group["lr"] = lr
