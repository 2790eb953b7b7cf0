"""Parametrizations of weights. Source: torch.nn.utils.parametrizations."""

from retrograd.nn.utils.parametrizations.orthogonal import orthogonal
from retrograd.nn.utils.parametrizations.spectral_norm import spectral_norm
from retrograd.nn.utils.parametrizations.weight_norm import weight_norm

__all__ = ["orthogonal", "spectral_norm", "weight_norm"]
