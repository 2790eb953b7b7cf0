"""What activations with options share."""

from __future__ import annotations

from typing import ClassVar

from retrograd.nn.module import Module


class Activation(Module):
    """An activation with options: attributes of the same names, shown in its line."""

    _shown: ClassVar[tuple[str, ...]] = ()
    inplace: bool = False

    def extra_repr(self) -> str:
        parts = [f"{name}={getattr(self, name)}" for name in self._shown]
        return ", ".join(parts + (["inplace=True"] if self.inplace else []))


class InPlaceActivation(Activation):
    """An activation whose one option is to change its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace
