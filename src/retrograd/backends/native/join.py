"""Parts of a concatenation that the kernels computing them write where they belong, rather than copies of them."""

from __future__ import annotations

from collections.abc import Sequence

from retrograd.backends.native.fuse import Fusion
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.views import View, dense_view, squeezed
from retrograd.core.types import Shape

# Of a value: its regions in concatenations, each by (concatenation, place among its parts).
Regions = dict[int, dict[tuple[int, int], View]]


def parts_of(value: int, shapes: Sequence[Shape], axis: int) -> list[View]:
    """Where the parts of a concatenation lie in it."""
    extent = sum(shape[axis] for shape in shapes)
    strides = dense_view(value, (*shapes[0][:axis], extent, *shapes[0][axis + 1 :])).strides
    parts, start = [], 0
    for shape in shapes:
        parts.append(View(value, shape, strides, start * strides[axis]))
        start += shape[axis]
    return parts


def find_regions(fusion: Fusion) -> Regions:
    """The regions that loop kernels can write to by themselves."""
    found: Regions = {}
    for value, group in fusion.groups.items():
        if group.kind != "concat":
            continue
        step = fusion.step(value)
        parts = parts_of(value, [type_.shape for type_ in step.signature.inputs], step.signature.attributes[0])
        for place, (arg, region) in enumerate(zip(step.args, parts, strict=True)):
            view = fusion.views[arg]
            if view.dense and _has_all_points(fusion, view):
                found.setdefault(view.root, {})[value, place] = region
    return found


def _has_all_points(fusion: Fusion, view: View) -> bool:
    """Whether a loop kernel has the elements of a view at the points of its domain."""
    group = fusion.groups.get(view.root)
    if group is None or group.kind != "loop" or fusion.name(view.root) in REDUCTIONS:
        return False
    if group.reduced is not None and len(group.reduced) > 1:
        # Axes that are reduced together are one row, and in a region they would lie apart.
        return False
    shape = squeezed(fusion.graph.types[view.root].shape)
    return shape == squeezed(group.domain) == squeezed(view.shape)
