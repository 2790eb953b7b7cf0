"""`x[...]` and `x[...] = value`: ints, slices, ... and None give views; arrays select elements, copied."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import bool_
from retrograd.core.errors import DTypeError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.ops.elementwise import cast
from retrograd.ops.index_arrays import INDEX, INDEX_PUT, index_shape
from retrograd.ops.movement import reshape
from retrograd.ops.scatter_along import MASKED_FILL
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.index_plan import IndexPlan, items_of, plan_of
from retrograd.tensor.movement import Movements


class Indexing(Movements):
    """Reading and writing by index."""

    def __getitem__(self, index: Any) -> Any:
        if index.__class__ is int:
            view = self._row(index)
        else:
            view = self._cut(index if index.__class__ is tuple else (index,))
        if view is not None:
            return view
        plan = plan_of(index, self._type_shape())
        view = self._viewed(plan)
        if not plan.arrays:
            return view
        return wrap(record(INDEX, (view._read(), *plan.arrays), (plan.axes,)))

    def __setitem__(self, index: Any, value: Any) -> None:
        node = node_of(value, self.dtype)
        if not isinstance(value, TensorBase):
            node = cast(node, self.dtype)
        mask = self._whole_mask(index)
        if mask is not None and not node.type.shape:
            filled = record(MASKED_FILL, (self._read(), mask, node))
            self._assign("index assignment", filled)
            return
        plan = plan_of(index, self._type_shape())
        # Of the whole tensor no view is made: what is written to a leaf's view is refused for another reason.
        target = self if not plan.regions and plan.shape == self._type_shape() else self._viewed(plan)
        if not plan.arrays:
            target._assign("index assignment", _trimmed(node, target.ndim), overwrites=True)
            return
        target._assign("index assignment", target._put(plan.arrays, plan.axes, node, accumulate=False))

    def _viewed(self, plan: IndexPlan) -> Any:
        view = self._sliced(plan.regions) if plan.regions else self
        if (view is self and not plan.arrays) or plan.shape != view._type_shape():
            view = view.view(plan.shape)
        return view

    def _whole_mask(self, index: Any) -> Node | None:
        """The mask of `x[mask] = number`, which needs not be computed now: seen with the axes of x."""
        items = items_of(index)
        mask = items[0] if len(items) == 1 else None
        if not isinstance(mask, TensorBase) or mask.dtype is not bool_:
            return None
        shape, whole = mask._type_shape(), self._type_shape()
        if not shape or whole[: len(shape)] != shape:
            return None
        return reshape(mask._read(), (*shape, *(1 for _ in whole[len(shape) :])))

    def _put(self, arrays: tuple[Node, ...], axes: tuple[int, ...], value: Node, accumulate: bool) -> Node:
        """The next value of this tensor when `value` is written, or added, at index arrays."""
        x = self._read()
        if value.type.dtype is not x.type.dtype:
            raise DTypeError(
                f"index assignment: the tensor is {x.type.dtype.name} and the value {value.type.dtype.name}; "
                "cast it with .to(dtype)"
            )
        picked = index_shape([index.type.shape for index in arrays])
        value = _trimmed(value, len(x.type.shape) - len(axes) + len(picked))
        return record(INDEX_PUT, (x, value, *arrays), (axes, accumulate))


def _trimmed(value: Node, ndim: int) -> Node:
    """Without leading axes of extent 1 that the target does not have."""
    shape = value.type.shape
    while len(shape) > ndim and shape[0] == 1:
        shape = shape[1:]
    return reshape(value, shape)
