"""Sliding blocks as layers."""

from __future__ import annotations

from typing import Any

from retrograd.nn.functions.fold import fold, unfold
from retrograd.nn.module import Module


class Unfold(Module):
    """Every block that a kernel meets, as a column; see `functional.unfold`.

    Args:
        kernel_size, dilation, padding, stride: as there.

    Shapes: (batch, channels, height, width) to (batch, channels * elements of a block, blocks).

    Source: torch.nn.Unfold.

    >>> import retrograd as rg
    >>> rg.nn.Unfold(3, padding=1)(rg.zeros(2, 4, 5, 6)).shape
    retrograd.Size([2, 36, 30])
    """

    def __init__(self, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Any) -> Any:
        return unfold(input, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, dilation={self.dilation}, padding={self.padding}, stride={self.stride}"


class Fold(Module):
    """The sum of blocks, each where `Unfold` would find it; see `functional.fold`.

    Args:
        output_size: height and width of the result.
        kernel_size, dilation, padding, stride: as for `Unfold`.

    Shapes: (batch, channels * elements of a block, blocks) to (batch, channels, *output_size).

    Source: torch.nn.Fold.

    >>> import retrograd as rg
    >>> rg.nn.Fold((5, 6), 3, padding=1)(rg.zeros(2, 36, 30)).shape
    retrograd.Size([2, 4, 5, 6])
    """

    def __init__(
        self, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
    ) -> None:
        super().__init__()
        self.output_size = output_size
        self.kernel_size = kernel_size
        self.dilation = dilation
        self.padding = padding
        self.stride = stride

    def forward(self, input: Any) -> Any:
        return fold(input, self.output_size, self.kernel_size, self.dilation, self.padding, self.stride)

    def extra_repr(self) -> str:
        return (
            f"output_size={self.output_size}, kernel_size={self.kernel_size}, dilation={self.dilation}, "
            f"padding={self.padding}, stride={self.stride}"
        )
