"""Functions that reduce axes: sums, products, means, logic. No axis means all of them.

Where a function takes `dim`, `axis` is another name of it, and `keepdims` of `keepdim`.
"""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType, int64, uint8
from retrograd.core.errors import DTypeError
from retrograd.core.operation import Composite
from retrograd.ops import reduction
from retrograd.tensor.dispatch import deliver, operand, unary
from retrograd.tensor.registry import method

__all__ = [
    "all", "any", "count_nonzero", "logsumexp", "mean", "nanmean", "nansum", "prod", "sum", "trace",
]  # fmt: skip


def _sum_dtype(dtype: DType) -> DType:
    return dtype if dtype.is_floating_point else int64


def kept(keepdim: bool, keepdims: bool | None) -> bool:
    """Whether reduced axes stay, under either of the names."""
    return bool(keepdim if keepdims is None else keepdims)


def floating(name: str, input: Any, dtype: DType | None) -> Any:
    """The input as floating-point numbers, cast if that is asked for."""
    operand(name, input)
    x = input if dtype is None else input.to(dtype)
    if not x.dtype.is_floating_point:
        raise DTypeError(f"{name} takes floating-point numbers, and received {x.dtype.name}; use .float() first")
    return x


# -- sums and products ------------------------------------------------------------------------------------------------


def _total(name: str, operation: Composite, input: Any, dim: Any, keepdim: bool, dtype: DType | None, out: Any) -> Any:
    operand(name, input)
    result = unary(operation, input, (input._axes(dim), keepdim, (dtype or _sum_dtype(input.dtype)).name))
    return result if out is None else deliver(name, result, out)


@method()
def sum(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
    axis: Any = None,
    keepdims: bool | None = None,
) -> Any:
    """The sum; integers and booleans add up as int64.

    Args:
        input: a tensor.
        dim: an axis, several, or None for all.
        keepdim: whether reduced axes are kept with extent 1.
        dtype: to which elements are cast first.
        out: a tensor that the result is written to.

    Source: torch.sum.

    >>> import retrograd as rg
    >>> rg.sum(rg.tensor([[1, 2], [3, 4]]), dim=0)
    tensor([4, 6])
    """
    dim = dim if axis is None else axis
    return _total("sum", reduction.SUM, input, dim, kept(keepdim, keepdims), dtype, out)


@method()
def nansum(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None, out: Any = None) -> Any:
    """The sum of what is not NaN. Source: torch.nansum.

    >>> import retrograd as rg
    >>> rg.nansum(rg.tensor([1.0, float("nan")]))
    tensor(1.)
    """
    return _total("nansum", reduction.NANSUM, input, dim, keepdim, dtype, out)


@method()
def prod(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
    axis: Any = None,
    keepdims: bool | None = None,
) -> Any:
    """The product; integers and booleans multiply as int64. Source: torch.prod.

    >>> import retrograd as rg
    >>> rg.prod(rg.tensor([2.0, 3.0, 4.0]))
    tensor(24.)
    """
    dim = dim if axis is None else axis
    return _total("prod", reduction.PROD, input, dim, kept(keepdim, keepdims), dtype, out)


@method()
def count_nonzero(input: Any, dim: Any = None) -> Any:
    """How many elements are not 0, as int64. Source: torch.count_nonzero.

    >>> import retrograd as rg
    >>> rg.count_nonzero(rg.tensor([[0, 1], [2, 3]]), dim=0)
    tensor([1, 2])
    """
    return unary(reduction.COUNT_NONZERO, input, (input._axes(dim),))


@method()
def trace(input: Any) -> Any:
    """The sum of a matrix's diagonal. Source: torch.trace.

    >>> import retrograd as rg
    >>> rg.trace(rg.tensor([[1.0, 2.0], [3.0, 4.0]]))
    tensor(5.)
    """
    _require_matrix("trace", input)
    return unary(reduction.TRACE, input)


def _require_matrix(name: str, input: Any) -> None:
    if input.ndim != 2:
        raise DTypeError(f"{name} takes a matrix, and received a tensor of shape {tuple(input.shape)}")


# -- means ------------------------------------------------------------------------------------------------


@method()
def mean(
    input: Any,
    dim: Any = None,
    keepdim: bool = False,
    *,
    dtype: DType | None = None,
    out: Any = None,
    axis: Any = None,
    keepdims: bool | None = None,
) -> Any:
    """The arithmetic mean, of floating-point numbers.

    Args:
        input: a tensor.
        dim: an axis, several, or None for all.
        keepdim: whether reduced axes are kept with extent 1.
        dtype: to which elements are cast first.
        out: a tensor that the result is written to.

    Raises:
        DTypeError: the elements are integers, and no `dtype` is given.

    Source: torch.mean.

    >>> import retrograd as rg
    >>> rg.mean(rg.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=1)
    tensor([1.5000, 3.5000])
    """
    x = floating("mean", input, dtype)
    axes = x._axes(dim if axis is None else axis)
    result = unary(reduction.MEAN, x, (axes, kept(keepdim, keepdims)))
    return result if out is None else deliver("mean", result, out)


@method()
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None, out: Any = None) -> Any:
    """The arithmetic mean of what is not NaN. Source: torch.nanmean.

    >>> import retrograd as rg
    >>> rg.nanmean(rg.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    x = floating("nanmean", input, dtype)
    return deliver("nanmean", unary(reduction.NANMEAN, x, (x._axes(dim), keepdim)), out)


@method()
def logsumexp(input: Any, dim: Any, keepdim: bool = False, *, out: Any = None) -> Any:
    """log sum exp(x), without overflow. Source: torch.logsumexp.

    >>> import retrograd as rg
    >>> rg.logsumexp(rg.tensor([1000.0, 1000.0]), 0)
    tensor(1000.6932)
    """
    return deliver("logsumexp", unary(reduction.LOGSUMEXP, input, (input._axes(dim), keepdim)), out)


# -- logic ------------------------------------------------------------------------------------------------------------


def _logic(name: str, operation: Composite, x: Any, dim: Any, keepdim: bool, out: Any) -> Any:
    operand(name, x)
    axes = () if isinstance(dim, (tuple, list)) and not dim else x._axes(dim)
    result = unary(operation, x, (axes, keepdim))
    return deliver(name, result.to(uint8) if x.dtype is uint8 else result, out)


@method()
def any(input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Whether one of the elements is not 0. Source: torch.any.

    >>> import retrograd as rg
    >>> rg.any(rg.tensor([[False, True], [False, False]]), dim=1)
    tensor([ True, False])
    """
    return _logic("any", reduction.ANY, input, dim, keepdim, out)


@method()
def all(input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None) -> Any:
    """Whether none of the elements is 0. Source: torch.all.

    >>> import retrograd as rg
    >>> rg.all(rg.tensor([[True, True], [False, True]]), dim=1)
    tensor([ True, False])
    """
    return _logic("all", reduction.ALL, input, dim, keepdim, out)
