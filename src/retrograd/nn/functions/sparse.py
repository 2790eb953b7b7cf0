"""Reading tables by number, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import float64, int64
from retrograd.core.errors import IndexRangeError, ShapeError
from retrograd.core.operation import record
from retrograd.ops.embedding import EMBEDDING, EMBEDDING_BY_FREQUENCY, EMBEDDING_RENORM
from retrograd.tensor.base import wrap
from retrograd.tensor.bounds import known_extremes
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.norms import order


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
        max_norm: the rows that are read are first scaled down, in place, to at most this norm.
        norm_type: p of that norm.
        scale_grad_by_freq: whether the gradient of a row is divided by how often the row is read.
        sparse: taken, and without effect: gradients are dense.

    Raises:
        IndexRangeError: a number, known already, that is no row; or padding_idx.
        DTypeError: the numbers are no integers.
        ShapeError: the weight is no matrix.

    Source: torch.nn.functional.embedding.

    >>> import retrograd as rg
    >>> rg.nn.functional.embedding(rg.tensor([2, 0]), rg.eye(3)).tolist()
    [[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]]
    """
    shape = weight._type_shape()
    if len(shape) != 2:
        raise ShapeError(f"embedding: the weight has shape {tuple(shape)}; it must be (rows, features)")
    rows = shape[0]
    if max_norm is not None:
        renorm_rows(weight, input, max_norm, norm_type)
    nodes = [weight._read(), input._read()]
    if padding_idx is not None:
        nodes.append(node_of(row_number(padding_idx, rows), int64))
    result = wrap(record(EMBEDDING_BY_FREQUENCY if scale_grad_by_freq else EMBEDDING, tuple(nodes)))
    _require_rows("embedding", input, rows)
    return result


def renorm_rows(weight: Any, input: Any, max_norm: float, norm_type: float) -> None:
    """Scale the rows that are read down, in place, to at most a norm."""
    numbers, kind = order("embedding", norm_type)
    with no_grad():
        nodes = (weight._read(), input._read(), node_of(float(max_norm), float64), *numbers)
        weight._assign("embedding with max_norm", record(EMBEDDING_RENORM, nodes, (kind,)))


def row_number(padding_idx: int, rows: int) -> int:
    """padding_idx counted from the start."""
    if not -rows <= padding_idx < rows:
        raise IndexRangeError(f"embedding: padding_idx {padding_idx} is no row of a weight with {rows} rows")
    return padding_idx % rows


def _require_rows(name: str, input: Any, rows: int) -> None:
    extremes = known_extremes(input._read())
    if extremes is None or (extremes[0] >= 0 and extremes[1] < rows):
        return
    if input._storage.node.buffer is None:
        return
    values = input._value()
    wrong = values[(values < 0) | (values >= rows)]
    if wrong.size:
        raise IndexRangeError(f"{name}: {wrong.flat[0]} is no row: the weight has {rows} rows, numbered 0..{rows - 1}")
