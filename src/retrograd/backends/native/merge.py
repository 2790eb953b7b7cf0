"""Groups that read the same arrays become one: reductions beside one another, and behind the loop that feeds them.

Steps are placed one by one, each with those before it. Two sums of one array whose terms are made apart, as the
gradients of a normalisation's weight and bias are, only meet here.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from retrograd.backends.native.group import Group
from retrograd.backends.native.views import View, squeezed

if TYPE_CHECKING:
    from retrograd.backends.native.fuse import Fusion


def merge_groups(fusion: Fusion) -> None:
    """Merge reductions over the same axes of the same domain, where that saves reading an array again."""
    by_domain: dict[tuple[int, ...], list[_Loop]] = {}
    for group in fusion.ordered():
        if group.kind != "loop":
            continue
        loop = _Loop(group, _large_reads(fusion, group))
        alike = by_domain.setdefault(squeezed(group.domain), [])
        partner = next((other for other in alike if _saves_a_read(fusion, other, loop)), None)
        if group.reduced is not None and partner is not None:
            fusion.merge(partner.group, group)
            partner.reads = _large_reads(fusion, partner.group)
        else:
            alike.append(loop)


@dataclass
class _Loop:
    """A group, and the large arrays that it reads from memory."""

    group: Group
    reads: set[int]


def _saves_a_read(fusion: Fusion, first: _Loop, second: _Loop) -> bool:
    shared = second.reads.intersection(first.group.members)
    if first.group.reduced is not None:
        shared |= second.reads & first.reads
    fitting = first.group.reduced in (None, second.group.reduced)
    return (
        bool(shared)
        and fitting
        and _fits(fusion, first.group, second.group)
        and fusion.may_merge(first.group, second.group)
    )


def _large_reads(fusion: Fusion, group: Group) -> set[int]:
    reads = (read for value in group.members for read in fusion.reads_of_member(value))
    return {root for root, view in reads if fusion.groups.get(root) is not group and is_large(view)}


def is_large(view: View) -> bool:
    """Whether a view is no single number, and has as many elements in memory as it shows."""
    strides = [stride for n, stride in zip(view.shape, view.strides, strict=True) if n != 1]
    return bool(strides) and all(strides)


def _fits(fusion: Fusion, first: Group, second: Group) -> bool:
    """Whether each reads what the other makes at the point where it is made."""
    both = replace(first, reduced=second.reduced if first.reduced is None else first.reduced)
    reads = [read for group in (first, second) for value in group.members for read in fusion.reads_of_member(value)]
    return all(fusion.role(both, view) for root, view in reads if fusion.groups.get(root) in (first, second))
