"""Channels into space and back, as layers."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions.pixel_shuffle import channel_shuffle, pixel_shuffle, pixel_unshuffle
from retrograd.nn.module import Module


class PixelShuffle(Module):
    """(..., channels r², height, width) to (..., channels, height r, width r); see `functional.pixel_shuffle`.

    Args:
        upscale_factor: r.

    Source: torch.nn.PixelShuffle; Shi et al. (2016).

    >>> import retrograd as rg
    >>> rg.nn.PixelShuffle(2)(rg.zeros(1, 12, 4, 4)).shape
    retrograd.Size([1, 3, 8, 8])
    """

    def __init__(self, upscale_factor: int) -> None:
        super().__init__()
        self.upscale_factor = upscale_factor

    def forward(self, input: Any) -> Any:
        return pixel_shuffle(input, self.upscale_factor)

    def extra_repr(self) -> str:
        return f"upscale_factor={self.upscale_factor}"


class PixelUnshuffle(Module):
    """(..., channels, height r, width r) to (..., channels r², height, width); see `functional.pixel_unshuffle`.

    Args:
        downscale_factor: r.

    Source: torch.nn.PixelUnshuffle.

    >>> import retrograd as rg
    >>> rg.nn.PixelUnshuffle(2)(rg.zeros(1, 3, 8, 8)).shape
    retrograd.Size([1, 12, 4, 4])
    """

    def __init__(self, downscale_factor: int) -> None:
        super().__init__()
        self.downscale_factor = downscale_factor

    def forward(self, input: Any) -> Any:
        return pixel_unshuffle(input, self.downscale_factor)

    def extra_repr(self) -> str:
        return f"downscale_factor={self.downscale_factor}"


class ChannelShuffle(Module):
    """Channels dealt out, those of all groups in turn; see `functional.channel_shuffle`.

    Args:
        groups: how many groups there are.

    Source: torch.nn.ChannelShuffle; Zhang et al. (2018).

    >>> import retrograd as rg
    >>> rg.nn.ChannelShuffle(2)(rg.arange(4.0).reshape(1, 4, 1)).flatten().tolist()
    [0.0, 2.0, 1.0, 3.0]
    """

    def __init__(self, groups: int) -> None:
        super().__init__()
        self.groups = groups

    def forward(self, input: Any) -> Any:
        return channel_shuffle(input, self.groups)

    def extra_repr(self) -> str:
        return f"groups={self.groups}"
