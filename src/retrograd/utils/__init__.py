"""What stands beside networks: data, checkpoints of activations, memory that other libraries share."""

from importlib import import_module
from typing import TYPE_CHECKING

from retrograd.utils import data

__all__ = ["checkpoint", "data", "dlpack"]

if TYPE_CHECKING:
    from retrograd.utils import checkpoint, dlpack
else:

    def __getattr__(name: str) -> object:
        if name not in ("checkpoint", "dlpack"):
            raise AttributeError(f"module 'retrograd.utils' has no attribute {name!r}")
        return import_module(f"retrograd.utils.{name}")
