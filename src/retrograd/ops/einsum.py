"""Sums of products in Einstein's notation, as a composite: two operands at a time, each time one product of matrices.

Labels are letters; an ellipsis has been spelled out before as labels of its own. An axis of extent 1 broadcasts.
"""

from __future__ import annotations

import itertools
import math
from typing import Any, NamedTuple

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.arithmetic import common_dtype
from retrograd.ops.constant import iota, like
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import broadcast_to, permute, reshape
from retrograd.ops.reduce import drop_axes, sum_keepdim

Labels = tuple[str, ...]


class _Term(NamedTuple):
    """An operand, and the label of each of its axes."""

    node: Node
    labels: Labels

    @property
    def size(self) -> int:
        return self.node.type.size

    def extent(self, label: str) -> int:
        """That of a label's axis; 1 where there is none."""
        return self.node.type.shape[self.labels.index(label)] if label in self.labels else 1


@composite("einsum")
def EINSUM(*given: Any) -> Node:
    """The operands, then the labels of each, then those of the result."""
    *nodes, inputs, output = given
    dtype = common_dtype(*nodes)
    terms = [_diagonal(_Term(e.cast(x, dtype), labels)) for x, labels in zip(nodes, inputs, strict=True)]
    while len(terms) > 1:
        a, b = _cheapest(terms, output)
        rest = [term for i, term in enumerate(terms) if i not in (a, b)]
        needed = {label for term in rest for label in term.labels} | set(output)
        terms = [_product(terms[a], terms[b], needed), *rest]
    (term,) = terms
    term = _summed(term, set(output))
    return permute(term.node, tuple(term.labels.index(label) for label in output))


def _diagonal(term: _Term) -> _Term:
    """Without labels that occur twice: only where their coordinates agree does the product count."""
    node, labels = term
    for label in dict.fromkeys(labels):
        while labels.count(label) > 1:
            first = labels.index(label)
            second = labels.index(label, first + 1)
            shape = node.type.shape
            agrees = e.eq(iota(shape, first), iota(shape, second))
            node = drop_axes(sum_keepdim(e.select(agrees, node, like(0, node)), (second,)), (second,))
            labels = (*labels[:second], *labels[second + 1 :])
    return _Term(node, labels)


def _cheapest(terms: list[_Term], output: Labels) -> tuple[int, int]:
    """The pair whose product is smallest beside its factors."""

    def growth(pair: tuple[int, int]) -> int:
        rest = [term for i, term in enumerate(terms) if i not in pair]
        needed = {label for term in rest for label in term.labels} | set(output)
        a, b = terms[pair[0]], terms[pair[1]]
        kept = (set(a.labels) | set(b.labels)) & needed
        return math.prod(max(a.extent(label), b.extent(label)) for label in kept) - a.size - b.size

    return min(itertools.combinations(range(len(terms)), 2), key=growth)


def _summed(term: _Term, needed: set[str]) -> _Term:
    """Summed over the labels that nobody needs."""
    axes = tuple(i for i, label in enumerate(term.labels) if label not in needed)
    node = drop_axes(sum_keepdim(term.node, axes), axes)
    return _Term(node, tuple(label for label in term.labels if label in needed))


def _product(a: _Term, b: _Term, needed: set[str]) -> _Term:
    """The product of two operands, summed over the labels that both have and nobody else needs."""
    a, b = (_summed(x, needed | set(y.labels)) for x, y in ((a, b), (b, a)))
    # Where one has extent 1, a sum over a label is a sum of the other operand alone.
    for label in [x for x in a.labels if x in b.labels and x not in needed]:
        if a.extent(label) == 1 or b.extent(label) == 1:
            others = set(a.labels) | set(b.labels) - {label}
            a, b = _summed(a, others - {label}), _summed(b, others - {label})
    over = tuple(label for label in a.labels if label in b.labels and label not in needed)
    batch = tuple(label for label in a.labels if label in b.labels and label in needed)
    rows = tuple(label for label in a.labels if label not in (*over, *batch))
    columns = tuple(label for label in b.labels if label not in (*over, *batch))
    together = tuple(max(a.extent(x), b.extent(x)) if 0 not in (a.extent(x), b.extent(x)) else 0 for x in batch)
    row_shape, column_shape = tuple(map(a.extent, rows)), tuple(map(b.extent, columns))
    inner = tuple(map(a.extent, over))
    left = _arranged(a, (*batch, *rows, *over), (*together, *row_shape, *inner))
    right = _arranged(b, (*batch, *over, *columns), (*together, *inner, *column_shape))
    count, m, k, n = (math.prod(x) for x in (together, row_shape, inner, column_shape))
    if over:
        node = matmul(reshape(left, (count, m, k)), reshape(right, (count, k, n)))
    else:
        shape = (count, m, n)
        column, row = reshape(left, (count, m, 1)), reshape(right, (count, 1, n))
        node = e.mul(broadcast_to(column, shape), broadcast_to(row, shape))
    return _Term(reshape(node, (*together, *row_shape, *column_shape)), (*batch, *rows, *columns))


def _arranged(term: _Term, order: Labels, shape: tuple[int, ...]) -> Node:
    return broadcast_to(permute(term.node, tuple(term.labels.index(label) for label in order)), shape)
