"""Functions that find extrema: of all elements, along axes, or of two tensors; and where they are."""

from __future__ import annotations

from typing import Any, NamedTuple

from retrograd.core.operation import Composite, project, record
from retrograd.ops import arithmetic, reduction
from retrograd.ops.movement import reshape
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import binary, deliver, unary
from retrograd.tensor.registry import method

__all__ = ["amax", "amin", "aminmax", "argmax", "argmin", "max", "min"]


class ValuesAndIndices(NamedTuple):
    """What `max(dim)` and its like return."""

    values: Any
    indices: Any


class MinAndMax(NamedTuple):
    """What `aminmax` returns."""

    min: Any
    max: Any


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
    found = record(reduction.AMINMAX, (input._read(),), (input._axes(dim), keepdim))
    pair = MinAndMax(wrap(project(found, 0)), wrap(project(found, 1)))
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
