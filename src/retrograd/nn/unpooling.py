"""The partial inverse of max pooling, as modules."""

from __future__ import annotations

from typing import Any, ClassVar

from retrograd.nn.functions import unpool as f
from retrograd.nn.functions.conv import extents
from retrograd.nn.module import Module


class _MaxUnpool(Module):
    _function: ClassVar[Any]
    _axes: ClassVar[int]

    def __init__(self, kernel_size: Any, stride: Any = None, padding: Any = 0) -> None:
        super().__init__()
        name, axes = type(self).__name__, self._axes
        self.kernel_size = extents(name, "kernel_size", kernel_size, axes)
        self.stride = self.kernel_size if stride is None else extents(name, "stride", stride, axes)
        self.padding = extents(name, "padding", padding, axes)

    def forward(self, input: Any, indices: Any, output_size: Any = None) -> Any:
        return type(self)._function(input, indices, self.kernel_size, self.stride, self.padding, output_size)

    def extra_repr(self) -> str:
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding}"


class MaxUnpool1d(_MaxUnpool):
    """Zeros, with what a `MaxPool1d` chose written back to where it stood.

    Args:
        kernel_size, stride, padding: as the max pool has them.

    Call it with the maxima, their places, and (where the pool left a remainder) the shape that the pool saw.

    Source: torch.nn.MaxUnpool1d; Zeiler et al. (2011).

    >>> import retrograd as rg
    >>> y, places = rg.nn.MaxPool1d(2, return_indices=True)(rg.tensor([[1.0, 5.0, 4.0, 3.0]]))
    >>> rg.nn.MaxUnpool1d(2)(y, places)
    tensor([[0., 5., 4., 0.]])
    """

    _function = f.max_unpool1d
    _axes = 1


class MaxUnpool2d(_MaxUnpool):
    """The partial inverse of `MaxPool2d`; see `MaxUnpool1d`. Source: torch.nn.MaxUnpool2d."""

    _function = f.max_unpool2d
    _axes = 2


class MaxUnpool3d(_MaxUnpool):
    """The partial inverse of `MaxPool3d`; see `MaxUnpool1d`. Source: torch.nn.MaxUnpool3d."""

    _function = f.max_unpool3d
    _axes = 3
