"""Differentiation as users call it: `backward`, `grad`, hooks, and the modes."""

from __future__ import annotations

import functools
import itertools
import sys
from collections.abc import Callable, Sequence
from types import TracebackType
from typing import Any, Self
from weakref import ref

from retrograd.autodiff.backward import gradients
from retrograd.core import mode
from retrograd.core.errors import GraphError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.ops.arithmetic import ADD, origin
from retrograd.tensor.base import TensorBase, wrap

_hook_number = itertools.count().__next__


class RemovableHandle:
    """Takes a hook away again."""

    def __init__(self, hooks: dict[int, Any], number: int) -> None:
        self._hooks, self._number = hooks, number

    def remove(self) -> None:
        self._hooks.pop(self._number, None)


class Differentiation(TensorBase):
    """Gradients."""

    def backward(
        self,
        gradient: TensorBase | None = None,
        retain_graph: bool | None = None,
        create_graph: bool = False,
        inputs: Sequence[Any] | None = None,
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

        >>> import retrograd as rg
        >>> x = rg.tensor([1.0, 2.0], requires_grad=True)
        >>> (x * x).sum().backward()
        >>> x.grad
        tensor([2., 4.])
        """
        root = self._history()
        seed = _seed(self, root, gradient)
        wanted = None if inputs is None else [origin(x._history()) for x in inputs]
        keep = create_graph if retain_graph is None else retain_graph
        found = gradients([root], [seed], wanted, retain_graph=keep, create_graph=create_graph)
        if wanted is None:
            for node, g in found.items():
                leaf = node.leaf() if node.leaf is not None else None
                if leaf is not None:
                    _accumulate(leaf, g, create_graph)
        else:
            for tensor, node in zip(inputs or (), wanted, strict=True):
                if node in found:
                    _accumulate(tensor, found[node], create_graph)

    def register_hook(self, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Call `hook(gradient)` during the backward pass; what it returns, if anything, takes the gradient's place."""
        if not self.requires_grad:
            raise GraphError("register_hook: the tensor does not require a gradient, so no hook would ever be called")
        if self._is_leaf_variable:
            if self._hooks is None:
                self._hooks = {}
            hooks = self._hooks
            number = _hook_number()
            hooks[number] = hook
            return RemovableHandle(hooks, number)
        return self._hook_node(_hook_number(), hook)

    def _hook_node(self, number: int, hook: Callable[[Any], Any]) -> RemovableHandle:
        """Hooks of a node run in the order of their numbers."""
        node = origin(self._history())
        if node.hooks is None:
            node.hooks = {}
        node.hooks[number] = functools.partial(_call_hook, hook)
        return RemovableHandle(node.hooks, number)

    def retain_grad(self) -> None:
        """Keep the gradient of a result in its `.grad` too."""
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
            _add_to_grad(target, g._read(), mode.state.grad_enabled)

    return keep


def _call_hook(hook: Callable[[Any], Any], g: Node) -> Node | None:
    replaced = hook(wrap(g))
    return None if replaced is None else replaced._read()


def _seed(tensor: TensorBase, root: Node, gradient: TensorBase | None) -> Node | None:
    if not root.requires_grad:
        raise GraphError(
            "backward: this tensor does not require a gradient: no parameter with requires_grad=True led to it, or it "
            "was computed under no_grad() or detach()"
        )
    if gradient is None:
        if root.type.size != 1:
            raise ShapeError(
                f"backward: a tensor of shape {root.type.shape} has no single gradient; reduce it to a scalar "
                "(.sum() or .mean()) or pass gradient="
            )
        return None
    if tuple(gradient.shape) != root.type.shape:
        raise ShapeError(f"backward: the gradient has shape {tuple(gradient.shape)}, the tensor {root.type.shape}")
    return gradient._read()


def _hooked(leaf: Any, g: Node, create_graph: bool) -> Node:
    """The gradient of a leaf after its hooks."""
    if leaf is None or not leaf._is_leaf_variable or not leaf._hooks:
        return g
    with mode.enable_grad() if create_graph else mode.no_grad():
        for hook in list(leaf._hooks.values()):
            replaced = hook(wrap(g))
            g = g if replaced is None else replaced._read()
    return g


def _accumulate(leaf: Any, g: Node, create_graph: bool) -> None:
    _add_to_grad(leaf, _hooked(leaf, g, create_graph), create_graph)


def _add_to_grad(leaf: Any, g: Node, create_graph: bool) -> None:
    before = leaf.grad
    if before is None:
        leaf.grad = wrap(g)
    elif create_graph:
        leaf.grad = wrap(record(ADD, (before._read(), g)))
    else:
        with mode.no_grad():
            before._write(record(ADD, (before._read(), g)))


def grad(
    outputs: Any,
    inputs: Any,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    allow_unused: bool = False,
) -> tuple[Any, ...]:
    """Gradients of the outputs with respect to the inputs, returned instead of added to `.grad`.

    Args:
        outputs, inputs: a tensor or a sequence of tensors.
        grad_outputs: dL/doutput for each output, or None for single elements.
        retain_graph, create_graph: as in `backward`.
        allow_unused: give None for an input that no output depends on, in place of an error.

    Source: torch.autograd.grad.
    """
    outs = [outputs] if isinstance(outputs, TensorBase) else list(outputs)
    ins = [inputs] if isinstance(inputs, TensorBase) else list(inputs)
    given = [grad_outputs] if grad_outputs is None or isinstance(grad_outputs, TensorBase) else list(grad_outputs)
    given = given if len(given) == len(outs) else [None] * len(outs)
    roots = [x._history() for x in outs]
    seeds = [_seed(x, root, g) for x, root, g in zip(outs, roots, given, strict=True)]
    wanted = [origin(x._history()) for x in ins]
    keep = create_graph if retain_graph is None else retain_graph
    found = gradients(roots, seeds, wanted, retain_graph=keep, create_graph=create_graph)
    result = []
    for place, node in enumerate(wanted):
        if node in found:
            result.append(wrap(_hooked(ins[place], found[node], create_graph)))
        elif allow_unused:
            result.append(None)
        else:
            raise GraphError(f"grad: no output depends on input {place}; pass allow_unused=True to get None for it")
    return tuple(result)


class _GradMode:
    """A switch of the gradient mode: a context manager and a decorator."""

    enabled = True

    def __enter__(self) -> Self:
        self._before = mode.state.grad_enabled
        mode.state.grad_enabled = self.enabled
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        mode.state.grad_enabled = self._before

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with type(self)():
                return function(*args, **kwargs)

        return wrapped


class no_grad(_GradMode):
    """Record without following gradients.

    >>> import retrograd as rg
    >>> w = rg.ones(2, requires_grad=True)
    >>> with rg.no_grad():
    ...     (w * 2).requires_grad
    False
    """

    enabled = False


class enable_grad(_GradMode):
    """Follow gradients, also within `no_grad`."""


class inference_mode(no_grad):
    """As `no_grad`."""


class set_grad_enabled(_GradMode):
    """Follow gradients or not, by a flag; takes effect at once, and as a context manager for a while."""

    def __init__(self, enabled: bool) -> None:
        self.enabled = enabled
        self._before = mode.state.grad_enabled
        mode.state.grad_enabled = enabled

    def __enter__(self) -> Self:
        mode.state.grad_enabled = self.enabled
        return self


def is_grad_enabled() -> bool:
    """Whether recording follows gradients now."""
    return mode.state.grad_enabled
