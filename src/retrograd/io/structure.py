"""Nested Python data as JSON beside the arrays that it holds.

What JSON has by itself stands as it is: null, true, numbers, text, lists, and dictionaries whose keys are text. The
rest is an object with the one key "$" and what that says::

    {"$": "tensor", "name": "model.weight", "requires_grad": true, "parameter": true}
    {"$": "array", "name": "inputs"}                a NumPy array
    {"$": "float", "value": "inf"}                  also -inf and nan
    {"$": "dict", "items": [[key, value], ...]}     keys of any kind; "ordered" for an OrderedDict
    {"$": "tuple", "items": [...]}                  also set, frozenset and size
    {"$": "dtype", "value": "float32"}              also device, and bytes (in base 64)
    {"$": "scalar", "dtype": "float64", "value": 1.5}   of NumPy

Nothing else can be written, so nothing that is read can run code.
"""

from __future__ import annotations

import base64
import math
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any, Final

import numpy as np

from retrograd.core.device import device
from retrograd.core.dtype import DTYPES, DType
from retrograd.core.errors import RetrogradError
from retrograd.nn.parameter import Parameter
from retrograd.tensor.base import TensorBase
from retrograd.tensor.size import Size
from retrograd.tensor.tensor import from_array

Array = np.ndarray[Any, Any]

_MARK: Final = "$"
_MOST_DEPTH: Final = 200
_SEQUENCES: Final[dict[type, str]] = {tuple: "tuple", set: "set", frozenset: "frozenset", Size: "size"}
_FROM_ITEMS: Final[dict[str, Callable[[list[Any]], Any]]] = {name: kind for kind, name in _SEQUENCES.items()}


class StructureError(RetrogradError, TypeError, ValueError):
    """Data that cannot be written, or a description that is damaged."""


class Writer:
    """Describes data.

    Attributes:
        arrays: those it holds, by the names that the description gives them: the keys that lead to them, with points
            between, so that other programs find the tensors of a `state_dict` under their names.
    """

    def __init__(self) -> None:
        self.arrays: dict[str, Array] = {}
        self._names: dict[int, str] = {}

    def describe(self, data: Any) -> Any:
        """The description, as `json` takes it.

        Raises:
            StructureError: something in it cannot be written.
        """
        return self._describe(data, ())

    def _describe(self, data: Any, path: tuple[Any, ...]) -> Any:
        if len(path) > _MOST_DEPTH:
            raise StructureError(f"save: the data are nested more than {_MOST_DEPTH} deep, or hold themselves")
        if data is None or isinstance(data, (bool, str)) or type(data) is int:
            return data
        if isinstance(data, float) and not isinstance(data, np.generic):
            return data if math.isfinite(data) else {_MARK: "float", "value": str(data)}
        if isinstance(data, TensorBase):
            return self._tensor(data, path)
        if isinstance(data, np.ndarray):
            return {_MARK: "array", "name": self._name(data, data, path)}
        if isinstance(data, Mapping):
            return self._mapping(data, path)
        if type(data) is list:
            return [self._describe(item, (*path, i)) for i, item in enumerate(data)]
        if type(data) in _SEQUENCES:
            items = [self._describe(item, (*path, i)) for i, item in enumerate(data)]
            return {_MARK: _SEQUENCES[type(data)], "items": items}
        return self._value(data, path)

    def _tensor(self, data: TensorBase, path: tuple[Any, ...]) -> Any:
        found: dict[str, Any] = {_MARK: "tensor", "name": self._name(data, data._value(), path)}
        if data.requires_grad and data.is_leaf:
            found["requires_grad"] = True
        if isinstance(data, Parameter):
            found["parameter"] = True
        return found

    def _mapping(self, data: Mapping[Any, Any], path: tuple[Any, ...]) -> Any:
        described = [(key, self._describe(value, (*path, key))) for key, value in data.items()]
        if type(data) is dict and _MARK not in data and all(type(key) is str for key in data):
            return dict(described)
        if type(data) not in (dict, OrderedDict):
            raise _unwritable(data, path)
        kind = "ordered" if isinstance(data, OrderedDict) else "dict"
        return {_MARK: kind, "items": [[self._describe(key, path), value] for key, value in described]}

    def _value(self, data: Any, path: tuple[Any, ...]) -> Any:
        if isinstance(data, np.generic) and data.dtype.kind in "biuf":
            return {_MARK: "scalar", "dtype": data.dtype.name, "value": self._describe(data.item(), path)}
        if isinstance(data, DType):
            return {_MARK: "dtype", "value": data.name}
        if isinstance(data, device):
            return {_MARK: "device", "value": str(data)}
        if isinstance(data, bytes):
            return {_MARK: "bytes", "value": base64.b64encode(data).decode()}
        raise _unwritable(data, path)

    def _name(self, owner: Any, array: Array, path: tuple[Any, ...]) -> str:
        """One name for each object, however often it is there."""
        name = self._names.get(id(owner))
        if name is None:
            key = ".".join(map(str, path)) or "data"
            while key in self.arrays:
                key += "'"
            name = self._names[id(owner)] = key
            self.arrays[name] = array
        return name


def _unwritable(data: Any, path: tuple[Any, ...]) -> StructureError:
    where = "".join(f"[{key!r}]" for key in path) or "the top"
    what = type(data).__name__
    hint = "its state_dict()" if hasattr(data, "state_dict") else "numbers, text, tensors, lists and dictionaries of it"
    return StructureError(f"save: at {where} there is an object of type {what}, which cannot be saved; save {hint}")


class Reader:
    """Makes data of a description.

    Args:
        arrays: by name.
    """

    def __init__(self, arrays: Mapping[str, Array]) -> None:
        self._arrays = arrays
        self._made: dict[str, Any] = {}

    def build(self, description: Any) -> Any:
        """The data.

        Raises:
            StructureError: the description is damaged.
        """
        try:
            return self._build(description)
        except (KeyError, TypeError, ValueError, IndexError, RecursionError) as error:
            raise StructureError(f"load: the description of the data is damaged: {error!r}") from error

    def _build(self, part: Any) -> Any:
        if isinstance(part, list):
            return [self._build(item) for item in part]
        if not isinstance(part, dict):
            return part
        if _MARK not in part:
            return {key: self._build(value) for key, value in part.items()}
        kind = part[_MARK]
        if kind in _FROM_ITEMS:
            return _FROM_ITEMS[kind]([self._build(item) for item in part["items"]])
        return _BUILDERS[kind](self, part)

    def items(self, part: dict[str, Any]) -> list[tuple[Any, Any]]:
        """The entries of a dictionary."""
        return [(self._build(key), self._build(value)) for key, value in part["items"]]

    def tensor(self, part: dict[str, Any]) -> Any:
        """A tensor; the same one for the same name."""
        name = part["name"]
        if name not in self._made:
            made = from_array(self._arrays[name])
            if part.get("parameter"):
                made = Parameter(made, bool(part.get("requires_grad")))
            elif part.get("requires_grad"):
                made.requires_grad_()
            self._made[name] = made
        return self._made[name]

    def array(self, part: dict[str, Any]) -> Array:
        """A NumPy array."""
        return self._arrays[part["name"]]

    def scalar(self, part: dict[str, Any]) -> Any:
        """A number of NumPy."""
        dtype = np.dtype(part["dtype"])
        if dtype.kind not in "biuf":
            raise ValueError(f"the dtype {dtype} is not one of numbers")
        return dtype.type(self._build(part["value"]))


_BUILDERS: Final[dict[str, Callable[[Reader, dict[str, Any]], Any]]] = {
    "tensor": Reader.tensor,
    "array": Reader.array,
    "scalar": Reader.scalar,
    "float": lambda reader, part: float(part["value"]),
    "dict": lambda reader, part: dict(reader.items(part)),
    "ordered": lambda reader, part: OrderedDict(reader.items(part)),
    "dtype": lambda reader, part: DTYPES[part["value"]],
    "device": lambda reader, part: device(part["value"]),
    "bytes": lambda reader, part: base64.b64decode(part["value"]),
}
