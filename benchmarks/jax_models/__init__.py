"""The networks of the benchmark in JAX: functions of the parameters under PyTorch's names."""

from __future__ import annotations

from typing import Final

from benchmarks.jax_models.convolutional import cnn, resnet20, unet
from benchmarks.jax_models.layers import Forward
from benchmarks.jax_models.perceptrons import bn_mlp, digits, mlp, xor
from benchmarks.jax_models.recurrent import lstm, rnn
from benchmarks.jax_models.transformers import bert, gpt

FORWARDS: Final[dict[str, Forward]] = {
    "xor": xor,
    "digits": digits,
    "mlp": mlp,
    "bn-mlp": bn_mlp,
    "cnn": cnn,
    "resnet20": resnet20,
    "unet": unet,
    "rnn": rnn,
    "lstm": lstm,
    "gpt": gpt,
    "bert": bert,
}
