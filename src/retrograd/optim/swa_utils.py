"""Weights averaged over the course of a training, under PyTorch's names."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import Any

from retrograd.core.dtype import int64
from retrograd.core.errors import OptionError
from retrograd.nn.batch_norm import BatchNorm1d, BatchNorm2d, BatchNorm3d
from retrograd.nn.module import Module
from retrograd.optim.lr_scheduler.scheduler import LRScheduler, for_each_group
from retrograd.optim.optimizer import Optimizer
from retrograd.tensor.creation import zeros
from retrograd.tensor.grad_mode import no_grad

__all__ = [
    "AveragedModel",
    "SWALR",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]

# What the average of a value becomes: of the average so far, the value now, and how many values are in it.
AverageFunction = Callable[[Any, Any, Any], Any]


def _require_decay(name: str, decay: float) -> None:
    if not 0 <= decay <= 1:
        raise OptionError(f"{name}: decay must lie in [0, 1], and is {decay}")


def get_ema_avg_fn(decay: float = 0.999) -> AverageFunction:
    """The exponential moving average: decay a + (1 - decay) x. Source: torch.optim.swa_utils.get_ema_avg_fn."""
    _require_decay("get_ema_avg_fn", decay)

    def average(ema_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return decay * ema_param + (1 - decay) * current_param

    return average


def get_swa_avg_fn() -> AverageFunction:
    """The plain average: a + (x - a) / (n + 1). Source: torch.optim.swa_utils.get_swa_avg_fn."""

    def average(averaged_param: Any, current_param: Any, num_averaged: Any) -> Any:
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return average


def _of_lists(average: AverageFunction) -> Callable[[Sequence[Any], Sequence[Any], Any], None]:
    """The form that changes a list of averages in place."""

    def update(averages: Sequence[Any], values: Sequence[Any], num_averaged: Any) -> None:
        with no_grad():
            for a, x in zip(averages, values, strict=True):
                a.copy_(average(a, x, num_averaged))

    return update


def get_ema_multi_avg_fn(decay: float = 0.999) -> Callable[[Sequence[Any], Sequence[Any], Any], None]:
    """`get_ema_avg_fn` for lists, changed in place. Source: torch.optim.swa_utils.get_ema_multi_avg_fn."""
    _require_decay("get_ema_multi_avg_fn", decay)
    return _of_lists(get_ema_avg_fn(decay))


def get_swa_multi_avg_fn() -> Callable[[Sequence[Any], Sequence[Any], Any], None]:
    """`get_swa_avg_fn` for lists, changed in place. Source: torch.optim.swa_utils.get_swa_multi_avg_fn."""
    return _of_lists(get_swa_avg_fn())


class AveragedModel(Module):
    """A copy of a model whose parameters are averages of those that the model has had.

    Args:
        model: which.
        device: "cpu" or None.
        avg_fn: the next average, of the average so far, the value now and the count; default: the plain average.
        multi_avg_fn: the same for lists, changed in place; in place of avg_fn.
        use_buffers: whether buffers are averaged too; else they are copied.

    Raises:
        OptionError: both avg_fn and multi_avg_fn.

    Source: torch.optim.swa_utils.AveragedModel; Izmailov et al. (2018).

    >>> import retrograd as rg
    >>> model = rg.nn.Linear(1, 1, bias=False)
    >>> averaged = rg.optim.swa_utils.AveragedModel(model)
    >>> for value in (1.0, 3.0):
    ...     rg.nn.init.constant_(model.weight, value).shape; averaged.update_parameters(model)
    retrograd.Size([1, 1])
    retrograd.Size([1, 1])
    >>> averaged.module.weight.item()
    2.0
    """

    n_averaged: Any

    def __init__(
        self,
        model: Module,
        device: Any = None,
        avg_fn: AverageFunction | None = None,
        multi_avg_fn: Callable[[Sequence[Any], Sequence[Any], Any], None] | None = None,
        use_buffers: bool = False,
    ) -> None:
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise OptionError("AveragedModel: give avg_fn or multi_avg_fn, not both")
        self.module = deepcopy(model)
        self.register_buffer("n_averaged", zeros((), dtype=int64))
        self._update = multi_avg_fn or _of_lists(avg_fn or get_swa_avg_fn())
        self.use_buffers = use_buffers

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        return self.module(*args, **kwargs)

    def update_parameters(self, model: Module) -> None:
        """Take the model's parameters as they are now into the average."""
        own, given = list(self.module.parameters()), [p.detach() for p in model.parameters()]
        buffers = list(zip(self.module.buffers(), model.buffers(), strict=True))
        if self.use_buffers:
            own += [b for b, _ in buffers]
            given += [b for _, b in buffers]
        with no_grad():
            if self.n_averaged.item() == 0:
                for a, x in zip(own, given, strict=True):
                    a.copy_(x)
            else:
                self._update([p.detach() for p in own], given, self.n_averaged)
            if not self.use_buffers:
                for b, x in buffers:
                    b.copy_(x)
            self.n_averaged.add_(1)


def update_bn(loader: Iterable[Any], model: Module, device: Any = None) -> None:
    """Have the batch norm layers of a model find the mean and the variance of their inputs anew.

    Args:
        loader: batches; of a list or tuple the first entry is the input.
        model: which.
        device: "cpu" or None.

    Source: torch.optim.swa_utils.update_bn.
    """
    kinds = (BatchNorm1d, BatchNorm2d, BatchNorm3d)
    layers = [m for m in model.modules() if isinstance(m, kinds) and m.track_running_stats]
    momenta = [layer.momentum for layer in layers]
    if not layers:
        return
    training = model.training
    model.train()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
    with no_grad():
        for batch in loader:
            model(batch[0] if isinstance(batch, (list, tuple)) else batch)
    for layer, momentum in zip(layers, momenta, strict=True):
        layer.momentum = momentum
    model.train(training)


class SWALR(LRScheduler):
    """lr goes from where it is to a constant, which averaging needs.

    Args:
        optimizer: whose groups' `lr` it sets.
        swa_lr: the constant, or one for each group.
        anneal_epochs: in how many epochs.
        anneal_strategy: "cos" or "linear".

    Raises:
        OptionError: another strategy, or a negative number of epochs.

    Source: torch.optim.swa_utils.SWALR; Izmailov et al. (2018).

    >>> import retrograd as rg
    >>> optimizer = rg.optim.SGD([rg.ones(1, requires_grad=True)], lr=1.0)
    >>> scheduler = rg.optim.swa_utils.SWALR(optimizer, swa_lr=0.5, anneal_epochs=2, anneal_strategy="linear")
    >>> rates = []
    >>> for epoch in range(4):
    ...     rates.append(scheduler.get_last_lr()[0]); optimizer.step(); scheduler.step()
    >>> rates
    [1.0, 0.75, 0.5, 0.5]
    """

    def __init__(
        self,
        optimizer: Optimizer,
        swa_lr: float | Sequence[float],
        anneal_epochs: int = 10,
        anneal_strategy: str = "cos",
        last_epoch: int = -1,
    ) -> None:
        if anneal_strategy not in ("cos", "linear"):
            raise OptionError(f"SWALR: anneal_strategy must be 'cos' or 'linear', and is {anneal_strategy!r}")
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise OptionError(f"SWALR: anneal_epochs must be an integer and not negative, and is {anneal_epochs}")
        for group, lr in zip(optimizer.param_groups, for_each_group("swa_lr", optimizer, swa_lr), strict=True):
            group["swa_lr"] = lr
        self.anneal_epochs = anneal_epochs
        self._anneal_strategy = anneal_strategy
        super().__init__(optimizer, last_epoch)

    def _part(self, step: int) -> float:
        """How far lr has gone after some steps, in [0, 1]."""
        t = max(0.0, min(1.0, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self) -> list[float]:
        step = self._step_count - 1
        step = max(1, step) if self.anneal_epochs == 0 else step
        before, now = self._part(step - 1), self._part(step)
        rates = []
        for group in self.optimizer.param_groups:
            aim = group["swa_lr"]
            start = aim if before == 1 else (group["lr"] - before * aim) / (1 - before)
            rates.append(aim * now + start * (1 - now))
        return rates
