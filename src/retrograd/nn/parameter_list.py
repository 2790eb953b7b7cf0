"""A list of parameters."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Self

from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.tensor.base import TensorBase


class ParameterList(Module):
    """Parameters 0, 1, 2, ... that a module finds; tensors become parameters.

    Args:
        values: parameters or tensors.

    Source: torch.nn.ParameterList.

    >>> import retrograd as rg
    >>> [name for name, _ in rg.nn.ParameterList([rg.ones(2), rg.zeros(3)]).named_parameters()]
    ['0', '1']
    """

    def __init__(self, values: Iterable[TensorBase] | None = None) -> None:
        super().__init__()
        self._size = 0
        self.extend(() if values is None else values)

    def _name(self, index: int) -> str:
        if not -self._size <= index < self._size:
            raise IndexError(f"ParameterList: {index} is out of range for a list of {self._size}")
        return str(index % self._size)

    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return type(self)([self[i] for i in range(*index.indices(self._size))])
        return getattr(self, self._name(index))

    def __setitem__(self, index: int, value: TensorBase) -> None:
        setattr(self, self._name(index), _parameter(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self._size))

    def append(self, value: TensorBase) -> Self:
        self._size += 1
        self.register_parameter(str(self._size - 1), _parameter(value))
        return self

    def extend(self, values: Iterable[TensorBase]) -> Self:
        for value in values:
            self.append(value)
        return self

    def __iadd__(self, values: Iterable[TensorBase]) -> Self:
        return self.extend(values)

    def extra_repr(self) -> str:
        lines = [f"({i}): Parameter containing: {p.dtype!r} of size {tuple(p.shape)}" for i, p in enumerate(self)]
        return "\n".join(lines)


def _parameter(value: TensorBase) -> Parameter:
    return value if isinstance(value, Parameter) else Parameter(value)
