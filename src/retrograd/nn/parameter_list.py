"""Lists and dictionaries of parameters."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, KeysView, Mapping, ValuesView
from typing import Any, Self

from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.tensor.base import TensorBase


def _parameter(value: Any) -> Any:
    """Tensors become parameters; anything else is kept as it is."""
    if isinstance(value, TensorBase) and not isinstance(value, Parameter):
        return Parameter(value)
    return value


def _described(key: Any, value: Any) -> str:
    if not isinstance(value, TensorBase):
        return f"({key}): Object of type: {type(value).__name__}"
    what = "Parameter" if isinstance(value, Parameter) else "Tensor"
    extents = "x".join(map(str, value.shape))
    return f"({key}): {what} containing: [{value.dtype!r} of size {extents}]"


class ParameterList(Module):
    """Parameters 0, 1, 2, ... that a module finds; tensors become parameters.

    Args:
        values: parameters, tensors, or (to be kept and not found) anything else.

    Source: torch.nn.ParameterList.

    >>> import retrograd as rg
    >>> [name for name, _ in rg.nn.ParameterList([rg.ones(2), rg.zeros(3)]).named_parameters()]
    ['0', '1']
    """

    def __init__(self, values: Iterable[Any] | None = None) -> None:
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

    def __setitem__(self, index: int, value: Any) -> None:
        setattr(self, self._name(index), _parameter(value))

    def __len__(self) -> int:
        return self._size

    def __iter__(self) -> Iterator[Any]:
        return (self[i] for i in range(self._size))

    def append(self, value: Any) -> Self:
        """Enter a value at the end."""
        setattr(self, str(self._size), _parameter(value))
        self._size += 1
        return self

    def extend(self, values: Iterable[Any]) -> Self:
        """Enter values at the end."""
        for value in list(values):
            self.append(value)
        return self

    def pop(self, idx: int) -> Any:
        """Take a value out; those behind it move up."""
        values = list(self)
        value = values.pop(idx)
        for name in map(str, range(self._size)):
            delattr(self, name)
        self._size = 0
        self.extend(values)
        return value

    def __iadd__(self, values: Iterable[Any]) -> Self:
        return self.extend(values)

    def __repr__(self) -> str:
        lines = [f"    {_described(i, value)}" for i, value in enumerate(self)]
        return f"{self._get_name()}(\n" + "\n".join(lines) + "\n)" if lines else f"{self._get_name()}()"


class ParameterDict(Module):
    """Parameters by name, that a module finds; tensors become parameters.

    Args:
        parameters: a mapping, or pairs of names and values.

    Source: torch.nn.ParameterDict.

    >>> import retrograd as rg
    >>> scales = rg.nn.ParameterDict({"left": rg.ones(2), "right": rg.zeros(3)})
    >>> [name for name, _ in scales.named_parameters()], scales["left"].requires_grad
    (['left', 'right'], True)
    """

    def __init__(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]] | None = None) -> None:
        super().__init__()
        self._entries: dict[str, None] = {}
        if parameters is not None:
            self.update(parameters)

    def __getitem__(self, key: str) -> Any:
        if key not in self._entries:
            raise KeyError(key)
        return getattr(self, key)

    def __setitem__(self, key: str, value: Any) -> None:
        # Keys are attributes' names too: one that every module has already would break it.
        if key not in self._entries and hasattr(self, key):
            raise KeyError(f"ParameterDict: {key!r} is the name of an attribute of every module; choose another")
        self._entries[key] = None
        setattr(self, key, _parameter(value))

    def __delitem__(self, key: str) -> None:
        del self._entries[key]
        delattr(self, key)

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self._entries)

    def __contains__(self, key: object) -> bool:
        return key in self._entries

    def __or__(self, other: ParameterDict) -> ParameterDict:
        return ParameterDict({**dict(self.items()), **dict(other.items())})

    def _as_dict(self) -> dict[str, Any]:
        return {key: self[key] for key in self._entries}

    def keys(self) -> KeysView[str]:
        return self._as_dict().keys()

    def values(self) -> ValuesView[Any]:
        return self._as_dict().values()

    def items(self) -> ItemsView[str, Any]:
        return self._as_dict().items()

    def get(self, key: str, default: Any = None) -> Any:
        """The value of a name, or the default."""
        return getattr(self, key) if key in self._entries else default

    def setdefault(self, key: str, default: Any = None) -> Any:
        """The value of a name, which becomes the default if there is none."""
        if key not in self:
            self[key] = default
        return self[key]

    def pop(self, key: str) -> Any:
        """Take a value out."""
        value = self[key]
        del self[key]
        return value

    def popitem(self) -> tuple[str, Any]:
        """Take the last name and its value out."""
        key = next(reversed(self._entries))
        return key, self.pop(key)

    def clear(self) -> None:
        """Take all values out."""
        for key in list(self._entries):
            del self[key]

    def copy(self) -> ParameterDict:
        """Another dictionary of the same parameters."""
        return ParameterDict(self._as_dict())

    def fromkeys(self, keys: Iterable[str], default: Any = None) -> ParameterDict:
        """Another dictionary with one value for all names."""
        return ParameterDict((key, default) for key in keys)

    def update(self, parameters: Mapping[str, Any] | Iterable[tuple[str, Any]]) -> None:
        """Take over names and values."""
        named = parameters.items() if isinstance(parameters, (Mapping, ParameterDict)) else parameters
        for key, value in named:
            self[key] = value

    def __repr__(self) -> str:
        lines = [f"    {_described(key, value)}" for key, value in self.items()]
        return f"{self._get_name()}(\n" + "\n".join(lines) + "\n)" if lines else f"{self._get_name()}()"
