"""The Tensor takes the functions that are its methods too: those that were entered in the registry."""

from __future__ import annotations

from retrograd.tensor import conversion, functions, random_in_place, typed
from retrograd.tensor.registry import METHODS
from retrograd.tensor.tensor import Tensor

__all__ = ["conversion", "functions", "random_in_place", "typed"]

for _name, _function in METHODS.items():
    setattr(Tensor, _name, _function)
