"""Reductions of stretches of an axis."""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from retrograd.core.errors import OptionError, ShapeError
from retrograd.tensor.dispatch import operand
from retrograd.tensor.tensor import from_array

__all__ = ["segment_reduce"]

# The name that scatter_reduce has for it, and what an empty stretch gives.
_KINDS: Final = {
    "sum": ("sum", 0.0), "mean": ("sum", 0.0), "max": ("amax", -math.inf), "min": ("amin", math.inf),
    "prod": ("prod", 1.0),
}  # fmt: skip


def segment_reduce(
    data: Any,
    reduce: str,
    *,
    lengths: Any = None,
    indices: Any = None,
    offsets: Any = None,
    axis: int = 0,
    unsafe: bool = False,
    initial: float | None = None,
) -> Any:
    """The sum, mean, largest, smallest or product of consecutive stretches of an axis.

    Args:
        data: floating-point, of any shape.
        reduce: "sum", "mean", "max", "min" or "prod".
        lengths: (*data.shape[:axis], segments), integers: how long the stretches are.
        indices: not there, as in PyTorch.
        offsets: in place of lengths, (*data.shape[:axis], segments + 1): where they begin, and where the last one ends.
        axis: the axis.
        unsafe: leave out the look at the lengths.
        initial: what each reduction begins with; an empty stretch gives it. Where None, that is 0, NaN, -infinity,
            infinity or 1.

    Returns:
        As `data`, with segments in the place of the axis.

    Raises:
        OptionError: another reduction, or not exactly one of lengths and offsets, or negative lengths. ShapeError:
            lengths of a shape that does not fit, or that do not add up to the extent.

    Source: torch.segment_reduce. The lengths are looked at, which computes them.

    >>> import retrograd as rg
    >>> rg.segment_reduce(rg.tensor([1.0, 2.0, 3.0, 4.0]), "sum", lengths=rg.tensor([1, 3]))
    tensor([1., 9.])
    """
    operand("segment_reduce", data)
    if reduce not in _KINDS:
        raise OptionError(f"segment_reduce: reduce must be one of {', '.join(_KINDS)}, and is {reduce!r}")
    if indices is not None or (lengths is None) == (offsets is None):
        raise OptionError("segment_reduce: give either lengths or offsets, and no indices")
    sizes = np.diff(offsets._value()) if lengths is None else lengths._value()
    axis %= data.ndim
    _require_lengths(data, sizes, axis, unsafe)
    rows = sizes.reshape(-1, sizes.shape[-1])
    places = [np.repeat(np.arange(rows.shape[1]), row) for row in rows]
    index = from_array(np.array(places, np.int64).reshape(*data.shape[: axis + 1]))
    index = index.reshape(*index.shape, *[1] * (data.ndim - axis - 1)).expand(*data.shape)
    kind, empty = _KINDS[reduce]
    start = data.new_full((*sizes.shape, *data.shape[axis + 1 :]), empty if initial is None else float(initial))
    found = start.scatter_reduce(axis, index, data, kind)
    if reduce != "mean":
        return found
    # Without an initial value, the mean of nothing is 0 / 0.
    count = sizes if initial is None else np.maximum(sizes, 1)
    return found / from_array(count.reshape(*sizes.shape, *[1] * (data.ndim - axis - 1))).to(data.dtype)


def _require_lengths(data: Any, sizes: Any, axis: int, unsafe: bool) -> None:
    if tuple(sizes.shape[:-1]) != tuple(data.shape[:axis]) or not sizes.ndim:
        raise ShapeError(
            f"segment_reduce: there are lengths for {tuple(sizes.shape[:-1])} lines; axis {axis} of shape "
            f"{tuple(data.shape)} has {tuple(data.shape[:axis])}"
        )
    if unsafe:
        return
    if np.any(sizes < 0):
        raise OptionError("segment_reduce: a length is negative")
    if np.any(sizes.sum(-1) != data.shape[axis]):
        raise ShapeError(f"segment_reduce: the lengths must add up to {data.shape[axis]}, the extent of axis {axis}")
