"""Convolutions as layers."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.nn.conv_base import ConvBase
from retrograd.nn.functions.conv import convolve, same_padding
from retrograd.nn.functions.pad import pad


class _Conv(ConvBase):
    transposed = False

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
        bias: bool = True,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__(
            in_channels, out_channels, kernel_size, stride, padding, dilation, 0, groups, bias, padding_mode, dtype
        )

    def forward(self, input: Any) -> Any:
        padding: Any = self.padding
        if self.padding_mode != "zeros":
            input, padding = pad(input, self._around(), self.padding_mode), 0
        return convolve(self.spatial, input, self.weight, self.bias, self.stride, padding, self.dilation, self.groups)

    def _around(self) -> list[int]:
        """The widths as `pad` takes them, the last axis first."""
        if self.padding == "valid":
            pairs: Any = [(0, 0)] * self.spatial
        elif self.padding == "same":
            pairs = same_padding(self.kernel_size, self.dilation)
        else:
            pairs = [(n, n) for n in self.padding]
        return [n for pair in reversed(pairs) for n in pair]


class Conv1d(_Conv):
    """Convolution of (batch, in_channels, length) or (in_channels, length).

    y[n, o, i] = b[o] + sum over c, k of x[n, c, stride i + dilation k - padding] w[o, c, k]

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size: elements that an output sees.
        stride: how far the kernel moves from one output to the next.
        padding: elements added at each end; or 'valid' (none), or 'same' (as many as keep the length).
        dilation: how far apart the elements are that a kernel meets.
        groups: in how many parts channels are divided that do not see one another.
        bias: whether to add b.
        padding_mode: what is added: 'zeros', 'reflect', 'replicate' or 'circular'; see `functional.pad`.
        dtype: of the parameters.

    Shapes: w (out_channels, in_channels / groups, kernel_size), b (out_channels,), y (batch, out_channels,
    (length + 2 padding - dilation (kernel_size - 1) - 1) // stride + 1). Both parameters start uniform on
    [-k, k), k = 1 / sqrt(kernel_size in_channels / groups), as PyTorch's do for the same seed.

    Raises:
        OptionError: arguments that make no layer. ShapeError: an input that does not fit it.

    Source: torch.nn.Conv1d.

    >>> import retrograd as rg
    >>> rg.nn.Conv1d(3, 8, 5, padding=2)(rg.zeros(2, 3, 10)).shape
    retrograd.Size([2, 8, 10])
    """

    spatial = 1


class Conv2d(_Conv):
    """Convolution of images, (batch, in_channels, height, width) or without the batch; see `Conv1d`.

    Args:
        in_channels, out_channels, groups, bias, padding_mode, dtype: as for `Conv1d`.
        kernel_size, stride, padding, dilation: as for `Conv1d`; an integer, or one for each axis.

    Raises:
        OptionError, ShapeError: as for `Conv1d`.

    Source: torch.nn.Conv2d.

    >>> import retrograd as rg
    >>> rg.nn.Conv2d(3, 8, 3, stride=2, padding=1)(rg.zeros(2, 3, 8, 8)).shape
    retrograd.Size([2, 8, 4, 4])
    """

    spatial = 2


class Conv3d(_Conv):
    """Convolution of volumes, (batch, in_channels, depth, height, width) or without the batch; see `Conv1d`.

    Args:
        in_channels, out_channels, groups, bias, padding_mode, dtype: as for `Conv1d`.
        kernel_size, stride, padding, dilation: as for `Conv1d`; an integer, or one for each axis.

    Raises:
        OptionError, ShapeError: as for `Conv1d`.

    Source: torch.nn.Conv3d.

    >>> import retrograd as rg
    >>> rg.nn.Conv3d(1, 2, 3, padding="same")(rg.zeros(1, 1, 4, 4, 4)).shape
    retrograd.Size([1, 2, 4, 4, 4])
    """

    spatial = 3
