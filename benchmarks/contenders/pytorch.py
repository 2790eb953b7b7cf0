"""PyTorch: eager with its plain optimizer, with the fused one, channels last, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import nn

from benchmarks.contender import WARM_UP_STEPS, Missing, StepContender
from benchmarks.models import MODELS
from benchmarks.problem import Problem


class Eager(StepContender):
    """A loop as one writes it, with the optimizer's defaults."""

    optimizer_options: ClassVar[dict[str, Any]] = {}
    memory_format: ClassVar[Any] = torch.contiguous_format

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        torch.set_num_threads(threads)
        workload = problem.workload
        self.batches = [(self._placed(torch.tensor(x)), torch.tensor(y)) for x, y in problem.batches()]
        self.criterion = nn.CrossEntropyLoss() if workload.is_classifier else nn.MSELoss()
        self.model = MODELS[workload.name](torch)
        self.initial = {name: torch.tensor(array) for name, array in problem.state.items()}
        self.model.load_state_dict(self.initial)
        self.model.to(memory_format=self.memory_format)
        make = getattr(torch.optim, workload.optimizer)
        self.optimizer = make(self.model.parameters(), **workload.options, **self.optimizer_options)

    @staticmethod
    def warm_up() -> None:
        model = nn.Sequential(nn.Linear(32, 32), nn.Linear(32, 2))
        optimizer = torch.optim.Adam(model.parameters())
        nn.functional.cross_entropy(model(torch.ones(32, 32)), torch.zeros(32, dtype=torch.int64)).backward()
        optimizer.step()

    def _placed(self, inputs: torch.Tensor) -> torch.Tensor:
        return inputs.to(memory_format=self.memory_format) if inputs.ndim == 4 else inputs

    def reset(self) -> None:
        # In place, so that what was compiled for these tensors stays valid.
        self.model.load_state_dict(self.initial)
        self.model.train(not self.problem.workload.has_dropout)
        for state in self.optimizer.state.values():
            for value in state.values():
                if isinstance(value, torch.Tensor):
                    value.zero_()

    def use_dropout(self) -> None:
        self.model.train()

    def loss(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        """Of one batch."""
        if self.problem.workload.has_rows_of_targets:
            targets = targets.flatten()
        loss: torch.Tensor = self.criterion(self.model(inputs), targets)
        return loss

    def step(self, index: int) -> float:
        inputs, targets = self.batches[index % len(self.batches)]
        self.optimizer.zero_grad()
        loss = self.loss(inputs, targets)
        loss.backward()
        self.clip()
        self.optimizer.step()
        return float(loss.item())

    def clip(self) -> None:
        """Bound the gradients, where the workload says so."""
        if self.problem.workload.clip is not None:
            nn.utils.clip_grad_norm_(self.model.parameters(), self.problem.workload.clip)


class EagerFused(Eager):
    """The same with the optimizer's update as one kernel."""

    optimizer_options: ClassVar[dict[str, Any]] = {"fused": True}


class ChannelsLast(EagerFused):
    """The fused optimizer, and images and convolutions laid out channels last."""

    memory_format: ClassVar[Any] = torch.channels_last


class Compiled(Eager):
    """Forward, loss and backward compiled together, and the optimizer's step compiled."""

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.compiled_loss: Callable[..., torch.Tensor] = torch.compile(self.loss)
        self.compiled_update: Callable[[], Any] = torch.compile(self.optimizer.step)
        try:
            for index in range(WARM_UP_STEPS):
                self.step(index)
        except Exception as error:  # torch.compile fails in many ways, most often for want of a C++ compiler
            raise Missing(f"torch.compile fails: {type(error).__name__}: {error}") from error

    def step(self, index: int) -> float:
        inputs, targets = self.batches[index % len(self.batches)]
        self.optimizer.zero_grad()
        loss = self.compiled_loss(inputs, targets)
        loss.backward()
        self.clip()
        self.compiled_update()
        return float(loss.item())
