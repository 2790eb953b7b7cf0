"""Pooling to a given number of windows, as modules; `nn/functions/adaptive_pool.py` has what they compute."""

from __future__ import annotations

from typing import Any, ClassVar

from retrograd.core.errors import OptionError
from retrograd.nn.functions import adaptive_pool as f
from retrograd.nn.functions.conv import extents
from retrograd.nn.module import Module


class _AdaptivePool(Module):
    _function: ClassVar[Any]

    def __init__(self, output_size: Any) -> None:
        super().__init__()
        self.output_size = output_size

    def forward(self, input: Any) -> Any:
        return type(self)._function(input, self.output_size)

    def extra_repr(self) -> str:
        return f"output_size={self.output_size}"


class AdaptiveAvgPool1d(_AdaptivePool):
    """The mean of each of output_size windows of (batch, channels, length) or (channels, length).

    Window i of n elements is [floor(i n / out), ceil((i + 1) n / out)).

    Args:
        output_size: how many windows there are; None for as many as elements.

    Raises:
        ShapeError: another number of axes, or a negative size.

    Source: torch.nn.AdaptiveAvgPool1d.

    >>> import retrograd as rg
    >>> rg.nn.AdaptiveAvgPool1d(2)(rg.tensor([[1.0, 2.0, 6.0]]))
    tensor([[1.5000, 4.0000]])
    """

    _function = f.adaptive_avg_pool1d


class AdaptiveAvgPool2d(_AdaptivePool):
    """The mean of each of output_size windows of images, (batch, channels, height, width) or without the batch.

    Args:
        output_size: an integer or None, or one for each axis; see `AdaptiveAvgPool1d`. 1 is the mean of a plane.

    Source: torch.nn.AdaptiveAvgPool2d.

    >>> import retrograd as rg
    >>> rg.nn.AdaptiveAvgPool2d((1, 1))(rg.ones(2, 8, 7, 7)).shape
    retrograd.Size([2, 8, 1, 1])
    """

    _function = f.adaptive_avg_pool2d


class AdaptiveAvgPool3d(_AdaptivePool):
    """The mean of each of output_size windows of volumes; see `AdaptiveAvgPool2d`.

    Source: torch.nn.AdaptiveAvgPool3d.
    """

    _function = f.adaptive_avg_pool3d


class _AdaptiveMaxPool(_AdaptivePool):
    def __init__(self, output_size: Any, return_indices: bool = False) -> None:
        super().__init__(output_size)
        self.return_indices = return_indices

    def forward(self, input: Any) -> Any:
        return type(self)._function(input, self.output_size, self.return_indices)


class AdaptiveMaxPool1d(_AdaptiveMaxPool):
    """The maximum of each of output_size windows, which are those of `AdaptiveAvgPool1d`.

    Args:
        output_size: how many windows there are; None for as many as elements.
        return_indices: whether to give the places of the maxima too.

    Raises:
        ShapeError: another number of axes, or a negative size.

    Source: torch.nn.AdaptiveMaxPool1d.

    >>> import retrograd as rg
    >>> rg.nn.AdaptiveMaxPool1d(2)(rg.tensor([[1.0, 2.0, 6.0]]))
    tensor([[2., 6.]])
    """

    _function = f.adaptive_max_pool1d


class AdaptiveMaxPool2d(_AdaptiveMaxPool):
    """The maximum of each of output_size windows of images; see `AdaptiveMaxPool1d`.

    Args:
        output_size: an integer or None, or one for each axis.
        return_indices: whether to give the places of the maxima too.

    Source: torch.nn.AdaptiveMaxPool2d.

    >>> import retrograd as rg
    >>> rg.nn.AdaptiveMaxPool2d(3)(rg.ones(2, 8, 7, 5)).shape
    retrograd.Size([2, 8, 3, 3])
    """

    _function = f.adaptive_max_pool2d


class AdaptiveMaxPool3d(_AdaptiveMaxPool):
    """The maximum of each of output_size windows of volumes; see `AdaptiveMaxPool2d`.

    Source: torch.nn.AdaptiveMaxPool3d.
    """

    _function = f.adaptive_max_pool3d


class _FractionalMaxPool(Module):
    _function: ClassVar[Any]
    _axes: ClassVar[int]
    _random_samples: Any

    def __init__(
        self,
        kernel_size: Any,
        output_size: Any = None,
        output_ratio: Any = None,
        return_indices: bool = False,
        _random_samples: Any = None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if (output_size is None) == (output_ratio is None):
            raise OptionError(f"{name}: give one of output_size and output_ratio")
        self.kernel_size = extents(name, "kernel_size", kernel_size, self._axes)
        self.return_indices = return_indices
        self.output_size = None if output_size is None else extents(name, "output_size", output_size, self._axes)
        self.output_ratio = (output_ratio,) * self._axes if isinstance(output_ratio, (int, float)) else output_ratio
        if self.output_ratio is not None and not all(0 < ratio < 1 for ratio in self.output_ratio):
            raise OptionError(f"{name}: output_ratio must lie between 0 and 1, and is {output_ratio}")
        self.register_buffer("_random_samples", _random_samples)

    def forward(self, input: Any) -> Any:
        return type(self)._function(
            input, self.kernel_size, self.output_size, self.output_ratio, self.return_indices, self._random_samples
        )


class FractionalMaxPool2d(_FractionalMaxPool):
    """Maxima of output_size windows of images, which begin at pseudo-random places, anew at each call.

    Args:
        kernel_size: extents of a window; an integer, or one for each axis.
        output_size: how many windows there are; an integer, or one for each axis.
        output_ratio: in place of output_size: what extents are multiplied by, in (0, 1).
        return_indices: whether to give the places of the maxima too.

    Raises:
        OptionError: not one of output_size and output_ratio, or a ratio outside (0, 1).

    Source: torch.nn.FractionalMaxPool2d; Graham (2014).

    >>> import retrograd as rg
    >>> rg.nn.FractionalMaxPool2d(2, output_ratio=0.7)(rg.ones(1, 4, 10, 10)).shape
    retrograd.Size([1, 4, 7, 7])
    """

    _function = f.fractional_max_pool2d
    _axes = 2


class FractionalMaxPool3d(_FractionalMaxPool):
    """Maxima of output_size windows of volumes; see `FractionalMaxPool2d`. Source: torch.nn.FractionalMaxPool3d."""

    _function = f.fractional_max_pool3d
    _axes = 3
