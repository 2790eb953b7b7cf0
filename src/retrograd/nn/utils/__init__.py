"""Helpers for parameters and their gradients."""

from retrograd.nn.utils import parametrizations, parametrize, rnn
from retrograd.nn.utils.clip_grad import clip_grad_norm_, clip_grad_value_, get_total_norm
from retrograd.nn.utils.convert import parameters_to_vector, vector_to_parameters
from retrograd.nn.utils.spectral_norm import remove_spectral_norm, spectral_norm
from retrograd.nn.utils.weight_norm import remove_weight_norm, weight_norm

__all__ = [
    "clip_grad_norm_",
    "clip_grad_value_",
    "get_total_norm",
    "parameters_to_vector",
    "parametrizations",
    "parametrize",
    "remove_spectral_norm",
    "remove_weight_norm",
    "rnn",
    "spectral_norm",
    "vector_to_parameters",
    "weight_norm",
]
