"""What every part of Tensor stands on: a view of a storage that is read, written, looked at."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self
from weakref import ref

import numpy as np

from retrograd.core import mode
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.errors import GraphError, ShapeError
from retrograd.core.inferred import INFERRED
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import GRAFT, IDENTITY, OVERWRITE, grafted, origin
from retrograd.ops.movement import broadcast_to
from retrograd.tensor import eager
from retrograd.tensor.geometry import Geometry
from retrograd.tensor.storage import Storage, as_leaf
from retrograd.tensor.view import Movement, View, write_through


class TensorBase(Geometry):
    """A view of a storage."""

    # A plain tensor is the whole of its storage, and reads it as it is: no view, no detachment, no leaf of its own.
    _plain = True
    _view: View = ()
    # Of a view, if it is known without its node.
    _shape: Shape | None = None
    _is_leaf_variable = False
    _detached = False
    # Writes through `.data` leave the nodes of views as they are.
    _unversioned = False
    # Made under no_grad: its memory may be written to, but not with something that requires a gradient.
    _silent_view = False
    # A leaf that shares a storage which is not its own (`x.detach().requires_grad_()`), of which this is a view.
    _base: TensorBase | None = None
    # Its node as of a version and lineage of the storage.
    _cached: tuple[int, int, Node] | None = None
    _hooks: dict[int, Callable[..., Any]] | None = None
    _retains_grad = False

    # -- reading and writing ------------------------------------------------------------------------------------------

    def _read(self) -> Node:
        """The node of this tensor's current value."""
        storage = self._storage
        if storage.exports is not None:
            return self._read_slowly()
        if self._plain:
            return storage.node
        cached = self._cached
        return cached[2] if cached is not None and cached[0] == storage.version else self._history()

    def _read_slowly(self) -> Node:
        """What others may write to is read now: a copy of the elements that this view shows, on its history."""
        storage = self._storage
        if self._plain:
            return storage.read()
        if storage.exports is None or not storage.is_exported():
            return self._history()
        history = self._history()
        return grafted(history, Buffer.copy_of(self._value(), history.type))

    def _history(self) -> Node:
        """The node that gradients for this tensor arrive at; its value too, unless the storage is exported."""
        storage = self._storage
        if self._plain:
            return storage.node
        cached = self._cached
        if cached is not None and cached[0] == storage.version:
            return cached[2]
        node = self._reread()
        if cached is not None and cached[1] == storage.lineage and cached[2].requires_grad and not cached[2].leaf:
            with mode.enable_grad():
                node = record(GRAFT, (origin(cached[2]), detached(node)))
        self._cached = (storage.version, storage.lineage, node)
        return node

    def _reread(self) -> Node:
        """The node of a view, from the storage's current version."""
        storage = self._storage
        if self._base is not None:
            with mode.enable_grad():
                return _seen_through(self._view[len(self._base._view) :], self._base._history())
        if storage.node.requires_grad:
            with mode.no_grad() if self._detached else mode.enable_grad():
                node = _seen_through(self._view, storage.node)
        else:
            node = _seen_through(self._view, storage.node)
        node = detached(node) if self._detached or self._is_leaf_variable else node
        return as_leaf(node, ref(self)) if self._is_leaf_variable else node

    def _write(self, value: Node) -> None:
        """Make `value`, of this tensor's shape and dtype, its next value: storage and other views see it."""
        storage = self._storage
        base = storage.node if storage.exports is None else storage.read()
        if self._plain and not base.requires_grad:
            storage.replace(value)
        else:
            storage.replace(self._whole(base, value), same_lineage=self._unversioned)
        if eager.state.enabled:
            eager.check(self)

    def _whole(self, base: Node, value: Node) -> Node:
        """The storage's next version out of its current one, `base`, and the next value of this tensor."""
        silent = self._detached or not mode.state.grad_enabled
        if self._view:
            with mode.no_grad() if silent else mode.enable_grad():
                value = write_through(self._view, base, value)
        if silent and base.requires_grad and base.leaf is None:
            # The graph behind the storage stays as it was, only the value is another.
            with mode.enable_grad():
                value = record(GRAFT, (base, detached(value)))
        return value

    def _require_writable(self, name: str, value: Node) -> None:
        if self._storage.inference and not mode.state.inference:
            raise GraphError(
                f"{name}: a tensor that was made under inference_mode() is being changed in place outside of it; "
                "change a clone()"
            )
        if not mode.state.grad_enabled:
            return
        if self._is_leaf_variable or self._base is not None:
            what = "a leaf that requires a gradient" if self._is_leaf_variable else "a view of such a leaf"
        elif self._detached:
            if not (self._silent_view and value.requires_grad):
                return
            what = "a view that was made under no_grad()"
        elif self._view and self._storage.leaf is not None:
            what = "a view of a leaf that requires a gradient"
        else:
            return
        raise GraphError(
            f"{name}: {what} is being changed in place, which would lose the gradient's path; wrap the change in "
            "`with no_grad():`"
        )

    def _assign(self, name: str, value: Node, overwrites: bool = False) -> Self:
        """In-place operation: `value` is cast and broadcast to this tensor, which must not grow.

        Args:
            name: of the operation, for messages.
            value: the next value.
            overwrites: whether `value` was not computed from the tensor itself.
        """
        self._require_writable(name, value)
        if self._view or value.type is not self._storage.node.type:
            value = self._fitted(name, value)
        if overwrites:
            before = self._history()
            value = record(OVERWRITE, (before, value)) if before.requires_grad else record(IDENTITY, (value,))
        self._write(value)
        return self

    def _fitted(self, name: str, value: Node) -> Node:
        """A value in the dtype and the shape of this tensor."""
        shape = self._type_shape()
        value = e.cast(value, self.dtype)
        if value.type.shape == shape:
            return value
        try:
            return broadcast_to(value, shape)
        except ShapeError as error:
            raise ShapeError(
                f"{name}: a value of shape {value.type.shape} does not fit in a tensor of shape {shape}"
            ) from error

    def _view_as(
        self,
        movement: Movement | View,
        strides: Shape,
        offset: int,
        node: Node | None = None,
        shape: Shape | None = None,
    ) -> Any:
        """A tensor that shows this one's elements through one more movement, or several.

        Args:
            node: that of the view, if it is known.
            shape: of the view, if it is known: where no gradient flows, the node is made when it is asked for.
        """
        movements: View = (movement,) if movement.__class__ is Movement else movement  # type: ignore[assignment]
        storage, plain = self._storage, self._plain
        view = object.__new__(_class[0])
        view._storage = storage
        view._view = movements if plain else (*self._view, *movements)
        view._strides, view._offset = strides, offset
        view._plain = False
        if shape is not None and plain and not storage.node.requires_grad and not storage.inference:
            view._shape = shape
        else:
            # Gradients pass through this tensor, which may be a view itself, until the storage is changed.
            if node is None:
                cached = self._cached
                if plain:
                    base = storage.node
                else:
                    base = cached[2] if cached is not None and cached[0] == storage.version else self._history()
                node = base
                for step in movements:
                    node = step.read(node)
                if node is base and base.requires_grad:
                    node = record(IDENTITY, (base,))
            view._cached = storage.version, storage.lineage, node
            if storage.inference:
                INFERRED.add(node)
        followed = mode.state.grad_enabled
        if not followed or (not plain and self._detached):
            view._detached = True
            view._silent_view = not followed or self._silent_view
        else:
            storage.viewed = True
        if plain:
            return view
        if self._unversioned:
            view._unversioned = True
        if followed and (self._base is not None or self._is_leaf_variable):
            view._base = self if self._is_leaf_variable else self._base
        return view

    def _become(self, other: TensorBase) -> Self:
        """Show what another tensor shows, from now on."""
        for name in ("_storage", "_view", "_strides", "_shape", "_offset", "_plain", "_detached", "_silent_view"):
            setattr(self, name, getattr(other, name))
        self._base, self._cached, self._unversioned = other._base, other._cached, other._unversioned
        return self

    def _type_shape(self) -> Shape:
        storage = self._storage
        if self._plain or not self._view:
            return storage.node.type.shape
        if self._shape is not None:
            return self._shape
        cached = self._cached
        node = cached[2] if cached is not None and cached[0] == storage.version else self._history()
        return node.type.shape

    # -- gradients ----------------------------------------------------------------------------------------------------

    @property
    def requires_grad(self) -> bool:
        if self._is_leaf_variable or self._base is not None:
            return True
        return not self._detached and self._storage.node.requires_grad

    @requires_grad.setter
    def requires_grad(self, value: bool) -> None:
        self.requires_grad_(value)

    @property
    def is_leaf(self) -> bool:
        """Whether the user made it, rather than an operation that requires gradients."""
        return self._is_leaf_variable or not self.requires_grad

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Ask for a gradient, or no longer.

        Raises:
            GraphError: the dtype is not floating, or the tensor is the result of an operation.
        """
        if requires_grad == self.requires_grad:
            return self
        if requires_grad and not self.dtype.is_floating_point:
            raise GraphError(f"only floating-point tensors can require gradients, and this is {self.dtype.name}")
        if requires_grad and self._storage.inference and not mode.state.inference:
            raise GraphError(
                "requires_grad_: a tensor that was made under inference_mode() gets no gradient outside of it; use a "
                "clone()"
            )
        if not requires_grad and not self._is_leaf_variable:
            raise GraphError("requires_grad can be switched off on leaves only; use .detach() on a result")
        self._is_leaf_variable = requires_grad
        self._cached = None
        storage = self._storage
        if not self._plain:
            return self
        if not requires_grad:
            storage.leaf = None
            storage.node = detached(storage.node)
        elif storage.viewed:
            # Views that were made before do not require a gradient.
            self._plain, self._detached = False, True
        else:
            storage.leaf = ref(self)
            storage.node = as_leaf(storage.node, storage.leaf)
        return self

    def detach(self) -> Any:
        """The same elements, without their history: memory is shared.

        Deviation: what is written into the result carries no gradient, even if it requires one.
        """
        alias = blank()
        alias._share(self)
        return alias

    def _share(self, other: TensorBase) -> None:
        """Become a detached alias of another tensor."""
        self._storage = other._storage
        self._view, self._strides, self._offset = other._view, other._strides, other._offset
        self._shape = other._shape
        self._plain, self._detached, self._cached, self._base = False, True, None, None

    def _adopt(self, other: TensorBase) -> None:
        """Share memory with a tensor that requires no gradient, as the leaf that the storage belongs to if possible."""
        storage = other._storage
        self._share(other)
        if other._plain and not storage.viewed and storage.leaf is None and not storage.node.requires_grad:
            self._plain, self._detached = True, False
            other._plain, other._detached = False, True

    @property
    def data(self) -> Any:
        alias = self.detach()
        alias._unversioned = True
        return alias

    @data.setter
    def data(self, other: TensorBase) -> None:
        """Share the memory of another tensor from now on; gradients stand as before.

        Raises:
            GraphError: this is the result of an operation.
        """
        if not self.is_leaf:
            raise GraphError("data can be set on leaves only; use copy_() under no_grad() on a result")
        wanted, self._is_leaf_variable = self._is_leaf_variable, False
        self._adopt(other)
        self.requires_grad_(wanted)

    # -- looking ------------------------------------------------------------------------------------------------------

    def _value(self) -> np.ndarray[Any, Any]:
        """The elements, computed if they are pending; not to be written to."""
        buffer = self._storage.value()
        if isinstance(buffer, Scalar):
            return np.asarray(buffer.value, self.dtype.numpy)
        return self._geometry(buffer.array()) if self._view else buffer.array()

    # Dictionaries of tensors (an optimizer's state) are looked into at every step: no method in Python.
    __hash__ = object.__hash__


_class: list[type[Any]] = []


def blank() -> Any:
    """A new tensor without a storage."""
    return object.__new__(_class[0])


def set_tensor_class(cls: type[Any]) -> None:
    """Name the class that results of operations have."""
    _class[:] = [cls]


def wrap(node: Node) -> Any:
    """A new tensor whose value is `node`."""
    tensor = object.__new__(_class[0])
    tensor._storage = Storage(node)
    # As its class says: what is read all the time is found sooner on the instance.
    tensor._plain = True
    if eager.state.enabled:
        eager.check(tensor)
    return tensor


def _seen_through(view: View, base: Node) -> Node:
    """The node of a view: one of its own where gradients flow, for hooks and gradients are asked of views too."""
    node = base
    for movement in view:
        node = movement.read(node)
    return record(IDENTITY, (node,)) if node is base and node.requires_grad else node


def detached(node: Node) -> Node:
    """A node with the same value through which no gradient flows."""
    if not node.requires_grad:
        return node
    if node.buffer is not None:
        return input_node(node.type, node.buffer)
    with mode.no_grad():
        return record(IDENTITY, (node,))
