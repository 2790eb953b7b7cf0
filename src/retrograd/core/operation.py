"""What can be applied: primitives, which backends run, composites, which are named functions over the graph, and
control flow, which runs whole graphs: loops and branches.

A primitive carries all of its meaning: shape rule, NumPy reference, gradient rule, batching rule. A composite is
recorded as ONE node; its body is traced once a signature, its gradient derived once, and both are inlined by the
first pass over a program.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from operator import attrgetter
from typing import Any, Final

from retrograd.core import mode
from retrograd.core.cache import Cache
from retrograd.core.errors import InternalError
from retrograd.core.extent import Extent
from retrograd.core.family import Family, Fitter, key_of_attribute, key_of_type
from retrograd.core.graph import Graph
from retrograd.core.node import Node, input_node
from retrograd.core.signature import Attributes, GeneralSignature, Instance, Operation, Signature
from retrograd.core.types import TensorType

# gradient(g, inputs, output, attributes) -> a node or None for each input
GradientRule = Callable[[Node, tuple[Node, ...], Node, Attributes], Sequence[Node | None]]
# batching(operands with the batch axis moved to 0, which are batched, attributes, batch size) -> node
BatchingRule = Callable[[tuple[Node, ...], tuple[bool, ...], Attributes, int], Node]

PullBack = Callable[[Graph, list[Node], Sequence[bool], Mapping[int, Node]], Sequence[Node | None]]


@dataclass(frozen=True)
class Call:
    """What a gradient rule for several outputs has to work with.

    Attributes:
        inputs: the nodes that were read.
        needs: which of them need a gradient.
        seeds: the gradients of outputs, by position, where there are.
        output: the node of an output, by position.
        attributes: of the call.
        pull_back: `pull_back(body, values, needs, seeds)`: the gradients of a body's inputs, from those of its outputs
            by position; `values` are the nodes of all of the body's values, as `inline` gives them.
    """

    inputs: tuple[Node, ...]
    needs: tuple[bool, ...]
    seeds: Mapping[int, Node]
    output: Callable[[int], Node]
    attributes: Attributes
    pull_back: PullBack


# a call -> a node or None for each input
CallGradientRule = Callable[[Call], Sequence[Node | None]]
# batch_body, operands with the batch axis moved to 0, which are batched, attributes, batch size
BodyBatchingRule = Callable[
    [Callable[..., Any], tuple[Node, ...], tuple[bool, ...], Attributes, int], tuple[list[Node], list[bool]]
]


class Primitive(Operation):
    """An operation that backends run.

    Args:
        name: unique among primitives.
        infer: input types and attributes to the output's type; raises ShapeError or DTypeError.
        reference: NumPy arrays and attributes to the NumPy result: the definition.
        gradient: the gradient rule, built from primitives, or None where nothing flows.
        batch: the batching rule for `vmap`.
    """

    __slots__ = ("infer", "reference", "gradient", "batch")

    def __init__(
        self,
        name: str,
        infer: Callable[..., TensorType],
        reference: Callable[..., Any],
        gradient: GradientRule | None,
        batch: BatchingRule | None,
    ) -> None:
        super().__init__(name)
        self.infer = infer
        self.reference = reference
        self.gradient = gradient
        self.batch = batch


class Composite(Operation):
    """A named function over the graph, recorded as one node.

    Args:
        name: what pictures of the graph call it.
        body: nodes and attributes to a node, or a tuple of nodes where it has several outputs.
        gradient: a rule in place of the derived one, where a better formula is known.
        call_gradient: such a rule for several outputs.
    """

    __slots__ = ("body", "gradient", "call_gradient")

    def __init__(
        self,
        name: str,
        body: Callable[..., Any],
        gradient: GradientRule | None = None,
        call_gradient: CallGradientRule | None = None,
    ) -> None:
        super().__init__(name)
        self.body = body
        self.gradient = gradient
        self.call_gradient = call_gradient


class Function(Operation):
    """A composite known by its graph: a derived gradient, or the remembered backward pass of a whole structure.

    Args:
        name: what pictures of the graph call it.
        graph: its body.
        signature: its only one, if that is there before the body is.
    """

    __slots__ = ("_graph", "signature")

    def __init__(self, name: str, graph: Graph | None, signature: Signature | None = None) -> None:
        super().__init__(name)
        self._graph, self.signature = graph, signature

    @property
    def graph(self) -> Graph:
        if self._graph is None and self.signature is not None:
            self._graph = self.signature.graph
        assert self._graph is not None
        return self._graph


class ControlFlow(Operation):
    """An operation over whole graphs, its bodies: a loop, a branch. Backends run it; it may have several outputs.

    The first of its attributes are the bodies. Its rules are given what they need to handle one: a way to run it on
    arrays, to derive its gradient, to batch it.

    Args:
        name: unique among operations of this kind.
        infer: input types and attributes to the types of the outputs; raises ShapeError or DTypeError.
        reference: `run`, arrays and attributes to arrays; `run(body, arrays)` computes a body.
        gradient: the gradient rule.
        batch: the batching rule; gives the outputs, and which of them are batched. `batch_body(body, operands,
            which are batched, size)` does the same for a body.
    """

    __slots__ = ("infer", "reference", "gradient", "batch")

    def __init__(
        self,
        name: str,
        infer: Callable[..., tuple[TensorType, ...]],
        reference: Callable[..., Any],
        gradient: CallGradientRule,
        batch: BodyBatchingRule,
    ) -> None:
        super().__init__(name)
        self.infer = infer
        self.reference = reference
        self.gradient = gradient
        self.batch = batch


class _Bodies:
    """How often something has changed that bodies of composites depend on."""

    changes = 0


bodies: Final = _Bodies()
PRIMITIVES: Final[dict[str, Primitive]] = {}
COMPOSITES: Final[dict[str, Composite]] = {}
CONTROL_FLOW: Final[dict[str, ControlFlow]] = {}
# A signature that nobody has asked for lately is made again, under a new key, when somebody does.
signatures: Final[Cache[tuple[Any, ...], Signature]] = Cache(limit=1 << 14)
_known: Final = signatures.young
_families: Final[Cache[tuple[Any, ...], Family[GeneralSignature]]] = Cache(limit=1 << 11)
# What recording looks at each time, by the shortest way.
_casting, _state = mode.casting, mode.state
_requires_grad = attrgetter("requires_grad")


def register(primitive: Primitive) -> Primitive:
    """Enter a primitive under its name."""
    if primitive.name in PRIMITIVES:
        raise InternalError(f"the primitive {primitive.name!r} is registered twice")
    PRIMITIVES[primitive.name] = primitive
    return primitive


def register_flow(flow: ControlFlow) -> ControlFlow:
    """Enter control flow under its name."""
    if flow.name in CONTROL_FLOW:
        raise InternalError(f"the control flow {flow.name!r} is registered twice")
    CONTROL_FLOW[flow.name] = flow
    return flow


def composite(
    name: str, gradient: GradientRule | None = None, *, call_gradient: CallGradientRule | None = None
) -> Callable[[Callable[..., Any]], Composite]:
    """Decorator: enter a function over nodes as a composite."""

    def enter(body: Callable[..., Any]) -> Composite:
        if name in COMPOSITES:
            raise InternalError(f"the composite {name!r} is registered twice")
        COMPOSITES[name] = Composite(name, body, gradient, call_gradient)
        return COMPOSITES[name]

    return enter


def _infer_project(types: tuple[TensorType, ...], attributes: Attributes) -> TensorType:
    raise InternalError("project is made by `project()` alone")


PROJECT: Final = Primitive("project", _infer_project, lambda x: x, None, None)


def project(node: Node, index: int, beside: tuple[Node, ...] = ()) -> Node:
    """Output `index` of a node with several outputs.

    It holds `beside`, other outputs of the node that a backward pass would read: so that they are kept with this one.
    """
    assert node.signature is not None
    signature = _projections(node.signature)[index]
    inputs = (node, *beside) if beside else (node,)
    return Node(signature, inputs, node.requires_grad and signature.differentiable)


def _projections(parent: Signature) -> tuple[Signature, ...]:
    """The signatures of `project` of all outputs of a node."""
    if not parent.projections:
        made = [Signature(PROJECT, (i,), (parent.type,), (type_,), None) for i, type_ in enumerate(parent.outputs)]
        parent.projections = tuple(made)
    return parent.projections


def results(node: Node) -> list[Node]:
    """All outputs of a node."""
    signature = node.signature
    assert signature is not None
    if len(signature.outputs) == 1:
        return [node]
    inputs, followed = (node,), node.requires_grad
    return [Node(each, inputs, followed and each.differentiable) for each in _projections(signature)]


def record(operation: Operation, inputs: tuple[Node, ...], attributes: Attributes = ()) -> Node:
    """Apply an operation: one new node, its types inferred and its errors raised now.

    Raises:
        ShapeError, DTypeError: the inputs break the operation's rule.
    """
    if _casting.places and _state.autocast is not None:
        inputs = _state.autocast(operation, inputs)
    key: tuple[Any, ...]
    # Most operations have one to four inputs: a loop over them would cost as much as all the rest.
    count = len(inputs)
    if count == 2:
        x, y = inputs
        key = (operation, attributes, x.type, y.type)
        followed = x.requires_grad or y.requires_grad
    elif count == 1:
        (x,) = inputs
        key = (operation, attributes, x.type)
        followed = x.requires_grad
    elif count == 3:
        x, y, z = inputs
        key = (operation, attributes, x.type, y.type, z.type)
        followed = x.requires_grad or y.requires_grad or z.requires_grad
    elif count == 4:
        w, x, y, z = inputs
        key = (operation, attributes, w.type, x.type, y.type, z.type)
        followed = w.requires_grad or x.requires_grad or y.requires_grad or z.requires_grad
    else:
        key = (operation, attributes, *[node.type for node in inputs])
        followed = True in map(_requires_grad, inputs)
    signature = _known.get(key) or signature_of(operation, key[2:], attributes)
    return Node(signature, inputs, followed and signature.differentiable and _state.grad_enabled)


def signature_of(operation: Operation, types: tuple[TensorType, ...], attributes: Attributes) -> Signature:
    """The one Signature of an operation on these types; shape rules run, and bodies are traced, the first time."""
    key = (operation, attributes, *types)
    found = signatures.get(key)
    if found is not None:
        return found
    if isinstance(operation, Composite):
        return signatures.put(key, _of_composite(operation, attributes, types))
    graph = None
    if isinstance(operation, Primitive):
        outputs: tuple[TensorType, ...] = (operation.infer(types, *attributes),)
    elif isinstance(operation, ControlFlow):
        outputs = operation.infer(types, *attributes)
    else:
        assert isinstance(operation, Function)
        if operation.signature is not None:
            return signatures.put(key, operation.signature)
        graph = operation.graph
        outputs = graph.output_types
    return signatures.put(key, Signature(operation, attributes, types, outputs, graph))


def forget_signatures() -> None:
    """Have every signature made anew: something that bodies of composites depend on is about to change."""
    for signature in (*signatures.young.values(), *signatures.old.values()):
        if signature.instance is not None:
            signature.hold_body()
    signatures.clear()
    _families.clear()
    bodies.changes += 1


def _of_composite(operation: Composite, attributes: Attributes, types: tuple[TensorType, ...]) -> Signature:
    """Composites that have come with a few different extents are traced once for others."""
    numbers: list[int] = []
    key = operation, *[key_of_type(type_, numbers) for type_ in types], key_of_attribute(attributes, numbers)
    if Extent not in set(map(type, numbers)):
        family = _families.get(key) or _families.put(key, Family())
        found = family.find(tuple(numbers), partial(_general, operation, attributes, types))
        if found is not None:
            general, values, extents = found
            trace = partial(_trace, operation, attributes, types)
            return Signature(operation, attributes, types, general.outputs(extents), trace, Instance(general, values))
    graph = _trace(operation, attributes, types)
    return Signature(operation, attributes, types, graph.output_types, graph)


def _general(
    operation: Composite, attributes: Attributes, types: tuple[TensorType, ...], fitter: Fitter
) -> GeneralSignature:
    """The signature of a composite over extents."""
    types = tuple(map(fitter.free_type, types))
    attributes = fitter.attribute(attributes, fitter.free)
    graph = _trace(operation, attributes, types)
    return GeneralSignature(Signature(operation, attributes, types, graph.output_types, graph), fitter)


def _trace(operation: Composite, attributes: Attributes, types: tuple[TensorType, ...]) -> Graph:
    placeholders = tuple(input_node(type_, None) for type_ in types)
    with mode.tracing():
        result = operation.body(*placeholders, *attributes)
    outputs = result if isinstance(result, tuple) else (result,)
    return Graph.from_nodes(placeholders, outputs)


def inline(graph: Graph, inputs: Sequence[Node]) -> list[Node]:
    """Record the steps of `graph` on `inputs`; the nodes of all its values, in their order."""
    values: list[Node] = list(inputs)
    for step in graph.steps:
        signature = step.signature
        values.extend(results(Node(signature, tuple(values[arg] for arg in step.args), False)))
    return values
