"""Resampling as layers."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions.interpolate import interpolate
from retrograd.nn.module import Module


class Upsample(Module):
    """The input with other spatial extents; see `functional.interpolate`.

    Args:
        size, scale_factor, mode, align_corners, recompute_scale_factor: as there.

    Source: torch.nn.Upsample.

    >>> import retrograd as rg
    >>> rg.nn.Upsample(scale_factor=2, mode="bilinear")(rg.zeros(1, 3, 4, 4)).shape
    retrograd.Size([1, 3, 8, 8])
    """

    def __init__(
        self,
        size: Any = None,
        scale_factor: Any = None,
        mode: str = "nearest",
        align_corners: bool | None = None,
        recompute_scale_factor: bool | None = None,
    ) -> None:
        super().__init__()
        self.size = size
        if isinstance(scale_factor, tuple):
            self.scale_factor: Any = tuple(float(factor) for factor in scale_factor)
        else:
            self.scale_factor = float(scale_factor) if scale_factor else None
        self.mode = mode
        self.align_corners = align_corners
        self.recompute_scale_factor = recompute_scale_factor

    def forward(self, input: Any) -> Any:
        return interpolate(
            input, self.size, self.scale_factor, self.mode, self.align_corners, self.recompute_scale_factor
        )

    def extra_repr(self) -> str:
        name = "size" if self.scale_factor is None else "scale_factor"
        return f"{name}={getattr(self, name)!r}, mode={self.mode!r}"


class UpsamplingNearest2d(Upsample):
    """Images with other extents, each element the nearest one. Source: torch.nn.UpsamplingNearest2d.

    >>> import retrograd as rg
    >>> rg.nn.UpsamplingNearest2d(scale_factor=2)(rg.tensor([[[[1.0, 2.0]]]])).tolist()
    [[[[1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0]]]]
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="nearest")


class UpsamplingBilinear2d(Upsample):
    """Images with other extents, interpolated with corners aligned. Source: torch.nn.UpsamplingBilinear2d.

    >>> import retrograd as rg
    >>> rg.nn.UpsamplingBilinear2d(size=(1, 3))(rg.tensor([[[[1.0, 2.0]]]])).tolist()
    [[[[1.0, 1.5, 2.0]]]]
    """

    def __init__(self, size: Any = None, scale_factor: Any = None) -> None:
        super().__init__(size, scale_factor, mode="bilinear", align_corners=True)
