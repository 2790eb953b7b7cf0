"""Evaluation: everything asked for is computed by one program, found by its structure or made.

The structure key lists, in the order of recording, every pending node's signature and where its inputs stand, the
types of the inputs of the whole, which values come out, and which of them overwrite an input. Values are not in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from retrograd.backends.base import Program
from retrograd.core.buffer import Buffer, Scalar
from retrograd.core.cache import Cache
from retrograd.core.errors import GraphError
from retrograd.core.graph import Graph, Step
from retrograd.core.node import Node
from retrograd.passes.pipeline import run_passes
from retrograd.runtime import devices

_by_number = attrgetter("number")


class Trace:
    """Pending nodes in order, and the values from outside that they read.

    Attributes:
        pending: nodes to compute, in the order of recording.
        inputs: nodes that have a value, one for each distinct buffer, in the order in which they are first read.
        buffers: their buffers, with their places.
        places: where values stand: input i at ~i, the first value of a pending node at 0, 1, 2, ... .
        key: the structure.
    """

    __slots__ = ("buffers", "inputs", "pending", "places", "key")

    def __init__(self, roots: Sequence[Node]) -> None:
        seen = set(roots)
        stack = list(roots)
        pending: list[Node] = []
        while stack:
            node = stack.pop()
            pending.append(node)
            for x in node.inputs:
                if x.buffer is None and x not in seen:
                    seen.add(x)
                    stack.append(x)
        pending.sort(key=_by_number)
        self.pending = pending
        self._number()

    def _number(self) -> None:
        places: dict[Node, int] = {}
        buffers: dict[Buffer | Scalar, int] = {}
        key: list[object] = []
        inputs: list[Node] = []
        count = 0
        for node in self.pending:
            signature = node.signature
            if signature is None:
                raise GraphError(
                    f"a value is asked for that depends on {node!r}, an argument of a function that was traced (vmap); "
                    "it stands for nothing outside of that function: return what is needed from it"
                )
            if signature.projects is not None:
                places[node] = places[node.inputs[0]] + signature.projects
                continue
            key.append(signature.key)
            for x in node.inputs:
                place = places.get(x)
                if place is None:
                    buffer = x.buffer
                    assert buffer is not None
                    place = buffers.get(buffer)
                    if place is None:
                        place = buffers[buffer] = ~len(inputs)
                        inputs.append(x)
                    places[x] = place
                key.append(place)
            places[node] = count
            count += len(signature.outputs)
        # Types of inputs are part of the signatures that read them; whether one is a number is not.
        key.append(None)
        key += [place for buffer, place in buffers.items() if buffer.__class__ is Scalar]
        self.buffers, self.inputs, self.places, self.key = buffers, inputs, places, key

    def graph(self, outputs: Sequence[int]) -> Graph:
        """The pending part as data; `outputs` are places."""
        count = len(self.inputs)

        def value(place: int) -> int:
            return ~place if place < 0 else count + place

        steps = tuple(
            Step(node.signature, tuple(value(self.places[x]) for x in node.inputs))  # type: ignore[arg-type]
            for node in self.pending
            if node.signature.projects is None  # type: ignore[union-attr]
        )
        return Graph(tuple(node.type for node in self.inputs), steps, tuple(map(value, outputs)))


class _Entry:
    """A structure in the cache: its graph, and its program of each tier."""

    __slots__ = ("graph", "scalars", "aliases", "program", "tier", "runs")

    def __init__(self, graph: Graph, scalars: list[bool], aliases: list[int]) -> None:
        self.graph = graph
        self.scalars = scalars
        self.aliases = aliases
        self.program: Program | None = None
        self.tier = -1
        self.runs = 0

    def ready(self) -> Program:
        """The program of the tier that is due: a structure that returns is worth its fast form."""
        tier = devices.tier_for(self.runs, self.graph)
        if tier > self.tier:
            self.program = devices.backend().compile(self.graph, self.scalars, self.aliases, tier)
            self.tier = tier
        self.runs += 1
        assert self.program is not None
        return self.program


@dataclass(frozen=True)
class Evaluation:
    """What one call of `evaluate` ran.

    Attributes:
        graph: what the program computes, in primitives.
        settled: whether the program has its final form; one of tier 0 is to be replaced.
        roots: what was asked for; their buffers come first among the outputs.
        seconds: the time that the program took.
    """

    program: Program
    graph: Graph
    settled: bool
    inputs: list[Buffer | Scalar]
    outputs: list[Buffer]
    roots: list[Node]
    seconds: float


_observers: list[Callable[[Evaluation], None]] = []


@contextmanager
def observed() -> Iterator[list[Evaluation]]:
    """Collect the evaluations that happen within."""
    seen: list[Evaluation] = []
    with observed_by(seen.append):
        yield seen


@contextmanager
def observed_by(observer: Callable[[Evaluation], None]) -> Iterator[None]:
    """Tell a function of the evaluations that happen within, one after another."""
    _observers.append(observer)
    try:
        yield
    finally:
        _observers.remove(observer)


# Programs are plans, some kilobytes each; their kernels stay in the kernel cache.
_programs: Final[Cache[tuple[object, ...], _Entry]] = Cache(limit=1 << 11)
# A device's evaluations take turns; recording does not wait for them.
_turn = threading.RLock()


def evaluate(roots: Sequence[Node], closing: Node | None = None, into: Sequence[Buffer] = ()) -> None:
    """Compute `roots`, each of which then has its buffer, and the outputs of `closing` into the buffers given.

    Args:
        roots: pending nodes, distinct, each with one output.
        closing: a node all of whose outputs are written to `into`; a buffer may be that of an input of the program.
        into: a buffer for each output of `closing`.
    """
    with _turn:
        trace = Trace([*roots, closing] if closing is not None else roots)
        outputs = [trace.places[root] for root in roots]
        buffers = [Buffer(root.type) for root in roots]
        aliases: list[int] = []
        if closing is not None:
            first = trace.places[closing]
            outputs.extend(range(first, first + len(into)))
            buffers.extend(into)
            # An output that overwrites no input has the alias ~0.
            aliases = [~trace.buffers.get(buffer, 0) for buffer in into]
        key = (devices.state.key, *trace.key, None, *outputs, None, *aliases)
        entry = _programs.young.get(key) or _programs.get(key)
        if entry is None:
            entry = _programs.put(key, _make(trace, outputs, [-1] * len(roots) + aliases))
        inputs = list(trace.buffers)
        program = entry.ready()
        start = time.perf_counter()
        program.run(inputs, buffers)
        if _observers:
            seconds, settled = time.perf_counter() - start, devices.is_settled(entry.tier)
            done = Evaluation(program, entry.graph, settled, inputs, buffers, list(roots), seconds)
            for observer in list(_observers):
                observer(done)
        for root, buffer in zip(roots, buffers, strict=False):
            root.buffer = buffer
            if root.released is not None or not root.requires_grad or root.leaf is not None:
                root.inputs = ()


def _make(trace: Trace, outputs: Sequence[int], aliases: list[int]) -> _Entry:
    scalars = [isinstance(buffer, Scalar) for buffer in trace.buffers]
    return _Entry(run_passes(trace.graph(outputs)), scalars, aliases)


def forget_programs() -> None:
    """Empty the cache of programs."""
    with _turn:
        _programs.clear()
