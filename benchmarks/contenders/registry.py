"""Who takes part. Frameworks are imported in the process of each contender only."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Final

from benchmarks.contender import Contender, Missing

_DENSE: Final = frozenset({"xor", "digits", "mlp"})
_CONVOLUTIONAL: Final = frozenset({"cnn", "resnet20", "unet"})


@dataclass(frozen=True)
class Entry:
    """A contender before its framework is imported.

    Attributes:
        name: for commands.
        title: for the table.
        place: module and class.
        is_peer: whether it is somebody else's.
        only: the workloads that are written for it, or None for all.
    """

    name: str
    title: str
    place: tuple[str, str]
    is_peer: bool = True
    only: frozenset[str] | None = None

    def takes_part_in(self, workload: str) -> bool:
        """Whether a workload is written for it."""
        return self.only is None or workload in self.only

    def load(self) -> type[Contender]:
        """Import the framework and give the class.

        Raises:
            Missing: the framework is not installed.
        """
        module, class_name = self.place
        try:
            found = getattr(importlib.import_module(f"benchmarks.contenders.{module}"), class_name)
        except ImportError as error:
            raise Missing(str(error)) from error
        assert isinstance(found, type) and issubclass(found, Contender)
        return found


ENTRIES: Final = {
    entry.name: entry
    for entry in (
        Entry("retrograd", "retrograd, loop by hand", ("retrograd_loops", "RetrogradLoop"), is_peer=False),
        Entry("retrograd-captured", "retrograd, captured loop", ("retrograd_loops", "CapturedLoop"), is_peer=False),
        Entry("torch", "PyTorch eager", ("pytorch", "Eager")),
        Entry("torch-fused", "PyTorch eager, fused optimizer", ("pytorch", "EagerFused")),
        Entry("torch-channels-last", "PyTorch fused, channels last", ("pytorch", "ChannelsLast"), only=_CONVOLUTIONAL),
        Entry("torch-compiled", "PyTorch compiled", ("pytorch", "Compiled")),
        Entry("jax-step", "JAX, jit a step", ("jax_loops", "JitStep")),
        Entry("jax-scan", "JAX, scan over steps", ("jax_loops", "Scan")),
        Entry("keras", "Keras, train_on_batch", ("keras_fit", "KerasLoop"), only=_DENSE | {"cnn"}),
        Entry("tinygrad", "tinygrad, TinyJit", ("tinygrad_loop", "TinygradLoop"), only=_DENSE | {"cnn"}),
        Entry("sklearn", "scikit-learn, partial_fit", ("sklearn_mlp", "SklearnMLP"), only=frozenset({"digits", "mlp"})),
        Entry("numpy", "NumPy by hand", ("numpy_loop", "NumpyLoop"), only=_DENSE),
    )
}
