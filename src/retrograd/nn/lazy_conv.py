"""Convolutions that find out how many channels come in."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import ShapeError
from retrograd.nn.conv import Conv1d, Conv2d, Conv3d
from retrograd.nn.conv_base import ConvBase
from retrograd.nn.conv_transpose import ConvTranspose1d, ConvTranspose2d, ConvTranspose3d
from retrograd.nn.lazy import LazyModuleMixin
from retrograd.nn.uninitialized import UninitializedParameter


class _LazyConv(LazyModuleMixin, ConvBase):
    def _postpone(self, out_channels: int, bias: bool, dtype: DType | None) -> None:
        """Parameters without shapes in the place of those that a layer of no channels was made with."""
        self.weight = UninitializedParameter(dtype=dtype)
        self.out_channels = out_channels
        if bias:
            self.bias = UninitializedParameter(dtype=dtype)

    def reset_parameters(self) -> None:
        """Draw the parameters anew, once they have shapes."""
        if not self.has_uninitialized_params() and self.in_channels:
            super().reset_parameters()

    def initialize_parameters(self, input: Any, *args: Any, **kwargs: Any) -> None:
        found = self._channels_of(input)
        if self.has_uninitialized_params():
            if found % self.groups:
                raise ShapeError(f"{type(self).__name__}: groups, {self.groups}, does not divide {found} channels")
            self.in_channels = found
            self.weight.materialize(self._weight_shape())
            if self.bias is not None:
                self.bias.materialize((self.out_channels,))
            self.reset_parameters()
        self.in_channels = self.in_channels or found

    def _channels_of(self, input: Any) -> int:
        shape: tuple[int, ...] = input._type_shape()
        if len(shape) not in (self.spatial + 1, self.spatial + 2):
            raise ShapeError(
                f"{type(self).__name__}: the input has shape {shape}; it must be (batch, channels, *spatial) or "
                f"(channels, *spatial) with {self.spatial} spatial axes"
            )
        return shape[-self.spatial - 1]


class _LazyConvolution(_LazyConv):
    def __init__(
        self,
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
        ConvBase.__init__(self, 0, 0, kernel_size, stride, padding, dilation, 0, groups, False, padding_mode, dtype)
        self._postpone(out_channels, bias, dtype)


class _LazyConvTranspose(_LazyConv):
    def __init__(
        self,
        out_channels: int,
        kernel_size: Any,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        bias: bool = True,
        dilation: Any = 1,
        padding_mode: str = "zeros",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        ConvBase.__init__(
            self, 0, 0, kernel_size, stride, padding, dilation, output_padding, groups, False, padding_mode, dtype
        )
        self._postpone(out_channels, bias, dtype)


class LazyConv1d(_LazyConvolution, Conv1d):
    """`Conv1d` whose in_channels is that of its first input; the other arguments are the same.

    Source: torch.nn.LazyConv1d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyConv1d(2, 3)
    >>> type(layer).__name__, layer(rg.zeros(1, 3, 9)).ndim, type(layer).__name__, layer.in_channels
    ('LazyConv1d', 3, 'Conv1d', 3)
    """

    cls_to_become = Conv1d


class LazyConv2d(_LazyConvolution, Conv2d):
    """`Conv2d` whose in_channels is that of its first input; the other arguments are the same.

    Source: torch.nn.LazyConv2d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyConv2d(2, 3)
    >>> type(layer).__name__, layer(rg.zeros(1, 3, 9, 9)).ndim, type(layer).__name__, layer.in_channels
    ('LazyConv2d', 4, 'Conv2d', 3)
    """

    cls_to_become = Conv2d


class LazyConv3d(_LazyConvolution, Conv3d):
    """`Conv3d` whose in_channels is that of its first input; the other arguments are the same.

    Source: torch.nn.LazyConv3d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyConv3d(2, 3)
    >>> type(layer).__name__, layer(rg.zeros(1, 3, 9, 9, 9)).ndim, type(layer).__name__, layer.in_channels
    ('LazyConv3d', 5, 'Conv3d', 3)
    """

    cls_to_become = Conv3d


class LazyConvTranspose1d(_LazyConvTranspose, ConvTranspose1d):
    """`ConvTranspose1d` whose in_channels is that of its first input; the other arguments are the same.

    Source: torch.nn.LazyConvTranspose1d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyConvTranspose1d(2, 2, stride=2)
    >>> type(layer).__name__, layer(rg.zeros(1, 3, 4)).shape[-1], type(layer).__name__, layer.in_channels
    ('LazyConvTranspose1d', 8, 'ConvTranspose1d', 3)
    """

    cls_to_become = ConvTranspose1d


class LazyConvTranspose2d(_LazyConvTranspose, ConvTranspose2d):
    """`ConvTranspose2d` whose in_channels is that of its first input; the other arguments are the same.

    Source: torch.nn.LazyConvTranspose2d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyConvTranspose2d(2, 2, stride=2)
    >>> type(layer).__name__, layer(rg.zeros(1, 3, 4, 4)).shape[-1], type(layer).__name__, layer.in_channels
    ('LazyConvTranspose2d', 8, 'ConvTranspose2d', 3)
    """

    cls_to_become = ConvTranspose2d


class LazyConvTranspose3d(_LazyConvTranspose, ConvTranspose3d):
    """`ConvTranspose3d` whose in_channels is that of its first input; the other arguments are the same.

    Source: torch.nn.LazyConvTranspose3d.

    >>> import retrograd as rg
    >>> layer = rg.nn.LazyConvTranspose3d(2, 2, stride=2)
    >>> type(layer).__name__, layer(rg.zeros(1, 3, 4, 4, 4)).shape[-1], type(layer).__name__, layer.in_channels
    ('LazyConvTranspose3d', 8, 'ConvTranspose3d', 3)
    """

    cls_to_become = ConvTranspose3d
