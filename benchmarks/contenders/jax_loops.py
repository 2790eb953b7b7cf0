"""JAX: a jitted step called from Python, and a scan over many steps in one call."""

from __future__ import annotations

from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax

from benchmarks.contender import ChunkContender, Contender, StepContender
from benchmarks.workloads import Problem, Workload

Parameters = Any
State = Any


class _Jax(Contender):
    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.batches = [(jnp.asarray(inputs), jnp.asarray(targets)) for inputs, targets in problem.batches()]
        self.reset()

    def reset(self) -> None:
        weights = [jnp.array(weight) for weight in self.problem.weights]
        biases = [jnp.array(bias) for bias in self.problem.biases]
        parameters = {"weights": weights, "biases": biases}
        zeros = jax.tree.map(jnp.zeros_like, parameters)
        again = jax.tree.map(jnp.zeros_like, parameters)
        self.state = (parameters, zeros, again, jnp.zeros((), jnp.int32))


class JitStep(_Jax, StepContender):
    """One jitted call a step, its state donated."""

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.jitted = jax.jit(partial(_step, problem.workload), donate_argnums=0)

    def step(self, index: int) -> float:
        inputs, targets = self.batches[index % len(self.batches)]
        self.state, loss = self.jitted(self.state, inputs, targets)
        return float(loss)


class Scan(_Jax, ChunkContender):
    """All steps in one jitted call."""

    def __init__(self, problem: Problem, threads: int) -> None:
        super().__init__(problem, threads)
        self.inputs = jnp.stack([inputs for inputs, _ in self.batches])
        self.targets = jnp.stack([targets for _, targets in self.batches])
        self.taken = 0
        self.jitted = jax.jit(partial(_scan, problem.workload), static_argnames="steps", donate_argnums=0)

    def reset(self) -> None:
        super().reset()
        self.taken = 0

    def run(self, steps: int) -> list[float]:
        self.state, losses = self.jitted(self.state, self.inputs, self.targets, self.taken, steps=steps)
        self.taken += steps
        values: list[float] = np.asarray(losses).tolist()
        return values


def _loss(workload: Workload, parameters: Parameters, inputs: jax.Array, targets: jax.Array) -> jax.Array:
    weights, biases = parameters["weights"], parameters["biases"]
    value = inputs
    for index, weight in enumerate(weights):
        value = value @ weight.T
        if workload.bias:
            value = value + biases[index]
        if workload.activation == "sigmoid":
            value = jax.nn.sigmoid(value)
        elif index < len(weights) - 1:
            value = jax.nn.relu(value)
    if not workload.is_classifier:
        return jnp.mean((value - targets) ** 2)
    logits = jax.nn.log_softmax(value)
    return -jnp.mean(jnp.take_along_axis(logits, targets[:, None], axis=1))


def _step(workload: Workload, state: State, inputs: jax.Array, targets: jax.Array) -> tuple[State, jax.Array]:
    parameters, first, second, count = state
    loss, gradients = jax.value_and_grad(partial(_loss, workload))(parameters, inputs, targets)
    count = count + 1
    if workload.optimizer == "sgd":
        parameters = jax.tree.map(lambda p, g: p - workload.lr * g, parameters, gradients)
        return (parameters, first, second, count), loss
    first = jax.tree.map(lambda m, g: 0.9 * m + 0.1 * g, first, gradients)
    second = jax.tree.map(lambda v, g: 0.999 * v + 0.001 * g * g, second, gradients)
    correction1 = 1 - 0.9**count
    correction2 = jnp.sqrt(1 - 0.999**count)
    scale = workload.lr / correction1

    def update(p: jax.Array, m: jax.Array, v: jax.Array) -> jax.Array:
        return p - scale * m / (jnp.sqrt(v) / correction2 + 1e-8)

    return (jax.tree.map(update, parameters, first, second), first, second, count), loss


def _scan(
    workload: Workload, state: State, inputs: jax.Array, targets: jax.Array, taken: jax.Array, *, steps: int
) -> tuple[State, jax.Array]:
    def body(state: State, index: jax.Array) -> tuple[State, jax.Array]:
        batch = index % len(inputs)
        return _step(workload, state, inputs[batch], targets[batch])

    state, losses = lax.scan(body, state, taken + jnp.arange(steps))
    return state, losses
