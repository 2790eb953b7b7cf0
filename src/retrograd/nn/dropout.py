"""Dropout as modules; `nn/functions/dropout.py` has what they compute, and where masks come from."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ClassVar

from retrograd.core.errors import OptionError
from retrograd.nn.functions import dropout as f
from retrograd.nn.module import Module


class _Dropout(Module):
    """What the modules share: the probability, and that nothing is dropped in evaluation."""

    _function: ClassVar[Callable[..., Any]]

    def __init__(self, p: float = 0.5, inplace: bool = False) -> None:
        super().__init__()
        if not 0.0 <= p <= 1.0:
            raise OptionError(f"{type(self).__name__}: the probability must lie in [0, 1], and is {p}")
        self.p, self.inplace = p, inplace

    def forward(self, input: Any) -> Any:
        return type(self)._function(input, self.p, self.training, self.inplace)

    def extra_repr(self) -> str:
        return f"p={self.p}, inplace={self.inplace}"


class Dropout(_Dropout):
    """In training, sets each element to 0 with probability p and divides the others by 1 - p; else the identity.

    Args:
        p: in [0, 1].
        inplace: write the result over the input.

    Raises:
        OptionError: p is no probability.

    Source: torch.nn.Dropout; Srivastava et al. (2014). Deviation: masks are not PyTorch's for the same seed, unless
    RETROGRAD_RNG=torch is set.

    >>> import retrograd as rg
    >>> layer = rg.nn.Dropout(0.75)
    >>> sorted(set(layer(rg.ones(100)).tolist())), layer.eval()(rg.ones(2)).tolist()
    ([0.0, 4.0], [1.0, 1.0])
    """

    _function = staticmethod(f.dropout)


class Dropout1d(_Dropout):
    """As `Dropout`, for whole channels of (N, C, L) or (C, L). Source: torch.nn.Dropout1d."""

    _function = staticmethod(f.dropout1d)


class Dropout2d(_Dropout):
    """As `Dropout`, for whole channels of (N, C, H, W). Source: torch.nn.Dropout2d."""

    _function = staticmethod(f.dropout2d)


class Dropout3d(_Dropout):
    """As `Dropout`, for whole channels of (N, C, D, H, W) or (C, D, H, W). Source: torch.nn.Dropout3d."""

    _function = staticmethod(f.dropout3d)


class AlphaDropout(_Dropout):
    """In training, drops elements to what SELU has far below 0, and keeps mean 0 and variance 1.

    Source: torch.nn.AlphaDropout; Klambauer et al. (2017).
    """

    _function = staticmethod(f.alpha_dropout)


class FeatureAlphaDropout(_Dropout):
    """As `AlphaDropout`, for all of a feature (axes 0 and 1) together. Source: torch.nn.FeatureAlphaDropout."""

    _function = staticmethod(f.feature_alpha_dropout)
