"""Lowering of what reads, writes, sorts and runs along an axis: kernels and their arguments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from retrograd.backends.native.along_axis import GatherArg, ScatterArg, gather_module, scatter_module
from retrograd.backends.native.ordering import (
    FEW,
    SHORT_LINE,
    SearchArg,
    SortArg,
    argsort_module,
    fits_scratch,
    memory_bytes,
    search_module,
)
from retrograd.backends.native.running import MOST_COLUMNS, RunningArg, running_module
from retrograd.backends.native.views import View, dense_view, reshaped
from retrograd.backends.native.work import Address, Word, Work, even_part
from retrograd.core.dtype import uint8
from retrograd.core.extent import greatest
from retrograd.core.types import Shape, tensor_type

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering

# Elements of a tile that moves them one by one.
_TILE_ELEMENTS = 1 << 13
# Lines that are too long for scratch memory are sorted in memory of the program, by so many tiles at most.
_MOST_LONG_TILES = 16


def lower_gather(low: Lowering, value: int, views: list[View], attributes: tuple[int], args: tuple[int, ...]) -> None:
    (axis,) = attributes
    x, index = (_folded(low, view, axis) for view in views)
    outer, count, inner = index.shape
    rows, form = outer * count, _form(index, x)
    tile = greatest(even_part(rows, _TILE_ELEMENTS // max(inner, 1)), 1)
    words: list[Word] = [0] * (GatherArg.INDEX_STRIDES + 3)
    words[GatherArg.X], words[GatherArg.INDEX] = Address(x), Address(index)
    words[GatherArg.OUT] = Address(dense_view(value, low.types[value].shape))
    words[GatherArg.EXTENT : GatherArg.TILE + 1] = [x.shape[1], count, inner, rows, tile]
    words[GatherArg.X_STRIDES : GatherArg.X_STRIDES + 3] = x.strides
    words[GatherArg.INDEX_STRIDES :] = index.strides
    size = low.types[value].dtype.itemsize
    key = f"gather {size} {form}"
    low.generator(key, lambda target: gather_module(target, size, form))
    low.work.append(Work(f"{key}#kernel", words, -(-rows // tile), rows * inner, _roots(x, index), (value,), (value,)))


def _form(index: View, x: View) -> str:
    if index.shape[2] == 1:
        return "single"
    return "rows" if index.strides[2] == 0 and x.strides[2] == 1 else "each"


def lower_scatter(
    low: Lowering, value: int, views: list[View], attributes: tuple[int, str], args: tuple[int, ...]
) -> None:
    axis, kind = attributes
    shape = low.types[value].shape
    whole = dense_view(value, shape)
    low.move(views[0], whole, (value,))
    index, source = (_folded(low, view, axis) for view in views[1:])
    outer, count, inner = index.shape
    form = "single" if inner == 1 else "rows" if index.strides[2] == 0 else "each"
    inner_tile = greatest(even_part(inner, greatest(_TILE_ELEMENTS // max(count, 1), 64)), 1)
    outer_tile = greatest(even_part(outer, _TILE_ELEMENTS // max(count * inner_tile, 1)), 1)
    words: list[Word] = [0] * (ScatterArg.SOURCE_STRIDES + 3)
    words[ScatterArg.OUT], words[ScatterArg.INDEX], words[ScatterArg.SOURCE] = map(Address, (whole, index, source))
    words[ScatterArg.EXTENT : ScatterArg.INNER_TILE + 1] = [shape[axis], count, inner, outer, outer_tile, inner_tile]
    words[ScatterArg.INDEX_STRIDES : ScatterArg.INDEX_STRIDES + 3] = index.strides
    words[ScatterArg.SOURCE_STRIDES :] = source.strides
    dtype = low.types[value].dtype.name
    key = f"scatter {dtype} {kind} {form}"
    low.generator(key, lambda target: scatter_module(target, dtype, kind, form))
    tiles = -(-outer // outer_tile) * -(-inner // inner_tile)
    cost = outer * count * inner
    low.work.append(Work(f"{key}#kernel", words, tiles, cost, _roots(index, source), (value,), (value,)))


def lower_running(
    low: Lowering, value: int, views: list[View], attributes: tuple[Any, ...], args: tuple[int, ...]
) -> None:
    """`cumsum`, `recurrence` and `cumarg`."""
    axis, option = attributes
    name = low.fusion.name(value)
    kind, reverse = (f"cumarg.{option}", False) if name == "cumarg" else (name, option)
    folded = [_folded(low, view, axis) for view in views]
    x, factors = folded[-1], folded[0]
    outer, extent, inner = x.shape
    inner_tile = greatest(even_part(inner, MOST_COLUMNS), 1)
    outer_tile = greatest(even_part(outer, _TILE_ELEMENTS // (extent * inner_tile)), 1)
    words: list[Word] = [0] * (RunningArg.FACTORS_STRIDES + 3)
    words[RunningArg.X], words[RunningArg.FACTORS] = Address(x), Address(factors)
    words[RunningArg.OUT] = Address(dense_view(value, low.types[value].shape))
    words[RunningArg.EXTENT : RunningArg.INNER_TILE + 1] = [extent, inner, outer, outer_tile, inner_tile]
    words[RunningArg.X_STRIDES : RunningArg.X_STRIDES + 3] = x.strides
    words[RunningArg.FACTORS_STRIDES :] = factors.strides
    dtype, single = low.types[x.root].dtype.name, inner == 1
    key = f"{kind} {dtype}{' reverse' * reverse}{' single' * single}"
    low.generator(key, lambda target: running_module(target, kind, dtype, reverse, single))
    tiles = -(-outer // outer_tile) * -(-inner // inner_tile)
    cost = outer * extent * inner
    low.work.append(Work(f"{key}#kernel", words, tiles, cost, _roots(*folded), (value,), (value,)))


def lower_argsort(
    low: Lowering, value: int, views: list[View], attributes: tuple[int, bool, int], args: tuple[int, ...]
) -> None:
    axis, descending, count = attributes
    x = _folded(low, views[0], axis)
    outer, extent, inner = x.shape
    lines = outer * inner
    dtype = low.types[x.root].dtype.name
    by_insertion = extent <= SHORT_LINE or count <= FEW
    tile = greatest(even_part(lines, _TILE_ELEMENTS // extent), 1)
    words: list[Word] = [0] * (SortArg.X_STRIDES + 3)
    writes: tuple[int, ...] = (value,)
    size = memory_bytes(dtype, extent)
    if not by_insertion and not fits_scratch(dtype, extent):
        tile = -(-lines // _MOST_LONG_TILES)
        low.types.append(tensor_type((-(-lines // tile) * size,), uint8))
        writes = (value, len(low.types) - 1)
        words[SortArg.MEMORY] = Address(dense_view(writes[1], low.types[writes[1]].shape))
    words[SortArg.X], words[SortArg.OUT] = Address(x), Address(dense_view(value, low.types[value].shape))
    words[SortArg.MEMORY_BYTES : SortArg.TILE + 1] = [size, extent, count, inner, lines, tile]
    words[SortArg.X_STRIDES :] = x.strides
    key = f"argsort {dtype}{' descending' * descending}{' insertion' * by_insertion}"
    low.generator(key, lambda target: argsort_module(target, dtype, descending, by_insertion))
    cost = lines * extent * 8
    low.work.append(Work(f"{key}#kernel", words, -(-lines // tile), cost, (x.root,), writes, (value,)))


def lower_search(low: Lowering, value: int, views: list[View], attributes: tuple[bool], args: tuple[int, ...]) -> None:
    (right,) = attributes
    sequence, values = (view if view.dense else dense_view(low.copy(view), view.shape) for view in views)
    total, length = math.prod(values.shape), sequence.shape[-1]
    tile = greatest(even_part(total, _TILE_ELEMENTS // max(length.bit_length(), 1)), 1)
    words: list[Word] = [0] * len(SearchArg)
    words[SearchArg.SEQUENCE], words[SearchArg.VALUES] = Address(sequence), Address(values)
    words[SearchArg.OUT] = Address(dense_view(value, low.types[value].shape))
    words[SearchArg.LENGTH :] = [length, values.shape[-1], total, tile]
    dtype = low.types[values.root].dtype.name
    key = f"searchsorted {dtype}{' right' * right}"
    low.generator(key, lambda target: search_module(target, dtype, right))
    cost = total * max(length.bit_length(), 1)
    low.work.append(Work(f"{key}#kernel", words, -(-total // tile), cost, _roots(sequence, values), (value,), (value,)))


def _folded(low: Lowering, view: View, axis: int) -> View:
    """A view as (outer, axis, inner); copied where it does not step evenly."""
    shape: Shape = (math.prod(view.shape[:axis]), view.shape[axis], math.prod(view.shape[axis + 1 :]))
    return reshaped(view, shape) or dense_view(low.copy(view), shape)


def _roots(*views: View) -> tuple[int, ...]:
    return tuple(dict.fromkeys(view.root for view in views))
