"""How the elements of a tensor are spread over bins, with the bins' edges."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.tensor.base import TensorBase
from retrograd.tensor.dispatch import deliver, operand
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array

__all__ = ["histogram"]


class HistogramAndEdges(NamedTuple):
    """What `histogram` returns."""

    hist: Any
    bin_edges: Any


@method()
def histogram(
    input: Any,
    bins: Any,
    *,
    range: tuple[float, float] | None = None,
    weight: Any = None,
    density: bool = False,
    out: Any = None,
) -> HistogramAndEdges:
    """How many elements fall in each bin, and where bins begin and end; the last one has its upper edge.

    The elements are looked at. No gradient flows.

    Args:
        input: floating-point numbers; what is outside of all bins is not counted.
        bins: how many equal bins, or the edges, increasing, as a tensor.
        range: the outer edges of equal bins; the least and the largest element if left out.
        weight: what each element counts for; of the input's shape.
        density: whether counts are divided by their sum and by the widths of the bins.
        out: two tensors that the results are written to.

    Returns:
        The counts, (bins,), and the edges, (bins + 1,), in the dtype of the input.

    Raises:
        DTypeError: integers. OptionError: no bins, edges out of order, or no range where there are no elements.
        ShapeError: weights of another shape.

    Source: torch.histogram.

    >>> import retrograd as rg
    >>> rg.histogram(rg.tensor([1.0, 2.0, 1.0]), 2)
    HistogramAndEdges(hist=tensor([2., 1.]), bin_edges=tensor([1.0000, 1.5000, 2.0000]))
    """
    operand("histogram", input)
    if not input.dtype.is_floating_point:
        raise DTypeError(
            f"histogram: takes floating-point numbers, and received {input.dtype.name}; use .float() first"
        )
    if weight is not None and tuple(weight.shape) != tuple(input.shape):
        raise ShapeError(
            f"histogram: the weights have shape {tuple(weight.shape)}; it must be that of the input, "
            f"{tuple(input.shape)}"
        )
    try:
        counts, edges = np.histogram(
            input._value(),
            bins._value() if isinstance(bins, TensorBase) else bins,
            range,
            density,
            None if weight is None else weight._value(),
        )
    except ValueError as error:
        raise OptionError(f"histogram: {error}") from error
    found = HistogramAndEdges(*(from_array(x.astype(input.dtype.numpy)) for x in (counts, edges)))
    delivered: HistogramAndEdges = deliver("histogram", found, out)
    return delivered
