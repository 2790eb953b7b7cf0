"""Backward passes over extents: what is derived for one history serves histories of other extents.

A history has a key, all that it is beside its integers, and numbers, these integers. Histories of one key are recorded
anew over extents, from where a pass is derived as ever; what it does with extents is guarded.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from copy import copy
from functools import partial
from operator import attrgetter
from typing import Any, Final, Generic, Protocol, TypeVar

from retrograd.core.cache import Cache
from retrograd.core.family import Family, Fitter, Member, NotGeneralError, key_of_attribute, key_of_type
from retrograd.core.instance import graph_at
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Function, bodies, project, signature_of
from retrograd.core.signature import GeneralSignature, Instance, Signature

_by_number = attrgetter("number")


class DerivedPass(Protocol):
    """A backward pass as a function of values by their places, and of seeds by theirs."""

    function: Function
    residuals: tuple[int, ...]
    seeds: tuple[int, ...]


Pass = TypeVar("Pass", bound=DerivedPass)


def pass_for_extents(
    values: Sequence[Node],
    interior: Collection[Node],
    roots: Sequence[Node],
    seeded: Sequence[bool],
    derive: Callable[[list[Node], list[Node]], Pass],
) -> Pass | None:
    """The pass of a history as it follows from one over extents; None if there is none.

    Args:
        values: all nodes of the history, by their places.
        interior: those through which gradients flow and that are no leaves.
        roots: where the pass begins.
        seeded: whether a gradient is given for each.
        derive: the pass for other nodes in place of `values` and `roots`.
    """
    index = {node: place for place, node in enumerate(values)}
    order, inner = sorted(values, key=_by_number), set(interior)
    if any(isinstance(node.signature.operation, Function) for node in interior if node.signature is not None):
        # A function has a body of its own for each extent.
        return None
    key, numbers = _key_of_history(order, index, inner)
    places = tuple([index[root] for root in roots])
    everything = bodies.changes, key, places, tuple(seeded)
    family: Family[_GeneralPass[Pass]] = _families.get(everything) or _families.put(everything, Family())

    def general(fitter: Fitter) -> _GeneralPass[Pass]:
        made = _over_extents(order, inner, fitter)
        return _GeneralPass(derive([made[node] for node in values], [made[root] for root in roots]), fitter)

    found = family.find(tuple(numbers), general)
    if found is None:
        return None
    made = found.made
    given = [root for root, has in zip(roots, seeded, strict=True) if has]
    return made.at(found, [*[values[i] for i in made.derived.residuals], *[given[i] for i in made.derived.seeds]])


class _GeneralPass(Generic[Pass]):
    """A pass derived over extents."""

    def __init__(self, derived: Pass, fitter: Fitter) -> None:
        self.derived = derived
        graph = derived.function.graph
        signature = Signature(derived.function, (), graph.inputs, graph.output_types, graph)
        self._general = GeneralSignature(signature, fitter)

    def at(self, member: Member[Any], reads: Sequence[Node]) -> Pass:
        """The pass of a member; `reads` have the types of what it reads."""
        general, values = self._general, member.values
        found = copy(self.derived)
        found.function = Function(general.signature.operation.name, None)
        types = tuple([node.type for node in reads])
        graph = partial(graph_at, self.derived.function.graph, general.guards, values)
        outputs, instance = general.outputs(member.results), Instance(general, values)
        found.function.signature = Signature(found.function, (), types, outputs, graph, instance)
        return found


_families: Final[Cache[object, Family[Any]]] = Cache(limit=1 << 9)


def _key_of_history(
    order: Sequence[Node], index: Mapping[Node, int], interior: Collection[Node]
) -> tuple[object, list[int]]:
    """What a history is beside its integers, and these. None of it is left out that gradient rules could read."""
    numbers: list[int] = []
    key: list[object] = []
    for node in order:
        signature = node.signature
        key.append(index[node])
        if node not in interior or signature is None:
            key.append((node.requires_grad, key_of_type(node.type, numbers)))
            continue
        key += [signature.operation, *[index[x] for x in node.inputs]]
        if signature.projects is None:
            key += [key_of_type(type_, numbers) for type_ in signature.outputs]
            key.append(key_of_attribute(signature.attributes, numbers))
        else:
            key.append(signature.projects)
    return tuple(key), numbers


def _over_extents(order: Sequence[Node], interior: Collection[Node], fitter: Fitter) -> dict[Node, Node]:
    """Nodes over extents for all nodes of a history, recorded anew in their order.

    Raises:
        NotGeneralError: some numbers are of no expression that is looked for.
    """
    made: dict[Node, Node] = {}
    for node in order:
        signature = node.signature
        if node not in interior or signature is None:
            made[node] = input_node(fitter.free_type(node.type), None)
            made[node].requires_grad = node.requires_grad
            continue
        inputs = tuple([made[x] for x in node.inputs])
        if signature.projects is not None:
            made[node] = project(inputs[0], signature.projects, inputs[1:])
            continue
        outputs = [fitter.bound_type(type_) for type_ in signature.outputs]
        attributes = fitter.attribute(signature.attributes, fitter.bound)
        general = signature_of(signature.operation, tuple([x.type for x in inputs]), attributes)
        if [type_.shape for type_ in general.outputs] != [type_.shape for type_ in outputs]:
            raise NotGeneralError("a shape rule says something else")
        made[node] = Node(general, inputs, True)
    return made
