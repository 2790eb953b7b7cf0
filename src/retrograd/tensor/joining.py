"""Functions that put tensors together, or bring them to one shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.ops import joining, movement as m
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import deliver, operand
from retrograd.tensor.registry import method
from retrograd.tensor.size import Size
from retrograd.tensor.tensor import tensor

__all__ = [
    "atleast_1d", "atleast_2d", "atleast_3d", "block_diag", "broadcast_shapes", "broadcast_tensors", "broadcast_to",
    "cartesian_prod", "cat", "column_stack", "concat", "concatenate", "dstack", "hstack", "meshgrid", "row_stack",
    "stack", "vstack",
]  # fmt: skip


def _require_some(name: str, tensors: Sequence[Any]) -> None:
    if isinstance(tensors, TensorBase):
        raise TypeError(f"{name}: expected a sequence of tensors, received one tensor")
    if len(tensors) == 0:
        raise OptionError(f"{name}: the sequence of tensors is empty; give at least one")


def cat(tensors: Sequence[Any], dim: int = 0, *, out: Any = None, axis: int | None = None) -> Any:
    """Tensors one after another along an axis.

    Args:
        tensors: of shapes that agree except along the axis; their dtypes are promoted to a common one. A tensor of
            shape (0,) is left out.
        dim: the axis.
        out: a tensor that the result is written to.

    Source: torch.cat.

    >>> import retrograd as rg
    >>> rg.cat([rg.tensor([1, 2]), rg.tensor([3])])
    tensor([1, 2, 3])
    """
    _require_some("cat", tensors)
    nodes = [operand("cat", x) for x in tensors]
    if not all(node.type.shape for node in nodes):
        raise ShapeError("cat: a 0-dimensional tensor has no axis to be joined along; use stack()")
    first = next((x for x in tensors if x._type_shape() != (0,)), tensors[0])
    axis = first._axis(dim if axis is None else axis)
    empty_shape = tuple(0 if i == axis else n for i, n in enumerate(first._type_shape()))
    filled = (m.reshape(node, empty_shape) if node.type.shape == (0,) else node for node in nodes)
    result = wrap(record(joining.CAT, tuple(filled), (axis,)))
    return result if out is None else deliver("cat", result, out)


concat = concatenate = cat


def stack(tensors: Sequence[Any], dim: int = 0, *, out: Any = None) -> Any:
    """Tensors of one shape along a new axis. Source: torch.stack.

    >>> import retrograd as rg
    >>> rg.stack([rg.tensor([1, 2]), rg.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    _require_some("stack", tensors)
    nodes = tuple(operand("stack", x) for x in tensors)
    return deliver("stack", wrap(record(joining.STACK, nodes, (tensors[0]._axis(dim, extra=1),))), out)


def hstack(tensors: Sequence[Any], *, out: Any = None) -> Any:
    """Tensors side by side: along axis 1, vectors along axis 0. Source: torch.hstack.

    >>> import retrograd as rg
    >>> rg.hstack([rg.tensor([1]), rg.tensor([2, 3])])
    tensor([1, 2, 3])
    """
    _require_some("hstack", tensors)
    parts = [atleast_1d(x) for x in tensors]
    return cat(parts, 0 if parts[0].ndim == 1 else 1, out=out)


def vstack(tensors: Sequence[Any], *, out: Any = None) -> Any:
    """Tensors one below the other: along axis 0, vectors as rows. Source: torch.vstack.

    >>> import retrograd as rg
    >>> rg.vstack([rg.tensor([1, 2]), rg.tensor([3, 4])])
    tensor([[1, 2],
            [3, 4]])
    """
    _require_some("vstack", tensors)
    return cat([atleast_2d(x) for x in tensors], 0, out=out)


row_stack = vstack


def dstack(tensors: Sequence[Any], *, out: Any = None) -> Any:
    """Tensors one behind the other: along axis 2. Source: torch.dstack.

    >>> import retrograd as rg
    >>> rg.dstack([rg.tensor([1, 2]), rg.tensor([3, 4])])
    tensor([[[1, 3],
             [2, 4]]])
    """
    _require_some("dstack", tensors)
    return cat([atleast_3d(x) for x in tensors], 2, out=out)


def column_stack(tensors: Sequence[Any], *, out: Any = None) -> Any:
    """Tensors side by side: along axis 1, vectors as columns. Source: torch.column_stack.

    >>> import retrograd as rg
    >>> rg.column_stack([rg.tensor([1, 2]), rg.tensor([3, 4])])
    tensor([[1, 3],
            [2, 4]])
    """
    _require_some("column_stack", tensors)
    return cat([x.reshape(-1, 1) if x.ndim < 2 else x for x in tensors], 1, out=out)


def block_diag(*tensors: Any) -> Any:
    """Matrices along the diagonal of a larger one, zeros elsewhere; vectors count as rows. Source: torch.block_diag.

    >>> import retrograd as rg
    >>> rg.block_diag(rg.tensor([[1, 2]]), rg.tensor([[3]]))
    tensor([[1, 2, 0],
            [0, 0, 3]])
    """
    parts = [atleast_2d(x) for x in tensors] or [tensor([[]])]
    if any(x.ndim != 2 for x in parts):
        shape = next(tuple(x.shape) for x in parts if x.ndim != 2)
        raise ShapeError(f"block_diag: takes tensors of at most 2 axes, and received one of shape {shape}")
    return wrap(record(joining.BLOCK_DIAG, tuple(x._read() for x in parts)))


# -- one shape --------------------------------------------------------------------------------------------------------


def _each(function: Any, tensors: tuple[Any, ...]) -> Any:
    """A function of one tensor, of each of several, or of a sequence of them."""
    if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
        return function(tensors[0])
    many = tensors[0] if len(tensors) == 1 else tensors
    return tuple(function(x) for x in many)


def atleast_1d(*tensors: Any) -> Any:
    """Each tensor with at least one axis. Source: torch.atleast_1d.

    >>> import retrograd as rg
    >>> rg.atleast_1d(rg.tensor(3))
    tensor([3])
    """
    return _each(lambda x: x if x.ndim else x.reshape(1), tensors)


def atleast_2d(*tensors: Any) -> Any:
    """Each tensor with at least two axes; a vector becomes a row. Source: torch.atleast_2d.

    >>> import retrograd as rg
    >>> rg.atleast_2d(rg.tensor([1, 2]))
    tensor([[1, 2]])
    """
    return _each(lambda x: x if x.ndim >= 2 else x.reshape(1, -1), tensors)


def atleast_3d(*tensors: Any) -> Any:
    """Each tensor with at least three axes; a vector of n becomes (1, n, 1), a matrix (m, n, 1).

    Source: torch.atleast_3d.

    >>> import retrograd as rg
    >>> rg.atleast_3d(rg.tensor([1, 2])).shape
    retrograd.Size([1, 2, 1])
    """
    return _each(lambda x: x if x.ndim >= 3 else x.unsqueeze(-1) if x.ndim == 2 else x.reshape(1, -1, 1), tensors)


def broadcast_shapes(*shapes: Any) -> Size:
    """The shape in which tensors of these shapes meet. Source: torch.broadcast_shapes.

    >>> import retrograd as rg
    >>> rg.broadcast_shapes((2, 1), (3,))
    retrograd.Size([2, 3])
    """
    listed = [(shape,) if isinstance(shape, int) else tuple(shape) for shape in shapes]
    return Size(m.broadcast_shapes("broadcast_shapes", *listed) if listed else ())


@method()
def broadcast_to(input: Any, size: Sequence[int]) -> Any:
    """The tensor seen in another shape, as `expand` does. Source: torch.broadcast_to.

    >>> import retrograd as rg
    >>> rg.broadcast_to(rg.tensor([1, 2]), (2, 2))
    tensor([[1, 2],
            [1, 2]])
    """
    return input.expand(*size)


def broadcast_tensors(*tensors: Any) -> tuple[Any, ...]:
    """The tensors seen in the shape in which they meet. Source: torch.broadcast_tensors.

    >>> import retrograd as rg
    >>> rg.broadcast_tensors(rg.tensor([[1], [2]]), rg.tensor([3, 4]))[0]
    tensor([[1, 1],
            [2, 2]])
    """
    many = tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], TensorBase) else tensors
    shape = m.broadcast_shapes("broadcast_tensors", *(x._type_shape() for x in many))
    return tuple(x.expand(shape) for x in many)


def meshgrid(*tensors: Any, indexing: str = "ij") -> tuple[Any, ...]:
    """The coordinates of a grid, of which vectors are the axes.

    Args:
        tensors: vectors, or single numbers.
        indexing: "ij", or "xy", which exchanges the first two axes of the result.

    Source: torch.meshgrid.

    >>> import retrograd as rg
    >>> rg.meshgrid(rg.tensor([1, 2]), rg.tensor([3, 4, 5]))[1]
    tensor([[3, 4, 5],
            [3, 4, 5]])
    """
    many = list(tensors[0] if len(tensors) == 1 and not isinstance(tensors[0], TensorBase) else tensors)
    _require_some("meshgrid", many)
    if indexing not in ("ij", "xy"):
        raise OptionError(f"meshgrid: indexing must be 'ij' or 'xy', not {indexing!r}")
    if any(x.ndim > 1 for x in many):
        raise ShapeError("meshgrid: the axes of a grid are vectors")
    if indexing == "xy":
        many[:2] = many[1::-1]
    shape = tuple(x.numel() for x in many)
    grids = [x.reshape([-1 if i == axis else 1 for i in range(len(many))]).expand(shape) for axis, x in enumerate(many)]
    if indexing == "xy" and len(many) > 1:
        grids[:2] = grids[1::-1]
    return tuple(grids)


def cartesian_prod(*tensors: Any) -> Any:
    """All combinations of the elements of vectors, as rows. Source: torch.cartesian_prod.

    >>> import retrograd as rg
    >>> rg.cartesian_prod(rg.tensor([1, 2]), rg.tensor([3, 4]))
    tensor([[1, 3],
            [1, 4],
            [2, 3],
            [2, 4]])
    """
    if len(tensors) == 1:
        return tensors[0]
    return stack([x.reshape(-1) for x in meshgrid(*tensors)], 1)
