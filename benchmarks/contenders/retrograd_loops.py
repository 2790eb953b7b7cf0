"""retrograd: the loop written by hand, and the loop captured."""

from __future__ import annotations

from typing import Any

import retrograd as rg
from benchmarks.contender import ChunkContender, Contender, StepContender
from benchmarks.workloads import Problem


class _Retrograd(Contender):
    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        rg.set_num_threads(threads)
        self.batches = [(rg.tensor(inputs), rg.tensor(targets)) for inputs, targets in problem.batches()]
        self.criterion = rg.nn.CrossEntropyLoss() if problem.workload.is_classifier else rg.nn.MSELoss()
        self.reset()

    def reset(self) -> None:
        workload = self.problem.workload
        self.model = build_model(self.problem)
        make = rg.optim.Adam if workload.optimizer == "adam" else rg.optim.SGD
        self.optimizer = make(self.model.parameters(), lr=workload.lr)

    def train_on(self, inputs: rg.Tensor, targets: rg.Tensor) -> rg.Tensor:
        self.optimizer.zero_grad()
        loss: rg.Tensor = self.criterion(self.model(inputs), targets)
        loss.backward()
        self.optimizer.step()
        return loss


class RetrogradLoop(_Retrograd, StepContender):
    """A loop as one writes it."""

    def step(self, index: int) -> float:
        return float(self.train_on(*self.batches[index % len(self.batches)]).item())


class CapturedLoop(_Retrograd, ChunkContender):
    """The same steps, captured and run in native code."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self.data = rg.tensor(problem.inputs), rg.tensor(problem.targets)
        super().__init__(problem, threads)

    def reset(self) -> None:
        super().reset()
        batch_size = self.problem.workload.batch_size
        self.loop = rg.compile_loop(self.train_on, self.data, batch_size=batch_size, shuffle=False)

    def run(self, steps: int) -> list[float]:
        losses: list[float] = self.loop.run(steps=steps).tolist()
        return losses


def build_model(problem: Problem) -> rg.nn.Sequential:
    """The workload's network with the problem's weights."""
    workload = problem.workload
    last = len(problem.weights) - 1
    layers: list[Any] = []
    for index, weight in enumerate(problem.weights):
        linear = rg.nn.Linear(weight.shape[1], weight.shape[0], bias=workload.bias)
        with rg.no_grad():
            linear.weight.copy_(rg.tensor(weight))
            if workload.bias:
                linear.bias.copy_(rg.tensor(problem.biases[index]))
        layers.append(linear)
        if workload.activation == "sigmoid":
            layers.append(rg.nn.Sigmoid())
        elif index < last:
            layers.append(rg.nn.ReLU())
    return rg.nn.Sequential(*layers)
