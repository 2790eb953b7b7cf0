"""Lowering of convolutions: kernels and their arguments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from retrograd.backends.native import (
    conv_depthwise,
    conv_direct,
    conv_pack,
    conv_weight,
    conv_winograd,
    conv_winograd_weight,
)
from retrograd.backends.native.conv_depthwise import DepthwiseShape
from retrograd.backends.native.conv_direct_plan import (
    DirectShape,
    DirectTile,
    direct_words,
    tile_count as direct_tiles,
)
from retrograd.backends.native.conv_geometry import SPATIAL_AXES
from retrograd.backends.native.conv_micro import conv_blocking, micro_groups, micro_module
from retrograd.backends.native.conv_ops import ConvSpec, WeightSpec
from retrograd.backends.native.conv_weight_plan import WeightPlan, WeightShape, tile_count as weight_tiles, weight_words
from retrograd.backends.native.conv_winograd import WinogradPlan, WinogradShape
from retrograd.backends.native.conv_winograd_weight import (
    WinogradWeightPlan,
    WinogradWeightShape,
    winograd_weight_words,
)
from retrograd.backends.native.epilogue import Grid
from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.ir import Module
from retrograd.backends.native.target import Target
from retrograd.backends.native.views import View, dense_view
from retrograd.backends.native.winograd import POSITIONS
from retrograd.backends.native.winograd_tiles import gradients_module, inputs_module, outputs_module
from retrograd.backends.native.work import Address, KernelAddress, Word, Work

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering


def lower_pack(
    low: Lowering, value: int, views: list[View], attributes: tuple[int, int], args: tuple[int, ...]
) -> None:
    groups, columns = attributes
    _pack(low, value, views[0], groups, columns, ("conv.pack", conv_pack.pack_module))


def lower_winograd_pack(
    low: Lowering, value: int, views: list[View], attributes: tuple[int], args: tuple[int, ...]
) -> None:
    _pack(low, value, views[0], 1, attributes[0], ("conv.winograd_pack", conv_pack.winograd_pack_module))


def _pack(
    low: Lowering,
    value: int,
    w: View,
    groups: int,
    columns: int,
    kernel: tuple[str, Callable[[Target, Blocking], Module]],
) -> None:
    name, build = kernel
    blocking = _blocking_of_columns(low, value, columns)
    out, channels, *taps = w.shape
    depth, height, width = [1] * (SPATIAL_AXES - len(taps)) + taps
    steps = (0,) * (SPATIAL_AXES - len(taps)) + w.strides[2:]
    panels = -(-(out // groups) // columns)
    Arg = conv_pack.Arg
    words: list[Word] = [0] * len(Arg)
    for arg, word in (
        (Arg.WEIGHTS, Address(w)),
        (Arg.PACKED, Address(dense_view(value, low.types[value].shape))),
        (Arg.CHANNELS_OUT, out // groups),
        (Arg.CHANNELS_IN, channels),
        (Arg.DEPTH, depth),
        (Arg.HEIGHT, height),
        (Arg.WIDTH, width),
        (Arg.PANELS, panels),
        (Arg.GROUP_STRIDE, w.strides[0] * (out // groups)),
        (Arg.OUT_STRIDE, w.strides[0]),
        (Arg.IN_STRIDE, w.strides[1]),
        (Arg.DEPTH_STRIDE, steps[0]),
        (Arg.HEIGHT_STRIDE, steps[1]),
        (Arg.WIDTH_STRIDE, steps[2]),
    ):
        words[arg] = word
    key = f"{name} {low.types[value].dtype.name} {columns}"
    low.generator(key, lambda target: build(target, blocking))
    low.work.append(Work(f"{key}#pack", words, groups * panels, low.types[value].size, (w.root,), (value,), (value,)))


def _micro_kernels(low: Lowering, value: int, blocking: Blocking) -> list[Word]:
    """The words with the addresses of a blocking's micro-kernels."""
    words: list[Word] = []
    for rows, vectors in micro_groups(blocking):
        key = f"conv.micro {low.types[value].dtype.name} {rows[0]}-{rows[-1]}x{vectors}"
        low.generator(key, partial(micro_module, blocking=blocking, rows=rows, vectors=vectors))
        words += [KernelAddress(f"{key}#segments_{count}x{vectors}") for count in rows]
    return words


def _winograd_tiles(low: Lowering, value: int, part: str) -> Callable[[str], KernelAddress]:
    """The addresses of the functions for tiles of inputs, outputs or gradients, by their names."""
    dtype = low.types[value].dtype.name
    key = f"conv.winograd_{part} {dtype}"
    build = _WINOGRAD_TILES[part]
    low.generator(key, lambda target: build(target, Blocking.of(target, dtype)))
    return lambda name: KernelAddress(f"{key}#{name}")


def lower_direct(low: Lowering, value: int, views: list[View], spec: ConvSpec) -> tuple[Work, Grid]:
    """The launch of a direct convolution, and how its tiles lie in the result."""
    x, packed = views
    shape = low.types[value].shape
    dtype = low.types[value].dtype.name
    blocking = conv_blocking(low.target, dtype, spec.channels_out // spec.groups, shape[-2])
    plan = DirectShape.of(x.shape, spec, x.strides)
    if not _channels_adjacent(x) or (plan.copies and plan.strides[3] != x.shape[-1]):
        x = dense_view(low.copy(x), x.shape)
        plan = DirectShape.of(x.shape, spec)
    tile = DirectTile.of(plan, blocking)
    assert tile is not None, "the layout pass has padded what does not fit in scratch"
    words: list[Word] = [*direct_words(plan, tile, blocking), *_micro_kernels(low, value, blocking)]
    words[conv_direct.Arg.X], words[conv_direct.Arg.W] = Address(x), Address(packed)
    words[conv_direct.Arg.Y] = Address(dense_view(value, shape))
    key = f"conv.direct {dtype} {blocking.rows}x{blocking.vectors}"
    low.generator(key, lambda target: conv_direct.direct_module(target, blocking))
    cost = math.prod(shape) * plan.channels_in * plan.taps
    tiles = direct_tiles(plan, tile)
    work = Work(f"{key}#conv", words, tiles, cost, (x.root, packed.root), (value,), (value,))
    pixels = plan.axes[2].out
    return work, Grid(plan.rows * pixels, shape[-1], tile.rows * pixels, tile.channels)


def lower_depthwise(low: Lowering, value: int, views: list[View], spec: ConvSpec) -> tuple[Work, Grid]:
    """The launch of a depthwise convolution, and how its tiles lie in the result."""
    x, w = views
    x = x if _channels_adjacent(x) else dense_view(low.copy(x), x.shape)
    w = w if w.dense else dense_view(low.copy(w), w.shape)
    type_ = low.types[value]
    shape = DepthwiseShape.of(x.shape, spec, strides=x.strides)
    words: list[Word] = list(conv_depthwise.depthwise_words(shape))
    Arg = conv_depthwise.Arg
    words[Arg.X], words[Arg.OTHER], words[Arg.Y] = Address(x), Address(w), Address(dense_view(value, type_.shape))
    blocking = Blocking.of(low.target, type_.dtype.name)
    key = f"conv.depthwise {type_.dtype.name}"
    low.generator(key, lambda target: conv_depthwise.depthwise_module(target, blocking))
    cost = type_.size * math.prod(spec.kernel)
    tiles = -(-shape.rows // shape.tile_rows)
    work = Work(f"{key}#conv", words, tiles, cost, (x.root, w.root), (value,), (value,))
    pixels = shape.axes[2].out
    return work, Grid(shape.rows * pixels, shape.channels, shape.tile_rows * pixels, shape.channels)


def lower_winograd(low: Lowering, value: int, views: list[View], spec: ConvSpec) -> tuple[Work, Grid]:
    """The launch of a convolution by transforms, and how its tiles lie in the result."""
    x, packed = views
    x = x if _channels_adjacent(x) else dense_view(low.copy(x), x.shape)
    type_ = low.types[value]
    shape = WinogradShape.of(x.shape, spec)
    blocking = _blocking_of_columns(low, value, packed.shape[-1])
    plan = WinogradPlan.of(shape, blocking)
    image, row, pixel, _ = x.strides
    found = conv_winograd.winograd_words(shape, plan, blocking, (image, row, pixel))
    words: list[Word] = [*found, *_micro_kernels(low, value, blocking)]
    words[conv_winograd.Arg.X], words[conv_winograd.Arg.U] = Address(x), Address(packed)
    words[conv_winograd.Arg.Y] = Address(dense_view(value, type_.shape))
    inputs, outputs = (_winograd_tiles(low, value, part) for part in ("inputs", "outputs"))
    words[conv_winograd.Arg.TRANSFORM], words[conv_winograd.Arg.GATHER] = inputs("transform"), inputs("gather")
    words[conv_winograd.Arg.FINISH] = outputs("finish")
    key = f"conv.winograd {type_.dtype.name} {blocking.rows}x{blocking.vectors}"
    low.generator(key, lambda target: conv_winograd.winograd_module(target, blocking))
    cost = type_.size * shape.channels_in * POSITIONS // 4
    work = Work(f"{key}#conv", words, plan.launches(shape), cost, (x.root, packed.root), (value,), (value,))
    return work, Grid(shape.rows * shape.out[1], shape.channels_out, plan.rows * shape.out[1], plan.channels)


def lower_weight(
    low: Lowering, value: int, views: list[View], attributes: tuple[WeightSpec], args: tuple[int, ...]
) -> None:
    x, g = (view if view.dense else dense_view(low.copy(view), view.shape) for view in views)
    (spec,) = attributes
    type_ = low.types[value]
    shape = WeightShape.of(x.shape, g.shape, spec)
    blocking = shape.blocking(low.target, type_.dtype.name)
    plan = WeightPlan.of(shape, blocking)
    assert plan is not None and plan.parts == spec.parts
    image, *spatial, _ = x.strides
    plane, row, pixel = (0,) * (SPATIAL_AXES - len(spatial)) + tuple(spatial)
    columns = g.shape[-1]
    steps = (g.shape[-2] * columns, columns)
    found = weight_words(shape, plan, blocking, (image, plane, row, pixel), steps)
    words: list[Word] = [*found, *_micro_kernels(low, value, blocking)]
    words[conv_weight.Arg.X], words[conv_weight.Arg.G] = Address(x), Address(g)
    words[conv_weight.Arg.Y] = Address(dense_view(value, type_.shape))
    key = f"conv.weight {type_.dtype.name} {blocking.rows}x{blocking.vectors}"
    low.generator(key, lambda target: conv_weight.weight_module(target, blocking))
    cost = math.prod(g.shape) * shape.channels_in * math.prod(spec.taps)
    tiles = weight_tiles(shape, plan)
    low.work.append(Work(f"{key}#conv", words, tiles, cost, (x.root, g.root), (value,), (value,)))


def lower_depthwise_weight(
    low: Lowering, value: int, views: list[View], attributes: tuple[WeightSpec], args: tuple[int, ...]
) -> None:
    x, g = views
    x = x if _channels_adjacent(x) else dense_view(low.copy(x), x.shape)
    g = g if g.dense else dense_view(low.copy(g), g.shape)
    type_ = low.types[value]
    blocking = Blocking.of(low.target, type_.dtype.name)
    shape = DepthwiseShape.of(x.shape, attributes[0], g.shape, x.strides)
    words: list[Word] = list(conv_depthwise.depthwise_weight_words(shape, blocking.lanes))
    Arg = conv_depthwise.Arg
    words[Arg.X], words[Arg.OTHER], words[Arg.Y] = Address(x), Address(g), Address(dense_view(value, type_.shape))
    key = f"conv.depthwise_weight {type_.dtype.name}"
    low.generator(key, lambda target: conv_depthwise.depthwise_weight_module(target, blocking))
    cost = math.prod(g.shape) * math.prod(attributes[0].taps)
    tiles = shape.parts * -(-shape.channels // conv_depthwise.channel_tile(blocking.lanes))
    low.work.append(Work(f"{key}#conv", words, tiles, cost, (x.root, g.root), (value,), (value,)))


def lower_winograd_weight(
    low: Lowering, value: int, views: list[View], attributes: tuple[WeightSpec], args: tuple[int, ...]
) -> None:
    x, g = views
    x = x if _channels_adjacent(x) else dense_view(low.copy(x), x.shape)
    g = g if g.dense else dense_view(low.copy(g), g.shape)
    type_ = low.types[value]
    shape = WinogradWeightShape.of(x.shape, g.shape, attributes[0])
    blocking = conv_blocking(low.target, type_.dtype.name, shape.channels_out, shape.channels_in)
    plan = WinogradWeightPlan.of(shape, blocking)
    assert plan is not None
    image, row, pixel, _ = x.strides
    found = winograd_weight_words(shape, plan, blocking, (image, row, pixel))
    words: list[Word] = [*found, *_micro_kernels(low, value, blocking)]
    Arg = conv_winograd_weight.Arg
    words[Arg.X], words[Arg.G], words[Arg.Y] = Address(x), Address(g), Address(dense_view(value, type_.shape))
    inputs, gradients = (_winograd_tiles(low, value, part) for part in ("inputs", "gradients"))
    words[Arg.TRANSFORM], words[Arg.GATHER_X] = inputs("transform"), inputs("gather")
    words[Arg.GATHER_G], words[Arg.FINISH] = gradients("gather"), gradients("finish")
    key = f"conv.winograd_weight {type_.dtype.name} {blocking.rows}x{blocking.vectors}"
    low.generator(key, lambda target: conv_winograd_weight.winograd_weight_module(target, blocking))
    cost = math.prod(g.shape) * shape.channels_in * POSITIONS // 4
    low.work.append(Work(f"{key}#conv", words, plan.launches(shape), cost, (x.root, g.root), (value,), (value,)))


def _channels_adjacent(x: View) -> bool:
    return x.shape[-1] == 1 or x.strides[-1] == 1


def _blocking_of_columns(low: Lowering, value: int, columns: int) -> Blocking:
    """A blocking with panels of so many columns."""
    normal = Blocking.of(low.target, low.types[value].dtype.name)
    return replace(normal, vectors=columns // normal.lanes)


_WINOGRAD_TILES = {"inputs": inputs_module, "outputs": outputs_module, "gradients": gradients_module}

# Convolutions that may have an epilogue.
CONVOLUTIONS: dict[str, Callable[[Lowering, int, list[View], ConvSpec], tuple[Work, Grid]]] = {
    "conv.depthwise": lower_depthwise,
    "conv.direct": lower_direct,
    "conv.winograd": lower_winograd,
}
