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
from retrograd.core.extent import TooManyGuardsError
from retrograd.core.graph import Graph
from retrograd.passes.generalise import General, NotGeneralError, Numbers, generalised
from retrograd.passes.pipeline import CHECK, run_passes
from retrograd.passes.structure import Structure

# Structures of one form that are planned singly before all are planned at once: a shorter last batch is nothing yet.
_SAMPLES: Final = 3
# A form has so many templates at most, and so many attempts may fail.
_MOST_TEMPLATES: Final = 8
_MOST_FAILURES: Final = 3

PlanSegment = Callable[[Graph, Sequence[int], int, Target], tuple[Lowering, Schedule]]


class _Template:
    """A form planned over extents, and its code."""

    def __init__(self, general: General, plan: PlanTemplate, build: Callable[[str], str]) -> None:
        self._general, self._plan = general, plan
        self._bound = bind_plan(plan.concrete, build)
        self._image = TableImage(plan, self._bound.table)

    def values(self, numbers: Numbers) -> Numbers | None:
        """The values of the symbols for a structure that the template is right for."""
        values = self._general.values(numbers)
        return values if values is not None and self._general.guards.hold(values) else None

    def at(self, values: Numbers) -> BoundPlan:
        """The plan for these values."""
        arena_bytes, starts = self._plan.bind(values)
        make_plan = partial(self._plan.plan_at, values)
        return BoundPlan(self._image.at(values), self._bound.externals, arena_bytes, starts, make_plan)


class _Skeleton:
    """What is known of the structures of one form.

    Attributes:
        samples: the numbers of those for which there was no template, the last ones.
        templates: those used last come first.
        failures: how often no template could be made.
    """

    def __init__(self) -> None:
        self.samples: list[Numbers] = []
        self.templates: list[_Template] = []
        self.failures = 0

    def find(self, numbers: Numbers) -> tuple[_Template, Numbers] | None:
        """The template that is right for these numbers, and the values of its symbols."""
        for place, template in enumerate(self.templates):
            values = template.values(numbers)
            if values is not None:
                self.templates.insert(0, self.templates.pop(place))
                return template, values
        return None

    def may_try(self, numbers: Numbers) -> bool:
        """Enter a sample; whether a template for it is worth an attempt."""
        if numbers not in self.samples:
            self.samples = [*self.samples[1 - _SAMPLES :], numbers]
        enough = len(self.samples) == _SAMPLES and self.samples[-1] == numbers
        return enough and len(self.templates) < _MOST_TEMPLATES and self.failures < _MOST_FAILURES


class Templates:
    """Makes programs of plans over extents.

    Args:
        plan_segment: all that is decided before there is machine code.
    """

    def __init__(self, plan_segment: PlanSegment) -> None:
        self._plan_segment = plan_segment
        self._skeletons: Cache[object, _Skeleton] = Cache(limit=1 << 9)

    def instance(self, structure: Structure) -> NativeProgram | None:
        """The program of a structure by a template that is right for it, old or new; None if there is none."""
        form = structure.form
        key = form.key, tuple(structure.scalars), tuple(structure.aliases)
        skeleton = self._skeletons.get(key) or self._skeletons.put(key, _Skeleton())
        found = skeleton.find(form.numbers)
        if found is None and skeleton.may_try(form.numbers):
            template = self._attempt(structure, skeleton.samples)
            if template is None:
                skeleton.failures += 1
            else:
                skeleton.templates.insert(0, template)
                found = skeleton.find(form.numbers)
        if found is None:
            return None
        template, values = found

        def work() -> tuple[Lowering, Schedule]:
            return self._plan_segment(structure.graph, structure.aliases, 1, host().target)

        return NativeProgram(template.at(values), structure.recorded.inputs, structure.scalars, work)

    def _attempt(self, structure: Structure, samples: Sequence[Numbers]) -> _Template | None:
        try:
            return self._template(structure, samples)
        except (NotGeneralError, TooManyGuardsError):
            return None
        except Exception:
            # A part of the planning that does not take extents costs speed, and never a result.
            if CHECK:
                raise
            return None

    def _template(self, structure: Structure, samples: Sequence[Numbers]) -> _Template:
        general = generalised(structure.recorded, samples)
        graph = run_passes(general.graph)
        if not all(native_steps(graph)):
            raise NotGeneralError("some steps have no kernel")
        lowering, schedule = self._plan_segment(graph, structure.aliases, 1, host().target)
        plan = PlanTemplate(Plan.of(lowering, schedule), general.guards)
        if general.guards.pinned:
            raise NotGeneralError("it is planned for some extents alone")
        return _Template(general, plan, lambda key: lowering.generators[key]())
