"""Dense networks."""

from __future__ import annotations

import jax

from benchmarks.jax_models.layers import Scope, batch_norm, linear


def xor(scope: Scope, x: jax.Array) -> jax.Array:
    """2-2-1, sigmoids, no biases."""
    return jax.nn.sigmoid(linear(scope, "2", jax.nn.sigmoid(linear(scope, "0", x))))


def digits(scope: Scope, x: jax.Array) -> jax.Array:
    """64-100-10."""
    return linear(scope, "2", jax.nn.relu(linear(scope, "0", x)))


def mlp(scope: Scope, x: jax.Array) -> jax.Array:
    """784-512-256-10."""
    x = jax.nn.relu(linear(scope, "0", x))
    return linear(scope, "4", jax.nn.relu(linear(scope, "2", x)))


def bn_mlp(scope: Scope, x: jax.Array) -> jax.Array:
    """784-256-10 with batch normalisation after the rectifier."""
    return linear(scope, "3", batch_norm(scope, "2", jax.nn.relu(linear(scope, "0", x))))
