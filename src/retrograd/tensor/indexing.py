"""Indexing: ints, slices, Ellipsis and None give views; an integer tensor takes rows; a mask selects elements."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import bool_, int64
from retrograd.core.errors import IndexRangeError, OptionError, ShapeError
from retrograd.core.node import Node, input_node
from retrograd.core.operation import composite, record
from retrograd.core.types import tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import WHERE
from retrograd.ops.constant import like
from retrograd.ops.indexing import take
from retrograd.ops.movement import permute, reshape
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.movement import Movements


@composite("index")
def INDEX(x: Node, index: Node, axis: int) -> Node:
    """Positions along an axis by an index of any shape; negative ones count from the end."""
    index = e.cast(index, int64)
    extent = like(x.type.shape[axis], index)
    index = e.select(e.lt(index, like(0, index)), e.add(index, extent), index)
    ndim = len(x.type.shape)
    rows = permute(x, (axis, *(i for i in range(ndim) if i != axis)))
    taken = take(rows, index)
    k = len(index.type.shape)
    return permute(taken, (*range(k, k + axis), *range(k), *range(k + axis, k + ndim - 1)))


def _is_array(item: Any) -> bool:
    return isinstance(item, (TensorBase, np.ndarray, list)) and not (
        isinstance(item, TensorBase) and item.ndim == 0 and item.dtype is not bool_
    )


class Indexing(Movements):
    """`x[...]` and `x[...] = value`."""

    def __getitem__(self, index: Any) -> Any:
        items = self._items(index)
        arrays = [i for i, item in enumerate(items) if _is_array(item)]
        if not arrays:
            return self._basic(items)
        return self._advanced(items, arrays)

    def __setitem__(self, index: Any, value: Any) -> None:
        items = self._items(index)
        arrays = [i for i, item in enumerate(items) if _is_array(item)]
        if not arrays:
            target = self._basic(items) if items else self
            node = _trimmed(node_of(value, self.dtype), target.ndim)
            target._assign("index assignment", node, overwrites=True)
            return
        mask = items[arrays[0]]
        if len(items) == 1 and isinstance(mask, TensorBase) and mask.dtype is bool_ and mask.shape == self.shape:
            x = self._read()
            filled = record(WHERE, (mask._read(), node_of(value, self.dtype), x))
            self._assign("index assignment", filled)
            return
        self._put(items, value)

    def _put(self, items: list[Any], value: Any) -> None:
        """Assignment by index arrays: positions are data of the host, so the elements are computed and written."""
        where = tuple(item._value() if isinstance(item, TensorBase) else item for item in items)
        source = node_of(value, self.dtype)
        if self.requires_grad or source.requires_grad:
            raise OptionError(
                "index assignment by arrays has no gradient here; use where() or masked_fill(), or no_grad()"
            )
        array = self._value().copy()
        given = value._value() if isinstance(value, TensorBase) else value
        array[where] = given
        type_ = tensor_type(tuple(self.shape), self.dtype)
        self._assign("index assignment", input_node(type_, Buffer.copy_of(array, type_)))

    def _items(self, index: Any) -> list[Any]:
        """The index as a list with Ellipsis spelled out, a mask of several axes counted as such."""
        items = list(index) if isinstance(index, tuple) else [index]
        used = sum(_axes_used(item) for item in items)
        if used > self.ndim:
            raise IndexRangeError(f"{used} indices for a tensor with {self.ndim} axes of shape {tuple(self.shape)}")
        spread = [i for i, item in enumerate(items) if item is Ellipsis]
        if len(spread) > 1:
            raise IndexRangeError("an index can have only one Ellipsis (...)")
        if spread:
            at = spread[0]
            items[at : at + 1] = [slice(None)] * (self.ndim - used)
        return items

    def _basic(self, items: list[Any]) -> Any:
        """A view by ints, slices and None."""
        shape = self._type_shape()
        regions: dict[int, tuple[int, int, int]] = {}
        result: list[int] = []
        axis = 0
        for item in items:
            if item is None:
                result.append(1)
                continue
            extent = shape[axis]
            if isinstance(item, slice):
                region = _slice_region(item, extent)
                result.append(region[1])
            else:
                region = (_position(item, axis, extent), 1, 1)
            if region != (0, extent, 1):
                regions[axis] = region
            axis += 1
        result.extend(shape[axis:])
        view = self._sliced(regions) if regions else self
        if view is self or tuple(result) != view._type_shape():
            view = view.view(tuple(result))
        return view

    def _advanced(self, items: list[Any], arrays: list[int]) -> Any:
        if len(arrays) > 1:
            return self._gathered(items)
        at = arrays[0]
        item = items[at]
        if _dtype_is_bool(item):
            return self._masked(items, at)
        rest = [slice(None) if i == at else x for i, x in enumerate(items)]
        view = self._basic(rest)
        axis = sum(1 for x in rest[:at] if isinstance(x, slice) or x is None)
        index = item if isinstance(item, TensorBase) else wrap(_host_index(item))
        _check_range(index, view._type_shape()[axis], axis)
        return wrap(record(INDEX, (view._read(), index._read()), (axis,)))

    def _masked(self, items: list[Any], at: int) -> Any:
        """The elements where a mask holds: how many is data, so the mask is computed now."""
        mask = items[at]
        values = mask._value() if isinstance(mask, TensorBase) else np.asarray(mask)
        axis = sum(_axes_used(x) for x in items[:at])
        shape = self._type_shape()
        if shape[axis : axis + values.ndim] != values.shape:
            raise IndexRangeError(f"a mask of shape {values.shape} does not fit axis {axis} of {tuple(shape)}")
        flat = self.reshape(*shape[:axis], values.size, *shape[axis + values.ndim :])
        index = wrap(_host_index(np.flatnonzero(values)))
        picked = wrap(record(INDEX, (flat._read(), index._read()), (axis,)))
        rest = [slice(None) if i == at else x for i, x in enumerate(items)]
        return picked if all(x == slice(None) for x in rest) else picked[tuple(rest)]

    def _gathered(self, items: list[Any]) -> Any:
        """Several index arrays that go together: leading axes become one, and its rows are taken."""
        if any(not _is_array(item) for item in items):
            raise OptionError("several index arrays must stand side by side, without slices between or before them")
        arrays = [x._value() if isinstance(x, TensorBase) else np.asarray(x) for x in items]
        shape = self._type_shape()
        lead = shape[: len(arrays)]
        try:
            flat = np.ravel_multi_index([np.where(a < 0, a + n, a) for a, n in zip(arrays, lead, strict=True)], lead)
        except ValueError as error:
            raise IndexRangeError(f"an index is out of range for the axes {lead}") from error
        rows = self.reshape(-1, *shape[len(arrays) :])
        return wrap(record(INDEX, (rows._read(), _host_index(flat)), (0,)))

    def index_select(self, dim: int, index: TensorBase) -> Any:
        """Positions `index` along an axis."""
        axis = self._axis(dim)
        _check_range(index, self._type_shape()[axis], axis)
        return wrap(record(INDEX, (self._read(), index._read()), (axis,)))

    def masked_select(self, mask: TensorBase) -> Any:
        """The elements where the mask holds, as one axis."""
        return self[mask]


def _trimmed(value: Node, ndim: int) -> Node:
    """Without leading axes of extent 1 that the target does not have."""
    shape = value.type.shape
    while len(shape) > ndim and shape[0] == 1:
        shape = shape[1:]
    return reshape(value, shape)


def _axes_used(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    if _is_array(item) and _dtype_is_bool(item):
        return item.ndim if isinstance(item, TensorBase) else np.asarray(item).ndim
    return 1


def _dtype_is_bool(item: Any) -> bool:
    return item.dtype is bool_ if isinstance(item, TensorBase) else np.asarray(item).dtype == np.bool_


def _slice_region(item: slice, extent: int) -> tuple[int, int, int]:
    if item.step is not None and int(item.step) <= 0:
        raise OptionError(f"slice step must be positive, not {item.step}; use flip() to reverse")
    start, stop, step = item.indices(extent)
    return (start, max(-(-(stop - start) // step), 0), step) if stop > start else (min(start, extent), 0, 1)


def _position(item: Any, axis: int, extent: int) -> int:
    try:
        position = int(item.__index__())
    except (AttributeError, TypeError) as error:
        raise TypeError(
            f"a tensor is indexed by ints, slices, Ellipsis, None and arrays, not by {type(item).__name__}"
        ) from error
    if not -extent <= position < extent:
        raise IndexRangeError(f"index {position} is out of range for axis {axis} with extent {extent}")
    return position % extent


def _host_index(array: Any) -> Node:
    values = np.asarray(array, np.int64)
    type_ = tensor_type(values.shape, int64)
    return input_node(type_, Buffer.copy_of(values, type_))


def _check_range(index: TensorBase, extent: int, axis: int) -> None:
    """Raise for positions out of range, where they are known already; what is pending is clamped when it runs."""
    if index.dtype.is_floating_point or index.dtype is bool_:
        raise ShapeError(f"an index must be of integers, not {index.dtype.name}; use .long()")
    if not index._view and index._storage.node.buffer is None:
        return
    values = index._value()
    if values.size and (values.min() < -extent or values.max() >= extent):
        raise IndexRangeError(
            f"index {values.max() if values.max() >= extent else values.min()} is out of range for axis {axis} "
            f"with extent {extent}"
        )
