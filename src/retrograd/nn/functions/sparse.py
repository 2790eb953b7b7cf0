"""Reading tables by number, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import int64
from retrograd.core.errors import IndexRangeError, OptionError
from retrograd.core.operation import record
from retrograd.nn.functions.classes import known_extremes
from retrograd.ops.embedding import EMBEDDING
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import node_of


def embedding(
    input: Any,
    weight: Any,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Any:
    """weight[input]: a row of the weight for each number.

    Args:
        input: row numbers, int64 or int32, any shape.
        weight: (rows, features).
        padding_idx: the row that gets no gradient; negative ones count from the end.

    Raises:
        IndexRangeError: a number, known already, that is no row; or padding_idx.
        OptionError: max_norm, scale_grad_by_freq or sparse, which are not there.
        DTypeError: the numbers are no integers.

    Source: torch.nn.functional.embedding.
    """
    if max_norm is not None or scale_grad_by_freq or sparse:
        raise OptionError("embedding: max_norm, scale_grad_by_freq and sparse are not there; leave them out")
    rows = weight._type_shape()[0]
    nodes = [weight._read(), input._read()]
    if padding_idx is not None:
        nodes.append(node_of(row_number(padding_idx, rows), int64))
    result = wrap(record(EMBEDDING, tuple(nodes)))
    _require_rows(input, rows)
    return result


def row_number(padding_idx: int, rows: int) -> int:
    """padding_idx counted from the start."""
    if not -rows <= padding_idx < rows:
        raise IndexRangeError(f"embedding: padding_idx {padding_idx} is no row of a weight with {rows} rows")
    return padding_idx % rows


def _require_rows(input: Any, rows: int) -> None:
    extremes = known_extremes(input._read())
    if extremes is None or (extremes[0] >= 0 and extremes[1] < rows):
        return
    if input._storage.node.buffer is None:
        return
    values = input._value()
    wrong = values[(values < 0) | (values >= rows)]
    if wrong.size:
        raise IndexRangeError(
            f"embedding: {wrong.flat[0]} is no row: the weight has {rows} rows, numbered 0..{rows - 1}"
        )
