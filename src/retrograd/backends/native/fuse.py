"""Fusion: which steps one kernel computes together.

A group has a domain: a shape without axes of extent 1, and at most one set of reduced axes. Elementwise steps over the
domain, reductions of it, elementwise steps on their results, and uses of those results broadcast back, all join; so do
elementwise steps behind a product of matrices, or a convolution, of their shape (its epilogue). A group never waits for
something that waits for it.

Some steps belong to no group and are computed where they are used: constants, coordinates, comparisons, choices between
two numbers, and what is made of single numbers from outside.
"""

from __future__ import annotations

import operator
from collections.abc import Callable

from retrograd.backends.native.group import PRODUCTS, Group
from retrograd.backends.native.kernel import ARITY
from retrograd.backends.native.loop_steps import PART
from retrograd.backends.native.merge import merge_groups
from retrograd.backends.native.remake import remake
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.views import MOVEMENTS, View, ViewTable, squeezed
from retrograd.backends.native.waits import Waits
from retrograd.core.extent import alike
from retrograd.core.graph import Graph, Step
from retrograd.core.types import Shape, contiguous_strides
from retrograd.passes.generalise import is_general

ELEMENTWISE = (frozenset(ARITY) - REDUCTIONS - {"load", "store", "const", "index", "position", "not"}) | {"invert"}
# Steps that depend on where they are computed alone.
COORDINATES = frozenset({"iota", "positions"})
# A kernel with more than this many steps gains nothing from another.
_MOST_MEMBERS = 160
# An epilogue that reads and writes more matrices than this streams better as a loop of its own: over the short rows of
# a tile, Adam's seven took four times as long as over whole arrays.
_MOST_EPILOGUE_TRAFFIC = 4
# Single numbers are computed where they are used, unless so many steps stand one upon another.
_DEEPEST = 48


class Fusion:
    """The groups of a graph.

    Args:
        graph: primitives, reductions split.
        fuse: whether steps join at all (tier 1), or stand alone (tier 0).

    Attributes:
        groups: by value, for values that a group computes.
        virtual: values that are computed where they are used.
        remade: values that are computed anew where other groups than their own use them.
        same: whether two shapes are the same. Over extents they must be so by their expressions: what does not fit
            stays apart, which is right where they are equal by chance.
    """

    def __init__(self, graph: Graph, table: ViewTable, fuse: bool) -> None:
        self.graph, self.table = graph, table
        self.views = table.views
        self.first = len(graph.inputs)
        self.same: Callable[[Shape, Shape], bool] = alike if is_general(graph) else operator.eq
        self.groups: dict[int, Group] = {}
        self._waits = Waits(self.groups)
        self._outputs = {self.views[v].root for v in graph.outputs}
        self._moved = self._moved_values()
        self._in_memory = self._outputs | self._values_by_address()
        self._for_reductions = self._values_for_reductions()
        self.virtual: set[int] = set()
        self._depths: dict[int, int] = {}
        self.remade: set[int] = set()
        self.fuses = fuse
        for place, step in enumerate(graph.steps):
            self._place(self.first + place, step)
        readers = self._reading_groups()
        for group in self.ordered():
            if group.is_product and self._traffic(group, readers) > _MOST_EPILOGUE_TRAFFIC:
                self._free_epilogue(group)
        if fuse:
            merge_groups(self)
            remake(self)

    def step(self, value: int) -> Step:
        return self.graph.steps[value - self.first]

    def name(self, value: int) -> str:
        return "input" if value < self.first else self.step(value).signature.operation.name

    def ordered(self) -> list[Group]:
        """Every group once, in the order of its first member."""
        return list(dict.fromkeys(self.groups[v] for v in sorted(self.groups)))

    # -- where a step goes --------------------------------------------------------------------------------------------

    def _place(self, value: int, step: Step) -> None:
        name = step.signature.operation.name
        if name in MOVEMENTS:
            if value in self.table.copies:
                self._alone(value, "copy")
            return
        if step.signature.operation is PART:
            self._join(self.groups[step.args[0]], value)
            return
        if self._is_virtual(value, step):
            self.virtual.add(value)
            return
        domain = squeezed(step.signature.type.shape)
        if name in REDUCTIONS:
            self._place_reduction(value, step)
        elif name in ELEMENTWISE:
            self._place_elementwise(value, step, domain)
        elif name == "const" or name in COORDINATES:
            self._new(value, "loop", domain)
        else:
            self._alone(value, name)

    def _is_virtual(self, value: int, step: Step) -> bool:
        name = step.signature.operation.name
        if value in self._in_memory:
            return False
        if name == "const":
            return True
        if name in COORDINATES:
            return value not in self._moved
        if name not in ELEMENTWISE:
            return False
        if step.signature.type.size == 1:
            roots = [self.views[arg].root for arg in step.args]
            self._depths[value] = 1 + max((self._depths.get(root, 0) for root in roots), default=0)
            if self._depths[value] > _DEEPEST:
                return False
            return all(root < self.first or root in self.virtual for root in roots)
        if value in self._moved:
            return False
        if step.signature.type.dtype.name == "bool":
            # A random mask is remembered rather than made again: a byte costs less than its bits.
            return all(self.name(self.views[arg].root) != "random_bits" for arg in step.args)
        return name == "select" and all(self._is_one_number(arg) for arg in step.args[1:])

    def _is_one_number(self, value: int) -> bool:
        """Whether a value is one number everywhere, which costs nothing where it is needed."""
        root = self.views[value].root
        return self.graph.types[root].size == 1 and (root < self.first or root in self.virtual)

    def _moved_values(self) -> set[int]:
        """Values that a movement, or a step that wants memory, reads."""
        moved: set[int] = set()
        for step in self.graph.steps:
            name = step.signature.operation.name
            if name not in ELEMENTWISE and name not in REDUCTIONS:
                moved.update(step.args)
        return moved

    def _values_for_reductions(self) -> set[int]:
        """Values that only reductions read, if by way of elementwise steps: they had better be made by these."""
        readers: dict[int, list[int]] = {}
        found: set[int] = set()
        for place in reversed(range(len(self.graph.steps))):
            value, step = self.first + place, self.graph.steps[place]
            for arg in step.args:
                readers.setdefault(arg, []).append(value)
            alone = value not in self._in_memory and step.signature.operation.name in ELEMENTWISE
            reduced = all(self.name(reader) in REDUCTIONS or reader in found for reader in readers.get(value, ()))
            if alone and reduced:
                found.add(value)
        return found

    def _values_by_address(self) -> set[int]:
        """Roots that are read by address: by steps that stand alone, and by copies."""
        roots = {view.root for view in self.table.copies.values()}
        for step in self.graph.steps:
            name = step.signature.operation.name
            if name not in ELEMENTWISE | REDUCTIONS | MOVEMENTS:
                filled = name == "slice_put" and self.name(self.views[step.args[0]].root) == "const"
                roots.update(self.views[arg].root for arg in step.args[filled:])
        return roots

    def _new(self, value: int, kind: str, domain: Shape) -> Group:
        group = Group(kind, domain)
        self._join(group, value)
        return group

    def _alone(self, value: int, name: str) -> None:
        kind = name
        shape = self.graph.types[value].shape
        self._new(value, kind, shape if kind in PRODUCTS else squeezed(shape))

    def _place_reduction(self, value: int, step: Step) -> None:
        x = self.views[step.args[0]]
        shape = step.signature.inputs[0].shape
        domain = squeezed(shape)
        axes = step.signature.attributes[0]
        kept = [i for i, n in enumerate(shape) if n != 1]
        reduced = tuple(place for place, axis in enumerate(kept) if axis in axes)
        group = self.groups.get(x.root) if self.fuses else None
        if (
            group is not None
            and group.kind == "loop"
            and self.same(group.domain, domain)
            and group.reduced in (None, reduced)
            and self.role(group, x) == "full"
            and len(group.members) < _MOST_MEMBERS
        ):
            group.reduced = reduced
            self._join(group, value)
            return
        self._new(value, "loop", domain).reduced = reduced

    def _place_elementwise(self, value: int, step: Step, domain: Shape) -> None:
        candidates = self._candidates(step, domain) if self.fuses else []
        if value in self._for_reductions:
            candidates = [group for group in candidates if not group.is_product]
        merged: Group | None = None
        for group in candidates:
            if merged is None:
                if self._may_join(group, value, step):
                    merged = group
            elif group is not merged and self.may_merge(merged, group, step):
                merged = self.merge(merged, group)
        if merged is None:
            self._new(value, "loop", domain)
        else:
            self._join(merged, value)

    def _join(self, group: Group, value: int) -> None:
        roots = [root for root, _ in self.reads_of_member(value)]
        group.members.append(value)
        group.sources.update(roots)
        self.groups[value] = group
        self._waits.join(group, value, roots)

    def _candidates(self, step: Step, domain: Shape) -> list[Group]:
        """Groups that compute an argument in a form that the step can use in place, matrix products first."""
        found: dict[Group, None] = {}
        for root, view in self._reads(step):
            group = self.groups.get(root)
            if group is None or not (group.kind == "loop" or group.is_product) or len(group.members) >= _MOST_MEMBERS:
                continue
            role = self.role(group, view)
            if role is None:
                continue
            if self.same(domain, squeezed(group.domain)) or (role == "part" and self.same(domain, group.part)):
                found[group] = None
        return sorted(found, key=lambda g: not g.is_product)

    def _reads(self, step: Step, group: Group | None = None) -> list[tuple[int, View]]:
        """The roots, with their views, that a step of a group reads, also through virtual and remade arguments."""
        reads: list[tuple[int, View]] = []
        # Each argument is gone through once: paths through arguments that are shared multiply.
        stack, seen = list(reversed(step.args)), set[int]()
        while stack:
            arg = stack.pop()
            root = self.views[arg].root
            if root not in self.virtual and (root not in self.remade or self.groups[root] is group):
                reads.append((root, self.views[arg]))
            elif root >= self.first and root not in seen:
                seen.add(root)
                stack.extend(reversed(self.step(root).args))
        return reads

    def reads_from_outside(self, value: int) -> list[tuple[int, View]]:
        """What other groups would read to make a value anew."""
        return self._reads(self.step(value))

    def stays_in_place(self, value: int) -> bool:
        """Whether all that read a value do so element by element, where it stands."""
        return value not in self._moved and value not in self._in_memory

    def role(self, group: Group, view: View) -> str | None:
        """How a member of the group is read through a view: "full" at the same point, "part" as a reduction's result
        at the point's row or column; None if neither.
        """
        if view.offset or view.dynamic:
            return None
        pairs = [(n, s) for n, s in zip(view.shape, view.strides, strict=True) if n != 1]
        extents, strides = tuple(n for n, _ in pairs), tuple(s for _, s in pairs)
        root = squeezed(self.graph.types[view.root].shape)
        domain = squeezed(group.domain)
        same = self.same
        if same(root, domain):
            return "full" if same(extents, domain) and same(strides, contiguous_strides(domain)) else None
        if group.reduced is None or not same(root, group.part):
            return None
        dense = contiguous_strides(group.part)
        if same(extents, group.part) and same(strides, dense):
            return "part"
        spread = iter(dense)
        expected = tuple(0 if i in group.reduced else next(spread) for i in range(len(domain)))
        return "part" if same(extents, domain) and same(strides, expected) else None

    # -- epilogues ----------------------------------------------------------------------------------------------------

    def _traffic(self, group: Group, readers: dict[int, set[Group]]) -> int:
        """How many whole matrices the epilogue of a product reads and writes."""
        size = self.graph.types[group.members[0]].size
        read: set[int] = set()
        for value in group.members[1:]:
            for root, view in self.reads_of_member(value):
                if self.groups.get(root) is not group and self.graph.types[root].size >= size and all(view.strides):
                    read.add(root)
        written = [v for v in group.members if v in self._outputs or readers.get(v, set()) - {group}]
        return len(read) + len(written)

    def _reading_groups(self) -> dict[int, set[Group]]:
        """The groups that read each root."""
        readers: dict[int, set[Group]] = {}
        for group in self.ordered():
            for root in group.sources:
                readers.setdefault(root, set()).add(group)
        return readers

    def _free_epilogue(self, group: Group) -> None:
        """Make the epilogue a loop behind the product."""
        product, *rest = group.members
        group.members, group.sources = [], set()
        self._join(group, product)
        loop = Group("loop", squeezed(group.domain))
        self._waits.part(group, loop)
        for value in rest:
            self._join(loop, value)

    # -- no cycles ----------------------------------------------------------------------------------------------------

    def _may_join(self, group: Group, value: int, step: Step) -> bool:
        """Whether nothing else that the step reads waits for the group, and all it reads of the group is in place."""
        for root, view in self._reads(step):
            if self.groups.get(root) is group:
                if self.role(group, view) is None:
                    return False
            elif self._waits.wait([root], {group}):
                return False
        return True

    def may_merge(self, a: Group, b: Group, step: Step | None = None) -> bool:
        """Whether two groups, and a step that joins them, may be one: they fit, and nothing between them waits."""
        if b.is_product or len(a.members) + len(b.members) > _MOST_MEMBERS:
            return False
        if not self.same(squeezed(a.domain), b.domain) or (a.is_product and b.reduced is not None):
            return False
        if None not in (a.reduced, b.reduced) and a.reduced != b.reduced:
            return False
        if not (self._reads_in_place(a, b) and self._reads_in_place(b, a)):
            return False
        both = {a, b}
        roots = {r for r, _ in self._reads(step)} if step is not None else set()
        return not self._waits.wait([r for r in roots | a.sources | b.sources if self.groups.get(r) not in both], both)

    def _reads_in_place(self, reader: Group, other: Group) -> bool:
        """Whether all that one group reads of another one it could use in the same kernel."""
        for value in reader.members:
            by_address = reader.is_product and value == reader.members[0]
            allowed = ("full",) if self.name(value) in REDUCTIONS else ("full", "part")
            for root, view in self.reads_of_member(value):
                if self.groups.get(root) is other and (by_address or self.role(other, view) not in allowed):
                    return False
        return True

    def reads_of_member(self, value: int) -> list[tuple[int, View]]:
        if value in self.table.copies:
            view = self.table.copies[value]
            return [(view.root, view)]
        return self._reads(self.step(value), self.groups.get(value))

    def merge(self, a: Group, b: Group) -> Group:
        """Put the members of `b` into `a`."""
        first = a.members[:1] if a.is_product else []
        a.members = first + sorted([*a.members[len(first) :], *b.members])
        a.sources |= b.sources
        a.reduced = a.reduced if a.reduced is not None else b.reduced
        for value in b.members:
            self.groups[value] = a
        self._waits.merge(a, b)
        return a
