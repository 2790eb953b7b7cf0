"""Padding as a function, under PyTorch's name."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.operation import record
from retrograd.core.types import Shape
from retrograd.ops.padding import PAD_CIRCULAR, PAD_CONSTANT, PAD_REFLECT, PAD_REPLICATE, PAD_ZEROS
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import node_of, unary

_AROUND = {"reflect": PAD_REFLECT, "replicate": PAD_REPLICATE, "circular": PAD_CIRCULAR}


def pad(input: Any, pad: Sequence[int], mode: str = "constant", value: float | None = None) -> Any:
    """More elements on the sides of the last axes, or (negative widths) fewer.

    Args:
        input: any shape and dtype.
        pad: widths before and after, the last axis first: (left, right, top, bottom, front, back, ...).
        mode: 'constant' for a number, 'reflect' for the mirror image (the outermost elements are the mirrors),
            'replicate' for copies of the outermost elements, 'circular' for those of the other end.
        value: the number of mode 'constant'; default: 0.

    Returns:
        The input with its axes longer by their two widths.

    Raises:
        OptionError: an odd number of widths, more of them than axes, a mode that is not known, a value for another
            mode. ShapeError: more is taken away than there is, or the input is too short to be reflected.

    Source: torch.nn.functional.pad. Deviation: any number of axes in all modes.

    >>> import retrograd as rg
    >>> x = rg.tensor([[1, 2, 3]])
    >>> rg.nn.functional.pad(x, (1, 2), value=9).tolist(), rg.nn.functional.pad(x, (2, 1), "reflect").tolist()
    ([[9, 1, 2, 3, 9, 9]], [[3, 2, 1, 2, 3, 2]])
    """
    low, high = _by_axis(tuple(int(n) for n in pad), input.ndim)
    if mode == "constant":
        if not value:
            return unary(PAD_ZEROS, input, (low, high))
        return wrap(record(PAD_CONSTANT, (input._read(), node_of(value, input.dtype)), (low, high)))
    if mode not in _AROUND:
        raise OptionError(f"pad: mode {mode!r} is not known; choose constant, reflect, replicate or circular")
    if value:
        raise OptionError(f"pad: mode {mode!r} takes no value, and received {value}; leave it out")
    return unary(_AROUND[mode], input, (low, high))


def _by_axis(widths: Shape, ndim: int) -> tuple[Shape, Shape]:
    if len(widths) % 2 or len(widths) > 2 * ndim:
        raise OptionError(
            f"pad: {widths} must hold two widths for each of at most {ndim} axes, the last axis first, as many as the "
            "input has"
        )
    rest = (0,) * (ndim - len(widths) // 2)
    return (*rest, *widths[-2::-2]), (*rest, *widths[::-2])
