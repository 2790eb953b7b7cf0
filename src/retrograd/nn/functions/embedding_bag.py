"""Rows of a table, put together bag by bag, under PyTorch's name."""

from __future__ import annotations

from typing import Any, Final

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.nn.functions.sparse import renorm_rows, row_number
from retrograd.ops.embedding_bag import EMBEDDING_BAG, EMBEDDING_BAG_BY_FREQUENCY
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.bounds import require_positions
from retrograd.tensor.dispatch import node_of, operand
from retrograd.tensor.index_plan import host_index

_MODES: Final = ("sum", "mean", "max")


def embedding_bag(
    input: Any,
    weight: Any,
    offsets: Any = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Any = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Any:
    """The sum, mean or maximum of the rows weight[i], i in a bag, for each bag of numbers. An empty bag gives zeros.

    Args:
        input: row numbers, int64 or int32: (bags, length), or (count,) with offsets.
        weight: (rows, features).
        offsets: (bags,), ascending from 0: where each bag begins in an input of one axis.
        max_norm, norm_type, scale_grad_by_freq, sparse: as for `embedding`.
        mode: "sum", "mean" or "max".
        per_sample_weights: a factor for each number, of the input's shape, for "sum".
        include_last_offset: the last offset says where the last bag ends.
        padding_idx: a row that does not count, and gets no gradient.

    Returns:
        (bags, features).

    Raises:
        OptionError: an unknown mode, or arguments that do not go together.
        ShapeError: the offsets do not fit the input.
        IndexRangeError: a number, known already, that is no row.

    Source: torch.nn.functional.embedding_bag.

    >>> import retrograd as rg
    >>> table = rg.tensor([[1.0], [2.0], [4.0]])
    >>> rg.nn.functional.embedding_bag(rg.tensor([0, 1, 2]), table, rg.tensor([0, 1]), mode="sum").tolist()
    [[1.0], [6.0]]
    """
    _check_options(input, mode, scale_grad_by_freq, per_sample_weights)
    operand("embedding_bag", input)
    starts = _starts(input, offsets)
    rows = weight._type_shape()[0]
    require_positions("embedding_bag", input, 0, rows, "the weight's rows")
    if max_norm is not None:
        renorm_rows(weight, input, max_norm, norm_type)
    nodes = [weight._read(), input.reshape(-1)._read(), starts]
    if per_sample_weights is not None:
        nodes.append(per_sample_weights.reshape(-1)._read())
    if padding_idx is not None:
        nodes.append(node_of(row_number(padding_idx, rows), int64))
    bags = starts.type.size - bool(include_last_offset)
    attributes = (per_sample_weights is not None, padding_idx is not None, mode, bags)
    operation = EMBEDDING_BAG_BY_FREQUENCY if scale_grad_by_freq else EMBEDDING_BAG
    return wrap(record(operation, tuple(nodes), attributes))


def _check_options(input: Any, mode: str, by_frequency: bool, factors: Any) -> None:
    if mode not in _MODES:
        raise OptionError(f"embedding_bag: mode must be one of {', '.join(_MODES)}, not {mode!r}")
    if by_frequency and mode == "max":
        raise OptionError("embedding_bag: scale_grad_by_freq is for mode='sum' and mode='mean'")
    if factors is None:
        return
    if mode != "sum":
        raise OptionError(f"embedding_bag: per_sample_weights are for mode='sum', not {mode!r}")
    if factors._type_shape() != input._type_shape():
        raise ShapeError(
            f"embedding_bag: per_sample_weights {tuple(factors.shape)} must have the shape of the input, "
            f"{tuple(input.shape)}"
        )


def _starts(input: Any, offsets: Any) -> Node:
    """Where bags begin."""
    shape = input._type_shape()
    if len(shape) == 2:
        if offsets is not None:
            raise OptionError("embedding_bag: an input of two axes has a bag in each row, and takes no offsets")
        return host_index(np.arange(shape[0]) * shape[1])
    if len(shape) != 1 or not isinstance(offsets, TensorBase) or offsets.ndim != 1:
        raise OptionError(
            f"embedding_bag: an input of one axis needs offsets of one axis, and one of two axes none; the input has "
            f"the shape {shape}"
        )
    if offsets._storage.node.buffer is not None and offsets.numel():
        values = offsets._value()
        if values[0] != 0 or values[-1] > shape[0]:
            raise ShapeError(
                f"embedding_bag: offsets go from 0 to {shape[0]} at most, the length of the input; these go from "
                f"{values[0]} to {values[-1]}"
            )
    return offsets._read()
