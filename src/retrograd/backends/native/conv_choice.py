"""How convolutions are cut, where the number of images is an extent: the choice is made anew for each number."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, replace
from typing import Any, TypeVar

from retrograd.backends.native.gemm_micro import Blocking
from retrograd.core.extent import Extent, computed, with_numbers

Plan = TypeVar("Plan")


def chosen(best: Callable[[Any, Blocking], Plan | None], shape: Any, blocking: Blocking) -> Plan | None:
    """What a choice by shape gives: a dataclass of integers that are not 0, or None.

    Args:
        best: the choice.
        shape: a dataclass with `images`.
        blocking: of the kernel.
    """
    if not isinstance(shape.images, Extent):
        return best(with_numbers(shape, Extent.pin), blocking)
    # All other extents are pinned.
    others = with_numbers(replace(shape, images=0), Extent.pin)
    plan = best(replace(others, images=shape.images.value), blocking)
    if plan is None:
        shape.images.pin()
        return None
    numbers = computed(_Choice(best, others, blocking, len(_numbers(plan))), [shape.images])
    # There is one for each number of images that the plan is used for.
    return None if numbers[0] == 0 else type(plan)(*numbers)


@dataclass(frozen=True)
class _Choice:
    """The numbers of a plan by the number of images; zeros where there is none."""

    best: Callable[[Any, Blocking], Any]
    shape: Any
    blocking: Blocking
    count: int

    def __call__(self, numbers: Sequence[int]) -> Sequence[int]:
        plan = self.best(replace(self.shape, images=numbers[0]), self.blocking)
        return (0,) * self.count if plan is None else _numbers(plan)


def _numbers(plan: Any) -> tuple[int, ...]:
    return astuple(plan)
