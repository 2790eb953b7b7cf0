"""PyTorch: eager with its plain optimizer, eager with the fused one, and compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

import torch
from torch import nn

from benchmarks.contender import WARM_UP_STEPS, Missing, StepContender
from benchmarks.workloads import Problem


class Eager(StepContender):
    """A loop as one writes it, with the optimizer's defaults."""

    optimizer_options: ClassVar[dict[str, Any]] = {}

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        torch.set_num_threads(threads)
        self.batches = [(torch.tensor(inputs), torch.tensor(targets)) for inputs, targets in problem.batches()]
        self.criterion = nn.CrossEntropyLoss() if problem.workload.is_classifier else nn.MSELoss()
        self.model = _build_model(problem)
        self.initial = {name: value.clone() for name, value in self.model.state_dict().items()}
        make = torch.optim.Adam if problem.workload.optimizer == "adam" else torch.optim.SGD
        self.optimizer = make(self.model.parameters(), lr=problem.workload.lr, **self.optimizer_options)

    def reset(self) -> None:
        # In place, so that what was compiled for these tensors stays valid.
        self.model.load_state_dict(self.initial)
        for state in self.optimizer.state.values():
            for value in state.values():
                if isinstance(value, torch.Tensor):
                    value.zero_()

    def step(self, index: int) -> float:
        inputs, targets = self.batches[index % len(self.batches)]
        self.optimizer.zero_grad()
        loss = self.criterion(self.model(inputs), targets)
        loss.backward()
        self.optimizer.step()
        return float(loss.item())


class EagerFused(Eager):
    """The same with the optimizer's update as one kernel."""

    optimizer_options: ClassVar[dict[str, Any]] = {"fused": True}


class Compiled(Eager):
    """Forward, loss and backward compiled together, and the optimizer's step compiled."""

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.compiled_loss: Callable[..., torch.Tensor] = torch.compile(self._loss)
        self.compiled_update: Callable[[], Any] = torch.compile(self.optimizer.step)
        try:
            for index in range(WARM_UP_STEPS):
                self.step(index)
        except Exception as error:  # torch.compile fails in many ways, most often for want of a C++ compiler
            raise Missing(f"torch.compile fails: {type(error).__name__}: {error}") from error

    def _loss(self, inputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        loss: torch.Tensor = self.criterion(self.model(inputs), targets)
        return loss

    def step(self, index: int) -> float:
        inputs, targets = self.batches[index % len(self.batches)]
        self.optimizer.zero_grad()
        loss = self.compiled_loss(inputs, targets)
        loss.backward()
        self.compiled_update()
        return float(loss.item())


def _build_model(problem: Problem) -> nn.Sequential:
    workload = problem.workload
    last = len(problem.weights) - 1
    layers: list[nn.Module] = []
    for index, weight in enumerate(problem.weights):
        linear = nn.Linear(weight.shape[1], weight.shape[0], bias=workload.bias)
        with torch.no_grad():
            linear.weight.copy_(torch.tensor(weight))
            if workload.bias:
                linear.bias.copy_(torch.tensor(problem.biases[index]))
        layers.append(linear)
        if workload.activation == "sigmoid":
            layers.append(nn.Sigmoid())
        elif index < last:
            layers.append(nn.ReLU())
    return nn.Sequential(*layers)
