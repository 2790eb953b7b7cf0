"""Transformers."""

from __future__ import annotations

from functools import partial

import jax
import jax.numpy as jnp

from benchmarks.jax_models.layers import Scope, dropout, layer_norm, linear

HEADS, LAYERS, DROPOUT = 4, 4, 0.1
gelu = partial(jax.nn.gelu, approximate=False)


def gpt(scope: Scope, symbols: jax.Array) -> jax.Array:
    """Scores of the next symbol, a row for each position of each text."""
    time = symbols.shape[1]
    x = scope["symbols.weight"][symbols] + scope["positions.weight"]
    causal = jnp.where(jnp.tril(jnp.ones((time, time), bool)), 0.0, -jnp.inf)
    for index in range(LAYERS):
        name = f"blocks.{index}"
        attended = _attention(scope, f"{name}.attention.", layer_norm(scope, f"{name}.norm1", x), causal)
        x = x + attended
        wide = gelu(linear(scope, f"{name}.wide", layer_norm(scope, f"{name}.norm2", x)))
        x = x + linear(scope, f"{name}.narrow", wide)
    scores = linear(scope, "head", layer_norm(scope, "norm", x))
    return scores.reshape(-1, scores.shape[-1])


def bert(scope: Scope, words: jax.Array) -> jax.Array:
    """Classes of a sentence, from its first token."""
    x = layer_norm(scope, "norm", scope["words.weight"][words] + scope["positions.weight"])
    x = dropout(scope, x, DROPOUT)
    for index in range(LAYERS):
        name = f"layers.{index}"
        attended = _attention(scope, f"{name}.", x, rate=DROPOUT)
        x = layer_norm(scope, f"{name}.norm1", x + dropout(scope, attended, DROPOUT))
        wide = gelu(linear(scope, f"{name}.wide", x))
        x = layer_norm(scope, f"{name}.norm2", x + dropout(scope, linear(scope, f"{name}.narrow", wide), DROPOUT))
    return linear(scope, "classes", x[:, 0])


def _attention(scope: Scope, prefix: str, x: jax.Array, mask: jax.Array | None = None, rate: float = 0.0) -> jax.Array:
    batch, time, width = x.shape
    parts = jnp.split(linear(scope, f"{prefix}qkv", x), 3, axis=2)
    q, k, v = (part.reshape(batch, time, HEADS, width // HEADS).transpose(0, 2, 1, 3) for part in parts)
    scores = q @ k.transpose(0, 1, 3, 2) * (width // HEADS) ** -0.5
    weights = jax.nn.softmax(scores if mask is None else scores + mask)
    if rate:
        weights = dropout(scope, weights, rate)
    return linear(scope, f"{prefix}out", (weights @ v).transpose(0, 2, 1, 3).reshape(batch, time, width))
