"""Learning rates by a function of the epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.optim.lr_scheduler.scheduler import LRScheduler
from retrograd.optim.optimizer import Optimizer

Factor = Callable[[int], float]


class _ByFunction(LRScheduler):
    """One function for each group. Of callable objects the attributes are state, of plain functions nothing is."""

    def __init__(self, optimizer: Optimizer, lr_lambda: Factor | Sequence[Factor], last_epoch: int = -1) -> None:
        groups = len(optimizer.param_groups)
        if not callable(lr_lambda) and not isinstance(lr_lambda, (list, tuple)):
            raise OptionError(f"{type(self).__name__}: lr_lambda is a function or a list of them, not {lr_lambda!r}")
        self.lr_lambdas = [lr_lambda] * groups if callable(lr_lambda) else list(lr_lambda)
        if len(self.lr_lambdas) != groups:
            raise OptionError(
                f"{type(self).__name__}: there are {len(self.lr_lambdas)} functions for {groups} parameter groups"
            )
        super().__init__(optimizer, last_epoch)

    def state_dict(self) -> dict[str, Any]:
        """Everything but the optimizer and the functions."""
        kept = [None if isinstance(f, FunctionType) else dict(f.__dict__) for f in self.lr_lambdas]
        return {**super().state_dict(), "lr_lambdas": kept}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave; the functions stay."""
        super().load_state_dict({key: value for key, value in state_dict.items() if key != "lr_lambdas"})
        for function, kept in zip(self.lr_lambdas, state_dict["lr_lambdas"], strict=True):
            function.__dict__.update(kept or {})


class LambdaLR(_ByFunction):
    """lr = lr_0 f(epoch).

    Args:
        optimizer: whose groups' `lr` it sets.
        lr_lambda: f, or one for each group.

    Raises:
        OptionError: there are not as many functions as groups.

    Source: torch.optim.lr_scheduler.LambdaLR.
    """

    def get_lr(self) -> list[float]:
        return [base * f(self.last_epoch) for f, base in zip(self.lr_lambdas, self.base_lrs, strict=True)]


class MultiplicativeLR(_ByFunction):
    """lr <- lr f(epoch) every epoch.

    Args:
        optimizer: whose groups' `lr` it sets.
        lr_lambda: f, or one for each group.

    Raises:
        OptionError: there are not as many functions as groups.

    Source: torch.optim.lr_scheduler.MultiplicativeLR.
    """

    def get_lr(self) -> list[float]:
        if self._is_initial:
            return self._present()
        return [lr * f(self.last_epoch) for f, lr in zip(self.lr_lambdas, self._present(), strict=True)]
