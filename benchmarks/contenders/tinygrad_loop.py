"""tinygrad, its step captured by `TinyJit`."""

from __future__ import annotations

from typing import Any

from tinygrad import Tensor, TinyJit
from tinygrad.device import Device
from tinygrad.helpers import Context
from tinygrad.nn import optim

from benchmarks.contender import Missing, StepContender
from benchmarks.problem import Problem


class TinygradLoop(StepContender):
    """The dense networks and the convolutional one."""

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.batches = [(Tensor(x).realize(), Tensor(y).realize()) for x, y in problem.batches()]
        self.reset()

    @staticmethod
    def warm_up() -> None:
        try:
            if Device.DEFAULT != "CPU":
                raise Missing(f"tinygrad runs on {Device.DEFAULT} here; DEV=CPU lets it run on the CPU")
        except RuntimeError as error:  # it finds no compiler
            raise Missing(f"tinygrad: {error}") from error
        weight = Tensor.ones(4, 4).contiguous().realize().is_param_()
        (Tensor.ones(4, 4) @ weight).sum().backward()
        assert weight.grad is not None
        weight.grad.realize()

    def reset(self) -> None:
        workload = self.problem.workload
        self.state = {name: Tensor(array).realize().is_param_() for name, array in self.problem.state.items()}
        make = optim.Adam if workload.optimizer == "Adam" else optim.SGD
        options = {"eps": 1e-8} if workload.optimizer == "Adam" else {}
        self.optimizer = make(list(self.state.values()), lr=workload.options["lr"], **options)
        self.jitted = TinyJit(self._train_on)

    def use_dropout(self) -> None:
        """These networks have none."""

    def step(self, index: int) -> float:
        return float(self.jitted(*self.batches[index % len(self.batches)]).item())

    def _train_on(self, inputs: Any, targets: Any) -> Any:
        with Context(TRAINING=1):
            self.optimizer.zero_grad()
            outputs = self._forward(inputs)
            if self.problem.workload.is_classifier:
                loss = outputs.sparse_categorical_crossentropy(targets)
            else:
                loss = ((outputs - targets) ** 2).mean()
            loss.backward()
            # Together: a loss that is computed after the update would be that of the new weights.
            return loss.realize(*self.optimizer.schedule_step())

    def _forward(self, x: Any) -> Any:
        name = self.problem.workload.name
        if name == "xor":
            return self._linear("2", self._linear("0", x).sigmoid()).sigmoid()
        if name == "digits":
            return self._linear("2", self._linear("0", x).relu())
        if name == "mlp":
            return self._linear("4", self._linear("2", self._linear("0", x).relu()).relu())
        x = x.conv2d(self.state["0.weight"], self.state["0.bias"]).relu().max_pool2d()
        x = x.conv2d(self.state["3.weight"], self.state["3.bias"]).relu().max_pool2d()
        return self._linear("9", self._linear("7", x.flatten(1)).relu())

    def _linear(self, name: str, x: Any) -> Any:
        return x.linear(self.state[f"{name}.weight"].T, self.state.get(f"{name}.bias"))
