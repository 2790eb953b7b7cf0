"""Prologues: elementwise steps that only a matrix product reads, computed block by block as the product asks for them.

The left operand of a product is then never written to memory. A product makes its blocks once for each column of tiles,
so this is done where there is one such column.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.emit import Emitter
from retrograd.backends.native.fuse import Fusion
from retrograd.backends.native.gemm_tile import tile_shape
from retrograd.backends.native.group import Group
from retrograd.backends.native.kernel import DTYPE_SIZES, LoopKernel, Operand, args_layout
from retrograd.backends.native.target import Target
from retrograd.backends.native.work import Word

_INNER = {0: "zero", 1: "unit"}


@dataclass(frozen=True)
class Prologue:
    """What makes the left operand of a product.

    Attributes:
        group: the steps.
        kernel: a map over the operand's rows and columns.
        words: its arguments.
        reads: roots.
    """

    group: Group
    kernel: LoopKernel
    words: tuple[Word, ...]
    reads: tuple[int, ...]


def find_prologues(fusion: Fusion, stored: set[int], target: Target) -> dict[int, Prologue]:
    """Prologues by product.

    Args:
        fusion: the groups of a graph.
        stored: values that some other kernel reads, or that come out.
    """
    readers = _reader_counts(fusion)
    found: dict[int, Prologue] = {}
    for group in fusion.ordered():
        if group.kind == "matmul":
            product = group.members[0]
            source = _source(fusion, product, stored, readers, target)
            prologue = None if source is None else _prologue(fusion, *source)
            if prologue is not None:
                found[product] = prologue
    return found


def _reader_counts(fusion: Fusion) -> dict[int, int]:
    """How often each root is read by steps outside of its own group, or comes out."""
    counts: dict[int, int] = {}
    for group in fusion.ordered():
        for value in group.members:
            for root, _ in fusion.reads_of_member(value):
                if fusion.groups.get(root) is not group:
                    counts[root] = counts.get(root, 0) + 1
    for value in fusion.graph.outputs:
        root = fusion.views[value].root
        counts[root] = counts.get(root, 0) + 1
    return counts


def _source(
    fusion: Fusion, product: int, stored: set[int], readers: dict[int, int], target: Target
) -> tuple[Group, int] | None:
    """The group that makes the left operand of a product for nobody else, and the operand."""
    left, right = (fusion.views[arg] for arg in fusion.step(product).args)
    group = fusion.groups.get(left.root)
    if group is None or group.kind != "loop" or group.reduced is not None or readers.get(left.root) != 1:
        return None
    type_ = fusion.graph.types[left.root]
    plain = left.dense and left.shape == type_.shape and len(left.shape) == 2 and min(left.shape) > 1
    if not plain or {value for value in group.members if value in stored} != {left.root}:
        return None
    (m, k), n = left.shape, right.shape[-1]
    one_column = tile_shape(target, type_.dtype.name, m, n, k, 1)[1] >= n
    return (group, left.root) if one_column and n > 0 else None


def _prologue(fusion: Fusion, group: Group, operand: int) -> Prologue | None:
    emitter = Emitter(fusion, group, {operand})
    if emitter.indexed:
        return None
    operands = tuple(Operand(b.dtype, _INNER.get(b.view.strides[-1], "strided"), b.written) for b in emitter.operands)
    kernel = LoopKernel(1, operands, tuple(emitter.code))
    layout = args_layout(kernel)
    words: list[Word] = [0] * layout.words
    for axis, extent in enumerate(emitter.domain):
        words[layout.extent(axis)] = extent
    for number, bound in enumerate(emitter.operands):
        if bound.written:
            continue
        words[layout.pointer(number)] = bound.address
        for axis, stride in enumerate(bound.view.strides):
            words[layout.stride(number, axis)] = stride * DTYPE_SIZES[bound.dtype]
    reads = tuple(dict.fromkeys(b.view.root for b in emitter.operands if b.is_read))
    return Prologue(group, kernel, tuple(words), reads)
