"""Normalisation layers as composites: z = (x - mean) / sqrt(var + eps) over some axes, then weight * z + bias.

The three layers differ only in the axes that share a mean, and in those that share a weight. Their gradient is

    dx = (h - mean(h) - z mean(h z)) / sqrt(var + eps),   h = g * weight,
    dweight = sum(g z),   dbias = sum(g).
"""

from __future__ import annotations

import math
from typing import Any, NamedTuple

from retrograd.core.dtype import float64
from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, like
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import sum_keepdim
from retrograd.ops.spread import spread

# How many numbers a part has whose moments are taken by themselves.
_SMALLEST_PART, _LARGEST_PART = 16, 1024


class Layout(NamedTuple):
    """How a layer looks at its input.

    Attributes:
        shape: in which it is normalised.
        over: the axes that share a mean and a variance.
        affine: the shape in which weight and bias broadcast to `shape`.
    """

    shape: Shape
    over: Shape
    affine: Shape


def _mean(x: Node, axes: Shape) -> Node:
    total = sum_keepdim(x, axes)
    return e.div(total, like(math.prod(x.type.shape[axis] for axis in axes), total))


def moments(x: Node, axes: Shape) -> tuple[Node, Node]:
    """Mean and variance (divided by n), in two passes; over many images, image by image first.

    The parts are put together as Chan, Golub and LeVeque do: a part's squared distances from its own mean, and its
    mean's distance from that of all. So the two passes over an image follow each other while it is in the cache.
    """
    inner = _parts(x.type.shape, axes)
    if not inner:
        mean = _mean(x, axes)
        return mean, _mean(_squared_distances(x, mean), axes)
    outer = tuple(axis for axis in axes if axis not in inner)
    means = _mean(x, inner)
    mean = _mean(means, outer)
    within = _mean(_mean(_squared_distances(x, means), inner), outer)
    return mean, e.add(within, _mean(_squared_distances(means, mean), outer))


def _squared_distances(x: Node, centre: Node) -> Node:
    rest = e.sub(x, broadcast_to(centre, x.type.shape))
    return e.mul(rest, rest)


def _parts(shape: Shape, axes: Shape) -> Shape:
    """The last axes of a batch of images whose moments are taken first; none where it is no such batch."""
    inner: list[int] = []
    size = 1
    for axis in reversed(axes if 0 in axes else ()):
        if axis == 0 or size * shape[axis] > _LARGEST_PART:
            break
        inner.insert(0, axis)
        size *= shape[axis]
    return tuple(inner) if size >= _SMALLEST_PART else ()


def _normalised(x: Node, eps: Node, layout: Layout) -> tuple[Node, Node]:
    """z in the layout's shape, and 1 / sqrt(var + eps), one for each mean."""
    x = reshape(x, layout.shape)
    mean, variance = moments(x, layout.over)
    root = e.sqrt(e.add(variance, spread(eps, variance)))
    inverse = e.div(like(1, root), root)
    rest = e.sub(x, broadcast_to(mean, layout.shape))
    return e.mul(rest, broadcast_to(inverse, layout.shape)), inverse


def _affine(z: Node, parameters: tuple[Node, ...], layout: Layout, has_weight: bool) -> Node:
    given = iter(parameters)
    if has_weight:
        z = e.mul(z, broadcast_to(reshape(next(given), layout.affine), layout.shape))
    for bias in given:
        z = e.add(z, broadcast_to(reshape(bias, layout.affine), layout.shape))
    return z


def _normalise(x: Node, eps: Node, parameters: tuple[Node, ...], layout: Layout, has_weight: bool) -> Node:
    z, _ = _normalised(x, eps, layout)
    return reshape(_affine(z, parameters, layout, has_weight), x.type.shape)


def _gradients(
    g: Node, x: Node, eps: Node, parameters: tuple[Node, ...], layout: Layout, has_weight: bool
) -> tuple[Node | None, ...]:
    """Those of the input, of eps (None), of the weight and the bias where there are."""
    z, inverse = _normalised(x, eps, layout)
    g = reshape(g, layout.shape)
    summed = tuple(i for i, n in enumerate(layout.affine) if n == 1)
    if summed == layout.over:
        return _gradients_of_columns(g, x, (z, inverse), parameters, layout, has_weight)
    h, to_parameters = g, []
    if has_weight:
        h = e.mul(g, broadcast_to(reshape(parameters[0], layout.affine), layout.shape))
        to_parameters.append(reshape(sum_keepdim(e.mul(g, z), summed), parameters[0].type.shape))
    if len(parameters) > has_weight:
        to_parameters.append(reshape(sum_keepdim(g, summed), parameters[-1].type.shape))
    centre = broadcast_to(_mean(h, layout.over), layout.shape)
    slope = broadcast_to(_mean(e.mul(h, z), layout.over), layout.shape)
    to_x = e.mul(e.sub(e.sub(h, centre), e.mul(z, slope)), broadcast_to(inverse, layout.shape))
    return (reshape(to_x, x.type.shape), None, *to_parameters)


def _gradients_of_columns(
    g: Node, x: Node, made: tuple[Node, Node], parameters: tuple[Node, ...], layout: Layout, has_weight: bool
) -> tuple[Node | None, ...]:
    """The same where all that share a mean share a weight as well: two sums are enough."""
    z, inverse = made
    total, along = sum_keepdim(g, layout.over), sum_keepdim(e.mul(g, z), layout.over)
    count = like(math.prod(layout.shape[axis] for axis in layout.over), total)
    centre = broadcast_to(e.div(total, count), layout.shape)
    slope = broadcast_to(e.div(along, count), layout.shape)
    to_parameters = []
    if has_weight:
        inverse = e.mul(inverse, reshape(parameters[0], inverse.type.shape))
        to_parameters.append(reshape(along, parameters[0].type.shape))
    if len(parameters) > has_weight:
        to_parameters.append(reshape(total, parameters[-1].type.shape))
    to_x = e.mul(e.sub(e.sub(g, centre), e.mul(z, slope)), broadcast_to(inverse, layout.shape))
    return (reshape(to_x, x.type.shape), None, *to_parameters)


def _require_parameters(name: str, parameters: tuple[Node, ...], shape: Shape, what: str) -> None:
    for parameter in parameters:
        if parameter.type.shape != shape:
            raise ShapeError(f"{name}: a weight or bias has shape {parameter.type.shape}; it must have {what}: {shape}")


# -- batch norm -------------------------------------------------------------------------------------------------------


def _channels(name: str, x: Node) -> int:
    if len(x.type.shape) < 2:
        raise ShapeError(f"{name}: the input has shape {x.type.shape}; it must be (rows, channels, ...)")
    return x.type.shape[1]


def _batch_layout(x: Node) -> Layout:
    shape = x.type.shape
    return Layout(shape, (0, *range(2, len(shape))), (1, shape[1], *[1] * (len(shape) - 2)))


def _batch_norm_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    return _gradients(g, x[0], x[1], x[2:], _batch_layout(x[0]), attributes[0])


@composite("batch_norm", _batch_norm_gradient)
def BATCH_NORM(x: Node, eps: Node, *rest: Any) -> Node:
    """Each channel (axis 1) by its mean and variance in the batch; the last argument says whether there is a weight."""
    *parameters, has_weight = rest
    channels = _channels("batch_norm", x)
    _require_parameters("batch_norm", tuple(parameters), (channels,), "one number for each channel")
    if x.type.size // max(channels, 1) == 1:
        raise ShapeError(
            f"batch_norm: an input of shape {x.type.shape} has one value for each channel, which has no variance; "
            "train on more than one row (drop_last=True), or call eval()"
        )
    return _normalise(x, eps, tuple(parameters), _batch_layout(x), has_weight)


@composite("batch_norm.running")
def BATCH_NORM_RUNNING(x: Node, eps: Node, mean: Node, variance: Node, *rest: Any) -> Node:
    """Each channel by a mean and a variance that are given; the last argument says whether there is a weight."""
    *parameters, has_weight = rest
    channels = _channels("batch_norm", x)
    given = (mean, variance, *parameters)
    _require_parameters("batch_norm", given, (channels,), "one number for each channel")
    layout = _batch_layout(x)
    root = e.sqrt(e.add(variance, spread(eps, variance)))
    inverse = broadcast_to(reshape(e.div(like(1, root), root), layout.affine), layout.shape)
    z = e.mul(e.sub(x, broadcast_to(reshape(mean, layout.affine), layout.shape)), inverse)
    return _affine(z, tuple(parameters), layout, has_weight)


def correction(count: int, variance: Node) -> Node:
    """count / (count - 1), which makes the variance of a sample of so many, at each element of a variance.

    The integers are kept apart, so that a structure says how it depends on the count.
    """
    return spread(e.div(const(count, float64), const(max(count - 1, 1), float64)), variance)


@composite("batch_norm.track")
def BATCH_NORM_TRACK(x: Node, mean: Node, variance: Node, momentum: Node, *others: Any) -> tuple[Node, ...]:
    """The running mean and variance moved towards those of a batch, and the next count of batches, if it is given.

    The last argument says whether the batch's variance is divided by n - 1.
    """
    *counts, unbiased = others
    layout = _batch_layout(x)
    count = x.type.size // max(x.type.shape[1], 1)
    batch_mean, batch_variance = (reshape(v, mean.type.shape) for v in moments(x, layout.over))
    if unbiased:
        batch_variance = e.mul(batch_variance, correction(count, batch_variance))
    part = spread(momentum, mean)
    rest = e.sub(like(1, mean), part)
    next_mean = e.add(e.mul(part, e.cast(batch_mean, mean.type.dtype)), e.mul(rest, mean))
    next_variance = e.add(e.mul(part, e.cast(batch_variance, mean.type.dtype)), e.mul(rest, variance))
    return next_mean, next_variance, *(e.add(seen, like(1, seen)) for seen in counts)


# -- layer norm -------------------------------------------------------------------------------------------------------


def _layer_layout(x: Node, axes: int) -> Layout:
    """All that come before the last axes are rows, and the last axes are one."""
    shape = x.type.shape
    rows, width = math.prod(shape[: len(shape) - axes]), math.prod(shape[len(shape) - axes :])
    return Layout((rows, width), (1,), (1, width))


def _layer_norm_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    shape, has_weight = attributes
    return _gradients(g, x[0], x[1], x[2:], _layer_layout(x[0], len(shape)), has_weight)


@composite("layer_norm", _layer_norm_gradient)
def LAYER_NORM(x: Node, eps: Node, *rest: Any) -> Node:
    """Over the last axes. The last arguments: their extents, and whether there is a weight."""
    *parameters, shape, has_weight = rest
    if not shape or x.type.shape[-len(shape) :] != shape:
        raise ShapeError(
            f"layer_norm: the input has shape {x.type.shape}; its last axes must be normalized_shape, {shape}"
        )
    _require_parameters("layer_norm", tuple(parameters), shape, "the normalized_shape")
    return _normalise(x, eps, tuple(parameters), _layer_layout(x, len(shape)), has_weight)


# -- group norm -------------------------------------------------------------------------------------------------------


def _group_layout(x: Node, groups: int) -> Layout:
    rows, channels = x.type.shape[:2]
    each, field = channels // groups, math.prod(x.type.shape[2:])
    return Layout((rows, groups, each, field), (2, 3), (1, groups, each, 1))


def _group_norm_gradient(g: Node, x: tuple[Node, ...], y: Node, attributes: Any) -> tuple[Node | None, ...]:
    groups, has_weight = attributes
    return _gradients(g, x[0], x[1], x[2:], _group_layout(x[0], groups), has_weight)


@composite("group_norm", _group_norm_gradient)
def GROUP_NORM(x: Node, eps: Node, *rest: Any) -> Node:
    """Over groups of channels, row by row. The last arguments: how many groups, and whether there is a weight."""
    *parameters, groups, has_weight = rest
    channels = _channels("group_norm", x)
    if channels % groups:
        raise ShapeError(f"group_norm: {channels} channels do not divide into {groups} equal groups")
    _require_parameters("group_norm", tuple(parameters), (channels,), "one number for each channel")
    return _normalise(x, eps, tuple(parameters), _group_layout(x, groups), has_weight)
