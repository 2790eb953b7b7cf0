"""Smooth activations, as modules; `ops/smooth.py` has what they compute."""

from __future__ import annotations

from typing import Any

from retrograd.nn.activation_base import Activation, InPlaceActivation
from retrograd.nn.functions import activation as f


class GELU(Activation):
    """x Phi(x), Phi the normal distribution. Source: torch.nn.GELU; Hendrycks and Gimpel (2016)."""

    _shown = ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate

    def forward(self, input: Any) -> Any:
        return f.gelu(input, self.approximate)

    def extra_repr(self) -> str:
        return f"approximate={self.approximate!r}"


class SiLU(InPlaceActivation):
    """x / (1 + exp(-x)). Source: torch.nn.SiLU."""

    def forward(self, input: Any) -> Any:
        return f.silu(input, self.inplace)


class Mish(InPlaceActivation):
    """x tanh(log(1 + exp(x))). Source: torch.nn.Mish; Misra (2019)."""

    def forward(self, input: Any) -> Any:
        return f.mish(input, self.inplace)


class Softplus(Activation):
    """log(1 + exp(beta x)) / beta, and x where beta x > threshold. Source: torch.nn.Softplus."""

    _shown = ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold

    def forward(self, input: Any) -> Any:
        return f.softplus(input, self.beta, self.threshold)


class LogSigmoid(Activation):
    """log(1 / (1 + exp(-x))). Source: torch.nn.LogSigmoid."""

    def forward(self, input: Any) -> Any:
        return f.logsigmoid(input)


class Softsign(Activation):
    """x / (1 + |x|). Source: torch.nn.Softsign."""

    def forward(self, input: Any) -> Any:
        return f.softsign(input)


class Tanhshrink(Activation):
    """x - tanh(x). Source: torch.nn.Tanhshrink."""

    def forward(self, input: Any) -> Any:
        return f.tanhshrink(input)


class GLU(Activation):
    """a sigmoid(b), a and b the halves of x along an axis. Source: torch.nn.GLU; Dauphin et al. (2017)."""

    _shown = ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def forward(self, input: Any) -> Any:
        return f.glu(input, self.dim)
