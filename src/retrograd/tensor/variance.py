"""Variances and standard deviations, and the mean beside them."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.node import Node
from retrograd.core.operation import project, record
from retrograd.ops import reduction
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import deliver, number_node
from retrograd.tensor.reduction import floating, kept
from retrograd.tensor.registry import method

__all__ = ["std", "std_mean", "var", "var_mean"]


def _spread(
    name: str,
    input: Any,
    dim: Any,
    unbiased: bool | None,
    keepdim: bool,
    correction: float | None,
) -> tuple[tuple[Node, Node], tuple[Any, ...]]:
    """The operands and attributes of a variance; PyTorch's older form has `unbiased` in the place of `dim`."""
    if isinstance(dim, bool):
        dim, unbiased = None, dim
    if correction is None:
        correction = 0 if unbiased is False else 1
    x = floating(name, input, None)
    return (x._read(), number_node(float(correction), float64)), (x._axes(dim), keepdim)


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
    operands, attributes = _spread("var", input, dim, unbiased, kept(keepdim, keepdims), correction)
    return deliver("var", wrap(record(reduction.VAR, operands, attributes)), out)


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
    operands, attributes = _spread("std", input, dim, unbiased, kept(keepdim, keepdims), correction)
    return deliver("std", wrap(record(reduction.STD, operands, attributes)), out)


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
    found = record(reduction.VAR_MEAN, *_spread("var_mean", input, dim, unbiased, keepdim, correction))
    pair: tuple[Any, Any] = deliver("var_mean", (wrap(project(found, 0)), wrap(project(found, 1))), out)
    return pair


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
    found = record(reduction.STD_MEAN, *_spread("std_mean", input, dim, unbiased, keepdim, correction))
    pair: tuple[Any, Any] = deliver("std_mean", (wrap(project(found, 0)), wrap(project(found, 1))), out)
    return pair
