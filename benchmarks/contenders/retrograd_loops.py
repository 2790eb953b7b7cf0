"""retrograd: the loop written by hand, and the loop captured."""

from __future__ import annotations

import retrograd as rg
from benchmarks.contender import ChunkContender, Contender, StepContender
from benchmarks.models import MODELS
from benchmarks.problem import Problem


class _Retrograd(Contender):
    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        rg.set_num_threads(threads)
        self.batches = [(rg.tensor(inputs), rg.tensor(targets)) for inputs, targets in problem.batches()]
        self.criterion = rg.nn.CrossEntropyLoss() if problem.workload.is_classifier else rg.nn.MSELoss()
        self.reset()

    @staticmethod
    def warm_up() -> None:
        model = rg.nn.Sequential(rg.nn.Linear(32, 32), rg.nn.Linear(32, 2))
        optimizer = rg.optim.Adam(model.parameters())
        rg.nn.functional.cross_entropy(model(rg.ones(32, 32)), rg.zeros(32, dtype=rg.int64)).backward()
        optimizer.step()

    def reset(self) -> None:
        workload = self.problem.workload
        self.model = build_model(self.problem)
        self.model.train(not workload.has_dropout)
        self.optimizer = getattr(rg.optim, workload.optimizer)(self.model.parameters(), **workload.options)

    def use_dropout(self) -> None:
        self.model.train()

    def train_on(self, inputs: rg.Tensor, targets: rg.Tensor) -> rg.Tensor:
        """One step; its loss."""
        workload = self.problem.workload
        self.optimizer.zero_grad()
        if workload.has_rows_of_targets:
            targets = targets.flatten()
        loss: rg.Tensor = self.criterion(self.model(inputs), targets)
        loss.backward()
        if workload.clip is not None:
            rg.nn.utils.clip_grad_norm_(self.model.parameters(), workload.clip)
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


def build_model(problem: Problem) -> rg.nn.Module:
    """The workload's network with the problem's weights."""
    model: rg.nn.Module = MODELS[problem.workload.name](rg)
    model.load_state_dict({name: rg.tensor(array) for name, array in problem.state.items()})
    return model
