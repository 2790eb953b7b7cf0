"""What stands in brackets, taken apart: ints, slices and None, which give a view, and arrays, which index the view."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import bool_, int64, uint8
from retrograd.core.errors import IndexRangeError, OptionError
from retrograd.core.node import Node, input_node
from retrograd.core.types import Shape, tensor_type
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.bounds import require_positions
from retrograd.tensor.reading import Reading

# A longer list is taken for an array, whatever its elements are, as in PyTorch.
_LONGEST_TUPLE_OF_A_LIST = 32


class Region(NamedTuple):
    """What a slice or an int selects of an axis."""

    start: int
    size: int
    step: int


class IndexPlan(NamedTuple):
    """An index taken apart.

    Attributes:
        regions: for each axis of the tensor, what of it is seen; an int's region has the size 1.
        shape: of the view: without the axes of ints, with an axis of extent 1 for each None.
        arrays: index arrays, of int64 or int32.
        axes: the axes of the view that they index.
    """

    regions: dict[int, Region]
    shape: Shape
    arrays: tuple[Node, ...]
    axes: Shape


def is_array(item: Any) -> bool:
    """Whether an item of an index is an array of positions or a mask, rather than an int, a slice, None or ... ."""
    if isinstance(item, TensorBase):
        return bool(item._type_shape()) or item.dtype in (bool_, uint8)
    return isinstance(item, (np.ndarray, list, tuple, range, bool, np.bool_))


def items_of(index: Any) -> list[Any]:
    """The items of an index; a list that holds more than numbers counts as a tuple, as in PyTorch."""
    if isinstance(index, tuple):
        return list(index)
    if isinstance(index, list) and len(index) < _LONGEST_TUPLE_OF_A_LIST:
        kinds = (TensorBase, np.ndarray, list, tuple, slice)
        if any(isinstance(x, kinds) or x is None or x is Ellipsis for x in index):
            return index[:]
    return [index]


def plan_of(index: Any, shape: Shape) -> IndexPlan:
    """Take an index of a tensor of this shape apart.

    Raises:
        IndexRangeError: too many items, a position out of range, a mask that does not fit.
        OptionError: a slice whose step is not positive.
        TypeError: an item that is no index.
    """
    items = [_converted(item) for item in items_of(index)]
    used = sum(map(_axes_used, items))
    if used > len(shape):
        raise IndexRangeError(f"too many indices: {used} for a tensor with {len(shape)} axes of shape {shape}")
    return _Planner(shape, used).run(items)


def _converted(item: Any) -> Any:
    """Sequences and arrays as tensors; 0-dimensional integers stay what they are."""
    if not is_array(item) or isinstance(item, TensorBase):
        return item
    array = np.asarray([x.item() if isinstance(x, Reading) else x for x in item] if isinstance(item, list) else item)
    if array.size == 0 and array.dtype.kind == "f" and not isinstance(item, np.ndarray):
        array = array.astype(np.int64)
    if array.dtype == np.bool_ or array.dtype == np.uint8:
        return array
    if array.dtype.kind not in "iu":
        raise IndexRangeError(f"index arrays must be of integers or booleans, not {array.dtype}")
    return int(array) if array.ndim == 0 else array.astype(np.int64)


def _is_mask(item: Any) -> bool:
    if isinstance(item, TensorBase):
        return item.dtype in (bool_, uint8)
    return isinstance(item, np.ndarray) and item.dtype != np.int64


def _axes_used(item: Any) -> int:
    if item is None or item is Ellipsis:
        return 0
    return int(item.ndim) if _is_mask(item) else 1


class _Planner:
    """Walks over the items and the axes of a tensor together."""

    def __init__(self, shape: Shape, used: int) -> None:
        self.old, self.used = shape, used
        self.axis = 0
        self.regions: dict[int, Region] = {}
        self.shape: list[int] = []
        self.arrays: list[Node] = []
        self.axes: list[int] = []
        self.spread = False

    def run(self, items: list[Any]) -> IndexPlan:
        for item in items:
            self._visit(item)
        self.shape.extend(self.old[self.axis :])
        return IndexPlan(self.regions, tuple(self.shape), tuple(self.arrays), tuple(self.axes))

    def _visit(self, item: Any) -> None:
        if item is None:
            self.shape.append(1)
        elif item is Ellipsis:
            # A second one stands for nothing, as in PyTorch.
            count = 0 if self.spread else len(self.old) - self.used
            self.spread = True
            self._keep(count)
        elif isinstance(item, slice):
            self._see(_slice_region(item, self.old[self.axis]), keeps=True)
        elif _is_mask(item):
            self._mask(item)
        elif isinstance(item, np.ndarray) or (isinstance(item, TensorBase) and item._type_shape()):
            self._array(item)
        else:
            self._see(Region(_position(item, self.axis, self.old[self.axis]), 1, 1), keeps=False)

    def _keep(self, count: int) -> None:
        self.shape.extend(self.old[self.axis : self.axis + count])
        self.axis += count

    def _see(self, region: Region, keeps: bool) -> None:
        if region != (0, self.old[self.axis], 1):
            self.regions[self.axis] = region
        if keeps:
            self.shape.append(region.size)
        self.axis += 1

    def _array(self, item: Any) -> None:
        index = item if isinstance(item, TensorBase) else wrap(host_index(item))
        if index.dtype.is_floating_point or index.dtype.name not in ("int64", "int32"):
            raise IndexRangeError(f"an index array must be of int64, int32, uint8 or bool, not {index.dtype.name}")
        extent = self.old[self.axis]
        require_positions("index", index, -extent, extent, f"axis {self.axis}")
        if extent == 0 and index.numel():
            raise IndexRangeError(f"index: axis {self.axis} of {self.old} is empty and has no positions")
        self._indexed(index._read(), 1)

    def _mask(self, item: Any) -> None:
        """A mask stands for the positions where it holds: how many is data, so it is computed now."""
        values = item._value() if isinstance(item, TensorBase) else item
        if values.ndim == 0:
            # One number says whether the whole is selected: along an axis of its own.
            self.arrays.append(host_index(np.zeros(int(values != 0), np.int64)))
            self.axes.append(len(self.shape))
            self.shape.append(1)
            return
        if self.old[self.axis : self.axis + values.ndim] != values.shape:
            raise IndexRangeError(f"a mask of shape {values.shape} does not fit axis {self.axis} of {self.old}")
        for places in np.nonzero(values):
            self._indexed(host_index(places), 1)

    def _indexed(self, index: Node, count: int) -> None:
        self.arrays.append(index)
        self.axes.append(len(self.shape))
        self._keep(count)


def host_index(array: Any) -> Node:
    """Positions known on the host as a node."""
    values = np.asarray(array, np.int64)
    type_ = tensor_type(values.shape, int64)
    return input_node(type_, Buffer.copy_of(values, type_))


def _slice_region(item: slice, extent: int) -> Region:
    if item.step is not None and int(item.step) <= 0:
        raise OptionError(f"slice step must be positive, not {item.step}; use flip() to reverse")
    start, stop, step = item.indices(extent)
    return Region(start, max(-(-(stop - start) // step), 0), step) if stop > start else Region(min(start, extent), 0, 1)


def _position(item: Any, axis: int, extent: int) -> int:
    try:
        position = int(item.__index__())
    except (AttributeError, TypeError) as error:
        message = f"a tensor is indexed by ints, slices, ..., None, bools and arrays, not by {type(item).__name__}"
        raise (IndexError if isinstance(item, (int, float)) else TypeError)(message) from error
    if not -extent <= position < extent:
        raise IndexRangeError(f"index {position} is out of range for axis {axis} with extent {extent}")
    return position % extent
