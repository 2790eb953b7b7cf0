"""grad_fn: the operation behind a result, for those who walk or print the graph backward."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import Any, NamedTuple
from weakref import WeakValueDictionary

from retrograd.core.errors import GraphError
from retrograd.core.node import Node
from retrograd.core.operation import project
from retrograd.ops.arithmetic import origin
from retrograd.tensor.hooks import RemovableHandle, SeveralHandles
from retrograd.tensor.node_hooks import hook_rule, operands

_NAMES = {
    "reshape": "View",
    "broadcast": "Expand",
    "identity": "Clone",
    "to": "ToCopy",
    "max.dim": "Max",
    "min.dim": "Min",
}
_kinds: dict[str, type[GradientFunction]] = {}
_living: WeakValueDictionary[int, GradientFunction] = WeakValueDictionary()


class GradientFunction:
    """One operation of the backward graph. Its class has the name that it is printed with, such as `MulBackward0`.

    Attributes:
        next_functions: for each input of the operation, the function that its gradient goes to, and which of that
            function's outputs it is; (None, 0) where no gradient is wanted.

    Source: torch.autograd.graph.Node.

    >>> import retrograd as rg
    >>> w = rg.ones(2, requires_grad=True)
    >>> y = (w * 2).sum()
    >>> y.grad_fn
    <SumBackward0>
    >>> [[next.name() for next, _ in y.grad_fn.next_functions]]
    [['MulBackward0']]
    >>> y.grad_fn.next_functions[0][0].next_functions[0][0].variable is w
    True
    """

    def __init__(self, node: Node) -> None:
        self._node = node

    def name(self) -> str:
        """Of the function."""
        return type(self).__name__

    @cached_property
    def next_functions(self) -> tuple[tuple[GradientFunction | None, int], ...]:
        return tuple(edge(x) for x in operands(self._node))

    @cached_property
    def metadata(self) -> dict[Any, Any]:
        """A dictionary for the user, kept as long as somebody holds this object."""
        return {}

    def register_prehook(self, fn: Callable[[tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call `fn(grad_outputs)` before the gradients of this operation are recorded.

        Args:
            fn: takes the gradients that arrive at the outputs, None where there is none; what it returns, if anything,
                takes their places.

        Returns:
            A handle whose `remove()` takes the hook away.

        Raises, in the backward pass:
            TypeError, GraphError, DTypeError: the hook returned something else than gradients like those it received.

        Source: torch.autograd.graph.Node.register_prehook. A hook runs while the pass is recorded: gradients are lazy.

        >>> import retrograd as rg
        >>> w = rg.ones(2, requires_grad=True)
        >>> y = (w * 2).sum()
        >>> handle = y.grad_fn.register_prehook(lambda gradients: (gradients[0] * 10,))
        >>> y.backward()
        >>> w.grad
        tensor([20., 20.])
        """
        return hook_rule(self._node, fn, before=True)

    def register_hook(self, fn: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call `fn(grad_inputs, grad_outputs)` after the gradients of this operation have been recorded.

        Args:
            fn: takes the gradients that go to the inputs, in the order of `next_functions`, and those that arrived at
                the outputs, None where there is none; what it returns, if anything, takes the places of the former.

        Returns:
            A handle whose `remove()` takes the hook away.

        Raises, in the backward pass:
            TypeError, GraphError, DTypeError: the hook returned something else than gradients like those it received.

        Source: torch.autograd.graph.Node.register_hook. A hook runs while the pass is recorded: gradients are lazy.

        >>> import retrograd as rg
        >>> w = rg.ones(2, requires_grad=True)
        >>> y = w * 2
        >>> handle = y.grad_fn.register_hook(lambda to_inputs, from_outputs: (to_inputs[0] + 1, None))
        >>> y.sum().backward()
        >>> w.grad
        tensor([3., 3.])
        """
        return hook_rule(self._node, fn, before=False)

    def __repr__(self) -> str:
        return f"<{self.name()}>"


class AccumulateGrad(GradientFunction):
    """The end of the backward graph: it adds to a leaf's `.grad`."""

    @property
    def variable(self) -> Any:
        """The leaf; None when nobody holds it any more."""
        return None if self._node.leaf is None else self._node.leaf()

    @cached_property
    def next_functions(self) -> tuple[tuple[GradientFunction | None, int], ...]:
        return ()

    def register_prehook(self, fn: Callable[[tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call `fn((gradient,))` before a gradient is added to the leaf's `.grad`; what it returns takes its place."""

        def on_gradient(gradient: Any) -> Any:
            found = fn((gradient,))
            return found[0] if isinstance(found, tuple) else found

        return self._leaf().register_hook(on_gradient)  # type: ignore[no-any-return]

    def register_hook(self, fn: Callable[[tuple[Any, ...], tuple[Any, ...]], Any]) -> RemovableHandle:
        """Call `fn((), (gradient,))` after a gradient was added to the leaf's `.grad`."""
        leaf = self._leaf()
        arrived: list[Any] = []
        seen = leaf.register_hook(arrived.append)

        def after(_: Any) -> None:
            fn((), (arrived.pop(),))
            arrived.clear()

        return SeveralHandles([seen, leaf.register_post_accumulate_grad_hook(after)])

    def _leaf(self) -> Any:
        found = self.variable
        if found is None:
            raise GraphError("AccumulateGrad: the leaf is gone, so no hook would ever be called")
        return found


class GradientEdge(NamedTuple):
    """A place of the backward graph: one output of a function.

    Attributes:
        node: the function.
        output_nr: which of its outputs.
        ownership_token: what holds the graph.

    Source: torch.autograd.graph.GradientEdge.
    """

    node: GradientFunction
    output_nr: int
    ownership_token: Any = None

    def recorded(self) -> Node:
        """The node of the recorded graph."""
        if isinstance(self.ownership_token, Node):
            return self.ownership_token
        inner = self.node._node
        several = inner.signature is not None and inner.leaf is None and len(inner.signature.outputs) > 1
        return project(inner, self.output_nr) if several else inner


def get_gradient_edge(tensor: Any) -> GradientEdge:
    """The place of the backward graph where the gradient of a tensor arrives.

    `autograd.grad` and `autograd.backward` take it in the place of the tensor.

    Raises:
        GraphError: the tensor does not require a gradient.

    Source: torch.autograd.graph.get_gradient_edge.

    >>> import retrograd as rg
    >>> w = rg.tensor([1.0, 2.0], requires_grad=True)
    >>> y = w * w
    >>> place = rg.autograd.graph.get_gradient_edge(y)
    >>> rg.autograd.grad(y.sum() * 3, place)
    (tensor([3., 3.]),)
    """
    node = tensor._history()
    function, output = edge(node)
    if function is None:
        raise GraphError("get_gradient_edge: the tensor does not require a gradient")
    return GradientEdge(function, output, origin(node))


def edge(node: Node) -> tuple[GradientFunction | None, int]:
    """The function behind a node, and which of its outputs the node is."""
    node = origin(node)
    if not node.requires_grad:
        return None, 0
    signature = node.signature
    if node.leaf is None and signature is not None and signature.projects is not None:
        return _function(node.inputs[0]) if node.inputs else _function(node), signature.projects
    return _function(node), 0


def _function(node: Node) -> GradientFunction:
    """The one function object of a node, as long as somebody holds it."""
    found = _living.get(id(node))
    if found is None:
        kind = AccumulateGrad if node.leaf is not None else _kind(_name(node))
        found = _living[id(node)] = kind(node)
    return found


def operation_name(node: Node) -> str:
    """The name of a node's operation; of a Function of the user, its class."""
    assert node.signature is not None
    rule = node.hooks.rule if node.hooks is not None else None
    name: str = getattr(rule, "name", node.signature.operation.name)
    return name


def _name(node: Node) -> str:
    name = operation_name(node)
    assert node.signature is not None
    if name != node.signature.operation.name:
        return f"{name}Backward"
    parts = name.replace(".", "_").split("_")
    return _NAMES.get(name, "".join(part[:1].upper() + part[1:] for part in parts)) + "Backward0"


def _kind(name: str) -> type[GradientFunction]:
    if name not in _kinds:
        _kinds[name] = type(name, (GradientFunction,), {"__doc__": GradientFunction.__doc__})
    return _kinds[name]
