"""Layers as functions of the parameters. Convolutions work on memory with channels last, the faster one on CPUs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import jax
import jax.numpy as jnp
from jax import lax

State = dict[str, jax.Array]


@dataclass
class Scope:
    """Parameters and buffers of one pass, and what becomes of the buffers.

    Attributes:
        state: parameters, and statistics of batch norm, under PyTorch's names.
        key: for dropout, or None where there shall be none.
        updates: the next statistics.
    """

    state: State
    key: jax.Array | None = None
    updates: State = field(default_factory=dict)

    def __getitem__(self, name: str) -> jax.Array:
        return self.state[name]

    def next_key(self) -> jax.Array:
        """A key that nobody had."""
        self.key, key = jax.random.split(self.key)
        return key


Forward = Callable[[Scope, jax.Array], jax.Array]


def linear(scope: Scope, name: str, x: jax.Array) -> jax.Array:
    """x W^T + b."""
    y = x @ scope[f"{name}.weight"].T
    bias = scope.state.get(f"{name}.bias")
    return y if bias is None else y + bias


def conv(scope: Scope, name: str, x: jax.Array, stride: int = 1, padding: int = 0) -> jax.Array:
    """Convolution of (N, H, W, C) with weights (H, W, in, out)."""
    edges = [(padding, padding)] * 2
    weight = scope[f"{name}.weight"]
    y = lax.conv_general_dilated(x, weight, (stride, stride), edges, dimension_numbers=("NHWC", "HWIO", "NHWC"))
    bias = scope.state.get(f"{name}.bias")
    return y if bias is None else y + bias


def up(scope: Scope, name: str, x: jax.Array) -> jax.Array:
    """Transposed convolution with kernel 2 and stride 2; weights (H, W, in, out)."""
    n, h, w, _ = x.shape
    weight = scope[f"{name}.weight"]
    y = jnp.einsum("nhwi,abio->nhawbo", x, weight).reshape(n, 2 * h, 2 * w, weight.shape[3])
    return y + scope[f"{name}.bias"]


def max_pool(x: jax.Array) -> jax.Array:
    """The greatest of each 2 x 2."""
    return lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")


def batch_norm(scope: Scope, name: str, x: jax.Array) -> jax.Array:
    """Normalise each channel over the batch, and keep running statistics."""
    axes = tuple(range(x.ndim - 1))
    mean, variance = x.mean(axes), x.var(axes)
    count = x.size // x.shape[-1]
    for statistic, value in (("mean", mean), ("var", variance * (count / (count - 1)))):
        running = f"{name}.running_{statistic}"
        scope.updates[running] = 0.9 * scope[running] + 0.1 * lax.stop_gradient(value)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * scope[f"{name}.weight"] + scope[f"{name}.bias"]


def layer_norm(scope: Scope, name: str, x: jax.Array) -> jax.Array:
    """Normalise the last axis."""
    mean = x.mean(-1, keepdims=True)
    variance = x.var(-1, keepdims=True)
    return (x - mean) * lax.rsqrt(variance + 1e-5) * scope[f"{name}.weight"] + scope[f"{name}.bias"]


def dropout(scope: Scope, x: jax.Array, rate: float) -> jax.Array:
    """Zero some numbers and scale up the others."""
    if scope.key is None:
        return x
    keep = jax.random.bernoulli(scope.next_key(), 1 - rate, x.shape)
    return jnp.where(keep, x / (1 - rate), 0)
