"""Modules made of modules."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Self

from retrograd.nn.module import Module


class _Listed(Module):
    """Children named 0, 1, 2, ... ."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __getitem__(self, index: int | slice) -> Any:
        children = list(self._modules.values())
        if isinstance(index, slice):
            return type(self)._of(children[index])
        return children[index]

    def append(self, module: Module) -> Self:
        self.add_module(str(len(self)), module)
        return self

    @classmethod
    def _of(cls, modules: list[Any]) -> Any:
        raise NotImplementedError


class Sequential(_Listed):
    """Modules one after another: each is called on what the one before returned.

    Args:
        modules: in order, or one mapping of names to modules.

    Source: torch.nn.Sequential.

    >>> import retrograd as rg
    >>> rg.nn.Sequential(rg.nn.Linear(3, 4), rg.nn.ReLU())(rg.ones(2, 3)).shape
    retrograd.Size([2, 4])
    """

    def __init__(self, *modules: Any) -> None:
        super().__init__()
        if len(modules) == 1 and isinstance(modules[0], Mapping):
            named = list(modules[0].items())
        else:
            named = [(str(i), module) for i, module in enumerate(modules)]
        for name, module in named:
            self.add_module(name, module)

    def forward(self, x: Any) -> Any:
        for module in self:
            x = module(x)
        return x

    @classmethod
    def _of(cls, modules: list[Any]) -> Any:
        return cls(*modules)


class ModuleList(_Listed):
    """A list of modules whose parameters are found. Source: torch.nn.ModuleList."""

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        super().__init__()
        for module in modules:
            self.append(module)

    @classmethod
    def _of(cls, modules: list[Any]) -> Any:
        return cls(modules)
