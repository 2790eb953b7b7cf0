"""Plans for changing extents: structures that come with ever new lengths are planned once for many of them.

When structures of one form have come with a few different extents, the form is planned over extents
(`passes/generalise.py`, `plan_template.py`). Later ones whose numbers fit, and for which the guards hold, are programs
of that plan, in the time that it takes to write some words. Others are planned as if there were no templates.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Final

from retrograd.backends.native.compiler import host
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.plan import Plan
from retrograd.backends.native.plan_template import PlanTemplate, TableImage
from retrograd.backends.native.program import BoundPlan, NativeProgram, bind_plan
from retrograd.backends.native.schedule import Schedule
from retrograd.backends.native.segments import native_steps
from retrograd.backends.native.target import Target
from retrograd.core.cache import Cache
from retrograd.core.family import Family, Fitter, NotGeneralError, Numbers
from retrograd.core.graph import Graph
from retrograd.passes.generalise import generalised
from retrograd.passes.pipeline import run_passes
from retrograd.passes.structure import Structure

PlanSegment = Callable[[Graph, Sequence[int], int, Target], tuple[Lowering, Schedule]]


class _Template:
    """A form planned over extents, and its code."""

    def __init__(self, plan: PlanTemplate, build: Callable[[str], str], fitter: Fitter) -> None:
        self._plan = plan
        self._bound = bind_plan(plan.concrete, build)
        self._image = TableImage(plan, self._bound.table)
        fitter.want(self._image.numbers)

    def at(self, values: Numbers, numbers: Numbers) -> BoundPlan:
        """The plan for these values of the symbols, which give these numbers of the image."""
        table, (arena_bytes, *most) = self._image.at(values, numbers)
        starts = tuple((value, last) for (value, _), last in zip(self._bound.starts, most, strict=True))
        make_plan = partial(self._plan.plan_at, values)
        return BoundPlan(table, self._bound.externals, arena_bytes, starts, make_plan, self._bound.code)


class Templates:
    """Makes programs of plans over extents.

    Args:
        plan_segment: all that is decided before there is machine code.
    """

    def __init__(self, plan_segment: PlanSegment) -> None:
        self._plan_segment = plan_segment
        self._families: Final[Cache[object, Family[_Template]]] = Cache(limit=1 << 9)

    def instance(self, structure: Structure) -> NativeProgram | None:
        """The program of a structure by a template that is right for it, old or new; None if there is none."""
        form = structure.form
        key = form.key, tuple(structure.scalars), tuple(structure.aliases)
        family = self._families.get(key) or self._families.put(key, Family())
        found = family.find(form.numbers, partial(self._template, structure))
        if found is None:
            return None
        template, values, numbers = found

        def work() -> tuple[Lowering, Schedule]:
            return self._plan_segment(structure.graph, structure.aliases, 1, host().target)

        return NativeProgram(template.at(values, numbers), structure.recorded.inputs, structure.scalars, work)

    def _template(self, structure: Structure, fitter: Fitter) -> _Template:
        graph = run_passes(generalised(structure.recorded, fitter))
        if not all(native_steps(graph)):
            raise NotGeneralError("some steps have no kernel")
        lowering, schedule = self._plan_segment(graph, structure.aliases, 1, host().target)
        plan = PlanTemplate(Plan.of(lowering, schedule), fitter.guards)
        if fitter.guards.pinned:
            raise NotGeneralError("it is planned for some extents alone")
        return _Template(plan, lambda key: lowering.generators[key](), fitter)
