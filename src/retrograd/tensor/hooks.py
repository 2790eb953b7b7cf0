"""Hooks of tensors: code of the user that a backward pass calls, on lazy tensors, while it is recorded."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self

from retrograd.core import mode
from retrograd.core.errors import DTypeError, GraphError
from retrograd.core.node import Node
from retrograd.tensor.base import TensorBase, wrap

next_number = itertools.count().__next__


class RemovableHandle:
    """Takes a hook away again: by `remove()`, or at the end of a `with` block.

    Source: torch.utils.hooks.RemovableHandle.
    """

    def __init__(self, hooks: dict[int, Any], number: int) -> None:
        self._hooks, self.id = hooks, number

    def remove(self) -> None:
        self._hooks.pop(self.id, None)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()


class SeveralHandles(RemovableHandle):
    """Takes hooks away that stand in several places."""

    def __init__(self, handles: Sequence[RemovableHandle]) -> None:
        self._handles, self.id = handles, handles[0].id if handles else -1

    def remove(self) -> None:
        for handle in self._handles:
            handle.remove()


def add_hook(hooks: dict[int, Any], hook: Callable[..., Any]) -> RemovableHandle:
    """Enter a hook after those that are there."""
    number = next_number()
    hooks[number] = hook
    return RemovableHandle(hooks, number)


def call_on_gradient(hook: Callable[[Any], Any], g: Node) -> Node | None:
    """What a hook puts in the place of a gradient, if anything.

    Raises:
        TypeError: it returned something else than a tensor. GraphError, DTypeError: one of another shape or dtype.
    """
    replaced = hook(wrap(g))
    if replaced is None:
        return None
    name = getattr(hook, "__name__", type(hook).__name__)
    if not isinstance(replaced, TensorBase):
        raise TypeError(
            f"the hook {name!r} must return a tensor that replaces the gradient, or None to leave it, and returned "
            f"{type(replaced).__name__}"
        )
    node = replaced._read()
    if node.type.shape != g.type.shape:
        raise GraphError(
            f"the hook {name!r} returned a gradient of shape {node.type.shape}; it must have that of the one it "
            f"received, {g.type.shape}"
        )
    if node.type.dtype is not g.type.dtype:
        raise DTypeError(
            f"the hook {name!r} returned a gradient of dtype {node.type.dtype.name}; it must have that of the one it "
            f"received, {g.type.dtype.name}: cast with .to(gradient.dtype)"
        )
    return node


def hooked(leaf: Any, g: Any, create_graph: bool) -> Any:
    """The gradient of a leaf after its hooks."""
    if not leaf._is_leaf_variable or not leaf._hooks:
        return g
    with mode.enable_grad() if create_graph else mode.no_grad():
        for hook in list(leaf._hooks.values()):
            mode.note_user_call()
            replaced = call_on_gradient(hook, g._read())
            g = g if replaced is None else wrap(replaced)
    return g


def accumulated(leaf: Any) -> None:
    """Tell those that wait for the gradient of a leaf."""
    for hook in list((leaf._after_hooks or {}).values()):
        mode.note_user_call()
        hook(leaf)
