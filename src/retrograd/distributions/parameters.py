"""Parameters of distributions: as tensors of one shape, and in two forms, probabilities and their logits."""

from __future__ import annotations

from functools import cached_property
from typing import Any

from retrograd.core.dtype import defaults
from retrograd.core.errors import OptionError
from retrograd.core.limits import finfo
from retrograd.tensor.base import TensorBase
from retrograd.tensor.grad_mode import enable_grad
from retrograd.tensor.joining import broadcast_tensors
from retrograd.tensor.softmax import softmax
from retrograd.tensor.tensor import tensor


class derived(cached_property[Any]):
    """A property that is computed once, and anew after `expand`. Gradients flow through it, whoever asks first."""

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        with enable_grad():
            return super().__get__(instance, owner)


def together(*values: Any) -> list[Any]:
    """Numbers and tensors as tensors of one shape; numbers have the dtype of the tensors, or the default one."""
    dtype = next((x.dtype for x in values if isinstance(x, TensorBase)), defaults.float_dtype)
    made = [x if isinstance(x, TensorBase) else tensor(x, dtype=dtype) for x in values]
    return list(broadcast_tensors(*made))


def one_of(name: str, probs: Any, logits: Any) -> bool:
    """Whether the parameter is given as probabilities.

    Raises:
        OptionError: both forms are given, or none.
    """
    if (probs is None) == (logits is None):
        raise OptionError(f"{name}: give either probs or logits, and not {'both' if probs is not None else 'neither'}")
    return probs is not None


def clamped(probs: Any) -> Any:
    """Probabilities kept away from 0 and 1 by a rounding unit, so that their logarithms are finite."""
    eps = finfo(probs.dtype).eps
    return probs.clamp(min=eps, max=1 - eps)


def logit_of(probs: Any) -> Any:
    """log(p / (1 - p))."""
    kept = clamped(probs)
    return kept.log() - (-kept).log1p()


def softmax_of(logits: Any) -> Any:
    return softmax(logits, -1)


def event_axes_summed(x: Any, count: int) -> Any:
    """The sum over the last axes."""
    return x.sum(tuple(range(-count, 0))) if count else x
