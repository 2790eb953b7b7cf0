"""Layer, group and root-mean-square normalisation: row by row, so that training and evaluation are the same."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.nn import init
from retrograd.nn.functions.norm import group_norm, normalised, rms_norm
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.ops.norm import LAYER_NORM
from retrograd.tensor.creation import empty
from retrograd.tensor.held_number import HeldNumber


class LayerNorm(Module):
    """(x - mean) / sqrt(var + eps) weight + bias over the last axes, variance divided by n.

    Args:
        normalized_shape: extents of those axes; an int for one.
        eps: keeps the root from zero.
        elementwise_affine: whether there are weight and bias, both of normalized_shape.
        bias: whether there is a bias beside the weight.
        dtype: of the parameters.

    Shapes: x (..., *normalized_shape), and so is the result.

    Raises:
        ShapeError: an input that does not end with normalized_shape.

    Source: torch.nn.LayerNorm; Ba et al. (2016).

    >>> import retrograd as rg
    >>> rg.nn.LayerNorm(2)(rg.tensor([[1.0, 3.0]])).tolist()
    [[-0.9999949932098389, 0.9999949932098389]]
    """

    weight: Any
    bias: Any

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        shape = (normalized_shape,) if isinstance(normalized_shape, int) else normalized_shape
        self.normalized_shape = tuple(shape)
        self.eps = eps
        self._held_eps = HeldNumber()
        self.elementwise_affine = elementwise_affine
        for name, present in (("weight", elementwise_affine), ("bias", elementwise_affine and bias)):
            self.register_parameter(name, Parameter(empty(self.normalized_shape, dtype=dtype)) if present else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        x = input._read()
        eps = self._held_eps.node(self.eps, x.type.dtype)
        return normalised(LAYER_NORM, x, eps, self.weight, self.bias, tuple(self.normalized_shape))

    def extra_repr(self) -> str:
        return (
            f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}, "
            f"bias={self.bias is not None}"
        )


class GroupNorm(Module):
    """(x - mean) / sqrt(var + eps) weight + bias over groups of channels, row by row, variance divided by n.

    Args:
        num_groups: how many groups.
        num_channels: extent of axis 1, a multiple of num_groups.
        eps: keeps the root from zero.
        affine: whether there are weight and bias, both (num_channels,).
        bias: whether there is a bias beside the weight.
        dtype: of the parameters.

    Shapes: x (rows, num_channels, ...), and so is the result.

    Raises:
        OptionError: the channels do not divide into the groups.

    Source: torch.nn.GroupNorm; Wu and He (2018).

    >>> import retrograd as rg
    >>> rg.nn.GroupNorm(2, 4)(rg.rand(3, 4, 5, 5)).shape
    retrograd.Size([3, 4, 5, 5])
    """

    weight: Any
    bias: Any

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        device: Any = None,
        dtype: DType | None = None,
        *,
        bias: bool = True,
    ) -> None:
        super().__init__()
        if num_groups < 1 or num_channels % num_groups:
            raise OptionError(f"GroupNorm: {num_channels} channels do not divide into {num_groups} equal groups")
        self.num_groups = num_groups
        self.num_channels = num_channels
        self.eps = eps
        self.affine = affine
        for name, present in (("weight", affine), ("bias", affine and bias)):
            self.register_parameter(name, Parameter(empty(num_channels, dtype=dtype)) if present else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1 and bias 0."""
        if self.weight is not None:
            init.ones_(self.weight)
        if self.bias is not None:
            init.zeros_(self.bias)

    def forward(self, input: Any) -> Any:
        return group_norm(input, self.num_groups, self.weight, self.bias, self.eps)

    def extra_repr(self) -> str:
        return (
            f"{self.num_groups}, {self.num_channels}, eps={self.eps}, affine={self.affine}, "
            f"bias={self.bias is not None}"
        )


class RMSNorm(Module):
    """x / sqrt(mean(x^2) + eps) weight over the last axes.

    Args:
        normalized_shape: extents of those axes; an int for one.
        eps: keeps the root from zero; default: that of the input's dtype.
        elementwise_affine: whether there is a weight, of normalized_shape.
        dtype: of the weight.

    Shapes: x (..., *normalized_shape), and so is the result.

    Raises:
        ShapeError: an input that does not end with normalized_shape.

    Source: torch.nn.RMSNorm; Zhang and Sennrich (2019).

    >>> import retrograd as rg
    >>> rg.nn.RMSNorm(2)(rg.tensor([3.0, 4.0])).shape
    retrograd.Size([2])
    """

    weight: Any

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float | None = None,
        elementwise_affine: bool = True,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.normalized_shape = (normalized_shape,) if isinstance(normalized_shape, int) else tuple(normalized_shape)
        self.eps = eps
        self.elementwise_affine = elementwise_affine
        present = Parameter(empty(self.normalized_shape, dtype=dtype)) if elementwise_affine else None
        self.register_parameter("weight", present)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Weight 1."""
        if self.weight is not None:
            init.ones_(self.weight)

    def forward(self, x: Any) -> Any:
        return rms_norm(x, self.normalized_shape, self.weight, self.eps)

    def extra_repr(self) -> str:
        return f"{self.normalized_shape}, eps={self.eps}, elementwise_affine={self.elementwise_affine}"
