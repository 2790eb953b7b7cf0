"""Networks over time, each a scan; the inputs are projected before it."""

from __future__ import annotations

import jax
import jax.numpy as jnp
from jax import lax

from benchmarks.jax_models.layers import Scope, linear


def rnn(scope: Scope, x: jax.Array) -> jax.Array:
    """RNN 10 -> 20, one number from the last step."""
    recurrent = scope["recurrent.weight_hh_l0"].T

    def step(h: jax.Array, projected: jax.Array) -> tuple[jax.Array, None]:
        return jnp.tanh(projected + h @ recurrent), None

    h, _ = lax.scan(step, jnp.zeros((len(x), 20)), _projected(scope, x))
    return linear(scope, "linear", h)


def lstm(scope: Scope, x: jax.Array) -> jax.Array:
    """LSTM 64 -> 128, ten classes from the last step."""
    recurrent = scope["recurrent.weight_hh_l0"].T

    def step(carry: tuple[jax.Array, jax.Array], projected: jax.Array) -> tuple[tuple[jax.Array, jax.Array], None]:
        h, c = carry
        i, f, g, o = jnp.split(projected + h @ recurrent, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        return (jax.nn.sigmoid(o) * jnp.tanh(c), c), None

    zeros = jnp.zeros((len(x), 128))
    (h, _), _ = lax.scan(step, (zeros, zeros), _projected(scope, x))
    return linear(scope, "linear", h)


def _projected(scope: Scope, x: jax.Array) -> jax.Array:
    bias = scope["recurrent.bias_ih_l0"] + scope["recurrent.bias_hh_l0"]
    return x.transpose(1, 0, 2) @ scope["recurrent.weight_ih_l0"].T + bias
