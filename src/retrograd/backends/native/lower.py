"""Lowering: every group becomes work: kernels with their arguments."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from retrograd.backends.native.emit import Emitter, Space, collapse, kernel_of
from retrograd.backends.native.epilogue import with_epilogue
from retrograd.backends.native.fuse import Fusion
from retrograd.backends.native.group import Group
from retrograd.backends.native.ir import Module
from retrograd.backends.native.join import find_regions
from retrograd.backends.native.kernel import (
    DTYPE_SIZES,
    Instruction,
    LoopKernel,
    Operand,
    args_layout,
    tile_count,
    verify,
)
from retrograd.backends.native.loops import loop_module
from retrograd.backends.native.loops_plan import point_weight
from retrograd.backends.native.lower_conv import CONVOLUTIONS
from retrograd.backends.native.lower_matmul import lower_matmul
from retrograd.backends.native.lower_transpose import exchanged_axis, transpose_work
from retrograd.backends.native.prologue import find_prologues
from retrograd.backends.native.standing_alone import STANDING_ALONE, UnsupportedError
from retrograd.backends.native.target import Target
from retrograd.backends.native.views import View, dense_view, squeezed
from retrograd.backends.native.work import (
    NOWHERE,
    Bound,
    Generators,
    Inside,
    Packed,
    Word,
    Work,
    even_part,
)
from retrograd.core.dtype import int64
from retrograd.core.errors import InternalError
from retrograd.core.extent import computed
from retrograd.core.graph import Graph
from retrograd.core.types import Shape, contiguous_strides, tensor_type
from retrograd.passes.pipeline import CHECK

# Work of a tile, in machine instructions on one lane: enough to be worth claiming, few enough to share out.
_TILE_WORK = 1 << 17
# A map over more tiles than are needed to share it out gets larger ones, up to so many times: where one begins, the
# processor does not know yet which lines to get next, which took a fifth of Adam's time.
_ENOUGH_TILES, _LARGER = 64, 4


class Lowering:
    """The work of a graph.

    Attributes:
        work: in an order that respects what waits for what.
        types: of every value, temporary copies included.
        generators: of the kernels that the work names.
        loop_kernels: the specifications of those that are loop kernels.
        shared: roots that lie where another root will.
        regions: where loop kernels write parts of concatenations.
        inside: of what loops this is the body.
        prologues: by product, what it makes its left operand by.
        packed: operands of products, with their layouts, that are packed before the loop around.
        outputs: the root of each output: dense, no input, no two the same.
    """

    def __init__(self, graph: Graph, fusion: Fusion, target: Target, inside: Inside | None = None) -> None:
        self.graph, self.fusion, self.target = graph, fusion, target
        self.inside = inside or Inside()
        self.packed: dict[tuple[View, str], Packed] = {}
        self.types = list(graph.types)
        for plan in fusion.table.loops.values():
            for place in plan.carries:
                self.types[place.root] = place.type
        self.work: list[Work] = []
        self.generators: Generators = {}
        self.loop_kernels: dict[str, LoopKernel] = {}
        self.shared: dict[int, int] = {}
        self._copied: dict[View, int] = {}
        self.regions = find_regions(fusion)
        self.stored = self._values_in_memory()
        self.prologues = find_prologues(fusion, {*self.stored, *self.regions}, target) if fusion.fuses else {}
        absorbed = {prologue.group for prologue in self.prologues.values()}
        for group in self._ordered():
            if group not in absorbed:
                self._lower(group)
        self.outputs: list[int] = []
        for value in graph.outputs:
            self.outputs.append(self._output(value))

    def nested(self, graph: Graph, fusion: Fusion, inside: Inside) -> Lowering:
        """The work of the body of a loop."""
        return Lowering(graph, fusion, self.target, inside)

    def _values_in_memory(self) -> set[int]:
        """Values that are read outside of the kernel that computes them, or come out."""
        fusion, stored = self.fusion, {self.fusion.views[v].root for v in self.graph.outputs}
        for group in fusion.ordered():
            for value in group.members:
                reads = self._parts_to_copy(value) if group.kind == "concat" else fusion.reads_of_member(value)
                stored.update(root for root, _ in reads if fusion.groups.get(root) is not group)
        return stored

    def _parts_to_copy(self, value: int) -> list[tuple[int, View]]:
        """Of a concatenation: the parts that no kernel writes to their region."""
        views = [self.fusion.views[arg] for arg in self.fusion.step(value).args]
        return [(view.root, view) for place, view in enumerate(views) if not self.is_written(value, place, view)]

    def is_written(self, value: int, place: int, view: View) -> bool:
        """Whether the kernel that makes a part of a concatenation writes it to its region as well."""
        return (value, place) in self.regions.get(view.root, ())

    def _ordered(self) -> list[Group]:
        """Groups, each after those it reads from."""
        done: dict[Group, None] = {}
        begun: set[Group] = set()
        stack = [(group, False) for group in reversed(self.fusion.ordered())]
        while stack:
            group, entered = stack.pop()
            if group in done:
                continue
            if entered:
                done[group] = None
                continue
            if group in begun:
                raise InternalError(f"native: the kernel of values {group.members} waits for itself")
            begun.add(group)
            stack.append((group, True))
            for value in group.members:
                for root, _ in self.fusion.reads_of_member(value):
                    other = self.fusion.groups.get(root)
                    if other is not None and other is not group and other not in done:
                        stack.append((other, False))
        return list(done)

    def _lower(self, group: Group) -> None:
        if group.kind == "loop":
            self.loop(Emitter(self.fusion, group, self.stored, regions=self.regions), group)
        elif group.kind == "copy":
            (value,) = group.members
            source = self.fusion.table.copies[value]
            self.move(source, dense_view(value, source.shape), (value,))
        elif group.is_product:
            self._product(group)
        else:
            value = group.members[0]
            step = self.fusion.step(value)
            views = [self.fusion.views[arg] for arg in step.args]
            lower = STANDING_ALONE.get(group.kind)
            if lower is None:
                raise UnsupportedError(group.kind)
            lower(self, value, views, step.signature.attributes, step.args)

    # -- loops --------------------------------------------------------------------------------------------------------

    def loop(self, emitter: Emitter, group: Group) -> None:
        mode = "none" if group.reduced is None else "outer" if emitter.outer else "inner"
        domain = emitter.domain
        space = collapse(domain, emitter.operands, group.reduced, emitter.indexed)
        if self._turn(emitter, space):
            space = collapse(domain, emitter.operands, group.reduced, emitter.indexed)
        if len(_reduced_places(space, group.reduced)) > 1:
            self._make_dense(emitter, group.reduced)
            space = collapse(domain, emitter.operands, group.reduced, emitter.indexed)
        if mode == "outer":
            (place,) = _reduced_places(space, group.reduced)
            space = space.moved_inward(place)
        kernel = kernel_of(emitter, space, mode)
        self.launch(kernel, emitter.operands, space, tuple(group.members))

    def _turn(self, emitter: Emitter, space: Space) -> bool:
        """Copy operands whose elements are adjacent along another axis than the last: a loop would gather them."""
        turned = False
        for bound, strides in zip(emitter.operands, space.strides, strict=True):
            if bound.is_read and not bound.per_column and exchanged_axis(space.extents, strides) is not None:
                bound.view = self._dense_along_strides(bound.view)
                turned = True
        return turned

    def _dense_along_strides(self, view: View) -> View:
        """A dense copy of a view over a domain, but for axes along which it repeats."""
        kept = tuple(n if s else 1 for n, s in zip(view.shape, view.strides, strict=True))
        copy = self.copy(View(view.root, kept, view.strides, view.offset, view.dynamic))
        strides = tuple(s if n > 1 else 0 for n, s in zip(kept, contiguous_strides(kept), strict=True))
        return View(copy, view.shape, strides)

    def _make_dense(self, emitter: Emitter, reduced: tuple[int, ...] | None) -> None:
        """Copy operands whose strides keep reduced axes from being joined to one."""
        for number, bound in enumerate(emitter.operands):
            strides = bound.view.strides
            if bound.written or bound.per_column or strides == contiguous_strides(bound.view.shape):
                continue
            if not any(strides[axis] for axis in reduced or ()):
                continue
            if bound.view.root == NOWHERE:
                emitter.operands[number] = self._stored_positions(bound)
                place = emitter.code.index(Instruction("position", "int64", (), number))
                emitter.code[place] = Instruction("load", "int64", (), number)
            else:
                bound.view = dense_view(self.copy(bound.view), bound.view.shape)
        for axis in emitter.indexed.intersection(reduced or ()):
            self._store_coordinates(emitter, axis)

    def _store_coordinates(self, emitter: Emitter, axis: int) -> None:
        """Let the coordinate along an axis come from memory, so that the axis can be joined to others."""
        strides = tuple(int(i == axis) for i in range(len(emitter.domain)))
        emitter.operands.append(self._stored_positions(Bound(View(NOWHERE, emitter.domain, strides), "uint8", False)))
        load = Instruction("load", "int64", (), len(emitter.operands) - 1)
        emitter.code[:] = [load if i.op == "index" and i.attr == axis else i for i in emitter.code]
        emitter.indexed.remove(axis)

    def _stored_positions(self, bound: Bound) -> Bound:
        """Positions as memory."""
        self.types.append(tensor_type(bound.view.shape, int64))
        target = dense_view(len(self.types) - 1, bound.view.shape)
        stored = Bound(target, "int64", written=True)
        code = (Instruction("position", "int64", (), 0), Instruction("store", "int64", (0,), 1))
        self._map_bound([bound, stored], code, ())
        return Bound(target, "int64", written=False)

    def generator(self, key: str, build: Callable[[Target], Module]) -> None:
        """Enter how a kernel is made. What is entered does not hold this object, which would then hold itself."""
        target = self.target
        self.generators.setdefault(key, lambda: build(target).text())

    def loop_kernel(self, kind: str, kernel: LoopKernel, build: Callable[[Target, LoopKernel], Module]) -> str:
        """Enter a loop kernel that is used in some way; its key."""
        if CHECK:
            verify(kernel)
        key = f"{kind} {kernel!r}"
        self.loop_kernels[key] = kernel
        self.generator(key, lambda target: build(target, kernel))
        return key

    def copy(self, view: View) -> int:
        """A new dense value with the elements of a view."""
        if view not in self._copied:
            value = self.temporary(view.shape, view.root)
            self._copied[view] = value
            self.move(view, dense_view(value, view.shape))
        return self._copied[view]

    def temporary(self, shape: Shape, like: int) -> int:
        self.types.append(tensor_type(shape, self.types[like].dtype))
        return len(self.types) - 1

    def move(self, source: View, target: View, members: tuple[int, ...] = ()) -> None:
        """Copy the elements of one view to another."""
        dtype = self.types[source.root].dtype.name
        code = (Instruction("load", dtype, (), 0), Instruction("store", dtype, (0,), 1))
        self._map([source, target], code, members)

    def fill(self, number: bool | float, target: View, members: tuple[int, ...] = ()) -> None:
        """Write one number to all of a view."""
        dtype = self.types[target.root].dtype.name
        code = (Instruction("const", dtype, (), number), Instruction("store", dtype, (0,), 0))
        self._map([target], code, members)

    def _map(self, views: list[View], code: tuple[Instruction, ...], members: tuple[int, ...]) -> None:
        """A kernel over views of one shape, the last of which is written."""
        domain = squeezed(views[0].shape)
        bound = []
        for place, view in enumerate(views):
            strides = tuple(s for n, s in zip(view.shape, view.strides, strict=True) if n != 1)
            on_domain = View(view.root, domain, strides, view.offset, view.dynamic)
            bound.append(Bound(on_domain, self.types[view.root].dtype.name, place == len(views) - 1))
        self._map_bound(bound, code, members)

    def _map_bound(self, bound: list[Bound], code: tuple[Instruction, ...], members: tuple[int, ...]) -> None:
        space = collapse(bound[0].view.shape, bound, None, set())
        if len(bound) == 2 and code[0].op == "load":
            turned = transpose_work(self, bound, space, members)
            if turned is not None:
                self.work.append(turned)
                return
        operands = tuple(
            Operand(b.dtype, inner_stride(strides[-1], b.written), b.written)
            for b, strides in zip(bound, space.strides, strict=True)
        )
        self.launch(LoopKernel(len(space.extents) - 1, operands, code), bound, space, members)

    def launch(self, kernel: LoopKernel, operands: list[Bound], space: Space, members: tuple[int, ...]) -> None:
        """Append a loop kernel over a space."""
        layout = args_layout(kernel)
        row_tile, col_tile = self._tile(kernel, space.extents)
        words: list[Word] = [0] * layout.words
        words[layout.row_tile], words[layout.col_tile] = row_tile, col_tile
        for axis, extent in enumerate(space.extents):
            words[layout.extent(axis)] = extent
        for number, (bound, strides) in enumerate(zip(operands, space.strides, strict=True)):
            size = DTYPE_SIZES[bound.dtype]
            words[layout.pointer(number)] = bound.address
            for axis, stride in enumerate(strides):
                words[layout.stride(number, axis)] = stride * size
        key = self.loop_kernel("loop", kernel, loop_module)
        cost = math.prod(space.extents) * max(len(kernel.code) // 4, 1)
        tiles = tile_count(kernel, space.extents, row_tile, col_tile)
        self._append(key, words, tiles, cost, operands, members)

    def _tile(self, kernel: LoopKernel, extents: list[int]) -> tuple[int, int]:
        """Rows and columns of a tile."""
        row_tile, col_tile = computed(_Tile(kernel.reduces, point_weight(kernel), self.target.lanes), extents)
        return row_tile, col_tile

    def _append(
        self, key: str, words: list[Word], tiles: int, cost: int, operands: list[Bound], members: tuple[int, ...]
    ) -> None:
        reads = tuple(dict.fromkeys(b.view.root for b in operands if b.is_read))
        writes = tuple(dict.fromkeys(b.view.root for b in operands if b.written))
        parts = tuple(root for root in writes if self._is_joined(root))
        self.work.append(Work(f"{key}#kernel", words, tiles, cost, reads, writes, members, tuple(operands), parts))

    def _is_joined(self, root: int) -> bool:
        group = self.fusion.groups.get(root)
        return group is not None and group.kind == "concat"

    # -- products -----------------------------------------------------------------------------------------------------

    def _product(self, group: Group) -> None:
        """A product of matrices or a convolution, and the steps behind it."""
        value = group.members[0]
        step = self.fusion.step(value)
        views = [self.fusion.views[arg] for arg in step.args]
        if group.kind == "matmul":
            work, grid = lower_matmul(self, value, views)
        else:
            work, grid = CONVOLUTIONS[group.kind](self, value, views, step.signature.attributes[0])
        self.work.append(with_epilogue(self, group, work, grid))

    # -- outputs ------------------------------------------------------------------------------------------------------

    def _output(self, value: int) -> int:
        """The root that is this output, dense, and no input."""
        view = self.fusion.views[value]
        size = self.graph.types[value].size
        computed = view.root >= len(self.graph.inputs) and view.dense and self.types[view.root].size == size
        if computed and view.root not in self.outputs:
            return view.root
        copy = self.copy(view)
        if copy in self.outputs:
            del self._copied[view]
            copy = self.copy(view)
        return copy


def inner_stride(stride: int, written: bool) -> str:
    if stride == 0 and written:
        return "unit"
    return {0: "zero", 1: "unit"}.get(stride, "strided")


def _reduced_places(space: Space, reduced: tuple[int, ...] | None) -> list[int]:
    """The axes of a collapsed space that a reduction runs over."""
    first, last = min(reduced or (0,)), max(reduced or (-1,))
    return [place for axis, place in space.places.items() if first <= axis <= last]


@dataclass(frozen=True)
class _Tile:
    """Rows and columns of a tile by the extents of a loop alone.

    Attributes:
        reduces, weight: of the kernel.
        lanes: of a vector.
    """

    reduces: str
    weight: int
    lanes: int

    def __call__(self, extents: Sequence[int]) -> tuple[int, int]:
        columns = max(extents[-1], 1)
        most = max(_TILE_WORK // self.weight, self.lanes)
        padded = -(-columns // self.lanes) * self.lanes
        kept = extents[:-2] if self.reduces == "outer" else extents[:-1]
        rows = max(math.prod(kept), 1)
        if self.reduces == "none":
            most = max(most, min(rows * padded // _ENOUGH_TILES, most * _LARGER))
        depth = max(extents[-2], 1) if self.reduces == "outer" else 1
        if self.reduces == "inner":
            return max(even_part(rows, most // padded), 1), columns
        if columns * depth >= most:
            unit = 4 * self.lanes
            return 1, max(-(-even_part(columns, max(most // depth, unit)) // unit) * unit, unit)
        return max(even_part(rows, most // (padded * depth)), 1), columns
