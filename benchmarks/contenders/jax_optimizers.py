"""The optimizers of the workloads, as PyTorch defines them, in JAX."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from benchmarks.jax_models.layers import State
from benchmarks.workloads import Workload

# First and second moments of Adam, or the velocity of SGD; empty where an optimizer has none.
Moments = tuple[State, ...]
_BETA1, _BETA2, _EPS = 0.9, 0.999, 1e-8


def first_moments(workload: Workload, parameters: State) -> Moments:
    """Zeros, as many as the optimizer keeps."""
    count = 2 if workload.optimizer.startswith("Adam") else int("momentum" in workload.options)
    return tuple(jax.tree.map(jnp.zeros_like, parameters) for _ in range(count))


def clipped(gradients: State, limit: float) -> State:
    """Gradients whose norm, all together, is at most the limit."""
    norm = jnp.sqrt(sum(jnp.sum(g * g) for g in gradients.values()))
    scale = jnp.minimum(1.0, limit / (norm + 1e-6))
    return {name: g * scale for name, g in gradients.items()}


def updated(
    workload: Workload, parameters: State, gradients: State, moments: Moments, count: jax.Array
) -> tuple[State, Moments]:
    """Next parameters and moments."""
    if workload.optimizer == "SGD":
        return _sgd(workload, parameters, gradients, moments)
    return _adam(workload, parameters, gradients, moments, count)


def _sgd(workload: Workload, parameters: State, gradients: State, moments: Moments) -> tuple[State, Moments]:
    options = workload.options
    lr, momentum, decay = options["lr"], options.get("momentum", 0.0), options.get("weight_decay", 0.0)
    if decay:
        gradients = jax.tree.map(lambda g, p: g + decay * p, gradients, parameters)
    if momentum:
        # From zero, the first velocity is the gradient itself, as in PyTorch.
        velocity = jax.tree.map(lambda v, g: momentum * v + g, moments[0], gradients)
        moments = (velocity,)
        if options.get("nesterov"):
            gradients = jax.tree.map(lambda g, v: g + momentum * v, gradients, velocity)
        else:
            gradients = velocity
    return jax.tree.map(lambda p, g: p - lr * g, parameters, gradients), moments


def _adam(
    workload: Workload, parameters: State, gradients: State, moments: Moments, count: jax.Array
) -> tuple[State, Moments]:
    options = workload.options
    lr, decay = options["lr"], options.get("weight_decay", 0.0)
    first = jax.tree.map(lambda m, g: _BETA1 * m + (1 - _BETA1) * g, moments[0], gradients)
    second = jax.tree.map(lambda v, g: _BETA2 * v + (1 - _BETA2) * g * g, moments[1], gradients)
    scale = lr / (1 - _BETA1**count)
    correction = jnp.sqrt(1 - _BETA2**count)
    update = partial(_adam_update, lr * decay, scale, correction)
    return jax.tree.map(update, parameters, first, second), (first, second)


def _adam_update(
    shrink: float, scale: jax.Array, correction: jax.Array, p: jax.Array, m: jax.Array, v: jax.Array
) -> jax.Array:
    return p * (1 - shrink) - scale * m / (jnp.sqrt(v) / correction + _EPS)
