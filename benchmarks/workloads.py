"""What is trained: the table of workloads."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class Workload:
    """One training problem.

    Attributes:
        name: as the user writes it; `models/__init__.py` and `jax_models/__init__.py` have its network.
        loss: "cross_entropy" or "mse".
        optimizer: a name of `torch.optim`.
        options: of the optimizer, under PyTorch's names.
        batch_size: rows a step; the rows of the data are a multiple of it.
        steps: timed steps a turn of a loop that looks at each loss.
        chunk_steps: steps a call of a loop that runs by itself.
        clip: greatest norm of all gradients together, or None.
        has_dropout: whether the network draws random numbers; losses are then compared without them.
        has_rows_of_targets: whether targets are a row of classes each, which the loss takes one by one.
    """

    name: str
    loss: str
    optimizer: str
    options: Mapping[str, Any]
    batch_size: int
    steps: int
    chunk_steps: int
    clip: float | None = None
    has_dropout: bool = False
    has_rows_of_targets: bool = False

    @property
    def is_classifier(self) -> bool:
        return self.loss == "cross_entropy"


_ADAM: Final = {"lr": 1e-3}
_NESTEROV: Final = {"lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 1e-4}
_MOMENTUM: Final = {"lr": 0.01, "momentum": 0.9}
_ADAMW: Final = {"lr": 3e-4, "weight_decay": 0.1}

WORKLOADS: Final = {
    workload.name: workload
    for workload in (
        Workload("xor", "mse", "SGD", {"lr": 0.1}, 4, 300, 10_000),
        Workload("digits", "cross_entropy", "Adam", _ADAM, 200, 140, 350),
        Workload("mlp", "cross_entropy", "Adam", _ADAM, 128, 60, 60),
        Workload("bn-mlp", "cross_entropy", "SGD", _NESTEROV, 128, 80, 80),
        Workload("cnn", "cross_entropy", "Adam", _ADAM, 64, 16, 16),
        Workload("resnet20", "cross_entropy", "SGD", _MOMENTUM, 32, 6, 6),
        Workload("unet", "cross_entropy", "Adam", _ADAM, 8, 5, 5),
        Workload("rnn", "mse", "Adam", _ADAM, 32, 60, 60),
        Workload("lstm", "cross_entropy", "Adam", _ADAM, 64, 12, 12),
        Workload("gpt", "cross_entropy", "AdamW", _ADAMW, 12, 12, 12, clip=1.0, has_rows_of_targets=True),
        Workload("bert", "cross_entropy", "AdamW", _ADAMW, 16, 4, 4, has_dropout=True),
    )
}
