"""Evaluation: everything asked for is computed by one program, found by its structure or made.

The structure key lists, in the order of recording, every pending node's signature and where its inputs stand, the
types of the inputs of the whole, which values come out, and which of them overwrite an input. Values are not in it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
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
from retrograd.core.types import TensorType
from retrograd.passes.structure import Structure
from retrograd.runtime import check, devices

_by_number = attrgetter("number")


class Trace:
    """Pending nodes in order, and the values from outside that they read.

    Attributes:
        pending: nodes to compute, in the order of recording; the projections of their outputs apart.
        buffers: the values from outside with their places, in the order in which they are first read.
        places: where the values of pending nodes stand, projections among them: 0, 1, 2, ... .
        key: the structure; in it, input i stands at ~i.
    """

    __slots__ = ("buffers", "pending", "places", "key")

    def __init__(self, roots: Sequence[Node]) -> None:
        seen = set(roots)
        stack = list(roots)
        pending: list[Node] = []
        projections: list[Node] = []
        while stack:
            node = stack.pop()
            signature = node.signature
            if signature is None:
                raise _unbound(node)
            (pending if signature.projects is None else projections).append(node)
            for x in node.inputs:
                if x.buffer is None and x not in seen:
                    seen.add(x)
                    stack.append(x)
        pending.sort(key=_by_number)
        self.pending = pending
        self._place(projections)
        self._make_key()

    def _place(self, projections: list[Node]) -> None:
        places: dict[Node, int] = {}
        count = 0
        for node in self.pending:
            places[node] = count
            count += len(node.signature.outputs)  # type: ignore[union-attr]
        for node in projections:
            places[node] = places[node.inputs[0]] + node.signature.projects  # type: ignore[union-attr, operator]
        self.places = places

    def _make_key(self) -> None:
        places = self.places
        buffers: dict[Buffer | Scalar, int] = {}
        place_of = buffers.setdefault
        key: list[object] = [node.signature.key for node in self.pending]  # type: ignore[union-attr]
        # The signatures say how many inputs each node reads.
        key += [
            places[x] if x.buffer is None else place_of(x.buffer, ~len(buffers))
            for node in self.pending
            for x in node.inputs
        ]
        # Types of inputs are part of the signatures that read them; whether one is a number is not.
        key.append(None)
        key += [place for buffer, place in buffers.items() if buffer.__class__ is Scalar]
        self.buffers, self.key = buffers, key

    def graph(self, outputs: Sequence[int]) -> Graph:
        """The pending part as data; `outputs` are places."""
        count = len(self.buffers)
        types: dict[Buffer | Scalar, TensorType] = {}
        for node in self.pending:
            for x in node.inputs:
                if x.buffer is not None:
                    types.setdefault(x.buffer, x.type)

        def value(x: Node) -> int:
            return count + self.places[x] if x.buffer is None else ~self.buffers[x.buffer]

        steps = tuple(Step(node.signature, tuple(map(value, node.inputs))) for node in self.pending)  # type: ignore[arg-type]
        inputs = tuple(types[buffer] for buffer in self.buffers)
        return Graph(inputs, steps, tuple(count + place for place in outputs))


def _unbound(node: Node) -> GraphError:
    return GraphError(
        f"a value is asked for that depends on {node!r}, an argument of a function that was traced (vmap); "
        "it stands for nothing outside of that function: return what is needed from it"
    )


class _Entry:
    """A structure in the cache, and its program of each tier."""

    __slots__ = ("structure", "program", "tier", "runs", "_overwriting")

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.program: Program | None = None
        self.tier = -1
        self.runs = 0
        self._overwriting: dict[tuple[int, tuple[int, ...]], Program] = {}

    def ready(self) -> Program:
        """The program of the tier that is due: a structure that returns is worth its fast form."""
        recalled = devices.recalled(self.structure) if self.program is None else None
        if recalled is not None:
            self.program, self.tier = recalled, 1
        else:
            tier = devices.tier_for(self.runs, self.structure)
            if tier > self.tier:
                self.program, self.tier = devices.backend().compile(self.structure, tier), tier
        self.runs += 1
        assert self.program is not None
        return self.program

    def overwriting(self, aliases: list[int]) -> Program:
        """The program in force, but with these aliases."""
        key = self.tier, tuple(aliases)
        if key not in self._overwriting:
            structure = self.structure.overwriting(aliases)
            recalled = devices.recalled(structure) if self.tier > 0 else None
            self._overwriting[key] = recalled or devices.backend().compile(structure, self.tier)
        return self._overwriting[key]

    @property
    def plan(self) -> check.Plan:
        """What the program in force was compiled of."""
        return check.Plan(self.structure, self.tier)


@dataclass(frozen=True)
class Evaluation:
    """What one call of `evaluate` ran.

    Attributes:
        settled: whether the program has its final form, and may run without being looked at: one of tier 0 is to be
            replaced, and one that is checked is checked each time.
        roots: what was asked for; their buffers come first among the outputs.
        seconds: the time that the program took.
        entry: the structure.
    """

    program: Program
    settled: bool
    inputs: list[Buffer | Scalar]
    outputs: list[Buffer]
    roots: list[Node]
    seconds: float
    entry: _Entry

    @property
    def graph(self) -> Graph:
        """What the program computes, in primitives."""
        return self.entry.structure.graph

    def program_with_carries(self, carries: Mapping[int, int]) -> Program:
        """The same program, but output number `carries[i]` overwrites input i: the next run reads what this one wrote.

        It expects one buffer for such an input and output.
        """
        aliases = list(self.entry.structure.aliases)
        for source, output in carries.items():
            aliases[output] = source
        return self.entry.overwriting(aliases) if carries else self.program


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
        places = trace.places
        outputs = [places[root] for root in roots]
        # Where the outputs of the closing node begin; that of nothing is nowhere.
        first = 0 if closing is None else places[closing]
        # An output that overwrites no input has the alias ~0.
        aliases = [~trace.buffers.get(buffer, 0) for buffer in into]
        key = (devices.state.key, *trace.key, None, *outputs, None, first, *aliases)
        entry = _programs.young.get(key) or _programs.get(key)
        if entry is None:
            outputs.extend(range(first, first + len(into)))
            entry = _programs.put(key, _make(trace, outputs, [-1] * len(roots) + aliases))
        inputs = list(trace.buffers)
        buffers = [*[Buffer(root.type) for root in roots], *into]
        program = entry.ready()
        start = time.perf_counter()
        if check.state.is_on:
            check.run_checked(program, entry.plan, inputs, buffers)
        else:
            program.run(inputs, buffers)
        if _observers:
            seconds, settled = time.perf_counter() - start, devices.is_settled(entry.tier) and not check.state.is_on
            done = Evaluation(program, settled, inputs, buffers, list(roots), seconds, entry)
            for observer in list(_observers):
                observer(done)
        for root, buffer in zip(roots, buffers, strict=False):
            root.buffer = buffer
            if not root.requires_grad or root.released is not None or root.leaf is not None:
                root.inputs = ()


def _make(trace: Trace, outputs: Sequence[int], aliases: list[int]) -> _Entry:
    scalars = [isinstance(buffer, Scalar) for buffer in trace.buffers]
    return _Entry(Structure(trace.graph(outputs), scalars, aliases))


def forget_programs() -> None:
    """Empty the cache of programs."""
    with _turn:
        _programs.clear()
