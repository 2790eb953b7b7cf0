"""What convolutions and transposed convolutions have in common: parameters, their first values, and how they show."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.core.types import Shape
from retrograd.nn import init
from retrograd.nn.functions.conv import extents
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.tensor.creation import empty

PADDING_MODES = ("zeros", "reflect", "replicate", "circular")


class ConvBase(Module):
    """A layer with a kernel that slides.

    Attributes:
        spatial: how many axes it slides along.
        transposed: whether the weight is (in_channels, out_channels / groups, *kernel), and not
            (out_channels, in_channels / groups, *kernel).
    """

    spatial: ClassVar[int]
    transposed: ClassVar[bool]
    padding: Any
    weight: Any
    bias: Any

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        output_padding: Any,
        groups: int,
        bias: bool,
        padding_mode: str,
        dtype: DType | None,
    ) -> None:
        super().__init__()
        name = type(self).__name__
        if groups < 1 or in_channels % groups or out_channels % groups:
            raise OptionError(
                f"{name}: groups is {groups}; it must be positive and divide in_channels, {in_channels}, and "
                f"out_channels, {out_channels}"
            )
        if padding_mode not in PADDING_MODES:
            raise OptionError(
                f"{name}: padding_mode {padding_mode!r} is not known; choose one of {', '.join(PADDING_MODES)}"
            )
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = self._each("kernel_size", kernel_size)
        self.stride = self._each("stride", stride)
        self.padding = self._require_padding(padding) if isinstance(padding, str) else self._each("padding", padding)
        self.dilation = self._each("dilation", dilation)
        self.output_padding = self._each("output_padding", output_padding)
        self.groups = groups
        self.padding_mode = padding_mode
        self.weight = Parameter(empty(self._weight_shape(), dtype=dtype))
        self.register_parameter("bias", Parameter(empty(out_channels, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def _each(self, what: str, value: Any) -> Shape:
        return extents(type(self).__name__, what, value, self.spatial)

    def _require_padding(self, padding: str) -> str:
        if padding not in ("same", "valid"):
            raise OptionError(
                f"{type(self).__name__}: padding {padding!r} is not known; it must be 'same', 'valid' or integers"
            )
        if padding == "same" and max(self.stride) > 1:
            raise OptionError(
                f"{type(self).__name__}: padding='same' keeps extents, which a stride of {self.stride} does not; "
                "give numbers"
            )
        return padding

    def _weight_shape(self) -> Shape:
        if self.transposed:
            return (self.in_channels, self.out_channels // self.groups, *self.kernel_size)
        return (self.out_channels, self.in_channels // self.groups, *self.kernel_size)

    def reset_parameters(self) -> None:
        """Draw the parameters anew."""
        init.kaiming_uniform_(self.weight, a=math.sqrt(5))
        if self.bias is not None:
            fan_in, _ = init.fans(self.weight)
            bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0
            init.uniform_(self.bias, -bound, bound)

    def extra_repr(self) -> str:
        parts = [f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}, stride={self.stride}"]
        nothing = (0,) * self.spatial
        for name, usual in (("padding", nothing), ("dilation", (1,) * self.spatial), ("output_padding", nothing)):
            if getattr(self, name) != usual:
                parts.append(f"{name}={getattr(self, name)}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.bias is None:
            parts.append("bias=False")
        if self.padding_mode != "zeros":
            parts.append(f"padding_mode={self.padding_mode}")
        return ", ".join(parts)
