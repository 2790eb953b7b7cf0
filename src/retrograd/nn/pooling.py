"""Pooling as modules; `nn/functions/pool.py` has what they compute."""

from __future__ import annotations

from typing import Any, ClassVar

from retrograd.nn.functions import pool as f
from retrograd.nn.module import Module


class _Pool(Module):
    """A module shown by its options."""

    _shown: ClassVar[tuple[str, ...]] = ("kernel_size", "stride", "padding")

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)}" for name in self._shown)


class _MaxPool(_Pool):
    _shown = ("kernel_size", "stride", "padding", "dilation", "ceil_mode")
    _function: ClassVar[Any]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        return_indices: bool = False,
        ceil_mode: bool = False,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.dilation = dilation
        self.return_indices = return_indices
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Any:
        return type(self)._function(
            input, self.kernel_size, self.stride, self.padding, self.dilation, self.ceil_mode, self.return_indices
        )


class MaxPool1d(_MaxPool):
    """The maximum of each window of (batch, channels, length) or (channels, length).

    Args:
        kernel_size: elements of a window.
        stride: from one window to the next; default: kernel_size.
        padding: how far windows reach over each end, at most half of kernel_size; padding is never chosen.
        dilation: from one element of a window to the next.
        return_indices: whether to give the places of the maxima too, for `MaxUnpool1d`.
        ceil_mode: whether a last window may hang over the end, if it begins before.

    Raises:
        ShapeError: an argument out of range, or an input smaller than a window.

    Source: torch.nn.MaxPool1d.

    >>> import retrograd as rg
    >>> rg.nn.MaxPool1d(2)(rg.tensor([[1.0, 5.0, 2.0, 3.0]]))
    tensor([[5., 3.]])
    """

    _function = f.max_pool1d


class MaxPool2d(_MaxPool):
    """The maximum of each window of images, (batch, channels, height, width) or (channels, height, width).

    Args:
        kernel_size, stride, padding, dilation: an integer, or one for each axis; see `MaxPool1d`.
        return_indices, ceil_mode: as for `MaxPool1d`; places count along the rows of a plane.

    Source: torch.nn.MaxPool2d.

    >>> import retrograd as rg
    >>> rg.nn.MaxPool2d(3, stride=2, padding=1)(rg.ones(1, 8, 16, 16)).shape
    retrograd.Size([1, 8, 8, 8])
    """

    _function = f.max_pool2d


class MaxPool3d(_MaxPool):
    """The maximum of each window of volumes, (batch, channels, depth, height, width) or without the batch.

    Args:
        kernel_size, stride, padding, dilation, return_indices, ceil_mode: as for `MaxPool2d`.

    Source: torch.nn.MaxPool3d.

    >>> import retrograd as rg
    >>> rg.nn.MaxPool3d(2)(rg.ones(1, 2, 4, 4, 4)).shape
    retrograd.Size([1, 2, 2, 2, 2])
    """

    _function = f.max_pool3d


class AvgPool1d(_Pool):
    """The mean of each window of (batch, channels, length) or (channels, length).

    Args:
        kernel_size: elements of a window.
        stride: from one window to the next; default: kernel_size.
        padding: zeros that windows reach over at each end, at most half of kernel_size.
        ceil_mode: whether a last window may hang over the end, if it begins before; what hangs over is not counted.
        count_include_pad: whether padding counts.

    Raises:
        ShapeError: an argument out of range, or an input smaller than a window.

    Source: torch.nn.AvgPool1d.

    >>> import retrograd as rg
    >>> rg.nn.AvgPool1d(2)(rg.tensor([[1.0, 5.0, 2.0, 4.0]]))
    tensor([[3., 3.]])
    """

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
    ) -> None:
        super().__init__()
        given = (kernel_size, kernel_size if stride is None else stride, padding)
        self.kernel_size, self.stride, self.padding = ((v,) if isinstance(v, int) else tuple(v) for v in given)
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad

    def forward(self, input: Any) -> Any:
        return f.avg_pool1d(input, self.kernel_size, self.stride, self.padding, self.ceil_mode, self.count_include_pad)


class _AvgPool(_Pool):
    _function: ClassVar[Any]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
    ) -> None:
        super().__init__()
        self.kernel_size = kernel_size
        self.stride = kernel_size if stride is None else stride
        self.padding = padding
        self.ceil_mode = ceil_mode
        self.count_include_pad = count_include_pad
        self.divisor_override = divisor_override

    def forward(self, input: Any) -> Any:
        return type(self)._function(
            input,
            self.kernel_size,
            self.stride,
            self.padding,
            self.ceil_mode,
            self.count_include_pad,
            self.divisor_override,
        )


class AvgPool2d(_AvgPool):
    """The mean of each window of images, (batch, channels, height, width) or (channels, height, width).

    Args:
        kernel_size, stride, padding: an integer, or one for each axis; see `AvgPool1d`.
        ceil_mode, count_include_pad: as for `AvgPool1d`.
        divisor_override: what sums are divided by, in place of the count.

    Source: torch.nn.AvgPool2d.

    >>> import retrograd as rg
    >>> rg.nn.AvgPool2d(2)(rg.ones(1, 3, 8, 8)).shape
    retrograd.Size([1, 3, 4, 4])
    """

    _function = f.avg_pool2d


class AvgPool3d(_AvgPool):
    """The mean of each window of volumes, (batch, channels, depth, height, width) or without the batch.

    Args:
        kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override: as for `AvgPool2d`.

    Source: torch.nn.AvgPool3d.

    >>> import retrograd as rg
    >>> rg.nn.AvgPool3d(2)(rg.ones(1, 2, 4, 4, 4)).shape
    retrograd.Size([1, 2, 2, 2, 2])
    """

    _function = f.avg_pool3d


class _LPPool(_Pool):
    _shown = ("norm_type", "kernel_size", "stride", "ceil_mode")
    _function: ClassVar[Any]

    def __init__(self, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False) -> None:
        super().__init__()
        self.norm_type = norm_type
        self.kernel_size = kernel_size
        self.stride = stride
        self.ceil_mode = ceil_mode

    def forward(self, input: Any) -> Any:
        return type(self)._function(input, float(self.norm_type), self.kernel_size, self.stride, self.ceil_mode)


class LPPool1d(_LPPool):
    """The p-norm of each window of (batch, channels, length): (sum of x^p)^(1/p).

    Args:
        norm_type: p.
        kernel_size, stride, ceil_mode: as for `AvgPool1d`.

    Source: torch.nn.LPPool1d; Gulcehre et al. (2014).

    >>> import retrograd as rg
    >>> rg.nn.LPPool1d(2, 2)(rg.tensor([[3.0, 4.0, 6.0, 8.0]]))
    tensor([[ 5., 10.]])
    """

    _function = f.lp_pool1d


class LPPool2d(_LPPool):
    """The p-norm of each window of images; see `LPPool1d`. Source: torch.nn.LPPool2d."""

    _function = f.lp_pool2d


class LPPool3d(_LPPool):
    """The p-norm of each window of volumes; see `LPPool1d`. Source: torch.nn.LPPool3d."""

    _function = f.lp_pool3d
