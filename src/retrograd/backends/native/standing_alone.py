"""Steps that stand alone, in kernels of their own: joining, padding, writing into a region, taking and adding rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from retrograd.backends.native import gather
from retrograd.backends.native.join import parts_of
from retrograd.backends.native.lower_along import (
    lower_argsort,
    lower_gather as lower_gather_along,
    lower_running,
    lower_scatter as lower_scatter_along,
    lower_search,
)
from retrograd.backends.native.lower_conv import (
    lower_depthwise_weight,
    lower_pack,
    lower_weight,
    lower_winograd_pack,
    lower_winograd_weight,
)
from retrograd.backends.native.lower_loop import lower_loop
from retrograd.backends.native.lower_pool import lower_gather, lower_reduction, lower_scatter
from retrograd.backends.native.views import View, dense_view
from retrograd.backends.native.whole_matmul import lower_whole_matmul
from retrograd.backends.native.work import Address, Word, Work, even_part
from retrograd.core.extent import greatest
from retrograd.core.types import Shape

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering


class UnsupportedError(Exception):
    """A step that the native backend has no kernel for."""


# Elements of a tile that only moves them.
_TILE_ELEMENTS = 1 << 14


def _concat(low: Lowering, value: int, views: list[View], attributes: tuple[int], args: tuple[int, ...]) -> None:
    for place, (view, part) in enumerate(
        zip(views, parts_of(value, [v.shape for v in views], attributes[0]), strict=True)
    ):
        if not low.is_written(value, place, view):
            low.move(view, part, (value,))


def _pad(low: Lowering, value: int, views: list[View], attributes: tuple[Shape, Shape], args: tuple[int, ...]) -> None:
    before, _ = attributes
    whole = dense_view(value, low.types[value].shape)
    low.fill(0, whole, (value,))
    start = sum(n * s for n, s in zip(before, whole.strides, strict=True))
    low.move(views[0], View(value, views[0].shape, whole.strides, start), (value,))


def _slice_put(low: Lowering, value: int, views: list[View], attributes: tuple[Shape], args: tuple[int, ...]) -> None:
    base, part = views[:2]
    whole = dense_view(value, low.types[value].shape)
    if base.root in low.fusion.virtual:
        low.fill(low.fusion.step(base.root).signature.attributes[0], whole, (value,))
    else:
        low.move(base, whole, (value,))
    static, dynamic = low.fusion.table.offset_of(args[2:], whole.strides, whole.shape, part.shape, attributes[0])
    strides = tuple(s * d for s, d in zip(whole.strides, attributes[0], strict=True))
    low.move(part, View(value, part.shape, strides, static, dynamic), (value,))


def _take(low: Lowering, value: int, views: list[View], attributes: tuple[()], args: tuple[int, ...]) -> None:
    table, index = (v if v.dense else dense_view(low.copy(v), v.shape) for v in views)
    row = math.prod(table.shape[1:])
    if row == 1:
        # Single elements, which a copy of rows would be slow for.
        lines = View(index.root, (math.prod(index.shape),), (1,)), View(table.root, (table.shape[0],), (1,))
        lower_gather_along(low, value, [lines[1], lines[0]], (0,), args)
        return
    size = low.types[value].dtype.itemsize
    count = math.prod(index.shape)
    tile = greatest(even_part(count, _TILE_ELEMENTS // max(row, 1)), 1)
    words: list[Word] = [
        Address(table),
        Address(index),
        Address(dense_view(value, low.types[value].shape)),
        table.shape[0],
        row * size,
        count,
        tile,
    ]
    low.generator("take", gather.take_module)
    low.work.append(
        Work("take#kernel", words, -(-count // tile), count * row, (table.root, index.root), (value,), (value,))
    )


def _take_add(low: Lowering, value: int, views: list[View], attributes: tuple[Shape], args: tuple[int, ...]) -> None:
    values, index = (v if v.dense else dense_view(low.copy(v), v.shape) for v in views)
    shape = low.types[value].shape
    dtype = low.types[value].dtype.name
    row = math.prod(shape[1:])
    count = math.prod(index.shape)
    whole = dense_view(value, shape)
    low.fill(0, whole, (value,))
    tile = greatest(even_part(row, greatest(_TILE_ELEMENTS // max(count, 1), 64)), 1)
    words: list[Word] = [Address(values), Address(index), Address(whole), shape[0], row, count, tile]
    key = f"take_add {dtype}"
    low.generator(key, lambda target: gather.take_add_module(target, dtype))
    low.work.append(
        Work(f"{key}#kernel", words, -(-row // tile), count * row, (values.root, index.root), (value,), (value,))
    )


STANDING_ALONE: dict[str, Callable[[Lowering, int, list[View], Any, tuple[int, ...]], None]] = {
    "argsort": lower_argsort,
    "concat": _concat,
    "conv.depthwise_weight": lower_depthwise_weight,
    "conv.pack": lower_pack,
    "conv.weight": lower_weight,
    "conv.winograd_pack": lower_winograd_pack,
    "conv.winograd_weight": lower_winograd_weight,
    "cumarg": lower_running,
    "cumsum": lower_running,
    "gather": lower_gather_along,
    "matmul.whole": lower_whole_matmul,
    "pad": _pad,
    "recurrence": lower_running,
    "scatter": lower_scatter_along,
    "searchsorted": lower_search,
    "scan": lower_loop,
    "pool.max_pool": lower_reduction,
    "pool.max_pool_gather": lower_gather,
    "pool.max_pool_scatter": lower_scatter,
    "pool.sum_pool": lower_reduction,
    "slice_put": _slice_put,
    "take": _take,
    "take_add": _take_add,
}
