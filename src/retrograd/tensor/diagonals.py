"""Diagonals and triangles of matrices."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import DType, int64
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.ops import triangle
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array
from retrograd.tensor.view import Movement

__all__ = [
    "diag", "diag_embed", "diagflat", "diagonal", "diagonal_scatter", "tril", "tril_indices", "triu", "triu_indices",
]  # fmt: skip


# -- triangles --------------------------------------------------------------------------------------------------------


@method(in_place=True)
def tril(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
    """Matrices with zeros above a diagonal.

    Args:
        input: (..., rows, columns).
        diagonal: which one: 0 is the main diagonal, positive ones lie above it.
        out: a tensor that the result is written to.

    Source: torch.tril.

    >>> import retrograd as rg
    >>> rg.ones(2, 2).tril()
    tensor([[1., 0.],
            [1., 1.]])
    """
    nodes = (operand("tril", input), node_of(int(diagonal), int64))
    return deliver("tril", wrap(record(triangle.TRIL, nodes)), out)


@method(in_place=True)
def triu(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
    """Matrices with zeros below a diagonal; see `tril`. Source: torch.triu.

    >>> import retrograd as rg
    >>> rg.ones(2, 2).triu(1)
    tensor([[0., 1.],
            [0., 0.]])
    """
    nodes = (operand("triu", input), node_of(int(diagonal), int64))
    return deliver("triu", wrap(record(triangle.TRIU, nodes)), out)


def _indices(name: str, row: int, col: int, where: Any, dtype: DType | None) -> Any:
    if row < 0 or col < 0:
        raise OptionError(f"{name}: rows and columns must not be negative, and are {row} and {col}")
    return from_array(np.stack(where).astype((dtype or int64).numpy))


def tril_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: Any = None, layout: Any = None
) -> Any:
    """The rows and columns of a matrix's lower triangle: (2, count). Source: torch.tril_indices.

    >>> import retrograd as rg
    >>> rg.tril_indices(2, 2)
    tensor([[0, 1, 1],
            [0, 0, 1]])
    """
    return _indices("tril_indices", row, col, np.tril_indices(max(row, 0), offset, max(col, 0)), dtype)


def triu_indices(
    row: int, col: int, offset: int = 0, *, dtype: DType | None = None, device: Any = None, layout: Any = None
) -> Any:
    """The rows and columns of a matrix's upper triangle: (2, count). Source: torch.triu_indices.

    >>> import retrograd as rg
    >>> rg.triu_indices(2, 2)
    tensor([[0, 0, 1],
            [0, 1, 1]])
    """
    return _indices("triu_indices", row, col, np.triu_indices(max(row, 0), offset, max(col, 0)), dtype)


# -- diagonals --------------------------------------------------------------------------------------------------------


@method()
def diagonal(input: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A view of a diagonal of the matrices in two axes, as the last axis.

    Args:
        input: a tensor of at least two axes.
        offset: which one: 0 is the main diagonal, positive ones lie above it.
        dim1, dim2: the axes of rows and columns.

    Source: torch.diagonal.

    >>> import retrograd as rg
    >>> rg.diagonal(rg.tensor([[1, 2], [3, 4]]))
    tensor([1, 4])
    """
    operand("diagonal", input)
    a, b = input._axis(dim1), input._axis(dim2)
    if a == b:
        raise OptionError(f"diagonal: dim1 and dim2 must be two axes, and both are {a}")
    shape, strides = input._type_shape(), input.stride()
    rest = [i for i in range(len(shape)) if i not in (a, b)]
    rows, columns = shape[a], shape[b]
    count = max(min(rows, columns - offset) if offset >= 0 else min(rows + offset, columns), 0)
    start = (offset if offset >= 0 else -offset * columns) if count else 0
    lead = tuple(shape[i] for i in rest)
    # Row by row, the elements of a diagonal stand columns + 1 apart.
    whole = (*lead, rows * columns)
    movements = (
        Movement("permute", (*rest, a, b)),
        Movement("reshape", whole),
        Movement("slice", (*lead, count), (*(0 for _ in lead), start), (*(1 for _ in lead), columns + 1)),
    )
    first = (offset * strides[b] if offset >= 0 else -offset * strides[a]) if count else 0
    return input._view_as(movements, (*(strides[i] for i in rest), strides[a] + strides[b]), input._offset + first)


@method()
def fill_diagonal_(input: Any, fill_value: Any, wrap: bool = False) -> Any:
    """Write a number on the main diagonal, in place.

    Args:
        input: a matrix, or a tensor with more axes, all of one extent.
        fill_value: the number.
        wrap: in a matrix with more rows than columns, start anew below the diagonal, after a row that is left out.

    Raises:
        ShapeError: fewer axes than two, or several extents among more than two.

    Source: torch.Tensor.fill_diagonal_.

    >>> import retrograd as rg
    >>> rg.zeros(2, 3).fill_diagonal_(5)
    tensor([[5., 0., 0.],
            [0., 5., 0.]])
    """
    shape = input._type_shape()
    if len(shape) < 2 or (len(shape) > 2 and len(set(shape)) > 1):
        raise ShapeError(f"fill_diagonal_: takes a matrix, or axes of one extent, and received shape {tuple(shape)}")
    if wrap and len(shape) == 2:
        places = np.arange(0, input.numel(), shape[1] + 1)
        return input.put_(from_array(places), input.new_full(places.shape, fill_value))
    diagonal = input.as_strided((min(shape),), (sum(input.stride()),), input.storage_offset())
    diagonal.fill_(fill_value)
    return input


@method()
def diag(input: Any, diagonal: int = 0, *, out: Any = None) -> Any:
    """Of a vector, the square matrix with it on a diagonal; of a matrix, a copy of a diagonal. Source: torch.diag.

    >>> import retrograd as rg
    >>> rg.diag(rg.tensor([1, 2]))
    tensor([[1, 0],
            [0, 2]])
    """
    ndim = len(operand("diag", input).type.shape)
    if ndim not in (1, 2):
        raise ShapeError(f"diag: takes a vector or a matrix, and received a tensor of shape {tuple(input.shape)}")
    result = diag_embed(input, diagonal) if ndim == 1 else input.diagonal(diagonal).clone()
    return deliver("diag", result, out)


@method()
def diagflat(input: Any, offset: int = 0) -> Any:
    """The square matrix with all elements, in a row, on a diagonal. Source: torch.diagflat.

    >>> import retrograd as rg
    >>> rg.diagflat(rg.tensor([[1], [2]]))
    tensor([[1, 0],
            [0, 2]])
    """
    return diag_embed(input.reshape(-1), offset)


@method()
def diag_embed(input: Any, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    """Square matrices, in two axes of the result, with the last axis on a diagonal.

    Args:
        input: (..., count).
        offset: which diagonal: 0 is the main one, positive ones lie above it.
        dim1, dim2: the axes of rows and columns in the result.

    Source: torch.diag_embed.

    >>> import retrograd as rg
    >>> rg.diag_embed(rg.tensor([1, 2]), 1)
    tensor([[0, 1, 0],
            [0, 0, 2],
            [0, 0, 0]])
    """
    x = operand("diag_embed", input)
    if not x.type.shape:
        raise ShapeError("diag_embed: a 0-dimensional tensor has no last axis")
    a, b = input._axis(dim1, extra=1), input._axis(dim2, extra=1)
    if a == b:
        raise OptionError(f"diag_embed: dim1 and dim2 must be two axes, and both are {a}")
    return wrap(record(triangle.DIAG_EMBED, (x,), (int(offset), a, b)))


@method()
def diagonal_scatter(input: Any, src: Any, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    """A copy in which a diagonal is replaced; see `diagonal`. Source: torch.diagonal_scatter.

    >>> import retrograd as rg
    >>> rg.zeros(2, 2).diagonal_scatter(rg.ones(2))
    tensor([[1., 0.],
            [0., 1.]])
    """
    copy = input.clone()
    target = copy.diagonal(offset, dim1, dim2)
    if tuple(target.shape) != tuple(src.shape):
        raise ShapeError(
            f"diagonal_scatter: the source {tuple(src.shape)} must have the shape {tuple(target.shape)} of the diagonal"
        )
    target.copy_(src)
    return copy
