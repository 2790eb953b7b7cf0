"""From a group of steps to the specification of a loop kernel, its operands, and its argument words."""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.fuse import ELEMENTWISE, Fusion
from retrograd.backends.native.group import Group
from retrograd.backends.native.join import Regions
from retrograd.backends.native.kernel import Instruction, LoopKernel, Operand
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.views import View, dense_view, squeezed
from retrograd.backends.native.work import NOWHERE, Bound
from retrograd.core.dtype import DTYPES
from retrograd.core.extent import Extent
from retrograd.core.graph import Step
from retrograd.core.types import Shape

_NAMES = {"invert": "not"}


class Emitter:
    """Writes the code of one group.

    Attributes:
        code, operands: the kernel's.
        indexed: axes of the domain whose coordinate the code asks for; they must stay axes of their own.
    """

    def __init__(
        self,
        fusion: Fusion,
        group: Group,
        stored: set[int],
        accumulator: int | None = None,
        regions: Regions | None = None,
    ) -> None:
        self.fusion, self.group = fusion, group
        self.domain = squeezed(group.domain)
        self.outer = group.reduced is not None and group.reduced[-1] != len(self.domain) - 1
        self.code: list[Instruction] = []
        self.operands: list[Bound] = []
        self.indexed: set[int] = set()
        self._made: dict[object, int] = {}
        self._accumulator = accumulator
        for value in group.members:
            if value == accumulator:
                continue
            number = self._member(value)
            if value in stored:
                self._store(value, number)
            for region in (regions or {}).get(value, {}).values():
                self._store_to(region, number, "full")

    # -- members ------------------------------------------------------------------------------------------------------

    def level(self, value: int) -> str:
        """Whether a member has a value at each point ("full") or one for each reduction ("part")."""
        shape = squeezed(self.fusion.graph.types[value].shape)
        if self.group.reduced is None or self.fusion.same(shape, self.domain):
            if value in self.group.members and self.fusion.name(value) in REDUCTIONS:
                return "part"
            return "full"
        return "part"

    def _member(self, value: int) -> int:
        name = self.fusion.name(value)
        type_ = self.fusion.graph.types[value]
        level = self.level(value)
        if name in REDUCTIONS:
            number = self._add(name, type_.dtype.name, (self._value(self.fusion.step(value).args[0], "full"),))
        else:
            number = self._compute(value, level)
        self._made[value, level] = number
        return number

    def _compute(self, value: int, level: str, axes: dict[int, int] | None = None) -> int:
        """A constant, a coordinate, or an elementwise step."""
        step = self.fusion.step(value)
        name, dtype = step.signature.operation.name, step.signature.type.dtype.name
        if name == "const":
            number = step.signature.attributes[0]
            if isinstance(number, Extent):
                return self._extent(number, dtype, level)
            return self._add("const", dtype, (), _number(number, dtype))
        if name == "iota":
            axis = self._domain_axis(step.signature.type.shape, step.signature.attributes[1], level)
            if axis is None:
                return self._add("const", dtype, (), 0)
            self.indexed.add(axis)
            return self._add("index", dtype, (), axis)
        if name == "positions":
            return self._positions(step, level)
        assert name in ELEMENTWISE
        args = tuple(self._value(arg, level) for arg in step.args)
        return self._add(_NAMES.get(name, name), dtype, args)

    def _extent(self, number: Extent, dtype: str, level: str) -> int:
        """A number that is no part of the code: the address of an operand that is no memory and never moves."""
        still = View(NOWHERE, self.domain, (0,) * len(self.domain), number)  # type: ignore[arg-type]
        self.operands.append(Bound(still, "uint8", False, self.outer and level == "part"))
        made = self._add("position", "int64", (), len(self.operands) - 1)
        return made if dtype == "int64" else self._add("cast", dtype, (made,))

    def _positions(self, step: Step, level: str) -> int:
        """The addresses of an operand of bytes that is no memory and begins at 0."""
        shape, strides = step.signature.attributes
        placed = self._on_domain(View(NOWHERE, shape, strides), level)
        self.operands.append(Bound(placed, "uint8", False, self.outer and level == "part"))
        return self._add("position", "int64", (), len(self.operands) - 1)

    def _domain_axis(self, shape: Shape, axis: int, level: str) -> int | None:
        """The domain's axis that an axis of a member's shape is, or None for one of extent 1."""
        if shape[axis] == 1:
            return None
        place = sum(1 for n in shape[:axis] if n != 1)
        return place if level == "full" else self._kept()[place]

    def _kept(self) -> list[int]:
        return [i for i in range(len(self.domain)) if i not in (self.group.reduced or ())]

    # -- arguments ----------------------------------------------------------------------------------------------------

    def _value(self, arg: int, level: str) -> int:
        """The instruction that has an argument's value at the point where a member of this level is."""
        view = self.fusion.views[arg]
        root = view.root
        if self.fusion.groups.get(root) is self.group:
            role = self.fusion.role(self.group, view)
            if root == self._accumulator:
                return self._load(view, level)
            return self._made[root, role if role == "part" else self.level(root)]
        if root in self.fusion.virtual or root in self.fusion.remade:
            key = (root, level)
            if key not in self._made:
                self._made[key] = self._compute(root, level)
            return self._made[key]
        return self._load(view, level)

    def _load(self, view: View, level: str) -> int:
        placed = self._on_domain(view, level)
        # What does not move along the reduced axes is read once, before anything that may lie over it is written.
        per_column = self.outer and not any(placed.strides[axis] for axis in self.group.reduced or ())
        key = (placed, per_column)
        if key not in self._made:
            number = self._operand(placed, written=False, per_column=per_column)
            self._made[key] = self._add("load", self.operands[number].dtype, (), number)
        return self._made[key]

    def _on_domain(self, view: View, level: str) -> View:
        """The view with strides along the domain's axes."""
        strides = [s for n, s in zip(view.shape, view.strides, strict=True) if n != 1]
        full = [0] * len(self.domain)
        if len(strides) != len(self.domain) or level == "part":
            for axis, stride in zip(self._kept() if level == "part" else (), strides, strict=False):
                full[axis] = stride
        else:
            full = strides
        return View(view.root, self.domain, tuple(full), view.offset, view.dynamic)

    def _store(self, value: int, number: int) -> None:
        level = self.level(value)
        shape = self.domain if level == "full" else self.group.part
        self._store_to(dense_view(value, shape), number, level)

    def _store_to(self, view: View, number: int, level: str) -> None:
        placed = self._on_domain(view, level)
        operand = self._operand(placed, written=True, per_column=self.outer and level == "part")
        self._add("store", self.operands[operand].dtype, (number,), operand)

    def _operand(self, view: View, written: bool, per_column: bool) -> int:
        dtype = self.fusion.graph.types[view.root].dtype.name
        self.operands.append(Bound(view, dtype, written, per_column))
        return len(self.operands) - 1

    def _add(self, op: str, dtype: str, args: tuple[int, ...], attr: bool | int | float | None = None) -> int:
        self.code.append(Instruction(op, dtype, args, attr))
        return len(self.code) - 1


def _number(value: bool | int | float, dtype: str) -> bool | int | float:
    if dtype == "bool":
        return bool(value)
    return float(value) if DTYPES[dtype].is_floating_point else int(value)


# -- collapsing axes --------------------------------------------------------------------------------------------------


@dataclass
class Space:
    """The iteration space after neighbouring axes have been joined: extents, each operand's strides, and the place of
    every domain axis that is indexed.
    """

    extents: list[int]
    strides: list[list[int]]
    places: dict[int, int]

    def moved_inward(self, axis: int) -> Space:
        """The same space with one axis as the last but one: where an outer reduction goes."""
        order = [i for i in range(len(self.extents)) if i != axis]
        order.insert(len(order) - 1, axis)
        return Space(
            [self.extents[i] for i in order],
            [[row[i] for i in order] for row in self.strides],
            {domain_axis: order.index(place) for domain_axis, place in self.places.items()},
        )


def collapse(domain: Shape, operands: list[Bound], reduced: tuple[int, ...] | None, indexed: set[int]) -> Space:
    """Join neighbouring axes wherever all operands step evenly through both and both are reduced, or neither is."""
    extents: list[int] = []
    strides: list[list[int]] = [[] for _ in operands]
    places: dict[int, int] = {}
    before: int | None = None
    for axis, extent in enumerate(domain):
        own = [bound.view.strides[axis] for bound in operands]
        if before is not None and _joins(axis, before, extent, own, strides, reduced, indexed):
            extents[-1] *= extent
            for row, stride in zip(strides, own, strict=True):
                row[-1] = stride
        else:
            places[axis] = len(extents)
            extents.append(extent)
            for row, stride in zip(strides, own, strict=True):
                row.append(stride)
        before = axis
    if not extents:
        extents = [1]
        strides = [[0 if not bound.written else 1] for bound in operands]
    return Space(extents, strides, places)


def _joins(
    axis: int,
    before: int,
    extent: int,
    own: list[int],
    strides: list[list[int]],
    reduced: tuple[int, ...] | None,
    indexed: set[int],
) -> bool:
    same = (axis in (reduced or ())) == (before in (reduced or ()))
    free = axis not in indexed and before not in indexed
    return same and free and all(row[-1] == stride * extent for row, stride in zip(strides, own, strict=True))


def kernel_of(emitter: Emitter, space: Space, mode: str) -> LoopKernel:
    """The specification over a collapsed space."""
    rank = len(space.extents) - 1
    operands = []
    for bound, strides in zip(emitter.operands, space.strides, strict=True):
        inner = {0: "zero", 1: "unit"}.get(strides[-1], "strided")
        if inner == "zero" and bound.written and mode != "inner":
            inner = "unit"
        operands.append(Operand(bound.dtype, inner, bound.written, bound.per_column))
    code = tuple(
        Instruction("index", i.dtype, (), space.places[i.attr]) if i.op == "index" else i  # type: ignore[index]
        for i in emitter.code
    )
    return LoopKernel(rank, tuple(operands), code, mode)
