"""JAX: a jitted step called from Python, and a scan over many steps in one call."""

from __future__ import annotations

import re
from functools import partial
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.contender import ChunkContender, Contender, StepContender
from benchmarks.contenders.jax_optimizers import Moments, clipped, first_moments, updated
from benchmarks.jax_models import FORWARDS
from benchmarks.jax_models.layers import Scope, State
from benchmarks.problem import Array, Problem
from benchmarks.workloads import Workload


class Training(NamedTuple):
    """All that a step changes."""

    parameters: State
    statistics: State
    moments: Moments
    count: jax.Array


class _Jax(Contender):
    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.batches = [(jnp.asarray(inputs), jnp.asarray(targets)) for inputs, targets in problem.batches()]
        self.reset()

    @staticmethod
    def warm_up() -> None:
        ones = jnp.ones((32, 32))
        jax.jit(jax.grad(lambda x: jnp.sum(x @ ones)))(ones).block_until_ready()

    def reset(self) -> None:
        parameters: State = {}
        statistics: State = {}
        for name, array in self.problem.state.items():
            if array.dtype == np.float32:
                (statistics if "running_" in name else parameters)[name] = _as_jax_keeps_it(name, array)
        moments = first_moments(self.problem.workload, parameters)
        self.state = Training(parameters, statistics, moments, jnp.zeros((), jnp.int32))
        self.dropout = False


class JitStep(_Jax, StepContender):
    """One jitted call a step, its state donated."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self.jitted = jax.jit(partial(_step, problem.workload), static_argnames="dropout", donate_argnums=0)
        super().__init__(problem, threads)

    def use_dropout(self) -> None:
        self.dropout = True

    def step(self, index: int) -> float:
        inputs, targets = self.batches[index % len(self.batches)]
        self.state, loss = self.jitted(self.state, inputs, targets, dropout=self.dropout)
        return float(loss)


class Scan(_Jax, ChunkContender):
    """All steps in one jitted call."""

    def __init__(self, problem: Problem, threads: int) -> None:
        self.jitted = jax.jit(partial(_scan, problem.workload), static_argnames=("steps", "dropout"), donate_argnums=0)
        super().__init__(problem, threads)
        self.inputs = jnp.stack([inputs for inputs, _ in self.batches])
        self.targets = jnp.stack([targets for _, targets in self.batches])

    def reset(self) -> None:
        super().reset()
        self.taken = 0

    def use_dropout(self) -> None:
        self.dropout = True

    def run(self, steps: int) -> list[float]:
        self.state, losses = self.jitted(
            self.state, self.inputs, self.targets, self.taken, steps=steps, dropout=self.dropout
        )
        self.taken += steps
        values: list[float] = np.asarray(losses).tolist()
        return values


def _as_jax_keeps_it(name: str, array: Array) -> jax.Array:
    """Weights of convolutions as (H, W, in, out); PyTorch has (out, in, H, W), and (in, out, H, W) transposed ones."""
    if array.ndim != 4:
        return jnp.array(array)
    is_transposed = re.match(r"up\d", name) is not None
    return jnp.array(array.transpose((2, 3, 0, 1) if is_transposed else (2, 3, 1, 0)))


def _loss(
    workload: Workload, parameters: State, statistics: State, inputs: jax.Array, targets: jax.Array, key: jax.Array
) -> tuple[jax.Array, State]:
    scope = Scope(parameters | statistics, key)
    outputs = FORWARDS[workload.name](scope, inputs)
    if not workload.is_classifier:
        return jnp.mean((outputs - targets) ** 2), scope.updates
    targets = targets.reshape(-1) if workload.has_rows_of_targets else targets
    chosen = jnp.take_along_axis(jax.nn.log_softmax(outputs, axis=1), targets[:, None], axis=1)
    return -jnp.mean(chosen), scope.updates


def _step(
    workload: Workload, state: Training, inputs: jax.Array, targets: jax.Array, *, dropout: bool
) -> tuple[Training, jax.Array]:
    key = jax.random.fold_in(jax.random.key(0), state.count) if dropout else None
    differentiate = jax.value_and_grad(partial(_loss, workload), has_aux=True)
    (loss, statistics), gradients = differentiate(state.parameters, state.statistics, inputs, targets, key)
    if workload.clip is not None:
        gradients = clipped(gradients, workload.clip)
    count = state.count + 1
    parameters, moments = updated(workload, state.parameters, gradients, state.moments, count)
    return Training(parameters, statistics, moments, count), loss


def _scan(
    workload: Workload,
    state: Training,
    inputs: jax.Array,
    targets: jax.Array,
    taken: jax.Array,
    *,
    steps: int,
    dropout: bool,
) -> tuple[Training, jax.Array]:
    def body(state: Training, index: jax.Array) -> tuple[Training, jax.Array]:
        batch = index % len(inputs)
        return _step(workload, state, inputs[batch], targets[batch], dropout=dropout)

    state, losses = lax.scan(body, state, taken + jnp.arange(steps))
    return state, losses
