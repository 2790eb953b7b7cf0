"""Groups that read the same arrays become one: reductions beside one another, and behind the loop that feeds them.

Steps are placed one by one, each with those before it. Two sums of one array whose terms are made apart, as the
gradients of a normalisation's weight and bias are, only meet here.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from retrograd.backends.native.views import View, squeezed

if TYPE_CHECKING:
    from retrograd.backends.native.fuse import Fusion, Group


def merge_groups(fusion: Fusion) -> None:
    """Merge reductions over the same axes of the same domain, where that saves reading an array again."""
    by_domain: dict[tuple[int, ...], list[Group]] = {}
    for group in fusion.ordered():
        if group.kind != "loop":
            continue
        alike = by_domain.setdefault(squeezed(group.domain), [])
        partner = next((other for other in alike if _saves_a_read(fusion, other, group)), None)
        if group.reduced is not None and partner is not None:
            fusion.merge(partner, group)
        else:
            alike.append(group)


def _saves_a_read(fusion: Fusion, first: Group, second: Group) -> bool:
    if first.reduced is None:
        shared = set(first.members) & _large_reads(fusion, second)
    elif first.reduced == second.reduced:
        shared = (set(first.members) | _large_reads(fusion, first)) & _large_reads(fusion, second)
    else:
        return False
    return bool(shared) and _fits(fusion, first, second) and fusion.may_merge(first, second)


def _large_reads(fusion: Fusion, group: Group) -> set[int]:
    reads = (read for value in group.members for read in fusion.reads_of_member(value))
    return {root for root, view in reads if fusion.groups.get(root) is not group and is_large(view)}


def is_large(view: View) -> bool:
    """Whether a view has as many elements in memory as it shows."""
    return all(stride for n, stride in zip(view.shape, view.strides, strict=True) if n != 1)


def _fits(fusion: Fusion, first: Group, second: Group) -> bool:
    """Whether each reads what the other makes at the point where it is made."""
    both = replace(first, reduced=second.reduced if first.reduced is None else first.reduced)
    reads = [read for group in (first, second) for value in group.members for read in fusion.reads_of_member(value)]
    return all(fusion.role(both, view) for root, view in reads if fusion.groups.get(root) in (first, second))
