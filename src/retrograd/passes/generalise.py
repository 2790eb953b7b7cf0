"""Generalising: structures that differ in extents alone become one graph over `Extent`s.

The *form* of a graph is all of it but its integers: operations, wiring, dtypes, ranks, and every attribute that is no
integer. Its *numbers* are those integers, in a fixed order. Of structures of one form, each place has as many numbers
as there are structures; where they differ, an expression in a few symbols, which are extents of inputs, must give all
of them. Shape rules say what follows, so that expressions are looked for in inputs and attributes alone.

That an expression is right elsewhere is a guess. So a structure is an instance of a generalised one only if all of its
numbers are what the expressions say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations_with_replacement
from typing import Any, Final, NamedTuple

from retrograd.core.cache import Cache
from retrograd.core.errors import RetrogradError
from retrograd.core.extent import Evaluate, Extent, Guards
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import Attributes, Composite, ControlFlow, Primitive, Signature, signature_of
from retrograd.core.types import TensorType, tensor_type

Numbers = tuple[int, ...]
# More symbols than that are no few extents that change.
_MOST_SYMBOLS: Final = 4


class Form(NamedTuple):
    """A graph, or a part of one.

    Attributes:
        key: what is no integer in it.
        numbers: its integers.
    """

    key: object
    numbers: Numbers


class NotGeneralError(Exception):
    """The structures differ in more than extents that can be expressed."""


# -- forms ------------------------------------------------------------------------------------------------------------

_forms: Final[Cache[Signature, Form]] = Cache(limit=1 << 13)
_graph_forms: Final[Cache[int, tuple[Graph, Form]]] = Cache(limit=1 << 10)
# Keys of parts, each by a number: a key holds its parts'.
_interned: Final[Cache[object, object]] = Cache(limit=1 << 13)


class _Interned:
    """Stands for a key."""

    __slots__ = ()


def _intern(key: object) -> object:
    return _interned.get(key) or _interned.put(key, _Interned())


def form_of(graph: Graph) -> Form:
    """The form of a graph."""
    numbers: list[int] = []
    inputs = tuple([_of_type(type_, numbers) for type_ in graph.inputs])
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
    numbers: list[int] = []
    key: object
    if signature.graph is not None:
        operation = signature.operation
        name: object = operation if isinstance(operation, Composite) else operation.name
        key = name, _of_steps(signature.graph, numbers), signature.graph.outputs
    else:
        attributes = _of_attribute(signature.attributes, numbers)
        key = signature.operation, attributes, tuple([_of_type(type_, numbers) for type_ in signature.outputs])
    return _forms.put(signature, Form(_intern(key), tuple(numbers)))


def _of_type(type_: TensorType, numbers: list[int]) -> object:
    shape = type_.shape
    numbers += shape
    return type_.dtype, len(shape)


def _of_attribute(attribute: Any, numbers: list[int]) -> object:
    kind = attribute.__class__
    if kind is int:
        numbers.append(attribute)
        return int
    if isinstance(attribute, tuple):
        return kind, tuple([_of_attribute(part, numbers) for part in attribute])
    if kind is Graph:
        form = form_of(attribute)
        numbers += form.numbers
        return Graph, form.key
    # 1.0, True and 1 are different, and so are the two zeros.
    return kind, repr(attribute) if kind is float else attribute


# -- graphs over extents ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class General:
    """A graph over extents.

    Attributes:
        graph: what was recorded, with expressions in place of numbers.
        guards: of its symbols; what is done with the graph adds to them.
        places: for each symbol, where it stands among the numbers.
    """

    graph: Graph
    guards: Guards
    places: tuple[int, ...]
    _numbers: Evaluate

    def values(self, numbers: Numbers) -> Numbers | None:
        """The symbols' values for a structure with these numbers; None if it is no instance of this graph."""
        values = tuple([numbers[place] for place in self.places])
        return values if self._numbers(values) == numbers else None


def generalised(graph: Graph, samples: Sequence[Numbers]) -> General:
    """The graph over extents of which structures are instances, all of the form of `graph`.

    Args:
        graph: the last of them, whose numbers symbols have meanwhile.
        samples: the numbers of all of them.

    Raises:
        NotGeneralError: there is none.
    """
    return _Generaliser(samples).general(graph)


def is_general(graph: Graph) -> bool:
    """Whether a graph is over extents."""
    return any(isinstance(extent, Extent) for type_ in graph.inputs for extent in type_.shape)


class _Generaliser:
    def __init__(self, samples: Sequence[Numbers]) -> None:
        self.guards = Guards()
        # Where structures differ, all of their numbers; what is the same everywhere is itself.
        self._columns: Iterator[Numbers] = iter(list(zip(*samples, strict=True)))
        self._samples = samples
        self._symbols: list[tuple[Extent, Numbers]] = []
        self._places: list[int] = []
        self._known: dict[Numbers, Extent] = {}
        self._numbers: list[int | Extent] = []

    def general(self, graph: Graph) -> General:
        inputs = tuple(self._input(type_) for type_ in graph.inputs)
        if not self._symbols:
            raise NotGeneralError("no input has an extent that changes")
        made = self._graph(graph, inputs)
        evaluate = self.guards.compiled(self._numbers)
        for sample in self._samples:
            if evaluate([sample[place] for place in self._places]) != sample:
                raise NotGeneralError("an expression does not give the numbers of all structures")
        return General(made, self.guards, tuple(self._places), evaluate)

    # -- numbers ------------------------------------------------------------------------------------------------------

    def _input(self, type_: TensorType) -> TensorType:
        return tensor_type(tuple(self._extent_of_input() for _ in type_.shape), type_.dtype)

    def _extent_of_input(self) -> Any:
        column = next(self._columns)
        found: Any = column[-1]
        if len(set(column)) > 1:
            found = self._known.get(column) or self._scaled(column) or self._shifted(column) or self._symbol(column)
        return self._enter(found)

    def _symbol(self, column: Numbers) -> Extent:
        if len(self._symbols) == _MOST_SYMBOLS:
            raise NotGeneralError("too many extents change")
        symbol = self.guards.symbol(column[-1])
        self._symbols.append((symbol, column))
        self._places.append(len(self._numbers))
        self._known[column] = symbol
        return symbol

    def _attribute_number(self) -> Any:
        column = next(self._columns)
        found: Any = column[-1]
        if len(set(column)) > 1:
            found = self._known.get(column) or self._scaled(column) or self._affine(column)
            if found is None:
                raise NotGeneralError(f"no expression gives {column}")
            self._known.setdefault(column, found)
        return self._enter(found)

    def _enter(self, number: Any) -> Any:
        self._numbers.append(number)
        return number

    def _scaled(self, column: Numbers) -> Any:
        """A multiple of a symbol or of two."""
        for count in (1, 2):
            for some in combinations_with_replacement(self._symbols, count):
                product: Any = 1
                for symbol, _ in some:
                    product = product * symbol
                units = [1] * len(column)
                for _, values in some:
                    units = [unit * value for unit, value in zip(units, values, strict=True)]
                if all(units) and column[0] % units[0] == 0:
                    factor = column[0] // units[0]
                    if all(factor * unit == number for unit, number in zip(units, column, strict=True)):
                        return product * factor
        return None

    def _shifted(self, column: Numbers) -> Any:
        """A symbol and so many more."""
        for symbol, values in self._symbols:
            by = column[0] - values[0]
            if all(value + by == number for value, number in zip(values, column, strict=True)):
                return symbol + by
        return None

    def _affine(self, column: Numbers) -> Any:
        """A multiple of a symbol and so many more."""
        for symbol, values in self._symbols:
            first = next((i for i, value in enumerate(values) if value != values[0]), None)
            if first is None:
                continue
            slope, rest = divmod(column[first] - column[0], values[first] - values[0])
            by = column[0] - slope * values[0]
            if not rest and all(slope * v + by == number for v, number in zip(values, column, strict=True)):
                return symbol * slope + by
        return None

    # -- graphs -------------------------------------------------------------------------------------------------------

    def _graph(self, graph: Graph, inputs: tuple[TensorType, ...]) -> Graph:
        types = list(inputs)
        steps: list[Step] = []
        for step in graph.steps:
            signature = self._signature(step.signature, tuple(types[arg] for arg in step.args))
            types += signature.outputs
            steps.append(Step(signature, step.args, step.origin))
        return Graph(inputs, tuple(steps), graph.outputs)

    def _signature(self, signature: Signature, inputs: tuple[TensorType, ...]) -> Signature:
        operation = signature.operation
        if signature.graph is not None:
            body = self._graph(signature.graph, inputs)
            return Signature(operation, signature.attributes, inputs, body.output_types, body)
        attributes: Attributes = self._attribute(signature.attributes)
        assert isinstance(operation, Primitive | ControlFlow)
        try:
            made = signature_of(operation, inputs, attributes)
        except RetrogradError as error:
            raise NotGeneralError(f"{operation}: {error}") from error
        for type_ in made.outputs:
            for extent in type_.shape:
                column = next(self._columns)
                if isinstance(extent, Extent):
                    self._known.setdefault(column, extent)
                self._enter(extent)
        return made

    def _attribute(self, attribute: Any) -> Any:
        kind = attribute.__class__
        if kind is int:
            return self._attribute_number()
        if isinstance(attribute, tuple):
            parts = [self._attribute(part) for part in attribute]
            return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)
        if kind is Graph:
            # The body of a loop or branch, whose inputs stand before its steps.
            inputs = tuple(
                tensor_type(tuple(self._attribute_number() for _ in type_.shape), type_.dtype)
                for type_ in attribute.inputs
            )
            return self._graph(attribute, inputs)
        return attribute
