"""Channels into space and back, as composites: `pixel_shuffle`, `pixel_unshuffle`, and `channel_shuffle`."""

from __future__ import annotations

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops.movement import permute, reshape, transpose


def _image(name: str, x: Node) -> tuple[tuple[int, ...], int, int, int]:
    if len(x.type.shape) < 3:
        raise ShapeError(f"{name}: the input has shape {x.type.shape}; it must be (..., channels, height, width)")
    *lead, channels, height, width = x.type.shape
    return tuple(lead), channels, height, width


@composite("pixel_shuffle")
def PIXEL_SHUFFLE(x: Node, factor: int) -> Node:
    """(..., channels factor², height, width) to (..., channels, height factor, width factor)."""
    lead, channels, height, width = _image("pixel_shuffle", x)
    if factor < 1 or channels % (factor * factor):
        raise ShapeError(
            f"pixel_shuffle: the upscale factor is {factor}, and the input {x.type.shape} has {channels} channels; the "
            "factor must be positive, and its square divide the channels"
        )
    less, n = channels // (factor * factor), len(lead)
    parts = reshape(x, (*lead, less, factor, factor, height, width))
    parts = permute(parts, (*range(n + 1), n + 3, n + 1, n + 4, n + 2))
    return reshape(parts, (*lead, less, height * factor, width * factor))


@composite("pixel_unshuffle")
def PIXEL_UNSHUFFLE(x: Node, factor: int) -> Node:
    """(..., channels, height factor, width factor) to (..., channels factor², height, width)."""
    lead, channels, height, width = _image("pixel_unshuffle", x)
    if factor < 1 or height % factor or width % factor:
        raise ShapeError(
            f"pixel_unshuffle: the downscale factor is {factor}, and the input has shape {x.type.shape}; the factor "
            "must be positive, and divide height and width"
        )
    n = len(lead)
    parts = reshape(x, (*lead, channels, height // factor, factor, width // factor, factor))
    parts = permute(parts, (*range(n + 1), n + 2, n + 4, n + 1, n + 3))
    return reshape(parts, (*lead, channels * factor * factor, height // factor, width // factor))


@composite("channel_shuffle")
def CHANNEL_SHUFFLE(x: Node, groups: int) -> Node:
    """Channels (axis 1) dealt out: those of all groups in turn."""
    shape = x.type.shape
    if len(shape) < 3 or groups < 1 or shape[1] % groups:
        raise ShapeError(
            f"channel_shuffle: the input has shape {shape}, and groups is {groups}; it must be (batch, channels, "
            "*spatial), and groups positive and divide the channels"
        )
    parts = reshape(x, (shape[0], groups, shape[1] // groups, *shape[2:]))
    return reshape(transpose(parts, 1, 2), shape)
