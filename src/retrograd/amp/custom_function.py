"""Operations with a backward pass of one's own under autocast."""

from __future__ import annotations

import functools
from typing import Any

from retrograd.core import tree
from retrograd.core.dtype import DType, float64
from retrograd.tensor.autocast import autocast, get_autocast_dtype, is_autocast_enabled
from retrograd.tensor.base import TensorBase


def custom_fwd(fwd: Any = None, *, device_type: str, cast_inputs: DType | None = None) -> Any:
    """Decorator of `forward` of a `Function`: what autocast is then, `custom_bwd` makes it for `backward`.

    Args:
        fwd: the method; None for a decorator with arguments.
        device_type: "cpu".
        cast_inputs: where autocast is on, tensors of floating-point numbers, float64 apart, are cast to this dtype, and
            the method runs without autocast.

    Source: torch.amp.custom_fwd.

    >>> import retrograd as rg
    >>> class Product(rg.autograd.Function):
    ...     @staticmethod
    ...     @rg.amp.custom_fwd(device_type="cpu", cast_inputs=rg.float32)
    ...     def forward(ctx, a, b):
    ...         ctx.save_for_backward(a, b)
    ...         return a @ b
    ...     @staticmethod
    ...     @rg.amp.custom_bwd(device_type="cpu")
    ...     def backward(ctx, g):
    ...         a, b = ctx.saved_tensors
    ...         return g @ b.T, a.T @ g
    >>> with rg.autocast("cpu"):
    ...     Product.apply(rg.ones(2, 2), rg.ones(2, 2)).dtype
    retrograd.float32
    """
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def wrapped(ctx: Any, *args: Any, **kwargs: Any) -> Any:
        enabled = is_autocast_enabled(device_type)
        ctx._autocast = enabled and cast_inputs is None, get_autocast_dtype(device_type)
        if not enabled or cast_inputs is None:
            return fwd(ctx, *args, **kwargs)
        with autocast(device_type, enabled=False):
            args, kwargs = tree.map_leaves(lambda x: _cast(x, cast_inputs), (args, kwargs))
            return fwd(ctx, *args, **kwargs)

    return wrapped


def custom_bwd(bwd: Any = None, *, device_type: str) -> Any:
    """Decorator of `backward` of a `Function`: it runs with autocast as it was in `forward`, which has `custom_fwd`.

    Source: torch.amp.custom_bwd.
    """
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def wrapped(ctx: Any, *args: Any) -> Any:
        enabled, dtype = ctx._autocast
        with autocast(device_type, dtype=dtype, enabled=enabled):
            return bwd(ctx, *args)

    return wrapped


def _cast(x: Any, dtype: DType) -> Any:
    if isinstance(x, TensorBase) and x.dtype.is_floating_point and x.dtype is not float64:
        return x.to(dtype)  # type: ignore[attr-defined]
    return x
