"""Lowering of pooling: kernels and their arguments."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from retrograd.backends.native import pool
from retrograd.backends.native.conv_geometry import SPATIAL_AXES, axes_of
from retrograd.backends.native.pool import Arg, PoolShape, Strides, pool_words
from retrograd.backends.native.views import View, dense_view
from retrograd.backends.native.work import Address, Word, Work
from retrograd.core.types import Shape
from retrograd.ops.window import Windows

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering


def lower_reduction(
    low: Lowering, value: int, views: list[View], attributes: tuple[Any, ...], args: tuple[int, ...]
) -> None:
    """`max_pool` and `sum_pool`."""
    (x,) = (_adjacent(low, view) for view in views)
    shape = _shape(x, low.types[value].shape, attributes)
    kind = "max" if low.fusion.name(value).endswith("max_pool") else "sum"
    tile = shape.tile_rows(spreads=False)
    words: list[Word] = list(pool_words(shape, tile, _strides(x), (0, 0, 0, 0), 0))
    words[Arg.X], words[Arg.Y] = (Address(x), Address(dense_view(value, low.types[value].shape)))
    _launch(low, value, (kind, x.root, x.root), words, pool.tile_count(shape, tile))


def lower_gather(
    low: Lowering, value: int, views: list[View], attributes: tuple[Any, ...], args: tuple[int, ...]
) -> None:
    values, x = (_adjacent(low, view) for view in views)
    shape = _shape(x, low.types[value].shape, attributes)
    tile = shape.tile_rows(spreads=False)
    words: list[Word] = list(pool_words(shape, tile, _strides(x), _strides(values), 0))
    words[Arg.X], words[Arg.VALUES] = Address(x), Address(values)
    words[Arg.Y] = Address(dense_view(value, low.types[value].shape))
    _launch(low, value, ("gather", x.root, values.root), words, pool.tile_count(shape, tile))


def lower_scatter(
    low: Lowering, value: int, views: list[View], attributes: tuple[Any, ...], args: tuple[int, ...]
) -> None:
    values, x = views
    values = values if values.dense else dense_view(low.copy(values), values.shape)
    x = _adjacent(low, x)
    shape = _shape(x, values.shape, attributes)
    y = dense_view(value, low.types[value].shape)
    tile = shape.tile_rows(spreads=True)
    elements = math.prod(y.shape[1:]) if shape.clears else 0
    words: list[Word] = list(pool_words(shape, tile, _strides(x), _strides(y), elements))
    words[Arg.X], words[Arg.VALUES], words[Arg.Y] = (Address(x), Address(values), Address(y))
    kind = "scatter" if shape.overlaps else "place"
    _launch(low, value, (kind, x.root, values.root), words, pool.tile_count(shape, tile))


def _launch(low: Lowering, value: int, what: tuple[str, int, int], words: list[Word], tiles: int) -> None:
    kind, x, values = what
    dtype, other = low.types[x].dtype.name, low.types[values].dtype.name
    key = f"pool {kind} {dtype} {other}"
    low.generator(key, lambda target: pool.pool_module(target, kind, dtype, other))
    reads = tuple(dict.fromkeys((x, values)))
    low.work.append(Work(f"{key}#pool", words, tiles, low.types[x].size, reads, (value,), (value,)))


def _shape(x: View, windows: Shape, attributes: tuple[Any, ...]) -> PoolShape:
    """Of channels-last data, for windows (batch, *spatial, channels); sums have a dilation of the input at the end."""
    options = Windows(*attributes[:4])
    spread = attributes[4] if len(attributes) > 4 else (1,) * len(options.kernel)
    axes = axes_of(
        x.shape[1:-1], options.kernel, windows[1:-1], options.stride, options.padding, spread, options.dilation
    )
    return PoolShape(axes, x.shape[0], x.shape[-1])


def _adjacent(low: Lowering, x: View) -> View:
    """The view, or a copy in which channels are adjacent."""
    return x if x.shape[-1] == 1 or x.strides[-1] == 1 else dense_view(low.copy(x), x.shape)


def _strides(x: View) -> Strides:
    image, *spatial, _ = x.strides
    plane, row, pixel = (0,) * (SPATIAL_AXES - len(spatial)) + tuple(spatial)
    return image, plane, row, pixel
