"""Transposed convolutions as layers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.core.types import Shape
from retrograd.nn.conv_base import ConvBase
from retrograd.nn.functions.conv import convolve_transposed
from retrograd.ops.conv import dilated_extent


class _ConvTranspose(ConvBase):
    transposed = True

    def __init__(
        self,
        in_channels: int,
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
        if padding_mode != "zeros":
            raise OptionError(
                f"{type(self).__name__}: padding_mode is {padding_mode!r}; a transposed convolution knows only 'zeros'"
            )
        if isinstance(padding, str):
            raise OptionError(f"{type(self).__name__}: padding is {padding!r}; it must be integers")
        super().__init__(
            in_channels,
            out_channels,
            kernel_size,
            stride,
            padding,
            dilation,
            output_padding,
            groups,
            bias,
            padding_mode,
            dtype,
        )

    def forward(self, input: Any, output_size: Sequence[int] | None = None) -> Any:
        """The layer's output.

        Args:
            input: (batch, in_channels, *spatial) or without the batch.
            output_size: the spatial extents wanted, in place of output_padding: several lead to the same input.

        Raises:
            OptionError: extents that do not lead to this input. ShapeError: an input that does not fit.
        """
        more = self.output_padding if output_size is None else self._missing(input, tuple(output_size))
        return convolve_transposed(
            self.spatial,
            input,
            self.weight,
            self.bias,
            self.stride,
            self.padding,
            more,
            self.groups,
            self.dilation,
        )

    def _missing(self, input: Any, wanted: Shape) -> Shape:
        """The output_padding that leads to an output size."""
        shape = input._type_shape()
        if len(wanted) == len(shape):
            wanted = wanted[-self.spatial :]
        if len(wanted) != self.spatial:
            raise OptionError(
                f"{type(self).__name__}: output_size is {wanted}; it must hold {self.spatial} extents, or all "
                f"{len(shape)} of the output"
            )
        least = tuple(
            (n - 1) * s - 2 * p + dilated_extent(k, d)
            for n, s, p, k, d in zip(
                shape[-self.spatial :], self.stride, self.padding, self.kernel_size, self.dilation, strict=True
            )
        )
        more = tuple(n - m for n, m in zip(wanted, least, strict=True))
        if any(not 0 <= n < s for n, s in zip(more, self.stride, strict=True)):
            most = tuple(n + s - 1 for n, s in zip(least, self.stride, strict=True))
            raise OptionError(
                f"{type(self).__name__}: output_size is {wanted}; for an input {shape} it can be from {least} to {most}"
            )
        return more


class ConvTranspose1d(_ConvTranspose):
    """The gradient of `Conv1d` with respect to its input, as a layer: with a stride it makes signals longer.

    y[n, o, stride i + dilation k - padding] is the sum over c, i, k of x[n, c, i] w[c, o, k], plus b[o].

    Args:
        in_channels: channels of the input.
        out_channels: channels of the output.
        kernel_size, stride, padding, dilation, groups: of the convolution whose gradient this is.
        output_padding: how much longer the output is at its end, for several lengths have the same convolved length.
        bias: whether to add b.
        dtype: of the parameters.

    Shapes: x (batch, in_channels, length) or without the batch, w (in_channels, out_channels / groups, kernel_size),
    b (out_channels,), y (batch, out_channels, (length - 1) stride - 2 padding + dilation (kernel_size - 1) +
    output_padding + 1). Both parameters start uniform on [-k, k), k = 1 / sqrt(kernel_size out_channels / groups), as
    PyTorch's do for the same seed.

    Raises:
        OptionError: arguments that make no layer. ShapeError: an input that does not fit it.

    Source: torch.nn.ConvTranspose1d.

    >>> import retrograd as rg
    >>> layer = rg.nn.ConvTranspose1d(3, 2, 4, stride=2, padding=1)
    >>> layer(rg.zeros(1, 3, 5)).shape, layer(rg.zeros(1, 3, 5), output_size=[11]).shape
    (retrograd.Size([1, 2, 10]), retrograd.Size([1, 2, 11]))
    """

    spatial = 1


class ConvTranspose2d(_ConvTranspose):
    """The gradient of `Conv2d` with respect to its input, as a layer; see `ConvTranspose1d`.

    Args:
        in_channels, out_channels, groups, bias, dtype: as for `ConvTranspose1d`.
        kernel_size, stride, padding, output_padding, dilation: as there; an integer, or one for each axis.

    Raises:
        OptionError, ShapeError: as for `ConvTranspose1d`.

    Source: torch.nn.ConvTranspose2d.

    >>> import retrograd as rg
    >>> rg.nn.ConvTranspose2d(8, 3, 4, stride=2, padding=1)(rg.zeros(2, 8, 4, 4)).shape
    retrograd.Size([2, 3, 8, 8])
    """

    spatial = 2


class ConvTranspose3d(_ConvTranspose):
    """The gradient of `Conv3d` with respect to its input, as a layer; see `ConvTranspose1d`.

    Args:
        in_channels, out_channels, groups, bias, dtype: as for `ConvTranspose1d`.
        kernel_size, stride, padding, output_padding, dilation: as there; an integer, or one for each axis.

    Raises:
        OptionError, ShapeError: as for `ConvTranspose1d`.

    Source: torch.nn.ConvTranspose3d.

    >>> import retrograd as rg
    >>> rg.nn.ConvTranspose3d(2, 1, 2, stride=2)(rg.zeros(1, 2, 2, 2, 2)).shape
    retrograd.Size([1, 1, 4, 4, 4])
    """

    spatial = 3
