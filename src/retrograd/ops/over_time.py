"""Sums over time of what the steps of a loop give, taken after the loop: one large product instead of many small
ones."""

from __future__ import annotations

from collections.abc import Callable, Container
from typing import NamedTuple

from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.ops.elementwise import add
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import permute, reshape, transpose
from retrograd.ops.reduce import sum_keepdim

_MOVEMENTS = frozenset({"reshape", "permute", "broadcast"})


class SumOverTime(NamedTuple):
    """sum_t g_t.

    Attributes:
        operands: the values of a step that it is made of.
        build: makes it, given a function from an operand to the stack of all its steps.
    """

    operands: tuple[Node, ...]
    build: Callable[[Callable[[Node], Node]], Node]


def sum_over_time(g: Node, computed: Container[Node], given: Container[Node]) -> SumOverTime | None:
    """How to sum a value of a step over all steps, or None where nothing is better than adding it up step by step.

    Args:
        g: the value.
        computed: the values that a step computes, as primitives, and that differ from step to step.
        given: the values that a step is given, and that differ from step to step.
    """
    signature = g.signature
    if signature is None or g not in computed:
        return None
    name, inputs = signature.operation.name, g.inputs
    if name == "add":
        a, b = (sum_over_time(x, computed, given) for x in inputs)
        return _both(a, b)
    if name in _MOVEMENTS:
        return _moved(sum_over_time(inputs[0], computed, given), g)
    if name == "sum":
        return _of_sum(g, signature.attributes[0])
    if name == "matmul" and all(x in computed or x in given for x in inputs):
        return _of_product(inputs[0], inputs[1], computed)
    return None


def _both(a: SumOverTime | None, b: SumOverTime | None) -> SumOverTime | None:
    if a is None or b is None:
        return None
    return SumOverTime(a.operands + b.operands, lambda stack: add(a.build(stack), b.build(stack)))


def _moved(inner: SumOverTime | None, g: Node) -> SumOverTime | None:
    """A movement of the sum is the sum of the movements."""
    signature = g.signature
    if inner is None or signature is None:
        return None
    return SumOverTime(
        inner.operands, lambda stack: record(signature.operation, (inner.build(stack),), signature.attributes)
    )


def _of_sum(g: Node, axes: tuple[int, ...]) -> SumOverTime:
    (x,) = g.inputs

    def build(stack: Callable[[Node], Node]) -> Node:
        total = sum_keepdim(stack(x), (0, *(axis + 1 for axis in axes)))
        return reshape(total, g.type.shape)

    return SumOverTime((x,), build)


def _of_product(a: Node, b: Node, computed: Container[Node]) -> SumOverTime:
    """sum_t A_t B_t = [A_0 A_1 ...] [B_0; B_1; ...]."""
    left, right = _untransposed(a, computed), _untransposed(b, computed)

    def build(stack: Callable[[Node], Node]) -> Node:
        columns = stack(left) if left is not a else transpose(stack(a))
        rows = stack(b) if right is b else transpose(stack(right))
        return matmul(transpose(_one_below_another(columns)), _one_below_another(rows))

    return SumOverTime((left, right), build)


def _untransposed(x: Node, computed: Container[Node]) -> Node:
    """What x is the transpose of, or x itself."""
    signature = x.signature
    last = len(x.type.shape) - 1
    if x not in computed or signature is None or signature.operation.name != "permute":
        return x
    return x.inputs[0] if signature.attributes[0] == (*range(last - 1), last, last - 1) else x


def _one_below_another(stack: Node) -> Node:
    """Matrices (T, ..., r, c) as (..., T r, c)."""
    length, *batch, rows, columns = stack.type.shape
    inner = permute(stack, (*range(1, len(batch) + 1), 0, len(batch) + 1, len(batch) + 2))
    return reshape(inner, (*batch, length * rows, columns))
