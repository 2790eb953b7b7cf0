"""Bodies of loops that work row by row: batches of sequences that have nothing to do with one another.

Where every value that changes from step to step has a row for each sequence, and each of its rows depends on the same
row of others alone, a block of rows can go through all steps by itself. Threads then take blocks, and need not meet
after each step.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from retrograd.backends.native.fuse import ELEMENTWISE
from retrograd.backends.native.split import REDUCTIONS
from retrograd.core.extent import about
from retrograd.core.graph import Graph, Step
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record, results
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.constant import CONST
from retrograd.ops.loop import Loop

# Blocks have at least this many rows, so that products are worth their overhead, and a loop has at most so many blocks.
FEWEST_ROWS: Final = 8
MOST_BLOCKS: Final = 8
# Where rows are whole matrices, one is enough; but fewer than these leave threads without work.
FEWEST_MATRICES: Final = 4


def block_sizes(rows: int) -> list[int]:
    """How many rows the blocks have: a choice by the shape alone."""
    return _parts(rows, max(about(rows) // FEWEST_ROWS, 1))


def matrix_block_sizes(rows: int) -> list[int]:
    """The same, where rows are matrices."""
    return _parts(rows, about(rows) if about(rows) >= FEWEST_MATRICES else 1)


def _parts(rows: int, most: int) -> list[int]:
    count = min(most, MOST_BLOCKS)
    return [(rows + count - 1 - i) // count for i in range(count)]


@dataclass(frozen=True)
class RowBody:
    """The body on a block of rows.

    Attributes:
        graph: the body.
        by_rows: the inputs of which it takes the rows of the block alone.
    """

    graph: Graph
    by_rows: frozenset[int]


def row_count(loop: Loop) -> int | None:
    """How many rows the carries have, if they have equally many and more than one."""
    counts = {type_.shape[0] if type_.shape else 0 for type_ in loop.body.inputs[: loop.carries]}
    if len(counts) != 1 or min(counts) < 2:
        return None
    return min(counts)


def has_matrices(loop: Loop) -> bool:
    """Whether a row of each carry is a matrix."""
    return all(len(type_.shape) > 2 for type_ in loop.body.inputs[: loop.carries])


def on_rows(loop: Loop, rows: int, count: int) -> RowBody | None:
    """The body on `count` of its `rows`; None if it is not row by row."""
    try:
        return _Rows(loop, rows, count).rewritten()
    except _NotByRowsError:
        return None


class _NotByRowsError(Exception):
    """A row depends on others."""


class _Rows:
    """The rewrite.

    Values that depend on carries, or on streams that have rows, are needed by rows; what depends on constants and other
    streams alone may also be needed as a whole, as the right operand of a product is.
    """

    def __init__(self, loop: Loop, rows: int, count: int) -> None:
        self.body, self.rows, self.count = loop.body, rows, count
        self._first_constant = loop.carries + loop.streams
        self._varying = set(range(self._first_constant))
        self._steps: dict[int, Step] = {}
        self._by_rows: dict[int, Node] = {}
        self._whole: dict[int, Node] = {}
        for i in range(self._first_constant):
            if i >= loop.carries and not self._has_rows(i):
                self._varying.remove(i)
                continue
            self._by_rows[i] = input_node(self.type_by_rows(self.body.types[i]), None)

    def rewritten(self) -> RowBody:
        value = len(self.body.inputs)
        for step in self.body.steps:
            if len(step.signature.outputs) != 1:
                raise _NotByRowsError
            self._steps[value] = step
            if any(arg in self._varying for arg in step.args):
                self._varying.add(value)
                self._by_rows[value] = self._apply(value, step)
            value += 1
        outputs = [self.by_rows(place) for place in self.body.outputs]
        inputs, by_rows = [], set[int]()
        for i, type_ in enumerate(self.body.inputs):
            if i in self._by_rows and i in self._whole:
                raise _NotByRowsError
            if i in self._by_rows:
                by_rows.add(i)
            inputs.append(self._by_rows.get(i) or self._whole.get(i) or input_node(type_, None))
        return RowBody(Graph.from_nodes(inputs, outputs), frozenset(by_rows))

    def _has_rows(self, value: int) -> bool:
        shape = self.type(value).shape
        return bool(shape) and shape[0] == self.rows

    # -- values -------------------------------------------------------------------------------------------------------

    def type_by_rows(self, type_: TensorType) -> TensorType:
        if not type_.shape or type_.shape[0] != self.rows:
            raise _NotByRowsError
        return tensor_type(self.shape_by_rows(type_.shape), type_.dtype)

    def shape_by_rows(self, shape: Shape) -> Shape:
        return (self.count, *shape[1:])

    def type(self, value: int) -> TensorType:
        return self.body.types[value]

    def by_rows(self, value: int) -> Node:
        """The rows of the block of a value."""
        found = self._by_rows.get(value)
        if found is None:
            step = self._steps.get(value)
            type_ = self.type_by_rows(self.type(value))
            found = self._by_rows[value] = input_node(type_, None) if step is None else self._apply(value, step)
        return found

    def whole(self, value: int) -> Node:
        """A value that all rows share."""
        if value in self._varying:
            raise _NotByRowsError
        found = self._whole.get(value)
        if found is None:
            step = self._steps.get(value)
            if step is None:
                found = input_node(self.type(value), None)
            else:
                (found,) = results(Node(step.signature, tuple(map(self.whole, step.args)), False))
            self._whole[value] = found
        return found

    def _apply(self, value: int, step: Step) -> Node:
        self.type_by_rows(self.type(value))
        name = step.signature.operation.name
        if name in ELEMENTWISE:
            return record(step.signature.operation, tuple(map(self.by_rows, step.args)), step.signature.attributes)
        rule = _RULES.get("reduction" if name in REDUCTIONS else name)
        if rule is None:
            raise _NotByRowsError
        args, attributes = rule(self, step)
        return record(step.signature.operation, tuple(args), attributes)

    def is_zero(self, value: int) -> bool:
        """Whether a value is the constant 0."""
        step = self._steps.get(value)
        return step is not None and step.signature.operation is CONST and step.signature.attributes[0] == 0


# -- steps ------------------------------------------------------------------------------------------------------------

_Applied = tuple[list[Node], tuple[Any, ...]]


def _require(condition: bool) -> None:
    if not condition:
        raise _NotByRowsError


def _const(rows: _Rows, step: Step) -> _Applied:
    number, dtype, shape = step.signature.attributes
    return [], (number, dtype, rows.shape_by_rows(shape))


def _iota(rows: _Rows, step: Step) -> _Applied:
    shape, axis = step.signature.attributes
    _require(axis != 0)
    return [], (rows.shape_by_rows(shape), axis)


def _broadcast(rows: _Rows, step: Step) -> _Applied:
    (x,), (shape,) = step.args, step.signature.attributes
    shared = len(rows.type(x).shape) < len(shape) or rows.type(x).shape[0] == 1
    return [rows.whole(x) if shared else rows.by_rows(x)], (rows.shape_by_rows(shape),)


def _reshape(rows: _Rows, step: Step) -> _Applied:
    return [rows.by_rows(step.args[0])], (rows.shape_by_rows(step.signature.attributes[0]),)


def _permute(rows: _Rows, step: Step) -> _Applied:
    (order,) = step.signature.attributes
    _require(order[0] == 0)
    return [rows.by_rows(step.args[0])], (order,)


def _flip(rows: _Rows, step: Step) -> _Applied:
    (axes,) = step.signature.attributes
    _require(0 not in axes)
    return [rows.by_rows(step.args[0])], (axes,)


def _slice(rows: _Rows, step: Step) -> _Applied:
    x, *starts = step.args
    sizes, steps = step.signature.attributes
    _require(sizes[0] == rows.rows and steps[0] == 1)
    return [rows.by_rows(x), *map(rows.whole, starts)], (rows.shape_by_rows(sizes), steps)


def _slice_put(rows: _Rows, step: Step) -> _Applied:
    base, part, *starts = step.args
    (steps,) = step.signature.attributes
    _require(rows.is_zero(starts[0]) and steps[0] == 1)
    return [rows.by_rows(base), rows.by_rows(part), *map(rows.whole, starts)], (steps,)


def _pad(rows: _Rows, step: Step) -> _Applied:
    low, high = step.signature.attributes
    _require(low[0] == 0 and high[0] == 0)
    return [rows.by_rows(step.args[0])], (low, high)


def _concat(rows: _Rows, step: Step) -> _Applied:
    (axis,) = step.signature.attributes
    _require(axis != 0)
    return list(map(rows.by_rows, step.args)), (axis,)


def _reduction(rows: _Rows, step: Step) -> _Applied:
    (axes,) = step.signature.attributes
    _require(0 not in axes)
    return [rows.by_rows(step.args[0])], (axes,)


def _matmul(rows: _Rows, step: Step) -> _Applied:
    a, b = step.args
    many = len(rows.type(a).shape) > 2
    return [rows.by_rows(a), rows.by_rows(b) if many else rows.whole(b)], ()


def _take(rows: _Rows, step: Step) -> _Applied:
    table, index = step.args
    return [rows.whole(table), rows.by_rows(index)], ()


_RULES: dict[str, Callable[[_Rows, Step], _Applied]] = {
    "const": _const,
    "iota": _iota,
    "broadcast": _broadcast,
    "reshape": _reshape,
    "permute": _permute,
    "flip": _flip,
    "slice": _slice,
    "slice_put": _slice_put,
    "pad": _pad,
    "concat": _concat,
    "reduction": _reduction,
    "matmul": _matmul,
    "take": _take,
}
