"""Windows: weights that fade towards both ends of a stretch of a signal.

A symmetric window of length N has elements n from 0 to N - 1. A periodic one is that of length N + 1 less its last.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core.device import require_cpu
from retrograd.core.dtype import DType, defaults
from retrograd.core.errors import DTypeError, OptionError
from retrograd.tensor.tensor import from_array

__all__ = ["bartlett_window", "blackman_window", "hamming_window", "hann_window", "kaiser_window"]

Array = np.ndarray[Any, Any]


def _window(
    name: str,
    length: int,
    periodic: bool,
    shape: Callable[[Array], Array],
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    pin_memory: bool = False,
    requires_grad: bool = False,
) -> Any:
    """`shape` of where each element stands, from 0 at the first to 1 at the last of the symmetric window.

    Raises:
        OptionError: a negative length. DTypeError: integers.
    """
    require_cpu(device)
    wanted = defaults.float_dtype if dtype is None else dtype
    if not wanted.is_floating_point:
        raise DTypeError(f"{name}: takes a floating-point dtype, and received {wanted.name}")
    if length < 0:
        raise OptionError(f"{name}: window_length must not be negative, and is {length}")
    last = length if periodic else length - 1
    values = shape(np.arange(length) / last) if length > 1 else np.ones(length)
    return from_array(values.astype(wanted.numpy)).requires_grad_(requires_grad)


def hann_window(window_length: int, periodic: bool = True, **options: Any) -> Any:
    """(1 - cos(2 pi n / (N - 1))) / 2.

    Args:
        window_length: how many elements.
        periodic: whether it is one period of a function, as for a Fourier transform, or symmetric.
        options: dtype, device, requires_grad and the like, as for `retrograd.ones`.

    Raises:
        OptionError: a negative length. DTypeError: a dtype of integers.

    Source: torch.hann_window.

    >>> import retrograd as rg
    >>> rg.hann_window(4), rg.hann_window(3, periodic=False)
    (tensor([0.0000, 0.5000, 1.0000, 0.5000]), tensor([0., 1., 0.]))
    """
    return _window("hann_window", window_length, periodic, lambda t: 0.5 - 0.5 * np.cos(2 * np.pi * t), **options)


def hamming_window(
    window_length: int, periodic: bool = True, alpha: float = 0.54, beta: float = 0.46, **options: Any
) -> Any:
    """alpha - beta cos(2 pi n / (N - 1)); see `hann_window`. Source: torch.hamming_window.

    >>> import retrograd as rg
    >>> rg.hamming_window(3, periodic=False)
    tensor([0.0800, 1.0000, 0.0800])
    """
    return _window("hamming_window", window_length, periodic, lambda t: alpha - beta * np.cos(2 * np.pi * t), **options)


def blackman_window(window_length: int, periodic: bool = True, **options: Any) -> Any:
    """0.42 - 0.5 cos(2 pi n / (N - 1)) + 0.08 cos(4 pi n / (N - 1)); see `hann_window`. Source: torch.blackman_window.

    >>> import retrograd as rg
    >>> rg.blackman_window(4)[1:]
    tensor([0.3400, 1.0000, 0.3400])
    """

    def shape(t: Array) -> Array:
        return 0.42 - 0.5 * np.cos(2 * np.pi * t) + 0.08 * np.cos(4 * np.pi * t)

    return _window("blackman_window", window_length, periodic, shape, **options)


def bartlett_window(window_length: int, periodic: bool = True, **options: Any) -> Any:
    """1 - |2 n / (N - 1) - 1|; see `hann_window`. Source: torch.bartlett_window.

    >>> import retrograd as rg
    >>> rg.bartlett_window(4)
    tensor([0.0000, 0.5000, 1.0000, 0.5000])
    """
    return _window("bartlett_window", window_length, periodic, lambda t: 1 - np.abs(2 * t - 1), **options)


def kaiser_window(window_length: int, periodic: bool = True, beta: float = 12.0, **options: Any) -> Any:
    """I_0(beta sqrt(1 - (2 n / (N - 1) - 1)^2)) / I_0(beta); see `hann_window`. Source: torch.kaiser_window.

    >>> import retrograd as rg
    >>> rg.kaiser_window(3, periodic=False, beta=0.0)
    tensor([1., 1., 1.])
    """

    def shape(t: Array) -> Array:
        return np.asarray(np.i0(beta * np.sqrt(np.maximum(1 - (2 * t - 1) ** 2, 0))) / np.i0(beta))

    return _window("kaiser_window", window_length, periodic, shape, **options)
