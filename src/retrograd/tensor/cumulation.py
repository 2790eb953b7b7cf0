"""Sums, products and extrema of the elements up to each one along an axis, and differences of neighbours."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType, int64
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.ops import cumulative as ops
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import deliver, operand
from retrograd.tensor.extrema import ValuesAndIndices
from retrograd.tensor.joining import cat
from retrograd.tensor.lines import along, both_along
from retrograd.tensor.registry import method

__all__ = ["cummax", "cummin", "cumprod", "cumsum", "diff", "logcumsumexp"]


def _result_dtype(input: Any, dtype: DType | None) -> DType:
    """Integers and booleans add up as int64."""
    if dtype is not None:
        return dtype
    found: DType = input.dtype
    return found if found.is_floating_point else int64


@method(in_place=True)
def cumsum(input: Any, dim: int, *, dtype: DType | None = None, out: Any = None) -> Any:
    """y[k] = x[0] + ... + x[k] along an axis.

    Args:
        input: a tensor.
        dim: the axis.
        dtype: of the result; if left out, that of the input, and int64 for integers and booleans.
        out: a tensor that the result is written to.

    Source: torch.cumsum.

    >>> import retrograd as rg
    >>> rg.cumsum(rg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 3., 6.])
    """
    operand("cumsum", input)
    result = along("cumsum", ops.CUMSUM_ALONG, input, dim, (_result_dtype(input, dtype).name,))
    return deliver("cumsum", result, out)


@method(in_place=True)
def cumprod(input: Any, dim: int, *, dtype: DType | None = None, out: Any = None) -> Any:
    """y[k] = x[0] ... x[k] along an axis. The gradient is exact also where elements are 0; see `cumsum`.

    Source: torch.cumprod.

    >>> import retrograd as rg
    >>> rg.cumprod(rg.tensor([1.0, 2.0, 3.0]), 0)
    tensor([1., 2., 6.])
    """
    operand("cumprod", input)
    result = along("cumprod", ops.CUMPROD, input, dim, (_result_dtype(input, dtype).name,))
    return deliver("cumprod", result, out)


@method()
def cummax(input: Any, dim: int, *, out: Any = None) -> Any:
    """The maximum of the elements up to each one along an axis, and where it stands last; a NaN stays.

    Returns:
        (values, indices), of the input's shape.

    Source: torch.cummax.

    >>> import retrograd as rg
    >>> values, indices = rg.cummax(rg.tensor([1.0, 3.0, 2.0]), 0)
    >>> values, indices
    (tensor([1., 3., 3.]), tensor([0, 1, 1]))
    """
    return deliver("cummax", ValuesAndIndices(*both_along("cummax", ops.CUMEXTREMUM, input, dim, ("max",))), out)


@method()
def cummin(input: Any, dim: int, *, out: Any = None) -> Any:
    """The minimum of the elements up to each one along an axis, and where it stands last. Source: torch.cummin.

    >>> import retrograd as rg
    >>> rg.cummin(rg.tensor([3.0, 1.0, 2.0]), 0).values
    tensor([3., 1., 1.])
    """
    return deliver("cummin", ValuesAndIndices(*both_along("cummin", ops.CUMEXTREMUM, input, dim, ("min",))), out)


@method()
def logcumsumexp(input: Any, dim: int, *, out: Any = None) -> Any:
    """y[k] = log(exp(x[0]) + ... + exp(x[k])) along an axis, without overflow. Source: torch.logcumsumexp.

    >>> import retrograd as rg
    >>> rg.logcumsumexp(rg.tensor([0.0, 0.0]), 0)
    tensor([0.0000, 0.6931])
    """
    x = operand("logcumsumexp", input)
    if not x.type.dtype.is_floating_point:
        raise DTypeError(
            f"logcumsumexp: takes floating-point numbers, and received {x.type.dtype.name}; use .float() first"
        )
    return deliver("logcumsumexp", along("logcumsumexp", ops.LOGCUMSUMEXP, input, dim), out)


@method()
def diff(input: Any, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None, *, out: Any = None) -> Any:
    """Differences of neighbours along an axis, x[k+1] - x[k], taken n times; of booleans, whether they differ.

    Args:
        input: a tensor of at least one axis.
        n: how often.
        dim: the axis.
        prepend, append: tensors that come before and behind along the axis.
        out: a tensor that the result is written to.

    Source: torch.diff.

    >>> import retrograd as rg
    >>> rg.diff(rg.tensor([1, 4, 9]))
    tensor([3, 5])
    """
    x = operand("diff", input)
    if not x.type.shape:
        raise ShapeError("diff: a 0-dimensional tensor has no neighbours")
    if n < 0:
        raise OptionError(f"diff: n must not be negative, and is {n}")
    if n == 0:
        return deliver("diff", input.clone(), out)
    parts = [part for part in (prepend, input, append) if part is not None]
    whole = cat(parts, dim) if len(parts) > 1 else input
    return deliver("diff", wrap(record(ops.DIFF, (whole._read(),), (input._axis(dim), int(n)))), out)
