"""The networks of the benchmark.

Each takes the library as an argument: the same text builds it in PyTorch and in retrograd.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from benchmarks.models.bert import WORDS, bert
from benchmarks.models.cnn import cnn
from benchmarks.models.gpt import SYMBOLS, gpt
from benchmarks.models.perceptrons import bn_mlp, digits, mlp, xor
from benchmarks.models.recurrent import lstm, rnn
from benchmarks.models.resnet import resnet20
from benchmarks.models.unet import unet

__all__ = ["MODELS", "SYMBOLS", "WORDS"]

MODELS: Final[dict[str, Callable[[Any], Any]]] = {
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
