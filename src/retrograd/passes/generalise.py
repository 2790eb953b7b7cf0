"""Generalising: structures that differ in extents alone become one graph over `Extent`s.

The *form* of a graph is all of it but its integers: operations, wiring, dtypes, ranks, and every attribute that is no
integer. Its *numbers* are those integers, in a fixed order. Of structures of one form, each place has as many numbers
as there are structures; where they differ, an expression in a few symbols, which are extents of inputs, must give all
of them. Shape rules say what follows, so that expressions are looked for in inputs and attributes alone.

That an expression is right elsewhere is a guess. So a structure is an instance of a generalised one only if all of its
numbers are what the expressions say.
"""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from retrograd.core.cache import Cache
from retrograd.core.extent import Extent
from retrograd.core.family import Fitter, NotGeneralError, Numbers, key_of_attribute, key_of_type
from retrograd.core.graph import Graph, Step
from retrograd.core.guards import Evaluate
from retrograd.core.operation import Composite, ControlFlow, Primitive, signature_of
from retrograd.core.signature import GeneralSignature, Signature
from retrograd.core.types import TensorType


class Form(NamedTuple):
    """A graph, or a part of one.

    Attributes:
        key: what is no integer in it.
        numbers: its integers.
    """

    key: object
    numbers: Numbers


def is_general(graph: Graph) -> bool:
    """Whether a graph is over extents."""
    return any(isinstance(extent, Extent) for type_ in graph.inputs for extent in type_.shape)


# -- forms ------------------------------------------------------------------------------------------------------------

_forms: Final[Cache[Signature, Form]] = Cache(limit=1 << 13)
# Of signatures over extents, with a function of the symbols' values that gives the numbers.
_general_forms: Final[Cache[GeneralSignature, tuple[object, Evaluate]]] = Cache(limit=1 << 10)
# Keys of parts, each by an object that stands for it: a key holds its parts'.
_interned: Final[Cache[object, object]] = Cache(limit=1 << 13)


def _intern(key: object) -> object:
    return _interned.get(key) or _interned.put(key, object())


def form_of(graph: Graph) -> Form:
    """The form of a graph."""
    numbers: list[int] = []
    inputs = tuple([key_of_type(type_, numbers) for type_ in graph.inputs])
    key = _of_steps(graph, numbers)
    return Form(_intern((inputs, key, graph.outputs)), tuple(numbers))


def _of_steps(graph: Graph, numbers: list[int]) -> object:
    keys: list[object] = []
    for step in graph.steps:
        form = _forms.young.get(step.signature) or _of_signature(step.signature)
        keys.append(form.key)
        keys.append(step.args)
        numbers += form.numbers
    return tuple(keys)


def _of_signature(signature: Signature) -> Form:
    """Of a step: attributes and outputs. Its inputs are outputs of others, or inputs of the graph."""
    found = _forms.get(signature)
    if found is not None:
        return found
    if signature.instance is not None:
        general, values = signature.instance
        key, evaluate = _general_forms.get(general) or _of_general(general)
        return _forms.put(signature, Form(key, evaluate(values)))
    numbers: list[int] = []
    if signature.graph is not None:
        operation = signature.operation
        name: object = operation if isinstance(operation, Composite) else operation.name
        key = name, _of_steps(signature.graph, numbers), signature.graph.outputs
    else:
        attributes = _of_attribute(signature.attributes, numbers)
        key = signature.operation, attributes, tuple([key_of_type(type_, numbers) for type_ in signature.outputs])
    return _forms.put(signature, Form(_intern(key), tuple(numbers)))


def _of_general(general: GeneralSignature) -> tuple[object, Evaluate]:
    form = _of_signature(general.signature)
    return _general_forms.put(general, (form.key, general.guards.compiled(form.numbers)))


def _of_attribute(attribute: Any, numbers: list[int]) -> object:
    """As `key_of_attribute`, with the forms of bodies."""
    if isinstance(attribute, tuple):
        return attribute.__class__, tuple([_of_attribute(part, numbers) for part in attribute])
    if attribute.__class__ is Graph:
        form = form_of(attribute)
        numbers += form.numbers
        return Graph, form.key
    return key_of_attribute(attribute, numbers)


# -- graphs over extents ----------------------------------------------------------------------------------------------


def generalised(graph: Graph, fitter: Fitter) -> Graph:
    """A recorded graph with expressions in place of the numbers of its form.

    Raises:
        NotGeneralError: some numbers are of no expression that is looked for.
    """
    return _graph(graph, tuple(map(fitter.free_type, graph.inputs)), fitter)


def _graph(graph: Graph, inputs: tuple[TensorType, ...], fitter: Fitter) -> Graph:
    types = list(inputs)
    steps: list[Step] = []
    for step in graph.steps:
        signature = _signature(step.signature, tuple(types[arg] for arg in step.args), fitter)
        types += signature.outputs
        steps.append(Step(signature, step.args, step.origin))
    return Graph(inputs, tuple(steps), graph.outputs)


def _signature(signature: Signature, inputs: tuple[TensorType, ...], fitter: Fitter) -> Signature:
    operation = signature.operation
    if signature.graph is not None:
        body = _graph(signature.graph, inputs, fitter)
        # Its body says all that its attributes did.
        return Signature(operation, (), inputs, body.output_types, body)
    if not isinstance(operation, Primitive | ControlFlow):
        raise NotGeneralError(f"{operation} has no body")
    made = signature_of(operation, inputs, _attribute(signature.attributes, fitter))
    fitter.follow(made.outputs)
    return made


def _attribute(attribute: Any, fitter: Fitter) -> Any:
    """As `Fitter.attribute`, with bodies, whose inputs stand before their steps."""
    if isinstance(attribute, tuple) and any(part.__class__ in (tuple, Graph) for part in attribute):
        return tuple([_attribute(part, fitter) for part in attribute])
    if attribute.__class__ is Graph:
        return _graph(attribute, tuple(map(fitter.bound_type, attribute.inputs)), fitter)
    return fitter.attribute(attribute, fitter.bound)
