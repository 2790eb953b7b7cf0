"""What the schedulers share: epochs, and setting the learning rates of the optimizer's groups."""

from __future__ import annotations

import warnings
from typing import Any

from retrograd.core import mode
from retrograd.core.errors import OptionError
from retrograd.optim.optimizer import Optimizer


class LRScheduler:
    """Base of the schedulers that know the learning rate from the epoch.

    Args:
        optimizer: whose groups' `lr` it sets.
        last_epoch: the epoch to continue after; -1 for a fresh start.

    Attributes:
        base_lrs: the learning rates of the start, group by group.
        last_epoch: how many times `step()` was called.

    Raises:
        TypeError: something else than an optimizer.
        OptionError: it is to continue, and a group has no "initial_lr".

    Subclasses define `get_lr()`. Source: torch.optim.lr_scheduler.LRScheduler.
    """

    def __init__(self, optimizer: Optimizer, last_epoch: int = -1) -> None:
        if not isinstance(optimizer, Optimizer):
            raise TypeError(f"{type(self).__name__}: expected an optimizer, received {type(optimizer).__name__}")
        self.optimizer = optimizer
        for i, group in enumerate(optimizer.param_groups):
            if last_epoch == -1:
                group.setdefault("initial_lr", group["lr"])
            elif "initial_lr" not in group:
                raise OptionError(f"a scheduler that continues needs 'initial_lr' in each group; group {i} has none")
        self.base_lrs: list[float] = [group["initial_lr"] for group in optimizer.param_groups]
        self.last_epoch = last_epoch
        self._initial_step()

    def _initial_step(self) -> None:
        """The step of the start, which sets the learning rates of the first epoch."""
        self._step_count = 0
        self._is_initial = True
        self.step()
        self._is_initial = False

    def get_lr(self) -> list[float]:
        """The learning rates of epoch `last_epoch`, group by group, from those of the epoch before."""
        raise NotImplementedError

    def _closed_form(self) -> list[float]:
        """The learning rates of epoch `last_epoch`, whatever is set now."""
        return self.get_lr()

    def get_last_lr(self) -> list[float]:
        """The learning rates that were set last."""
        return self._last_lr

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch, or (an old way) to a given one."""
        counted = type(self.optimizer).step is Optimizer.step
        if self._step_count == 1 and counted and self.optimizer.steps_called == 0:
            warnings.warn(
                "lr_scheduler.step() was called before optimizer.step(), which passes over the first learning rate; "
                "call optimizer.step() first",
                UserWarning,
                stacklevel=2,
            )
        self._step_count += 1
        mode.note_user_call()
        self._update_lr(epoch)

    def _update_lr(self, epoch: int | None = None) -> None:
        if epoch is None:
            self.last_epoch += 1
            values = self.get_lr()
        else:
            self.last_epoch = epoch
            values = self._closed_form()
        for group, lr in zip(self.optimizer.param_groups, values, strict=True):
            group["lr"] = lr
        self._last_lr = self._present()

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer, with PyTorch's keys."""
        own = {key: value for key, value in self.__dict__.items() if key != "optimizer"}
        return {**own, "_get_lr_called_within_step": False}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.__dict__.update((key, value) for key, value in state_dict.items() if key != "_get_lr_called_within_step")

    def _present(self) -> list[float]:
        return [group["lr"] for group in self.optimizer.param_groups]


def for_each_group(name: str, optimizer: Optimizer, value: Any) -> list[Any]:
    """A value for each group: one for all, or a list of them.

    Raises:
        OptionError: there are not as many as groups.
    """
    groups = len(optimizer.param_groups)
    if not isinstance(value, (list, tuple)):
        return [value] * groups
    if len(value) != groups:
        raise OptionError(f"{name}: there are {len(value)} values for {groups} parameter groups")
    return list(value)
