"""scikit-learn's MLPClassifier, a `partial_fit` a batch."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

from benchmarks.contender import StepContender
from benchmarks.problem import Problem


class SklearnMLP(StepContender):
    """The dense classifiers."""

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.data = problem.batches()
        self.reset()

    @staticmethod
    def warm_up() -> None:
        MLPClassifier(2).partial_fit(np.eye(2), np.arange(2), classes=np.arange(2))

    def reset(self) -> None:
        state = self.problem.state
        names = sorted({name.split(".")[0] for name in state})
        hidden = [len(state[f"{name}.bias"]) for name in names[:-1]]
        batch_size = self.problem.workload.batch_size
        self.model = MLPClassifier(hidden, alpha=0.0, batch_size=batch_size, epsilon=1e-8, shuffle=False)
        # Its first call draws weights and takes a step; ours take their place, and Adam begins anew.
        self.model.partial_fit(*self.data[0], classes=np.arange(10))
        for layer, name in enumerate(names):
            self.model.coefs_[layer][...] = state[f"{name}.weight"].T
            self.model.intercepts_[layer][...] = state[f"{name}.bias"]
        optimizer = self.model._optimizer
        optimizer.t = 0
        for moment in (*optimizer.ms, *optimizer.vs):
            moment[...] = 0

    def use_dropout(self) -> None:
        """These networks have none."""

    def step(self, index: int) -> float:
        self.model.partial_fit(*self.data[index % len(self.data)])
        return float(self.model.loss_)
