"""A recorded history over extents: backward passes of changing extents are derived once for many of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from retrograd.core.family import Fitter, NotGeneralError, key_of_attribute, key_of_type
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Function, project, signature_of


def key_of_history(
    values: Sequence[Node], index: Mapping[Node, int], interior: Collection[Node]
) -> tuple[object, list[int]]:
    """What a history is beside its integers, and these. None of it is left out that gradient rules could read.

    Args:
        values: nodes, each after its inputs.
        index: their places.
        interior: those that were computed, as far as gradients flow; the others are leaves or without gradients.
    """
    numbers: list[int] = []
    key: list[object] = []
    for node in values:
        signature = node.signature
        if node not in interior or signature is None:
            key.append((node.requires_grad, key_of_type(node.type, numbers)))
            continue
        operation = signature.operation
        key += [operation, *[index[x] for x in node.inputs]]
        if signature.projects is None:
            key += [key_of_type(type_, numbers) for type_ in signature.outputs]
            key.append(key_of_attribute(signature.attributes, numbers))
        else:
            key.append(signature.projects)
    return tuple(key), numbers


def general_history(
    values: Sequence[Node], index: Mapping[Node, int], interior: Collection[Node], fitter: Fitter
) -> list[Node]:
    """Nodes over extents for all values of a history, recorded anew in their order.

    Raises:
        NotGeneralError: some numbers are of no expression that is looked for.
    """
    made: list[Node] = []
    for node in values:
        signature = node.signature
        if node not in interior or signature is None:
            made.append(input_node(fitter.free_type(node.type), None))
            made[-1].requires_grad = node.requires_grad
            continue
        if isinstance(signature.operation, Function):
            raise NotGeneralError("a function has a body of its own for each extent")
        inputs = tuple(made[index[x]] for x in node.inputs)
        if signature.projects is not None:
            made.append(project(inputs[0], signature.projects, inputs[1:]))
            continue
        types = tuple(x.type for x in inputs)
        outputs = [fitter.bound_type(type_) for type_ in signature.outputs]
        general = signature_of(signature.operation, types, fitter.attribute(signature.attributes, fitter.bound))
        if [type_.shape for type_ in general.outputs] != [type_.shape for type_ in outputs]:
            raise NotGeneralError("a shape rule says something else")
        made.append(Node(general, inputs, True))
    return made
