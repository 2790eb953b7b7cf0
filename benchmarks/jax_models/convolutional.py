"""Networks of convolutions. Images come as (N, C, H, W), as the others get them."""

from __future__ import annotations

import jax
import jax.numpy as jnp

from benchmarks.jax_models.layers import Scope, batch_norm, conv, linear, max_pool, up

relu = jax.nn.relu


def cnn(scope: Scope, x: jax.Array) -> jax.Array:
    """conv 32, pool, conv 64, pool, dense 64, 10 classes."""
    x = max_pool(relu(conv(scope, "0", _channels_last(x))))
    x = max_pool(relu(conv(scope, "3", x)))
    x = x.transpose(0, 3, 1, 2).reshape(len(x), -1)
    return linear(scope, "9", relu(linear(scope, "7", x)))


def resnet20(scope: Scope, x: jax.Array) -> jax.Array:
    """Three stages of three blocks."""
    x = relu(batch_norm(scope, "1", conv(scope, "0", _channels_last(x), padding=1)))
    for index in range(9):
        name = str(3 + index)
        stride = 2 if index in (3, 6) else 1
        inside = relu(batch_norm(scope, f"{name}.norm1", conv(scope, f"{name}.conv1", x, stride, 1)))
        inside = batch_norm(scope, f"{name}.norm2", conv(scope, f"{name}.conv2", inside, 1, 1))
        if stride == 2:
            x = batch_norm(scope, f"{name}.around.1", conv(scope, f"{name}.around.0", x, stride))
        x = relu(inside + x)
    return linear(scope, "14", x.mean((1, 2)))


def unet(scope: Scope, x: jax.Array) -> jax.Array:
    """Down with pooling, up with transposed convolutions; classes on axis 1."""

    def twice(name: str, x: jax.Array) -> jax.Array:
        return relu(conv(scope, f"{name}.2", relu(conv(scope, f"{name}.0", x, padding=1)), padding=1))

    first = twice("down1", _channels_last(x))
    second = twice("down2", max_pool(first))
    third = twice("down3", max_pool(second))
    x = twice("bottom", max_pool(third))
    for level, skip in ((3, third), (2, second), (1, first)):
        x = twice(f"join{level}", jnp.concatenate([up(scope, f"up{level}", x), skip], axis=-1))
    return conv(scope, "classes", x).transpose(0, 3, 1, 2)


def _channels_last(x: jax.Array) -> jax.Array:
    return x.transpose(0, 2, 3, 1)
