"""What a tensor knows of its gradient: `.grad`, `backward()`, hooks, the function behind it."""

from __future__ import annotations

import functools
import sys
import warnings
from collections.abc import Callable, Sequence
from typing import Any, Self
from weakref import ref

from retrograd.core import mode
from retrograd.core.errors import GraphError
from retrograd.core.node import Hooks
from retrograd.ops.arithmetic import origin
from retrograd.tensor import gradient_function
from retrograd.tensor.autograd import add_to_grad, backward
from retrograd.tensor.base import TensorBase, detached
from retrograd.tensor.gradients import gradient_of
from retrograd.tensor.hooks import RemovableHandle, add_hook, call_on_gradient, next_number


class Differentiation(TensorBase):
    """Gradients."""

    _grad: Any = None
    _after_hooks: dict[int, Callable[..., Any]] | None = None

    # -- the gradient -------------------------------------------------------------------------------------------------

    @property
    def grad(self) -> Any:
        """The gradient that backward passes have added up, or None."""
        found = gradient_of(self)
        if found is None and not self._is_leaf_variable and not self._retains_grad and self.requires_grad:
            warnings.warn(
                "the .grad of a result is never set by backward(); call retain_grad() on it first, or look at the "
                ".grad of a leaf",
                stacklevel=2,
            )
        return found

    @grad.setter
    def grad(self, value: Any) -> None:
        if value is not None:
            _require_gradient_of(self, value)
        self._grad = value

    @grad.deleter
    def grad(self) -> None:
        self._grad = None

    @property
    def retains_grad(self) -> bool:
        """Whether this is a result whose `.grad` is kept too."""
        return self._retains_grad

    @property
    def grad_fn(self) -> Any:
        """The operation whose gradient comes first in a backward pass; None on leaves.

        Source: torch.Tensor.grad_fn. See `GradientFunction`.
        """
        return None if self.is_leaf else gradient_function.edge(self._history())[0]

    @property
    def output_nr(self) -> int:
        """Which output of its `grad_fn` this is."""
        return 0 if self.is_leaf else gradient_function.edge(self._history())[1]

    def detach_(self) -> Self:
        """Take the tensor out of the graph that made it: a leaf from now on, that requires no gradient.

        Raises:
            GraphError: it is a view, whose base remembers the graph.

        Source: torch.Tensor.detach_.
        """
        if self._view:
            raise GraphError("detach_: a view cannot be taken out of its graph in place; use detach()")
        storage = self._storage
        if self._is_leaf_variable or not self.requires_grad:
            return self.requires_grad_(False)
        if self._plain and not storage.viewed:
            storage.node = detached(storage.node)
        else:
            self._plain, self._detached, self._cached = False, True, None
        return self

    # -- the backward pass --------------------------------------------------------------------------------------------

    def backward(
        self,
        gradient: TensorBase | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: TensorBase | Sequence[TensorBase] | None = None,
    ) -> None:
        """Add the gradient of this tensor to the `.grad` of every leaf it depends on.

        Args:
            gradient: dL/dself, of this tensor's shape; may be left out for a single element (1).
            retain_graph: keep what a second backward pass would need; default: `create_graph`.
            create_graph: record the gradients so that they can be differentiated in turn.
            inputs: add to these tensors only.

        Raises:
            GraphError: nothing here requires a gradient, or the graph was released by an earlier pass.
            ShapeError: more than one element and no `gradient`, or one of another shape.

        Source: torch.Tensor.backward. Deviation: a value that was changed in place after an operation saved it is no
        error; the pass reads the value that was saved.

        >>> import retrograd as rg
        >>> x = rg.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        backward(self, gradient, retain_graph, create_graph, inputs=inputs)

    # -- hooks --------------------------------------------------------------------------------------------------------

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call `hook(gradient)` during the backward pass; what it returns, if anything, takes the gradient's place.

        Hooks run in the order of their registration, on the gradient that the ones before have left. They run while
        the pass is recorded: the gradient is lazy, and looking at it computes it.

        Raises:
            GraphError: the tensor does not require a gradient.

        Source: torch.Tensor.register_hook.

        >>> import retrograd as rg
        >>> x = rg.ones(2, requires_grad=True)
        >>> handle = x.register_hook(lambda g: g * 10)
        >>> x.sum().backward()
        >>> x.grad
        tensor([10., 10.])
        >>> handle.remove()
        """
        if not self.requires_grad:
            raise GraphError("register_hook: the tensor does not require a gradient, so no hook would ever be called")
        if self._is_leaf_variable:
            if self._hooks is None:
                self._hooks = {}
            return add_hook(self._hooks, hook)
        return self._hook_node(next_number(), hook)

    def register_post_accumulate_grad_hook(self, hook: Callable[[Any], None]) -> RemovableHandle:
        """Call `hook(tensor)` whenever a backward pass has added to this leaf's `.grad`.

        Raises:
            GraphError: the tensor is no leaf that requires a gradient.

        Source: torch.Tensor.register_post_accumulate_grad_hook.
        """
        if not self.requires_grad or not self.is_leaf:
            raise GraphError("register_post_accumulate_grad_hook: only leaves that require a gradient accumulate one")
        if self._after_hooks is None:
            self._after_hooks = {}
        return add_hook(self._after_hooks, hook)

    def _hook_node(self, number: int, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Hooks of a node run in the order of their numbers."""
        node = origin(self._history())
        if node.hooks is None:
            node.hooks = Hooks()
        node.hooks.calls[number] = functools.partial(call_on_gradient, hook)
        return RemovableHandle(node.hooks.calls, number)

    def retain_grad(self) -> None:
        """Keep the gradient of a result in its `.grad` too. Source: torch.Tensor.retain_grad.

        Raises:
            GraphError: the tensor does not require a gradient.
        """
        if not self.requires_grad:
            raise GraphError("retain_grad: the tensor does not require a gradient")
        if self._is_leaf_variable or self._retains_grad:
            return
        self._retains_grad = True
        # After every other hook, whenever those are registered.
        self._hook_node(sys.maxsize, _weak_accumulator(self))


def _weak_accumulator(tensor: Any) -> Callable[[Any], None]:
    weak = ref(tensor)

    def keep(g: Any) -> None:
        target = weak()
        if target is not None:
            add_to_grad(target, g, mode.state.grad_enabled)

    return keep


def _require_gradient_of(tensor: Any, value: Any) -> None:
    if not isinstance(value, TensorBase):
        raise TypeError(f"grad: a gradient is a tensor or None, not {type(value).__name__}")
    if value is tensor:
        raise GraphError("grad: a tensor cannot be its own gradient")
    if value._type_shape() != tensor._type_shape() or value.dtype is not tensor.dtype:
        raise GraphError(
            f"grad: a gradient must have the shape and dtype of its tensor, {tuple(tensor.shape)} and "
            f"{tensor.dtype.name}; this one has {tuple(value.shape)} and {value.dtype.name}"
        )
