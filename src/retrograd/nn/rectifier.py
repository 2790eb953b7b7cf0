"""Activations made of pieces, as modules; `ops/rectifier.py` has what they compute."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.nn.activation_base import Activation, InPlaceActivation
from retrograd.nn.functions import activation as f
from retrograd.nn.parameter import Parameter
from retrograd.tensor.creation import full


class LeakyReLU(Activation):
    """x where x > 0, else negative_slope * x. Source: torch.nn.LeakyReLU; Maas et al. (2013)."""

    _shown = ("negative_slope",)

    def __init__(self, negative_slope: float = 1e-2, inplace: bool = False) -> None:
        super().__init__()
        self.negative_slope, self.inplace = negative_slope, inplace

    def forward(self, input: Any) -> Any:
        return f.leaky_relu(input, self.negative_slope, self.inplace)


class PReLU(Activation):
    """x where x > 0, else a x, with a learned.

    Args:
        num_parameters: 1, or the number of channels (axis 1 of the input).
        init: the first value of a.
        dtype: of the parameter.

    Shapes: x (rows, channels, ...), a (num_parameters,).

    Source: torch.nn.PReLU; He et al. (2015).

    >>> import retrograd as rg
    >>> rg.nn.PReLU()(rg.tensor([-2.0, 3.0])).tolist()
    [-0.5, 3.0]
    """

    _shown = ("num_parameters",)

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: DType | None = None
    ) -> None:
        super().__init__()
        self.num_parameters = num_parameters
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype))

    def forward(self, input: Any) -> Any:
        return f.prelu(input, self.weight)


class Hardtanh(Activation):
    """min(max(x, min_val), max_val). Source: torch.nn.Hardtanh."""

    _shown = ("min_val", "max_val")

    def __init__(self, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.min_val, self.max_val, self.inplace = min_val, max_val, inplace

    def forward(self, input: Any) -> Any:
        return f.hardtanh(input, self.min_val, self.max_val, self.inplace)


class ReLU6(InPlaceActivation):
    """min(max(x, 0), 6). Source: torch.nn.ReLU6."""

    def forward(self, input: Any) -> Any:
        return f.relu6(input, self.inplace)


class Hardsigmoid(InPlaceActivation):
    """min(max(x + 3, 0), 6) / 6. Source: torch.nn.Hardsigmoid."""

    def forward(self, input: Any) -> Any:
        return f.hardsigmoid(input, self.inplace)


class Hardswish(InPlaceActivation):
    """x min(max(x + 3, 0), 6) / 6. Source: torch.nn.Hardswish."""

    def forward(self, input: Any) -> Any:
        return f.hardswish(input, self.inplace)


class Threshold(Activation):
    """x where x > threshold, else value. Source: torch.nn.Threshold."""

    _shown = ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__()
        self.threshold, self.value, self.inplace = threshold, value, inplace

    def forward(self, input: Any) -> Any:
        return f.threshold(input, self.threshold, self.value, self.inplace)


class ELU(Activation):
    """x where x > 0, else alpha (exp(input) - 1). Source: torch.nn.ELU; Clevert et al. (2016)."""

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Any:
        return f.elu(input, self.alpha, self.inplace)


class SELU(InPlaceActivation):
    """1.0507 elu(x, 1.6733). Source: torch.nn.SELU; Klambauer et al. (2017)."""

    def forward(self, input: Any) -> Any:
        return f.selu(input, self.inplace)


class CELU(Activation):
    """x where x > 0, else alpha (exp(x / alpha) - 1). Source: torch.nn.CELU; Barron (2017)."""

    _shown = ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__()
        self.alpha, self.inplace = alpha, inplace

    def forward(self, input: Any) -> Any:
        return f.celu(input, self.alpha, self.inplace)


class Hardshrink(Activation):
    """x, and 0 where -lambd <= x <= lambd. Source: torch.nn.Hardshrink."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        return f.hardshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class Softshrink(Activation):
    """x moved towards 0 by lambd, and 0 where -lambd <= x <= lambd. Source: torch.nn.Softshrink."""

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def forward(self, input: Any) -> Any:
        return f.softshrink(input, self.lambd)

    def extra_repr(self) -> str:
        return f"{self.lambd}"


class RReLU(Activation):
    """x where x > 0, else a x, with a drawn from [lower, upper) for each element; in evaluation their mean.

    Args:
        lower, upper: between which slopes are drawn.
        inplace: write the result over the input.

    Source: torch.nn.RReLU; Xu et al. (2015).

    >>> import retrograd as rg
    >>> rg.nn.RReLU(0.25, 0.75).eval()(rg.tensor([-2.0, 3.0]))
    tensor([-1.,  3.])
    """

    _shown = ("lower", "upper")

    def __init__(self, lower: float = 1.0 / 8, upper: float = 1.0 / 3, inplace: bool = False) -> None:
        super().__init__()
        self.lower, self.upper, self.inplace = lower, upper, inplace

    def forward(self, input: Any) -> Any:
        return f.rrelu(input, self.lower, self.upper, self.training, self.inplace)
