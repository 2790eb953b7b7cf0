"""Several schedulers on one optimizer: one after another, or all at once."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.optim.lr_scheduler.plateau import ReduceLROnPlateau
from retrograd.optim.lr_scheduler.scheduler import LRScheduler
from retrograd.optim.optimizer import Optimizer


def _common_optimizer(name: str, optimizer: Optimizer | None, schedulers: Sequence[LRScheduler]) -> Optimizer:
    """The optimizer of all the schedulers."""
    if not schedulers:
        raise OptionError(f"{name}: there must be at least one scheduler")
    optimizer = schedulers[0].optimizer if optimizer is None else optimizer
    for i, scheduler in enumerate(schedulers):
        if isinstance(scheduler, ReduceLROnPlateau):
            raise OptionError(
                f"{name}: scheduler {i} is a ReduceLROnPlateau, whose step() takes a value; step it alone"
            )
        if scheduler.optimizer is not optimizer:
            raise OptionError(f"{name}: scheduler {i} belongs to another optimizer")
    return optimizer


class _Composed(LRScheduler):
    """A scheduler that has others."""

    _schedulers: Sequence[LRScheduler]

    def state_dict(self) -> dict[str, Any]:
        """The states of all, and one's own."""
        own = {key: value for key, value in self.__dict__.items() if key not in ("optimizer", "_schedulers")}
        return {**own, "_schedulers": [scheduler.state_dict() for scheduler in self._schedulers]}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        self.__dict__.update((key, value) for key, value in state_dict.items() if key != "_schedulers")
        for scheduler, state in zip(self._schedulers, state_dict["_schedulers"], strict=True):
            scheduler.load_state_dict(state)


class SequentialLR(_Composed):
    """Schedulers one after another: each from its milestone on, which is an epoch.

    Args:
        optimizer: that of all the schedulers.
        schedulers: in order.
        milestones: when the second takes over, the third, and so on.

    Raises:
        OptionError: not one milestone less than schedulers, or a scheduler that does not fit.

    Source: torch.optim.lr_scheduler.SequentialLR.

    >>> import retrograd as rg
    >>> optimizer = rg.optim.SGD([rg.ones(1, requires_grad=True)], lr=1.0)
    >>> warm = rg.optim.lr_scheduler.ConstantLR(optimizer, factor=0.25, total_iters=10)
    >>> fall = rg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> scheduler = rg.optim.lr_scheduler.SequentialLR(optimizer, [warm, fall], milestones=[2])
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(scheduler.get_last_lr()[0]); optimizer.step(); scheduler.step()
    >>> rates
    [0.25, 0.25, 1.0, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        schedulers: Sequence[LRScheduler],
        milestones: Sequence[int],
        last_epoch: int = -1,
    ) -> None:
        if len(milestones) != len(schedulers) - 1:
            raise OptionError(
                f"SequentialLR: there are {len(milestones)} milestones for {len(schedulers)} schedulers; there must be "
                "one less than schedulers"
            )
        self._schedulers = schedulers
        self._milestones = milestones
        self.last_epoch = last_epoch + 1
        self.optimizer = _common_optimizer("SequentialLR", optimizer, schedulers)
        # Each scheduler has made its first step already; only the one whose turn it is may.
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"]
        _undo(self)
        first = schedulers[bisect_right(milestones, 0)]
        first._initial_step()
        self._last_lr = first.get_last_lr()

    def step(self, epoch: int | None = None) -> None:
        """Go on to the next epoch."""
        self.last_epoch += 1
        turn = bisect_right(self._milestones, self.last_epoch)
        scheduler = self._schedulers[turn]
        if turn > 0 and self._milestones[turn - 1] == self.last_epoch:
            scheduler._update_lr(0)
        else:
            scheduler.step()
        self._last_lr = scheduler.get_last_lr()


def _undo(scheduler: LRScheduler) -> None:
    for part in getattr(scheduler, "_schedulers", ()):
        _undo(part)
    if not hasattr(scheduler, "_schedulers"):
        scheduler.last_epoch -= 1


class ChainedScheduler(_Composed):
    """Schedulers that all make a step at each `step()`; those that follow a recurrence multiply what they find.

    Args:
        schedulers: of one optimizer.
        optimizer: that optimizer; default: the first scheduler's.

    Raises:
        OptionError: no scheduler, or one that does not fit.

    Source: torch.optim.lr_scheduler.ChainedScheduler.

    >>> import retrograd as rg
    >>> optimizer = rg.optim.SGD([rg.ones(1, requires_grad=True)], lr=1.0)
    >>> halves = rg.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.5)
    >>> steps = rg.optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    >>> scheduler = rg.optim.lr_scheduler.ChainedScheduler([halves, steps])
    >>> rates = []
    >>> for epoch in range(3):
    ...     rates.append(scheduler.get_last_lr()[0]); optimizer.step(); scheduler.step()
    >>> rates
    [1.0, 0.5, 0.125]
    """

    def __init__(self, schedulers: Sequence[LRScheduler], optimizer: Optimizer | None = None) -> None:
        self._schedulers = schedulers
        self.optimizer = _common_optimizer("ChainedScheduler", optimizer, schedulers)
        self._last_lr = self._present()

    def step(self, epoch: int | None = None) -> None:
        """A step of each."""
        for scheduler in self._schedulers:
            scheduler.step()
        self._last_lr = self._present()
