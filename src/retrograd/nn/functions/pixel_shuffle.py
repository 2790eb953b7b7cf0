"""Channels into space and back as functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.ops import pixel_shuffle as ops
from retrograd.tensor.dispatch import unary


def pixel_shuffle(input: Any, upscale_factor: int) -> Any:
    """out[..., c, h r + i, w r + j] = input[..., c r² + i r + j, h, w], r the upscale factor.

    Args:
        input: (..., channels r², height, width).
        upscale_factor: r.

    Returns:
        (..., channels, height r, width r).

    Raises:
        ShapeError: fewer than three axes, or r² does not divide the channels.

    Source: torch.nn.functional.pixel_shuffle; Shi et al. (2016).

    >>> import retrograd as rg
    >>> rg.pixel_shuffle(rg.arange(4.0).reshape(4, 1, 1), 2).tolist()
    [[[0.0, 1.0], [2.0, 3.0]]]
    """
    return unary(ops.PIXEL_SHUFFLE, input, (int(upscale_factor),))


def pixel_unshuffle(input: Any, downscale_factor: int) -> Any:
    """What `pixel_shuffle` undoes: (..., channels, height r, width r) to (..., channels r², height, width).

    Raises:
        ShapeError: fewer than three axes, or r does not divide height and width.

    Source: torch.nn.functional.pixel_unshuffle.

    >>> import retrograd as rg
    >>> rg.pixel_unshuffle(rg.arange(4.0).reshape(1, 2, 2), 2).tolist()
    [[[0.0]], [[1.0]], [[2.0]], [[3.0]]]
    """
    return unary(ops.PIXEL_UNSHUFFLE, input, (int(downscale_factor),))


def channel_shuffle(input: Any, groups: int) -> Any:
    """Channels dealt out: the first of every group, then the second of every group, and so on.

    Args:
        input: (batch, channels, *spatial).
        groups: how many groups there are.

    Raises:
        ShapeError: fewer than three axes, or groups does not divide the channels.

    Source: torch.nn.functional.channel_shuffle; Zhang et al. (2018).

    >>> import retrograd as rg
    >>> rg.channel_shuffle(rg.arange(4.0).reshape(1, 4, 1), 2).flatten().tolist()
    [0.0, 2.0, 1.0, 3.0]
    """
    return unary(ops.CHANNEL_SHUFFLE, input, (int(groups),))
