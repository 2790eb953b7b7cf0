"""Initialisation of weights: PyTorch's rules, drawing from the host's generator in PyTorch's order."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core import generator as random
from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn.init_structured import dirac_, eye_, orthogonal_, sparse_, trunc_normal_
from retrograd.tensor.dispatch import own_array_node
from retrograd.tensor.grad_mode import no_grad

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "fans",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

_GAINS = {
    "linear": 1.0,
    "conv1d": 1.0,
    "conv2d": 1.0,
    "conv3d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3,
    "relu": math.sqrt(2.0),
    "selu": 3.0 / 4,
}


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """How much an activation shrinks its input's standard deviation, to be made up for.

    Raises:
        OptionError: the nonlinearity is not known.

    >>> calculate_gain("relu")
    1.4142135623730951
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        known = ", ".join([*_GAINS, "leaky_relu"])
        raise OptionError(f"calculate_gain: {nonlinearity!r} is not known; choose one of {known}")
    return _GAINS[nonlinearity]


def fans(tensor: Any) -> tuple[int, int]:
    """How many inputs reach an output, and how many outputs an input reaches: (fan in, fan out)."""
    shape = tuple(tensor.shape)
    if len(shape) < 2:
        raise ShapeError(f"fan in and fan out need a weight with at least 2 axes, and this has shape {shape}")
    field = math.prod(shape[2:])
    return shape[1] * field, shape[0] * field


def _fill(name: str, tensor: Any, drawn: np.ndarray[Any, Any]) -> Any:
    with no_grad():
        # What a leaf was before is of no interest to a backward pass: it takes the numbers over without a copy.
        return tensor._assign(name, own_array_node(drawn), overwrites=not tensor.is_leaf)


def uniform_(tensor: Any, a: float = 0.0, b: float = 1.0, generator: Any = None) -> Any:
    """Uniform on [a, b)."""
    source = generator or random.default_generator
    return _fill("uniform_", tensor, source.uniform(tuple(tensor.shape), a, b, tensor.dtype.numpy))


def normal_(tensor: Any, mean: float = 0.0, std: float = 1.0, generator: Any = None) -> Any:
    """Normal with a mean and a standard deviation."""
    source = generator or random.default_generator
    return _fill("normal_", tensor, source.normal(tuple(tensor.shape), mean, std, tensor.dtype.numpy))


def constant_(tensor: Any, val: float) -> Any:
    with no_grad():
        return tensor.fill_(val)


def zeros_(tensor: Any) -> Any:
    return constant_(tensor, 0.0)


def ones_(tensor: Any) -> Any:
    return constant_(tensor, 1.0)


def xavier_uniform_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Uniform on [-a, a], a = gain sqrt(6 / (fan in + fan out)). Source: Glorot and Bengio (2010)."""
    fan_in, fan_out = fans(tensor)
    bound = math.sqrt(3.0) * gain * math.sqrt(2.0 / (fan_in + fan_out))
    return uniform_(tensor, -bound, bound, generator)


def xavier_normal_(tensor: Any, gain: float = 1.0, generator: Any = None) -> Any:
    """Normal, std = gain sqrt(2 / (fan in + fan out)). Source: Glorot and Bengio (2010)."""
    fan_in, fan_out = fans(tensor)
    return normal_(tensor, 0.0, gain * math.sqrt(2.0 / (fan_in + fan_out)), generator)


def _he_std(tensor: Any, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise OptionError(f"kaiming: mode {mode!r} is not known; choose fan_in or fan_out")
    if 0 in tensor.shape:
        warnings.warn(f"kaiming: a tensor of shape {tuple(tensor.shape)} has no elements to draw", stacklevel=3)
        return 0.0
    fan = fans(tensor)[0 if mode == "fan_in" else 1]
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Any:
    """Uniform on [-b, b], b = gain sqrt(3 / fan). Source: He et al. (2015)."""
    bound = math.sqrt(3.0) * _he_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator)


def kaiming_normal_(
    tensor: Any, a: float = 0, mode: str = "fan_in", nonlinearity: str = "leaky_relu", generator: Any = None
) -> Any:
    """Normal, std = gain / sqrt(fan). Source: He et al. (2015)."""
    return normal_(tensor, 0.0, _he_std(tensor, a, mode, nonlinearity), generator)


def _old_name(function: Callable[..., Any]) -> Callable[..., Any]:
    """A function under its name from before functions that work in place ended in an underscore."""
    name = function.__name__.removesuffix("_")

    @functools.wraps(function)
    def warned(*args: Any, **kwargs: Any) -> Any:
        warnings.warn(f"nn.init.{name} is the old name of nn.init.{name}_", FutureWarning, stacklevel=2)
        return function(*args, **kwargs)

    warned.__doc__ = f"The old name of `{name}_`. Source: torch.nn.init.{name}."
    return warned


constant = _old_name(constant_)
dirac = _old_name(dirac_)
eye = _old_name(eye_)
kaiming_normal = _old_name(kaiming_normal_)
kaiming_uniform = _old_name(kaiming_uniform_)
normal = _old_name(normal_)
orthogonal = _old_name(orthogonal_)
sparse = _old_name(sparse_)
uniform = _old_name(uniform_)
xavier_normal = _old_name(xavier_normal_)
xavier_uniform = _old_name(xavier_uniform_)
