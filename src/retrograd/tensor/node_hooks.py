"""Hooks of the nodes of the backward graph: code of the user before and after an operation's gradient rule."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from retrograd.autodiff.reverse import input_gradients, reads_values
from retrograd.core import mode
from retrograd.core.errors import DTypeError, GraphError
from retrograd.core.node import Hooks, Node
from retrograd.ops.custom import FUNCTION
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.hooks import RemovableHandle, add_hook


class HookedRule:
    """A gradient rule with hooks around it; it stands in the place of the operation's own (`Hooks.rule`).

    Attributes:
        before: called with the gradients of the node's outputs.
        after: called with the gradients of its inputs, and those of its outputs.
        name: of the function of the user whose rule this was, or of the operation.
    """

    def __init__(self, node: Node) -> None:
        assert node.signature is not None
        hooks = node.hooks
        self._rule = None if hooks is None else hooks.rule
        self.name: str = getattr(self._rule, "name", node.signature.operation.name)
        self.before: dict[int, Callable[..., Any]] = {}
        self.after: dict[int, Callable[..., Any]] = {}

    def __call__(self, node: Node, gradients: Mapping[int, Node]) -> list[Node | None]:
        assert node.signature is not None
        count = len(node.signature.outputs)
        arrived = tuple(gradients.get(place) for place in range(count))
        for hook in list(self.before.values()):
            mode.state.user_calls += 1
            arrived = _replaced(hook, arrived, hook(_tensors(arrived)))
        outputs = {place: g for place, g in enumerate(arrived) if g is not None}
        found = self._gradients(node, outputs)
        known = len(operands(node))
        for hook in list(self.after.values()):
            mode.state.user_calls += 1
            found[:known] = _replaced(hook, tuple(found[:known]), hook(_tensors(found[:known]), _tensors(arrived)))
        return found

    def _gradients(self, node: Node, outputs: Mapping[int, Node]) -> list[Node | None]:
        if not outputs:
            return [None] * len(node.inputs)
        if self._rule is not None:
            return list(self._rule(node, outputs))
        assert node.signature is not None
        return list(input_gradients(node, node.signature, outputs, tuple(x.requires_grad for x in node.inputs)))


def operands(node: Node) -> tuple[Node, ...]:
    """What the gradients of a node go to: its inputs, but for the values that a `Function` has made of them."""
    signature = node.signature
    if signature is not None and signature.operation is FUNCTION:
        return node.inputs[: int(signature.attributes[0])]
    return node.inputs


def hook_rule(node: Node, hook: Callable[..., Any], *, before: bool) -> RemovableHandle:
    """Call a hook before or after the gradient rule of a node."""
    if node.hooks is None or not isinstance(node.hooks.rule, HookedRule):
        rule = HookedRule(node)
        reads = reads_values(node, {x for x in node.inputs if x.requires_grad})
        if node.hooks is None:
            node.hooks = Hooks()
        node.hooks.rule, node.hooks.reads = rule, reads
    found = node.hooks.rule
    assert isinstance(found, HookedRule)
    return add_hook(found.before if before else found.after, hook)


def _tensors(nodes: Any) -> tuple[Any, ...]:
    return tuple(None if g is None else wrap(g) for g in nodes)


def _replaced(hook: Any, gradients: tuple[Node | None, ...], returned: Any) -> tuple[Node | None, ...]:
    """Gradients after a hook, which may put others in their places.

    Raises:
        TypeError: it returned no tuple, or something else than tensors in it. GraphError, DTypeError: too many or too
            few, or one of another shape or dtype.
    """
    if returned is None:
        return gradients
    name = getattr(hook, "__name__", type(hook).__name__)
    given = (returned,) if isinstance(returned, TensorBase) else returned
    if not isinstance(given, (tuple, list)) or not all(g is None or isinstance(g, TensorBase) for g in given):
        raise TypeError(f"the hook {name!r} must return a tuple of tensors or None, and returned {returned!r}")
    if len(given) != len(gradients):
        raise GraphError(f"the hook {name!r} returned {len(given)} gradients; it received {len(gradients)}")
    made = tuple(None if g is None else g._read() for g in given)
    for old, new in zip(gradients, made, strict=True):
        if old is None or new is None:
            continue
        if old.type.shape != new.type.shape:
            raise GraphError(
                f"the hook {name!r} returned a gradient of shape {new.type.shape}; it must have that of the one it "
                f"received, {old.type.shape}"
            )
        if old.type.dtype is not new.type.dtype:
            raise DTypeError(
                f"the hook {name!r} returned a gradient of dtype {new.type.dtype.name}; it must have that of the one "
                f"it received, {old.type.dtype.name}: cast with .to(gradient.dtype)"
            )
    return made
