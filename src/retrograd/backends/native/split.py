"""Reductions as kernels take them: over trailing axes, or over one run of axes before the last ones.

Any other set of axes is reduced run by run, from the last to the first. Long reductions are cut, between axes or into
chunks, whose partial results are reduced in turn: for accuracy, and for work to share out. Where no chunk divides a
length, what is left over is reduced by itself. All of it depends on the shape alone.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from retrograd.core.extent import computed
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import PRIMITIVES, Primitive
from retrograd.core.types import Shape
from retrograd.ops.constant import CONST
from retrograd.ops.movement import OFFSET_TYPE, RESHAPE, SLICE
from retrograd.passes.builder import GraphBuilder, rewritten

# What puts two results together.
_JOINED = {
    "sum": PRIMITIVES["add"],
    "prod": PRIMITIVES["mul"],
    "max": PRIMITIVES["maximum"],
    "min": PRIMITIVES["minimum"],
}
REDUCTIONS = frozenset(_JOINED)
# Longest run that one pass reduces, and how long its chunks are then.
_INNER_LIMIT, _INNER_CHUNKS = 1 << 15, range(1 << 14, 1 << 10, -1)
_OUTER_LIMIT, _OUTER_CHUNKS = 1024, range(256, 32, -1)
# A run before the last axes is reduced from its end on, as many axes as a pass takes, if they are so long together:
# then what is reduced keeps its shape, and the steps that make it may be in the same kernel.
_SHORTEST_PASS = 16


def split_reductions(graph: Graph) -> Graph:
    """The graph with every reduction over one run of axes of a length that a kernel takes at once."""
    return rewritten(graph, _in_passes)


def _in_passes(builder: GraphBuilder, step: Step, args: tuple[int, ...]) -> tuple[int] | None:
    operation = step.signature.operation
    if operation.name not in REDUCTIONS:
        return None
    assert isinstance(operation, Primitive)
    return (_reduce(builder, operation, args[0], step.signature.attributes[0]),)


def _reduce(builder: GraphBuilder, operation: Primitive, x: int, axes: Shape) -> int:
    shape = builder.types[x].shape
    final = tuple(1 if i in axes else n for i, n in enumerate(shape))
    for run in _runs(shape, axes):
        x = _reduce_run(builder, operation, x, run)
    return _reshape(builder, x, final)


def _runs(shape: Shape, axes: Shape) -> list[tuple[int, int]]:
    """Maximal runs [start, end) of reduced axes, last first; axes of extent 1 do not interrupt a run."""
    runs: list[tuple[int, int]] = []
    end: int | None = None
    start = 0
    for i in range(len(shape) - 1, -1, -1):
        if i in axes and shape[i] != 1:
            end = i + 1 if end is None else end
            start = i
        elif shape[i] != 1 and end is not None:
            runs.append((start, end))
            end = None
    if end is not None:
        runs.append((start, end))
    return runs


def _reduce_run(builder: GraphBuilder, operation: Primitive, x: int, run: tuple[int, int]) -> int:
    start, end = run
    shape = builder.types[x].shape
    axes = tuple(range(start, end))
    extent = 1
    for axis in axes:
        extent *= shape[axis]
    inner = all(n == 1 for n in shape[end:])
    limit, chunks = (_INNER_LIMIT, _INNER_CHUNKS) if inner else (_OUTER_LIMIT, _OUTER_CHUNKS)
    if extent <= limit:
        return builder.record(operation, (x,), (axes,))
    last = None if inner else _last_axes(shape, run)
    if last is not None:
        x = builder.record(operation, (x,), (tuple(range(last, end)),))
        return _reduce_run(builder, operation, x, (start, last))
    x = _reshape(builder, x, (*shape[:start], extent, *shape[end:]))
    chunk = computed(_Dividing(chunks), [extent])[0]
    whole = extent
    if chunk == 0:
        chunk = chunks[0]
        whole -= extent % chunk
    result = _reduce_chunks(builder, operation, _part(builder, x, start, 0, whole), start, chunk)
    if whole < extent:
        rest = _part(builder, x, start, whole, extent)
        if extent - whole > 1:
            rest = builder.record(operation, (rest,), ((start,),))
        result = builder.record(_JOINED[operation.name], (result, rest), ())
    return _reshape(builder, result, (*shape[:start], *(1 for _ in axes), *shape[end:]))


@dataclass(frozen=True)
class _Dividing:
    """The first of some lengths that divides an extent, or 0."""

    lengths: range

    def __call__(self, extents: Sequence[int]) -> list[int]:
        return [next((length for length in self.lengths if extents[0] % length == 0), 0)]


def _reduce_chunks(builder: GraphBuilder, operation: Primitive, x: int, axis: int, chunk: int) -> int:
    """Reduce an axis chunk by chunk, and then what that gave; the axis stays, with an extent of 1."""
    shape = builder.types[x].shape
    count = shape[axis] // chunk
    x = _reshape(builder, x, (*shape[:axis], count, chunk, *shape[axis + 1 :]))
    x = builder.record(operation, (x,), ((axis + 1,),))
    x = _reshape(builder, x, (*shape[:axis], count, *shape[axis + 1 :]))
    return _reduce_run(builder, operation, x, (axis, axis + 1))


def _part(builder: GraphBuilder, x: int, axis: int, first: int, last: int) -> int:
    """The elements from `first` to `last` - 1 of an axis."""
    shape = builder.types[x].shape
    if last - first == shape[axis]:
        return x
    starts = [builder.record(CONST, (), (first * (i == axis), OFFSET_TYPE.dtype.name, ())) for i in range(len(shape))]
    sizes = (*shape[:axis], last - first, *shape[axis + 1 :])
    return builder.record(SLICE, (x, *starts), (sizes, (1,) * len(shape)))


def _last_axes(shape: Shape, run: tuple[int, int]) -> int | None:
    """From which axis on a run is reduced in one pass, or None if only chunks of an axis make a good pass."""
    first, length = run[1], 1
    while first > run[0] and length * shape[first - 1] <= _OUTER_LIMIT:
        first -= 1
        length *= shape[first]
    return first if length >= _SHORTEST_PASS else None


def _reshape(builder: GraphBuilder, x: int, shape: Shape) -> int:
    return x if builder.types[x].shape == shape else builder.record(RESHAPE, (x,), (shape,))
