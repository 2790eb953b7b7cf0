"""Methods that fill a tensor with random numbers: for the same seed they have PyTorch's values."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core.types import Shape
from retrograd.tensor.base import TensorBase
from retrograd.tensor.drawing import Array, drawn_like, generator_of, memory_order, normal_like, probabilities_of
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array


def _fill(name: str, x: Any, draw: Callable[[Shape], Array]) -> Any:
    """Write what was drawn over the elements of a tensor."""
    drawn = from_array(np.ascontiguousarray(drawn_like(x, draw)), x.dtype)
    return x._assign(name, drawn._read(), overwrites=True)


@method()
def uniform_(input: Any, from_: float = 0.0, to: float = 1.0, *, generator: Any = None) -> Any:
    """Uniform numbers of [from_, to), in place. Source: torch.Tensor.uniform_.

    >>> import retrograd as rg
    >>> bool((rg.empty(100).uniform_(2, 3) >= 2).all())
    True
    """
    source, kind = generator_of(generator), input.dtype.numpy
    return _fill("uniform_", input, lambda shape: source.uniform(shape, float(from_), float(to), kind))


@method()
def normal_(input: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
    """Normal numbers, in place. Source: torch.Tensor.normal_.

    >>> import retrograd as rg
    >>> rg.empty(2).normal_(3.0, 0.0)
    tensor([3., 3.])
    """
    drawn = normal_like(input, float(mean), float(std), input.dtype.numpy, generator)
    return input._assign("normal_", from_array(np.ascontiguousarray(drawn), input.dtype)._read(), overwrites=True)


@method()
def random_(input: Any, from_: int | None = None, to: int | None = None, *, generator: Any = None) -> Any:
    """Integers, in place: from `from_` to `to - 1`; of one number, below it; of none, all that the dtype holds exactly.

    Source: torch.Tensor.random_.

    >>> import retrograd as rg
    >>> rg.empty(3).random_(4, 5)
    tensor([4., 4., 4.])
    """
    source, kind = generator_of(generator), input.dtype.numpy
    if from_ is None and to is None:
        return _fill("random_", input, lambda shape: source.random(shape, kind))
    low, high = (0, from_) if to is None else (from_ or 0, to)
    return _fill("random_", input, lambda shape: source.randint(int(low), int(high or 0), shape, kind))


@method()
def bernoulli_(input: Any, p: Any = 0.5, *, generator: Any = None) -> Any:
    """1 with probability `p`, a number or a tensor that broadcasts, else 0, in place. Source: torch.Tensor.bernoulli_.

    >>> import retrograd as rg
    >>> rg.empty(3).bernoulli_(1.0)
    tensor([1., 1., 1.])
    """
    source = generator_of(generator)
    if not isinstance(p, TensorBase):
        return _fill("bernoulli_", input, lambda shape: source.bernoulli(float(p), shape))
    chances = np.broadcast_to(probabilities_of("bernoulli_", p), input._type_shape())
    order = memory_order(input)
    return _fill("bernoulli_", input, lambda shape: source.bernoulli(np.array(chances.transpose(order)), shape))


@method()
def exponential_(input: Any, lambd: float = 1.0, *, generator: Any = None) -> Any:
    """Exponential numbers with rate `lambd`, in place. Source: torch.Tensor.exponential_."""
    source, kind = generator_of(generator), input.dtype.numpy
    return _fill("exponential_", input, lambda shape: source.exponential(shape, float(lambd), kind))


@method()
def cauchy_(input: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Any:
    """Numbers of a Cauchy distribution, in place. Source: torch.Tensor.cauchy_."""
    source, kind = generator_of(generator), input.dtype.numpy
    return _fill("cauchy_", input, lambda shape: source.cauchy(shape, float(median), float(sigma), kind))


@method()
def log_normal_(input: Any, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Any:
    """exp of normal numbers with this mean and standard deviation, in place. Source: torch.Tensor.log_normal_."""
    source, kind = generator_of(generator), input.dtype.numpy
    return _fill("log_normal_", input, lambda shape: source.log_normal(shape, float(mean), float(std), kind))


@method()
def geometric_(input: Any, p: float, *, generator: Any = None) -> Any:
    """How many trials of probability `p` it takes to succeed, in place. Source: torch.Tensor.geometric_."""
    source, kind = generator_of(generator), input.dtype.numpy
    return _fill("geometric_", input, lambda shape: source.geometric(shape, float(p), kind))
