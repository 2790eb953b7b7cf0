"""Distances, similarity and scaling to norm 1 as functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import float64
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.ops.distance import COSINE_SIMILARITY, NORMALIZE, PAIRWISE_DISTANCE
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.norms import order
from retrograd.tensor.tensor import from_array


def pairwise_distance(x1: Any, x2: Any, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> Any:
    """(sum_i |x1_i - x2_i + eps|^p)^(1/p) along the last axis.

    Args:
        x1, x2: (..., features); they broadcast.
        p: which norm; `inf` is the largest difference.
        eps: added to each difference.
        keepdim: whether the last axis stays, with extent 1.

    Raises:
        ShapeError: the inputs do not broadcast.

    Source: torch.nn.functional.pairwise_distance.

    >>> import retrograd as rg
    >>> rg.nn.functional.pairwise_distance(rg.tensor([3.0, 4.0]), rg.zeros(2), eps=0)
    tensor(5.)
    """
    numbers, kind = order("pairwise_distance", p)
    nodes = (x1._read(), x2._read(), node_of(float(eps), float64), *numbers)
    return wrap(record(PAIRWISE_DISTANCE, nodes, (kind, bool(keepdim))))


def pdist(input: Any, p: float = 2.0) -> Any:
    """|x_i - x_j|_p for each pair of rows i < j, in the order (0, 1), (0, 2), ..., (1, 2), ... .

    Args:
        input: x, (rows, features), floating-point numbers.
        p: which norm; `inf` is the largest difference.

    Returns:
        (rows (rows - 1) / 2,).

    Raises:
        ShapeError: another number of axes. OptionError: p is negative.

    Source: torch.nn.functional.pdist.

    >>> import retrograd as rg
    >>> rg.nn.functional.pdist(rg.tensor([[0.0, 0.0], [3.0, 4.0], [0.0, 1.0]]))
    tensor([5.0000, 1.0000, 4.2426])
    """
    if input.ndim != 2:
        raise ShapeError(f"pdist: expected (rows, features), received shape {tuple(input.shape)}")
    if p < 0:
        raise OptionError(f"pdist: p must not be negative, and is {p}")
    first, second = (from_array(places) for places in np.triu_indices(input.shape[0], 1))
    return (input.index_select(0, first) - input.index_select(0, second)).norm(p, 1)


def cosine_similarity(x1: Any, x2: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """sum_i x1_i x2_i / (max(|x1|, eps) max(|x2|, eps)) along an axis.

    Args:
        x1, x2: of any shapes that broadcast.
        dim: the axis, of the shape in which they meet.
        eps: keeps the denominator from zero.

    Raises:
        ShapeError: the inputs do not broadcast. IndexError: there is no such axis.

    Source: torch.nn.functional.cosine_similarity.

    >>> import retrograd as rg
    >>> rg.nn.functional.cosine_similarity(rg.tensor([[1.0, 0.0]]), rg.tensor([[1.0, 1.0]]))
    tensor([0.7071])
    """
    wide = x1 if x1.ndim >= x2.ndim else x2
    nodes = (x1._read(), x2._read(), node_of(float(eps), float64))
    return wrap(record(COSINE_SIMILARITY, nodes, (wide._axis(dim),)))


def normalize(input: Any, p: float = 2.0, dim: Any = 1, eps: float = 1e-12, out: Any = None) -> Any:
    """x / max(|x|_p, eps), |x|_p = (sum_i |x_i|^p)^(1/p) along an axis or several.

    Args:
        input: x, floating-point numbers.
        p: which norm.
        dim: the axis, or axes.
        eps: keeps the denominator from zero.
        out: a tensor that takes the result.

    Raises:
        DTypeError: an input of integers. IndexError: there is no such axis.

    Source: torch.nn.functional.normalize.

    >>> import retrograd as rg
    >>> rg.nn.functional.normalize(rg.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    if not input.dtype.is_floating_point:
        raise DTypeError(f"normalize takes floating-point numbers, and received {input.dtype.name}; use .float() first")
    numbers, kind = order("normalize", p)
    nodes = (input._read(), node_of(float(eps), float64), *numbers)
    result = wrap(record(NORMALIZE, nodes, (kind, input._axes(dim))))
    return result if out is None else out.copy_(result)
