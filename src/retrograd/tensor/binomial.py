"""Binomial numbers as tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core import generator as random
from retrograd.core.binomial_draws import binomial as drawn_binomial
from retrograd.core.errors import DTypeError
from retrograd.ops.movement import broadcast_shapes
from retrograd.tensor.tensor import from_array

__all__ = ["binomial"]


def binomial(count: Any, prob: Any, generator: Any = None) -> Any:
    """How many of n trials succeed that do so with probability p, for each element n of `count` and p of `prob`.

    Args:
        count: whole numbers in a floating-point dtype.
        prob: probabilities in the same dtype; the two broadcast.
        generator: which to draw from.

    Raises:
        OptionError: a count below 0, or a probability outside of [0, 1]. DTypeError: dtypes that are not floating-point
            or differ. ShapeError: shapes that do not broadcast.

    Source: torch.binomial, whose values it has.

    >>> import retrograd as rg
    >>> rg.binomial(rg.tensor([3.0, 5.0]), rg.tensor([0.0, 1.0]))
    tensor([0., 5.])
    """
    shape = broadcast_shapes("binomial", tuple(count.shape), tuple(prob.shape))
    if count.dtype is not prob.dtype:
        raise DTypeError(
            f"binomial: count has dtype {count.dtype} and prob {prob.dtype}; cast one with .to() to that of the other"
        )
    if not count.dtype.is_floating_point:
        raise DTypeError(f"binomial: takes floating-point numbers, and received {count.dtype}; use .float() first")
    exact = np.float64 if count.dtype.numpy == np.float64 else np.float32
    n, p = (np.broadcast_to(x._value().astype(exact), shape) for x in (count, prob))
    source = random.default_generator if generator is None else generator
    return from_array(drawn_binomial(source, n, p), count.dtype)
