"""Functions that reduce axes: sums, means, variances, extrema. No axis means all of them.

Where a function takes `dim`, `axis` is another name of it, and `keepdims` of `keepdim`.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from retrograd.core.dtype import DType, int64, uint8
from retrograd.core.errors import DTypeError
from retrograd.core.operation import Composite, project, record
from retrograd.ops import arithmetic, reduction
from retrograd.ops.movement import reshape
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import binary, deliver, operand, unary
from retrograd.tensor.registry import method

__all__ = [
    "all", "amax", "amin", "aminmax", "any", "argmax", "argmin", "count_nonzero", "logsumexp", "max", "mean", "min",
    "nanmean", "nansum", "prod", "std", "std_mean", "sum", "trace", "var", "var_mean",
]  # fmt: skip


class ValuesAndIndices(NamedTuple):
    """What `max(dim)` and its like return."""

    values: Any
    indices: Any


class MinAndMax(NamedTuple):
    """What `aminmax` returns."""

    min: Any
    max: Any


def _sum_dtype(dtype: DType) -> DType:
    return dtype if dtype.is_floating_point else int64


def _kept(keepdim: bool, keepdims: bool | None) -> bool:
    return bool(keepdim if keepdims is None else keepdims)


def _floating(name: str, input: Any, dtype: DType | None) -> Any:
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
    return _total("sum", reduction.SUM, input, dim, _kept(keepdim, keepdims), dtype, out)


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
    return _total("prod", reduction.PROD, input, dim, _kept(keepdim, keepdims), dtype, out)


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


# -- mean and variance ------------------------------------------------------------------------------------------------


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
    x = _floating("mean", input, dtype)
    axes = x._axes(dim if axis is None else axis)
    result = unary(reduction.MEAN, x, (axes, _kept(keepdim, keepdims)))
    return result if out is None else deliver("mean", result, out)


@method()
def nanmean(input: Any, dim: Any = None, keepdim: bool = False, *, dtype: DType | None = None, out: Any = None) -> Any:
    """The arithmetic mean of what is not NaN. Source: torch.nanmean.

    >>> import retrograd as rg
    >>> rg.nanmean(rg.tensor([1.0, float("nan"), 2.0]))
    tensor(1.5000)
    """
    x = _floating("nanmean", input, dtype)
    return deliver("nanmean", unary(reduction.NANMEAN, x, (x._axes(dim), keepdim)), out)


def _spread(
    name: str,
    input: Any,
    dim: Any,
    unbiased: bool | None,
    keepdim: bool,
    correction: float | None,
) -> tuple[Any, tuple[Any, ...]]:
    """The input and the attributes of a variance; PyTorch's older form has `unbiased` in the place of `dim`."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 0 if unbiased is False else 1
    x = _floating(name, input, None)
    return x, (x._axes(dim), correction, keepdim)


@method()
def var(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Any = None,
    axis: Any = None,
    keepdims: bool | None = None,
) -> Any:
    """The variance, sum (x - mean)^2 / (n - correction).

    Args:
        input: a tensor of floating-point numbers.
        dim: an axis, several, or None for all.
        unbiased: False is another way to say correction=0.
        keepdim: whether reduced axes are kept with extent 1.
        correction: degrees of freedom that are lost, 1 by default.
        out: a tensor that the result is written to.

    Source: torch.var.

    >>> import retrograd as rg
    >>> rg.var(rg.tensor([1.0, 2.0, 3.0])), rg.var(rg.tensor([1.0, 3.0]), correction=0)
    (tensor(1.), tensor(1.))
    """
    dim = dim if axis is None else axis
    x, attributes = _spread("var", input, dim, unbiased, _kept(keepdim, keepdims), correction)
    return deliver("var", unary(reduction.VAR, x, attributes), out)


@method()
def std(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Any = None,
    axis: Any = None,
    keepdims: bool | None = None,
) -> Any:
    """The standard deviation: the root of the variance, with the arguments of `var`. Source: torch.std.

    >>> import retrograd as rg
    >>> rg.std(rg.tensor([1.0, 2.0, 3.0]))
    tensor(1.)
    """
    dim = dim if axis is None else axis
    x, attributes = _spread("std", input, dim, unbiased, _kept(keepdim, keepdims), correction)
    return deliver("std", unary(reduction.STD, x, attributes), out)


def _pair(operation: Composite, x: Any, attributes: tuple[Any, ...]) -> tuple[Any, Any]:
    node = record(operation, (x._read(),), attributes)
    return wrap(project(node, 0)), wrap(project(node, 1))


def var_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Any = None,
) -> tuple[Any, Any]:
    """The variance and the mean, with the arguments of `var`. Source: torch.var_mean.

    >>> import retrograd as rg
    >>> rg.var_mean(rg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    pair = _pair(reduction.VAR_MEAN, *_spread("var_mean", input, dim, unbiased, keepdim, correction))
    found: tuple[Any, Any] = deliver("var_mean", pair, out)
    return found


def std_mean(
    input: Any,
    dim: Any = None,
    unbiased: bool | None = None,
    keepdim: bool = False,
    *,
    correction: float | None = None,
    out: Any = None,
) -> tuple[Any, Any]:
    """The standard deviation and the mean, with the arguments of `var`. Source: torch.std_mean.

    >>> import retrograd as rg
    >>> rg.std_mean(rg.tensor([1.0, 2.0, 3.0]))
    (tensor(1.), tensor(2.))
    """
    pair = _pair(reduction.STD_MEAN, *_spread("std_mean", input, dim, unbiased, keepdim, correction))
    found: tuple[Any, Any] = deliver("std_mean", pair, out)
    return found


@method()
def logsumexp(input: Any, dim: Any, keepdim: bool = False, *, out: Any = None) -> Any:
    """log sum exp(x), without overflow. Source: torch.logsumexp.

    >>> import retrograd as rg
    >>> rg.logsumexp(rg.tensor([1000.0, 1000.0]), 0)
    tensor(1000.6932)
    """
    return deliver("logsumexp", unary(reduction.LOGSUMEXP, input, (input._axes(dim), keepdim)), out)


# -- extrema ----------------------------------------------------------------------------------------------------------


@method()
def amax(input: Any, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Any:
    """The maximum; its gradient is shared evenly by the elements that attain it. Source: torch.amax.

    >>> import retrograd as rg
    >>> rg.amax(rg.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([3., 4.])
    """
    return deliver("amax", unary(reduction.AMAX, input, (input._axes(dim), keepdim)), out)


@method()
def amin(input: Any, dim: Any = (), keepdim: bool = False, *, out: Any = None) -> Any:
    """The minimum; its gradient is shared evenly by the elements that attain it. Source: torch.amin.

    >>> import retrograd as rg
    >>> rg.amin(rg.tensor([[1.0, 2.0], [3.0, 4.0]]), dim=0)
    tensor([1., 2.])
    """
    return deliver("amin", unary(reduction.AMIN, input, (input._axes(dim), keepdim)), out)


@method()
def aminmax(input: Any, *, dim: int | None = None, keepdim: bool = False, out: Any = None) -> Any:
    """The minimum and the maximum, as (min, max). Source: torch.aminmax.

    >>> import retrograd as rg
    >>> rg.aminmax(rg.tensor([1.0, 5.0, 3.0])).max
    tensor(5.)
    """
    pair = MinAndMax(*_pair(reduction.AMINMAX, input, (input._axes(dim), keepdim)))
    return deliver("aminmax", pair, out)


@method()
def max(
    input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None, axis: Any = None, other: Any = None
) -> Any:
    """The maximum: of all elements; with an axis, (values, indices); with a tensor `other`, element by element.

    Args:
        input: a tensor.
        dim: an axis, or a tensor that broadcasts with the first.
        keepdim: whether the reduced axis is kept with extent 1.
        out: a tensor, or two of them, that the result is written to.

    Source: torch.max.

    >>> import retrograd as rg
    >>> values, indices = rg.max(rg.tensor([[1.0, 2.0], [4.0, 3.0]]), dim=1)
    >>> values, indices
    (tensor([2., 4.]), tensor([1, 0]))
    """
    dim = next((given for given in (dim, axis, other) if given is not None), None)
    found = _extremum(input, dim, keepdim, (reduction.AMAX, reduction.MAX_DIM, arithmetic.MAXIMUM))
    return deliver("max", found, out)


@method()
def min(
    input: Any, dim: Any = None, keepdim: bool = False, *, out: Any = None, axis: Any = None, other: Any = None
) -> Any:
    """The minimum: of all elements; with an axis, (values, indices); with a tensor `other`, element by element.

    The arguments are those of `max`. Source: torch.min.

    >>> import retrograd as rg
    >>> rg.min(rg.tensor([3.0, 1.0])), rg.min(rg.tensor([3.0, 1.0]), rg.tensor([2.0, 2.0]))
    (tensor(1.), tensor([2., 1.]))
    """
    dim = next((given for given in (dim, axis, other) if given is not None), None)
    found = _extremum(input, dim, keepdim, (reduction.AMIN, reduction.MIN_DIM, arithmetic.MINIMUM))
    return deliver("min", found, out)


def _extremum(x: Any, dim: Any, keepdim: bool, operations: tuple[Composite, Composite, Composite]) -> Any:
    whole, along, pairwise = operations
    if isinstance(dim, TensorBase):
        return binary(pairwise, x, dim)
    if dim is None:
        return unary(whole, x, (x._axes(None), False))
    axis = x._axis(dim)
    node, keepdim = (x._read(), keepdim) if x.ndim else (reshape(x._read(), (1,)), False)
    found = record(along, (node,), (axis, keepdim))
    return ValuesAndIndices(wrap(project(found, 0)), wrap(project(found, 1)))


@method()
def argmax(input: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None) -> Any:
    """The position of the maximum, of the first where several are equal; without an axis, in row-major order.

    Source: torch.argmax.

    >>> import retrograd as rg
    >>> rg.argmax(rg.tensor([[1.0, 5.0], [4.0, 3.0]]), dim=1)
    tensor([1, 0])
    """
    return _position(reduction.ARGMAX, input, dim if axis is None else axis, keepdim)


@method()
def argmin(input: Any, dim: int | None = None, keepdim: bool = False, *, axis: int | None = None) -> Any:
    """The position of the minimum, of the first where several are equal; without an axis, in row-major order.

    Source: torch.argmin.

    >>> import retrograd as rg
    >>> rg.argmin(rg.tensor([3.0, 1.0, 2.0]))
    tensor(1)
    """
    return _position(reduction.ARGMIN, input, dim if axis is None else axis, keepdim)


def _position(operation: Composite, x: Any, dim: int | None, keepdim: bool) -> Any:
    if dim is not None and x.ndim:
        return unary(operation, x, (x._axis(dim), keepdim))
    if dim is not None:
        x._axis(dim)
    found = unary(operation, x.reshape(-1), (0, False))
    return found.reshape((1,) * x.ndim) if keepdim else found


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
