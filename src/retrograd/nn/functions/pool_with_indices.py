"""Maxima of windows, and where they stand: pooling with `return_indices=True`, under names of its own."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from retrograd.nn.functions.adaptive_pool import (
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    adaptive_max_pool3d,
    fractional_max_pool2d,
    fractional_max_pool3d,
)
from retrograd.nn.functions.pool import max_pool1d, max_pool2d, max_pool3d


def _with_indices(pool: Callable[..., Any]) -> Callable[..., tuple[Any, Any]]:
    def pooled(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        found: tuple[Any, Any] = pool(*args, **{**kwargs, "return_indices": True})
        return found

    functools.update_wrapper(pooled, pool)
    pooled.__name__ = pooled.__qualname__ = f"{pool.__name__}_with_indices"
    pooled.__doc__ = f"`{pool.__name__}` with return_indices=True. Source: torch.nn.functional.{pooled.__name__}."
    return pooled


adaptive_max_pool1d_with_indices = _with_indices(adaptive_max_pool1d)
adaptive_max_pool2d_with_indices = _with_indices(adaptive_max_pool2d)
adaptive_max_pool3d_with_indices = _with_indices(adaptive_max_pool3d)
fractional_max_pool2d_with_indices = _with_indices(fractional_max_pool2d)
fractional_max_pool3d_with_indices = _with_indices(fractional_max_pool3d)
max_pool1d_with_indices = _with_indices(max_pool1d)
max_pool2d_with_indices = _with_indices(max_pool2d)
max_pool3d_with_indices = _with_indices(max_pool3d)
