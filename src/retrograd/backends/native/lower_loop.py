"""Lowering of loops: the work of one step, on addresses that move from step to step.

The body is lowered as a program of its own. Its inputs are slices of streams, constants as they lie, and the carries'
places; its outputs go to the places of the next carries and to the slices of the stacks. What else it computes has one
place in the arena for all steps.

A body that works row by row is lowered for blocks of rows, each of which goes through all steps by itself; any other
for all rows, and threads meet after each phase of a step.
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from retrograd.backends.native.compiler import host
from retrograd.backends.native.driver import driver_text
from retrograd.backends.native.fuse import Fusion
from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.gemm_prepack import PrepackArg, prepack_module
from retrograd.backends.native.levels import by_level, levels_of
from retrograd.backends.native.loop_plan import LoopPlan
from retrograd.backends.native.loop_rows import (
    RowBody,
    block_sizes,
    has_matrices,
    matrix_block_sizes,
    on_rows,
    row_count,
)
from retrograd.backends.native.prepare import prepare
from retrograd.backends.native.views import Start, View, ViewTable, dense_view
from retrograd.backends.native.work import Address, BlockAddress, BlockWork, Inside, LoopWork, Move, Packed, Word, Work
from retrograd.core.graph import Graph, Step
from retrograd.core.types import contiguous_strides

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering


def lower_loop(low: Lowering, value: int, views: list[View], attributes: Any, args: tuple[int, ...]) -> None:
    """Append the work of a loop, whose first output is `value`, and of what comes before it."""
    plan = low.fusion.table.loops[value]
    for view, carry in zip(views, plan.carries, strict=False):
        size = math.prod(view.shape)
        low.move(view, View(carry.root, view.shape, contiguous_strides(view.shape), carry.first * size))
    before = _Before(low)
    blocks = _blocks(plan)
    if len(blocks) > 1:
        low.generators.setdefault("driver", lambda: driver_text(host().target, host().triple))
        low.work.append(_side_by_side([_Body(low, plan, views, before, block).work() for block in blocks]))
    else:
        low.work.append(_Body(low, plan, views, before, _Block(plan.loop.body)).work())


class _Block(NamedTuple):
    """The rows that a body works on.

    Attributes:
        body: of all rows, or of a block.
        first: the first row.
        by_rows: the inputs of which it takes its rows alone.
    """

    body: Graph
    first: int = 0
    by_rows: frozenset[int] = frozenset()


def _blocks(plan: LoopPlan) -> list[_Block]:
    """The blocks of rows that can go through the loop by themselves."""
    rows = row_count(plan.loop)
    if rows is None:
        return []
    sizes = matrix_block_sizes(rows) if has_matrices(plan.loop) else block_sizes(rows)
    bodies: dict[int, RowBody | None] = {size: on_rows(plan.loop, rows, size) for size in set(sizes)}
    blocks, first = [], 0
    for size in sizes:
        body = bodies[size]
        if body is None:
            return []
        blocks.append(_Block(body.graph, first, body.by_rows))
        first += size
    return blocks


def _side_by_side(instances: list[LoopWork]) -> Work:
    """One launch with a tile for each block of rows."""
    reads = tuple(dict.fromkeys(root for work in instances for root in work.reads))
    writes = tuple(dict.fromkeys(root for work in instances for root in work.writes))
    return BlockWork(
        "driver#run_block",
        [BlockAddress(i) for i in range(len(instances))],
        len(instances),
        sum(work.cost for work in instances),
        reads,
        writes,
        instances[0].members,
        instances=instances,
    )


class _Before:
    """Constants that products read, packed once before the loop."""

    def __init__(self, low: Lowering) -> None:
        self._low = low
        self._roots: dict[tuple[View, str], int] = {}

    def packed(self, view: View, packed: Packed) -> int:
        """The root that has an operand packed."""
        low = self._low
        root = self._roots.get((view, packed.layout))
        if root is None:
            low.types.append(packed.type)
            root = self._roots[view, packed.layout] = len(low.types) - 1
            dtype, (depth, columns) = packed.type.dtype.name, view.shape[-2:]
            words: list[Word] = [0] * len(PrepackArg)
            words[PrepackArg.SOURCE] = Address(view)
            words[PrepackArg.TARGET] = Address(dense_view(root, packed.type.shape))
            words[PrepackArg.COLUMNS], words[PrepackArg.DEPTH] = columns, depth
            words[PrepackArg.STRIDE] = view.strides[-2] if packed.layout == "row" else view.strides[-1]
            key = f"prepack {dtype} {packed.layout}"
            low.generator(key, lambda target: prepack_module(target, dtype, packed.layout))
            tiles = -(-columns // Blocking.of(low.target, dtype).columns)
            low.work.append(Work(f"{key}#prepack", words, tiles, depth * columns, (view.root,), (root,)))
        return root


class _Place(NamedTuple):
    """Where a root of the body lies: in which root of the graph around, from which element on, and how it moves."""

    root: int
    offset: int = 0
    dynamic: tuple[tuple[Start, int], ...] = ()
    move: Move = Move(0)


class _Body:
    """The work of a loop over a block of rows."""

    def __init__(self, low: Lowering, plan: LoopPlan, views: list[View], before: _Before, block: _Block) -> None:
        self._low, self._plan, self._views, self._block = low, plan, views, block
        loop = plan.loop
        body = prepare(block.body, low.target)
        wanted = [*range(loop.carries), *(stack.output for stack in plan.stacks)]
        graph = Graph(body.inputs, body.steps, tuple(body.outputs[i] for i in wanted))
        inputs = range(len(views))
        table = ViewTable(graph, [self._input_view(i, graph.inputs[i].shape) for i in inputs])
        fusion = Fusion(graph, table, fuse=low.fusion.fuses)
        constants = frozenset(inputs[loop.carries + loop.streams :]) - block.by_rows
        self._sub = low.nested(graph, fusion, Inside(constants, alone=bool(block.by_rows)))
        self._places = {i: self._input_place(i) for i in inputs}
        self._places.update(zip(self._sub.outputs, self._output_places(), strict=True))
        for (view, _), packed in self._sub.packed.items():
            there = self._address(Address(view)).view
            self._places[packed.root] = _Place(before.packed(there, packed))

    def work(self) -> LoopWork:
        """The loop."""
        low, works = self._low, self._sub.work
        for key, generator in self._sub.generators.items():
            low.generators.setdefault(key, generator)
        low.loop_kernels.update(self._sub.loop_kernels)
        levels = levels_of(works)
        assert levels is not None, "the body of a loop has no updates in place"
        phases = [[self._moved(work) for work in phase] for phase in by_level(works, levels)]
        moved = [work for phase in phases for work in phase]
        count = self._plan.loop.length
        reads = tuple(dict.fromkeys(root for work in moved for root in work.reads))
        writes = tuple(dict.fromkeys(root for work in moved for root in work.writes))
        cost = count * sum(work.cost for work in moved)
        return LoopWork("", [], 0, cost, reads, writes, tuple(self._plan.values), phases=phases, count=count)

    # -- where things are ---------------------------------------------------------------------------------------------

    def _is_stream(self, i: int) -> bool:
        loop = self._plan.loop
        return loop.carries <= i < loop.carries + loop.streams

    def _input_view(self, i: int, shape: tuple[int, ...]) -> View:
        """An input of the body as a view of a root with its own number."""
        if i < self._plan.loop.carries:
            return dense_view(i, shape)
        strides = self._views[i].strides
        return View(i, shape, strides[1:] if self._is_stream(i) else strides)

    def _input_place(self, i: int) -> _Place:
        loop, view = self._plan.loop, self._views[i]
        if i < loop.carries:
            carry, size = self._plan.carries[i], math.prod(view.shape)
            offset = carry.first * size + self._rows_before(i, math.prod(view.shape[1:]))
            return _Place(carry.root, offset, move=Move(carry.step * size, carry.alternates))
        if not self._is_stream(i):
            return _Place(
                view.root, view.offset + self._rows_before(i, view.strides[0] if view.strides else 0), view.dynamic
            )
        start, step = self._along_time(view.strides[0])
        start += self._rows_before(i, view.strides[1] if len(view.strides) > 1 else 0)
        return _Place(view.root, view.offset + start, view.dynamic, Move(step))

    def _rows_before(self, i: int, stride: int) -> int:
        """How far into an input of the body the block's rows begin."""
        return self._block.first * stride if i in self._block.by_rows else 0

    def _along_time(self, stride: int) -> tuple[int, int]:
        """Where a stack with this stride along time begins, and how the way goes on."""
        loop = self._plan.loop
        return ((loop.length - 1) * stride, -stride) if loop.reverse else (0, stride)

    def _output_places(self) -> list[_Place]:
        plan = self._plan
        types = plan.loop.body.output_types
        places = []
        for i, carry in enumerate(plan.carries):
            size = types[i].size
            way = -carry.step if carry.alternates else carry.step
            offset = carry.then * size + self._rows_of_output(types[i].shape)
            places.append(_Place(carry.root, offset, move=Move(way * size, carry.alternates)))
        for stack in plan.stacks:
            start, step = self._along_time(types[stack.output].size)
            places.append(_Place(stack.root, start + self._rows_of_output(types[stack.output].shape), move=Move(step)))
        return places

    def _rows_of_output(self, shape: tuple[int, ...]) -> int:
        return self._block.first * math.prod(shape[1:]) if self._block.by_rows else 0

    def _place(self, root: int) -> _Place:
        """Of any root of the body; what has no place yet gets one for all steps."""
        if root in self._sub.shared:
            return self._place(self._sub.shared[root])
        if root not in self._places:
            self._low.types.append(self._sub.types[root])
            self._places[root] = _Place(len(self._low.types) - 1)
        return self._places[root]

    # -- work ---------------------------------------------------------------------------------------------------------

    def _moved(self, work: Work) -> Work:
        """The work of the body as work of the graph around."""
        moved = replace(
            work,
            words=[self._address(word) if isinstance(word, Address) else word for word in work.words],
            reads=tuple(dict.fromkeys(self._place(root).root for root in work.reads)),
            writes=tuple(dict.fromkeys(self._place(root).root for root in work.writes)),
            parts=(),
            members=(),
            operands=(),
            inside=work.inside or self._steps(work),
        )
        if isinstance(moved, LoopWork):
            moved.phases = [[self._moved(inner) for inner in phase] for phase in moved.phases]
        if isinstance(moved, BlockWork):
            moved.instances = [self._moved_loop(instance) for instance in moved.instances]
        return moved

    def _steps(self, work: Work) -> tuple[Step, ...]:
        """What a launch computes of the body; the origins of its steps begin with that of the loop."""
        graph, origin = self._sub.graph, self._low.fusion.step(self._plan.values[0]).origin
        steps = (graph.steps[value - len(graph.inputs)] for value in work.members)
        return tuple(Step(step.signature, step.args, origin + step.origin) for step in steps)

    def _moved_loop(self, loop: LoopWork) -> LoopWork:
        moved = self._moved(loop)
        assert isinstance(moved, LoopWork)
        return moved

    def _address(self, address: Address) -> Address:
        view, place = address.view, self._place(address.view.root)
        starts = tuple((self._start(start), stride) for start, stride in view.dynamic)
        there = View(place.root, view.shape, view.strides, place.offset + view.offset, place.dynamic + starts)
        return Address(there, (*address.moves, place.move))

    def _start(self, start: Start) -> Start:
        """Where a slice starts, by an input of the graph around."""
        found = Start(self._plan.args[start.value], start.most)
        self._low.fusion.table.starts.add(found)
        return found
