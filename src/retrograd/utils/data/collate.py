"""From a list of examples to a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from retrograd.core.errors import ShapeError
from retrograd.tensor.base import TensorBase
from retrograd.tensor.joining import stack
from retrograd.tensor.tensor import from_array


def default_collate(batch: Sequence[Any]) -> Any:
    """A batch: tensors and arrays along a new first axis, numbers as a tensor, containers element by element.

    Python floats become float64, ints int64; text stays as it is.

    Raises:
        ShapeError: the examples do not have one shape. TypeError: examples that are nothing of this kind.

    Source: torch.utils.data.default_collate.

    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    first = batch[0]
    if isinstance(first, TensorBase):
        return _stacked(batch)
    if isinstance(first, (np.ndarray, np.generic)):
        return from_array(_stack_arrays([np.asarray(x) for x in batch]))
    if isinstance(first, (bool, int, float)):
        return from_array(np.asarray(batch, np.float64 if isinstance(first, float) else None))
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, Mapping):
        found = {key: default_collate([example[key] for example in batch]) for key in first}
        return found if type(first) is dict else _like(first, found)
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(default_collate(part) for part in zip(*batch, strict=True)))
    if isinstance(first, Sequence):
        if any(len(example) != len(first) for example in batch):
            raise ShapeError("default_collate: the examples of a batch must have equally many parts; pass a collate_fn")
        return [default_collate(part) for part in zip(*batch, strict=True)]
    raise TypeError(
        f"default_collate: examples are tensors, arrays, numbers, text, or containers of these, and this is "
        f"{type(first).__name__}; pass a collate_fn"
    )


def default_convert(data: Any) -> Any:
    """Arrays become tensors, in containers too, which are kept; everything else stays as it is.

    Source: torch.utils.data.default_convert.

    >>> default_convert({"x": np.array([1.0, 2.0]), "name": "a"})
    {'x': tensor([1., 2.], dtype=retrograd.float64), 'name': 'a'}
    """
    if isinstance(data, (np.ndarray, np.generic)):
        array = np.asarray(data)
        return data if array.dtype.kind in "OSU" else from_array(array)
    if isinstance(data, Mapping):
        found = {key: default_convert(value) for key, value in data.items()}
        return found if type(data) is dict else _like(data, found)
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*map(default_convert, data))
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return [default_convert(value) for value in data]
    return data


def _like(first: Mapping[Any, Any], found: dict[Any, Any]) -> Any:
    try:
        return type(first)(found)  # type: ignore[call-arg]
    except TypeError:
        return found


def _stacked(batch: Sequence[Any]) -> Any:
    if any(x.requires_grad for x in batch):
        return stack(list(batch))
    return from_array(_stack_arrays([x._value() for x in batch]))


def _stack_arrays(arrays: list[np.ndarray[Any, Any]]) -> np.ndarray[Any, Any]:
    shapes = {x.shape for x in arrays}
    if len(shapes) > 1:
        listed = " and ".join(map(str, sorted(shapes)[:2]))
        raise ShapeError(
            f"default_collate: the examples of a batch have shapes {listed}; pad them to one, or pass a collate_fn"
        )
    return np.stack(arrays)
