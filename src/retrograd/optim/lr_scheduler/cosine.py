"""Learning rates that fall as a cosine."""

from __future__ import annotations

import math

from retrograd.core import mode
from retrograd.core.errors import OptionError
from retrograd.optim.lr_scheduler.scheduler import LRScheduler
from retrograd.optim.optimizer import Optimizer
from retrograd.optim.options import require_positive


class CosineAnnealingLR(LRScheduler):
    """lr = eta_min + (lr_0 - eta_min)(1 + cos(pi t / T_max)) / 2, by the recurrence that PyTorch follows.

    Args:
        optimizer: whose groups' `lr` it sets.
        T_max: epochs from lr_0 down to eta_min.
        eta_min: the least learning rate.

    Raises:
        OptionError: T_max is not above 0.

    Source: torch.optim.lr_scheduler.CosineAnnealingLR; Loshchilov and Hutter (2017).

    >>> import retrograd as rg
    >>> optimizer = rg.optim.SGD([rg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = rg.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=2)
    >>> rates = []
    >>> for epoch in range(3):
    ...     rates.append(round(scheduler.get_last_lr()[0], 6)); optimizer.step(); scheduler.step()
    >>> rates
    [1.0, 0.5, 0.0]
    """

    def __init__(self, optimizer: Optimizer, T_max: int, eta_min: float = 0.0, last_epoch: int = -1) -> None:
        require_positive("CosineAnnealingLR", T_max=T_max)
        self.T_max = T_max
        self.eta_min = eta_min
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        t, low = self.last_epoch, self.eta_min
        if self._is_initial or t == 0:
            return self._present()
        if self._step_count == 1 and t > 0:
            return self._closed_form()
        if (t - 1 - self.T_max) % (2 * self.T_max) == 0:
            rise = (1 - math.cos(math.pi / self.T_max)) / 2
            pairs = zip(self._present(), self.base_lrs, strict=True)
            return [lr + (base - low) * rise for lr, base in pairs]
        ratio = (1 + math.cos(math.pi * t / self.T_max)) / (1 + math.cos(math.pi * (t - 1) / self.T_max))
        return [ratio * (lr - low) + low for lr in self._present()]

    def _closed_form(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.last_epoch / self.T_max)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]


class CosineAnnealingWarmRestarts(LRScheduler):
    """lr = eta_min + (lr_0 - eta_min)(1 + cos(pi T_cur / T_i)) / 2, again and again, in runs that may grow longer.

    Args:
        optimizer: whose groups' `lr` it sets.
        T_0: epochs of the first run.
        T_mult: how many times longer each run is than the one before.
        eta_min: the least learning rate.

    `step(epoch)` takes fractions of epochs too: `step(epoch + i / len(loader))`.

    Raises:
        OptionError: T_0 or T_mult is no positive integer.

    Source: torch.optim.lr_scheduler.CosineAnnealingWarmRestarts; Loshchilov and Hutter (2017).

    >>> import retrograd as rg
    >>> optimizer = rg.optim.SGD([rg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = rg.optim.lr_scheduler.CosineAnnealingWarmRestarts(optimizer, T_0=2)
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(round(scheduler.get_last_lr()[0], 6)); optimizer.step(); scheduler.step()
    >>> rates
    [1.0, 0.5, 1.0, 0.5]
    """

    def __init__(
        self, optimizer: Optimizer, T_0: int, T_mult: int = 1, eta_min: float = 0.0, last_epoch: int = -1
    ) -> None:
        for name, value in (("T_0", T_0), ("T_mult", T_mult)):
            if not isinstance(value, int) or value < 1:
                raise OptionError(f"CosineAnnealingWarmRestarts: {name} must be a positive integer, and is {value}")
        self.T_0 = T_0
        self.T_i = T_0
        self.T_mult = T_mult
        self.eta_min = eta_min
        self.T_cur: float = last_epoch
        super().__init__(optimizer, last_epoch)

    def get_lr(self) -> list[float]:
        height = (1 + math.cos(math.pi * self.T_cur / self.T_i)) / 2
        return [self.eta_min + (base - self.eta_min) * height for base in self.base_lrs]

    def step(self, epoch: float | None = None) -> None:
        """Go on to the next epoch, or to a given one, which may be a fraction."""
        mode.note_user_call()
        if epoch is None and self.last_epoch >= 0:
            self._go_on()
            epoch = self.last_epoch + 1
        else:
            epoch = 0 if epoch is None else epoch
            self._go_to(epoch)
        self.last_epoch = math.floor(epoch)
        for group, lr in zip(self.optimizer.param_groups, self.get_lr(), strict=True):
            group["lr"] = lr
        self._last_lr = self._present()

    def _go_on(self) -> None:
        self.T_cur += 1
        if self.T_cur >= self.T_i:
            self.T_cur %= self.T_i
            self.T_i *= self.T_mult

    def _go_to(self, epoch: float) -> None:
        if epoch < 0:
            raise OptionError(f"CosineAnnealingWarmRestarts: epoch must not be negative, and is {epoch}")
        self.T_i, self.T_cur = self.T_0, epoch
        if epoch < self.T_0:
            return
        if self.T_mult == 1:
            self.T_cur = epoch % self.T_0
            return
        runs = int(math.log(epoch / self.T_0 * (self.T_mult - 1) + 1, self.T_mult))
        self.T_cur = epoch - self.T_0 * (self.T_mult**runs - 1) / (self.T_mult - 1)
        self.T_i = self.T_0 * self.T_mult**runs
