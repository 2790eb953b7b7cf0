"""Modules made of modules: in a row, and in a list."""

from __future__ import annotations

import operator
from collections.abc import Iterable, Iterator, Mapping
from itertools import groupby
from typing import Any, Self

from retrograd.nn.module import Module


class _Listed(Module):
    """Children in order, named 0, 1, 2, ... unless they were given names."""

    def __len__(self) -> int:
        return len(self._modules)

    def __iter__(self) -> Iterator[Any]:
        return iter(self._modules.values())

    def __contains__(self, module: object) -> bool:
        return any(child is module for child in self)

    def _place(self, index: int) -> str:
        """The name of a child.

        Raises:
            IndexError: there are not so many.
        """
        position, count = operator.index(index), len(self)
        if not -count <= position < count:
            raise IndexError(f"{type(self).__name__}: {index} is out of range for {count} modules")
        return list(self._modules)[position]

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self._of(list(self._modules.items())[index])
        return self._modules[self._place(index)]

    def __setitem__(self, index: int, module: Module) -> None:
        setattr(self, self._place(index), module)

    def __delitem__(self, index: int | slice) -> None:
        names = list(self._modules)[index] if isinstance(index, slice) else [self._place(index)]
        for name in names:
            delattr(self, name)
        self._renumber(list(self))

    def _renumber(self, modules: list[Any]) -> None:
        """These modules, named by their places."""
        for name in list(self._modules):
            delattr(self, name)
        for i, module in enumerate(modules):
            self.add_module(str(i), module)

    def append(self, module: Module) -> Self:
        """Enter a module at the end."""
        self.add_module(str(len(self)), module)
        return self

    def extend(self, modules: Iterable[Module]) -> Self:
        """Enter modules at the end."""
        for module in list(modules):
            self.append(module)
        return self

    def insert(self, index: int, module: Module) -> Any:
        """Enter a module before the one at a place."""
        modules = list(self)
        modules.insert(index, module)
        self._renumber(modules)
        return self

    def pop(self, key: int | slice) -> Any:
        """Take a module out."""
        module = self[key]
        del self[key]
        return module

    def __iadd__(self, other: Iterable[Module]) -> Self:
        return self.extend(other)

    def __add__(self, other: Iterable[Module]) -> Any:
        return self._of([(str(i), module) for i, module in enumerate([*self, *other])])

    def _of(self, named: list[tuple[str, Any]]) -> Any:
        """A container of this kind with other modules."""
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

    def forward(self, input: Any) -> Any:
        for module in self._modules.values():
            input = module(input)
        return input

    def __mul__(self, count: int) -> Sequential:
        return Sequential(*(list(self) * operator.index(count)))

    __rmul__ = __mul__

    def _of(self, named: list[tuple[str, Any]]) -> Any:
        return Sequential(dict(named))


class ModuleList(_Listed):
    """A list of modules whose parameters are found.

    Args:
        modules: the first ones.

    Source: torch.nn.ModuleList.

    >>> import retrograd as rg
    >>> layers = rg.nn.ModuleList(rg.nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] | None = None) -> None:
        super().__init__()
        self.extend(() if modules is None else modules)

    def insert(self, index: int, module: Module) -> None:
        """Enter a module before the one at a place."""
        super().insert(index, module)

    def _of(self, named: list[tuple[str, Any]]) -> Any:
        return ModuleList(module for _, module in named)

    def __repr__(self) -> str:
        """Neighbours that look alike stand on one line."""
        if not len(self):
            return f"{self._get_name()}()"
        lines = []
        for text, group in groupby(enumerate(map(repr, self)), key=lambda pair: pair[1]):
            places = [place for place, _ in group]
            many = len(places) > 1
            where = f"({places[0]}-{places[-1]}): {len(places)} x " if many else f"({places[0]}): "
            lines.append("  " + where + text.replace("\n", "\n  "))
        return f"{self._get_name()}(\n" + "\n".join(lines) + "\n)"
