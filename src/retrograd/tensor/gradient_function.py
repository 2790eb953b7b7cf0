"""grad_fn: the operation behind a result, for those who walk or print the graph backward."""

from __future__ import annotations

from functools import cached_property
from typing import Any
from weakref import WeakValueDictionary

from retrograd.core.node import Node
from retrograd.ops.arithmetic import origin

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
        return tuple(edge(x) for x in self._node.inputs)

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
