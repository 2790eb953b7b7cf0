"""Evaluation: everything asked for is computed by one program, found by its structure or made.

The structure key lists which values come out, every pending node's signature and where its inputs stand, as they are
met on the way back, and which outputs overwrite an input. Values are not in it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from retrograd.backends.base import Program, Tier
from retrograd.core.buffer import Buffer, Scalar, allocator
from retrograd.core.cache import Cache
from retrograd.core.errors import GraphError
from retrograd.core.fork import ForkSafeLock
from retrograd.core.gather import HELD, GatheredSignature
from retrograd.core.graph import Graph, Step
from retrograd.core.node import Node
from retrograd.core.types import TensorType
from retrograd.passes.structure import Structure
from retrograd.runtime import check, devices
from retrograd.runtime.closing import Closing, Held

_by_number = attrgetter("number")
# A structure that is back after so many others is fused at once.
_NEAR: Final = 4


class Trace:
    """Pending nodes, numbered as they are met on the way back from the roots, and the values from outside they read.

    Attributes:
        pending: nodes to compute; the projections of their outputs apart.
        buffers: the values from outside with their places: first what a closing node holds, then the others in the
            order in which they are met. Input i stands at ~i.
        places: where the values of pending nodes stand, projections among them: 0, 1, 2, ... .
        key: the structure: the places of the roots, and for each node its signature and the places of its inputs.
    """

    __slots__ = ("buffers", "pending", "places", "key", "_held")

    def __init__(self, roots: Sequence[Node], held: Held | None = None) -> None:
        buffers: dict[Buffer | Scalar, int] = {} if held is None else {**held.places}
        places: dict[Node, int] = {}
        pending: list[Node] = []
        key: list[int | None] = []
        append, known, input_place = key.append, places.get, buffers.get
        stack: list[Node] = []
        scalars: list[int | None] = [None]
        count = 0
        met = roots
        while True:
            for x in met:
                buffer = x.buffer
                if buffer is not None:
                    place = input_place(buffer)
                    if place is None:
                        buffers[buffer] = place = ~len(buffers)
                        if buffer.__class__ is Scalar:
                            scalars.append(place)
                    append(place)
                    continue
                place = known(x)
                if place is None:
                    signature = x.signature
                    if signature is None:
                        raise _unbound(x)
                    projects = signature.projects
                    if projects is None:
                        places[x] = place = count
                        count += signature.width
                        stack.append(x)
                    else:
                        parent = x.inputs[0]
                        place = known(parent)
                        if place is None:
                            places[parent] = place = count
                            count += parent.signature.width  # type: ignore[union-attr]
                            stack.append(parent)
                        places[x] = place = place + projects
                append(place)
            if not stack:
                break
            node = stack.pop()
            pending.append(node)
            # It says how many inputs the node reads, and of which types; whether one is a number comes at the end.
            append(node.signature.key)  # type: ignore[union-attr]
            met = node.inputs
        key += scalars
        self.pending, self.buffers, self.places, self.key, self._held = pending, buffers, places, key, held

    def graph(self, outputs: Sequence[Node]) -> Graph:
        """The pending part as data, in the order of recording; of a node with several outputs, all come out."""
        steps = sorted(self.pending, key=_by_number)
        values: dict[Node, int] = {}
        count = len(self.buffers)
        for node in steps:
            values[node] = count
            count += len(node.signature.outputs)  # type: ignore[union-attr]
        for node in self.places:
            if node not in values:
                values[node] = values[node.inputs[0]] + node.signature.projects  # type: ignore[union-attr, operator]
        return Graph(
            self._input_types(),
            tuple([self._step(node, values) for node in steps]),
            tuple([values[node] + i for node in outputs for i in range(len(node.signature.outputs))]),  # type: ignore[union-attr]
        )

    def _input_types(self) -> tuple[TensorType, ...]:
        types: dict[Buffer | Scalar, TensorType] = {}
        if self._held is not None:
            types.update(zip(self._held.buffers, self._held.types, strict=True))
        for node in self.pending:
            for x in node.inputs:
                if x.buffer is not None:
                    types.setdefault(x.buffer, x.type)
        return tuple([types[buffer] for buffer in self.buffers])

    def _step(self, node: Node, values: Mapping[Node, int]) -> Step:
        args = [values[x] if x.buffer is None else ~self.buffers[x.buffer] for x in node.inputs]
        signature = node.signature
        assert signature is not None
        if not isinstance(signature, GatheredSignature):
            return Step(signature, tuple(args))
        pairs = signature.arguments.pairs
        return Step(signature.plain, tuple([place if i == HELD else args[i] + place for i, place in pairs]))


def _unbound(node: Node) -> GraphError:
    return GraphError(
        f"a value is asked for that depends on {node!r}, an argument of a function that was traced (vmap); "
        "it stands for nothing outside of that function: return what is needed from it"
    )


class _Clock:
    """Counts the runs of programs that are not fused."""

    now = 0


class _Entry:
    """A structure in the cache, and the program in force.

    Fusing takes as long as some tens of runs step by step. A structure that is back after a few others is in a loop,
    and is fused; of one that comes at random among hundreds, each return counts as much less.
    """

    __slots__ = ("structure", "program", "tier", "_last", "_worth", "_overwriting")

    def __init__(self, structure: Structure) -> None:
        self.structure = structure
        self.program: Program | None = None
        self.tier: int = Tier.STEPS
        self._last, self._worth = 0, 0.0
        self._overwriting: dict[tuple[int, tuple[int, ...]], Program] = {}

    def ready(self) -> Program:
        """The program of the tier that is due."""
        program = self.program
        return program if program is not None and self.tier == Tier.FUSED else self._rise()

    def _rise(self) -> Program:
        """Go up to the tier that is due."""
        _Clock.now += 1
        if self.program is None:
            self.program, self.tier = self._first()
        else:
            self._worth += _NEAR / (_Clock.now - self._last)
            if self._worth >= 1 and devices.state.fixed_tier is None:
                recalled = devices.recalled(self.structure, first=False)
                self.program = recalled or devices.backend().compile(self.structure, Tier.FUSED)
                self.tier = Tier.FUSED
        self._last = _Clock.now
        return self.program

    def _first(self) -> tuple[Program, int]:
        """The program of a structure that is met for the first time, and its tier."""
        fixed, structure = devices.state.fixed_tier, self.structure
        if fixed in (None, Tier.FUSED):
            recalled = devices.recalled(structure, first=True)
            if recalled is not None:
                return recalled, Tier.FUSED
        if fixed is not None:
            tier: int = fixed
        elif devices.is_heavy(structure):
            tier = Tier.FUSED
        else:
            # Whoever checks programs wants to see one.
            tier = Tier.UNFUSED if check.state.is_on else Tier.STEPS
        return devices.backend().compile(structure, tier), tier

    def overwriting(self, aliases: list[int]) -> Program:
        """The program in force, but with these aliases."""
        key = self.tier, tuple(aliases)
        if key not in self._overwriting:
            structure = self.structure.overwriting(aliases)
            recalled = devices.recalled(structure, first=False) if self.tier == Tier.FUSED else None
            self._overwriting[key] = recalled or devices.backend().compile(structure, self.tier)
        return self._overwriting[key]

    @property
    def is_settled(self) -> bool:
        """Whether the program will be run again as it is."""
        return self.tier == Tier.FUSED or devices.state.fixed_tier is not None

    @property
    def plan(self) -> check.Plan:
        """What the program in force was compiled of."""
        return check.Plan(self.structure, self.tier)


@dataclass(frozen=True)
class Evaluation:
    """What one call of `evaluate` ran.

    Attributes:
        settled: whether the program has its final form: one of tier 0 is to be replaced.
        roots: what was asked for, a node with several outputs once for each of them; their buffers come first among
            the outputs.
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

    def program_with_carries(self, carries: Mapping[int, int]) -> tuple[Program, check.Plan]:
        """The same program, but output number `carries[i]` overwrites input i: the next run reads what this one wrote.

        It expects one buffer for such an input and output. With it comes what it was compiled of.
        """
        if not carries:
            return self.program, self.entry.plan
        aliases = list(self.entry.structure.aliases)
        for source, output in carries.items():
            aliases[output] = source
        plan = check.Plan(self.entry.structure.overwriting(aliases), self.entry.tier)
        return self.entry.overwriting(aliases), plan


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


def is_observed() -> bool:
    """Whether somebody is told of evaluations, and may keep their buffers."""
    return bool(_observers)


# Programs are plans, one or two kilobytes for each recorded node; their kernels stay in the kernel cache.
_programs: Final[Cache[tuple[object, ...], _Entry]] = Cache(
    limit=1 << 11, heaviest=1 << 16, weigh=lambda entry: len(entry.structure.recorded.steps)
)
# A device's evaluations take turns; recording does not wait for them.
_turn = ForkSafeLock()


def evaluate(roots: Sequence[Node], closing: Closing | None = None) -> dict[Node, list[Buffer]]:
    """Compute `roots`, each of which then has its buffer, and the outputs of a closing node.

    Args:
        roots: pending nodes, distinct. Of one with several outputs, all are computed, and returned.
        closing: a node that closes the program.

    Returns:
        The values of each root with several outputs.
    """
    with _turn.held:
        bundles = [root for root in roots if (known := root.signature) is not None and len(known.outputs) > 1]
        single = owners = list(roots) if not bundles else _apart(roots, bundles)
        if bundles:
            owners = [*single, *[root for root in bundles for _ in root.signature.outputs]]  # type: ignore[union-attr]
        outputs = [*single, *bundles] if closing is None else [*single, *bundles, closing.node]
        trace = Trace(outputs, None if closing is None else closing.held)
        into = () if closing is None else closing.into
        # An output that overwrites no input has the alias ~0; those that are held have none in the key.
        aliases = [~trace.buffers.get(buffer, 0) for buffer in into] if into and not closing.held else []  # type: ignore[union-attr]
        key = (devices.state.key, len(single), len(bundles), len(outputs), *trace.key, None, *aliases)
        entry = _programs.young.get(key) or _programs.get(key)
        if entry is None:
            aliases = aliases or list(range(len(into)))
            entry = _programs.put(key, _make(trace, outputs, [-1] * len(owners) + aliases))
        inputs = list(trace.buffers)
        buffers = [Buffer(root.type) for root in single]
        for root in bundles:
            buffers += allocator.take_set(root.signature.outputs)  # type: ignore[union-attr]
        if into:
            buffers += into
        _run(entry, inputs, buffers, owners)
        for root, buffer in zip(single, buffers, strict=False):
            root.buffer = buffer
            if not root.requires_grad or root.released is not None or root.leaf is not None:
                root.inputs = ()
        return _settled(roots, bundles, buffers[len(single) :]) if bundles else {}


def _apart(roots: Sequence[Node], bundles: Sequence[Node]) -> list[Node]:
    """The roots that are no bundles, nor among the outputs of one."""
    return [root for root in roots if root not in bundles and _bundle_of(root) not in bundles]


def _bundle_of(root: Node) -> Node | None:
    """The node that a projection is of."""
    return None if root.signature is None or root.signature.projects is None else root.inputs[0]


def _run(entry: _Entry, inputs: list[Buffer | Scalar], buffers: list[Buffer], roots: list[Node]) -> None:
    """Run the program that is due, and tell those who look on."""
    program = entry.ready()
    start = time.perf_counter() if _observers else 0.0
    if check.state.is_on:
        check.run_checked(program, entry.plan, inputs, buffers)
    else:
        program.run(inputs, buffers)
    if _observers:
        seconds, settled = time.perf_counter() - start, entry.is_settled
        done = Evaluation(program, settled, inputs, buffers, roots, seconds, entry)
        for observer in list(_observers):
            observer(done)


def _settled(roots: Sequence[Node], bundles: Sequence[Node], buffers: list[Buffer]) -> dict[Node, list[Buffer]]:
    """The values of bundles, out of all of them in a row; roots that are among their outputs get theirs."""
    values: dict[Node, list[Buffer]] = {}
    for bundle in bundles:
        count = len(bundle.signature.outputs)  # type: ignore[union-attr]
        values[bundle], buffers = buffers[:count], buffers[count:]
    for root in roots:
        made = values.get(root.inputs[0]) if root.inputs else None
        if made is not None and root.signature is not None and root.signature.projects is not None:
            root.buffer, root.inputs = made[root.signature.projects], ()
    return values


def _make(trace: Trace, outputs: Sequence[Node], aliases: list[int]) -> _Entry:
    scalars = [isinstance(buffer, Scalar) for buffer in trace.buffers]
    return _Entry(Structure(trace.graph(outputs), scalars, aliases))


def forget_programs() -> None:
    """Empty the cache of programs."""
    with _turn.held:
        _programs.clear()
