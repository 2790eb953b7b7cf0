"""Padding as layers; `functional.pad` says what the modes mean."""

from __future__ import annotations

from typing import Any, ClassVar

from retrograd.core.types import Shape
from retrograd.nn.functions.conv import extents
from retrograd.nn.functions.pad import pad
from retrograd.nn.module import Module


class _Pad(Module):
    spatial: ClassVar[int]
    mode: ClassVar[str]

    def __init__(self, padding: Any) -> None:
        super().__init__()
        self.padding: Shape = extents(type(self).__name__, "padding", padding, 2 * self.spatial)

    def forward(self, input: Any) -> Any:
        return pad(input, self.padding, self.mode)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class _ConstantPad(_Pad):
    mode = "constant"

    def __init__(self, padding: Any, value: float) -> None:
        super().__init__(padding)
        self.value = value

    def forward(self, input: Any) -> Any:
        return pad(input, self.padding, self.mode, self.value)

    def extra_repr(self) -> str:
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPad):
    """A number around signals, (batch, channels, length) or (channels, length).

    Args:
        padding: the width on all sides, or (left, right); negative widths crop.
        value: the number.

    Source: torch.nn.ConstantPad1d.

    >>> import retrograd as rg
    >>> rg.nn.ConstantPad1d(1, 7.0)(rg.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[7.0, 1.0, 2.0, 3.0, 7.0]]
    """

    spatial = 1


class ConstantPad2d(_ConstantPad):
    """A number around images, (batch, channels, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom); negative widths crop.
        value: the number.

    Source: torch.nn.ConstantPad2d.

    >>> import retrograd as rg
    >>> rg.nn.ConstantPad2d(1, 7.0)(rg.ones(1, 3, 3)).shape
    retrograd.Size([1, 5, 5])
    """

    spatial = 2


class ConstantPad3d(_ConstantPad):
    """A number around volumes, (batch, channels, depth, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom, front, back); negative widths crop.
        value: the number.

    Source: torch.nn.ConstantPad3d.

    >>> import retrograd as rg
    >>> rg.nn.ConstantPad3d(1, 7.0)(rg.ones(1, 3, 3, 3)).shape
    retrograd.Size([1, 5, 5, 5])
    """

    spatial = 3


class ZeroPad1d(ConstantPad1d):
    """Zeros around signals, (batch, channels, length) or (channels, length).

    Args:
        padding: the width on all sides, or (left, right); negative widths crop.

    Source: torch.nn.ZeroPad1d.

    >>> import retrograd as rg
    >>> rg.nn.ZeroPad1d(1)(rg.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[0.0, 1.0, 2.0, 3.0, 0.0]]
    """

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Zeros around images, (batch, channels, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom); negative widths crop.

    Source: torch.nn.ZeroPad2d.

    >>> import retrograd as rg
    >>> rg.nn.ZeroPad2d(1)(rg.ones(1, 3, 3)).shape
    retrograd.Size([1, 5, 5])
    """

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Zeros around volumes, (batch, channels, depth, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom, front, back); negative widths crop.

    Source: torch.nn.ZeroPad3d.

    >>> import retrograd as rg
    >>> rg.nn.ZeroPad3d(1)(rg.ones(1, 3, 3, 3)).shape
    retrograd.Size([1, 5, 5, 5])
    """

    def __init__(self, padding: Any) -> None:
        super().__init__(padding, 0.0)

    def extra_repr(self) -> str:
        return f"{self.padding}"


class ReflectionPad1d(_Pad):
    """Mirror images around signals, (batch, channels, length) or (channels, length).

    Args:
        padding: the width on all sides, or (left, right); negative widths crop.

    Raises:
        ShapeError: the input is too short: a width must be smaller than the extent.

    Source: torch.nn.ReflectionPad1d.

    >>> import retrograd as rg
    >>> rg.nn.ReflectionPad1d(1)(rg.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[2.0, 1.0, 2.0, 3.0, 2.0]]
    """

    spatial = 1
    mode = "reflect"


class ReflectionPad2d(_Pad):
    """Mirror images around images, (batch, channels, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom); negative widths crop.

    Raises:
        ShapeError: the input is too short: a width must be smaller than the extent.

    Source: torch.nn.ReflectionPad2d.

    >>> import retrograd as rg
    >>> rg.nn.ReflectionPad2d(1)(rg.ones(1, 3, 3)).shape
    retrograd.Size([1, 5, 5])
    """

    spatial = 2
    mode = "reflect"


class ReflectionPad3d(_Pad):
    """Mirror images around volumes, (batch, channels, depth, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom, front, back); negative widths crop.

    Raises:
        ShapeError: the input is too short: a width must be smaller than the extent.

    Source: torch.nn.ReflectionPad3d.

    >>> import retrograd as rg
    >>> rg.nn.ReflectionPad3d(1)(rg.ones(1, 3, 3, 3)).shape
    retrograd.Size([1, 5, 5, 5])
    """

    spatial = 3
    mode = "reflect"


class ReplicationPad1d(_Pad):
    """Copies of the outermost elements around signals, (batch, channels, length) or (channels, length).

    Args:
        padding: the width on all sides, or (left, right); negative widths crop.

    Source: torch.nn.ReplicationPad1d.

    >>> import retrograd as rg
    >>> rg.nn.ReplicationPad1d(1)(rg.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[1.0, 1.0, 2.0, 3.0, 3.0]]
    """

    spatial = 1
    mode = "replicate"


class ReplicationPad2d(_Pad):
    """Copies of the outermost elements around images, (batch, channels, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom); negative widths crop.

    Source: torch.nn.ReplicationPad2d.

    >>> import retrograd as rg
    >>> rg.nn.ReplicationPad2d(1)(rg.ones(1, 3, 3)).shape
    retrograd.Size([1, 5, 5])
    """

    spatial = 2
    mode = "replicate"


class ReplicationPad3d(_Pad):
    """Copies of the outermost elements around volumes, (batch, channels, depth, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom, front, back); negative widths crop.

    Source: torch.nn.ReplicationPad3d.

    >>> import retrograd as rg
    >>> rg.nn.ReplicationPad3d(1)(rg.ones(1, 3, 3, 3)).shape
    retrograd.Size([1, 5, 5, 5])
    """

    spatial = 3
    mode = "replicate"


class CircularPad1d(_Pad):
    """The elements of the other end around signals, (batch, channels, length) or (channels, length).

    Args:
        padding: the width on all sides, or (left, right); negative widths crop.

    Raises:
        ShapeError: the input is too short.

    Source: torch.nn.CircularPad1d.

    >>> import retrograd as rg
    >>> rg.nn.CircularPad1d(1)(rg.tensor([[1.0, 2.0, 3.0]])).tolist()
    [[3.0, 1.0, 2.0, 3.0, 1.0]]
    """

    spatial = 1
    mode = "circular"


class CircularPad2d(_Pad):
    """The elements of the other end around images, (batch, channels, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom); negative widths crop.

    Raises:
        ShapeError: the input is too short.

    Source: torch.nn.CircularPad2d.

    >>> import retrograd as rg
    >>> rg.nn.CircularPad2d(1)(rg.ones(1, 3, 3)).shape
    retrograd.Size([1, 5, 5])
    """

    spatial = 2
    mode = "circular"


class CircularPad3d(_Pad):
    """The elements of the other end around volumes, (batch, channels, depth, height, width) or without the batch.

    Args:
        padding: the width on all sides, or (left, right, top, bottom, front, back); negative widths crop.

    Raises:
        ShapeError: the input is too short.

    Source: torch.nn.CircularPad3d.

    >>> import retrograd as rg
    >>> rg.nn.CircularPad3d(1)(rg.ones(1, 3, 3, 3)).shape
    retrograd.Size([1, 5, 5, 5])
    """

    spatial = 3
    mode = "circular"
