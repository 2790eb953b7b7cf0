"""Functions that multiply vectors, matrices and tensors."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.operation import Composite, record
from retrograd.ops import linear, products
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.reading import Reading
from retrograd.tensor.registry import method

__all__ = [
    "addbmm", "addmm", "addmv", "addr", "baddbmm", "bmm", "chain_matmul", "cross", "dot", "ger", "inner", "kron",
    "matmul", "matrix_power", "mm", "mv", "outer", "tensordot", "vdot",
]  # fmt: skip

_TEXT = """{meaning}.

Args:
    input, {other}: tensors.
    out: a tensor that the result is written to.

Source: torch.{name}.

>>> import retrograd as rg
>>> rg.{name}(rg.tensor({a}), rg.tensor({b}))
{shown}
"""


def _product(
    name: str, operation: Composite, meaning: str, example: str, *aliases: str, other: str = "other"
) -> Callable[..., Any]:
    """A row: name, composite, what it computes, an example `a | b -> printed result`, other names."""

    def function(input: Any, other: Any, *, out: Any = None) -> Any:
        result = wrap(record(operation, (operand(name, input), operand(name, other))))
        return result if out is None else deliver(name, result, out)

    given, shown = example.split(" -> ")
    a, b = given.split(" | ")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _TEXT.format(meaning=meaning, name=name, other=other, a=a, b=b, shown=shown)
    return method(*aliases)(function)


matmul = _product(
    "matmul", linear.MATMUL, "The product of matrices; vectors are rows or columns, and leading axes broadcast",
    "[[1.0, 2.0], [3.0, 4.0]] | [1.0, 1.0] -> tensor([3., 7.])",
)  # fmt: skip
mm = _product("mm", products.MM, "The product of two matrices", "[[1.0, 2.0]] | [[3.0], [4.0]] -> tensor([[11.]])")
bmm = _product(
    "bmm", products.BMM, "The products of the matrices of two batches",
    "[[[1.0, 2.0]]] | [[[3.0], [4.0]]] -> tensor([[[11.]]])",
)  # fmt: skip
mv = _product(
    "mv",
    products.MV,
    "The product of a matrix and a vector",
    "[[1.0, 2.0], [3.0, 4.0]] | [1.0, 1.0] -> tensor([3., 7.])",
)
dot = _product("dot", products.DOT, "The inner product of two vectors", "[1, 2] | [3, 4] -> tensor(11)")
vdot = _product("vdot", products.DOT, "The inner product of two vectors", "[1, 2] | [3, 4] -> tensor(11)")
inner = _product(
    "inner",
    products.INNER,
    "Sums of products over the last axes of both",
    "[[1, 2], [3, 4]] | [1, 1] -> tensor([3, 7])",
)
outer = ger = _product(
    "outer", products.OUTER, "All products of an element of one vector and an element of another",
    "[1, 2] | [3, 4] -> tensor([[3, 4],\n        [6, 8]])", "ger",
)  # fmt: skip
kron = _product(
    "kron", products.KRON, "Every element of the first tensor times the whole of the second",
    "[1, 10] | [1, 2] -> tensor([ 1,  2, 10, 20])",
)  # fmt: skip


@method()
def cross(input: Any, other: Any, dim: int | None = None, *, out: Any = None) -> Any:
    """The cross product of vectors of three elements.

    Args:
        input, other: tensors that broadcast.
        dim: the axis of the vectors; the first of extent 3 if left out.
        out: a tensor that the result is written to.

    Source: torch.cross.

    >>> import retrograd as rg
    >>> rg.cross(rg.tensor([1.0, 0.0, 0.0]), rg.tensor([0.0, 1.0, 0.0]), dim=0)
    tensor([0., 0., 1.])
    """
    nodes = operand("cross", input), operand("cross", other)
    if len(nodes[0].type.shape) != len(nodes[1].type.shape):
        raise ShapeError(f"cross: {nodes[0].type.shape} and {nodes[1].type.shape} must have as many axes")
    if dim is None:
        found = [i for i, n in enumerate(nodes[0].type.shape) if n == 3]
        if not found:
            raise ShapeError(f"cross: no axis of {nodes[0].type.shape} has extent 3")
        dim = found[0]
    axis = input._axis(dim)
    if any(node.type.shape[axis] != 3 for node in nodes):
        raise ShapeError(f"cross: axis {dim} of {nodes[0].type.shape} and {nodes[1].type.shape} must have extent 3")
    return deliver("cross", wrap(record(products.CROSS, nodes, (axis,))), out)


@method()
def matrix_power(input: Any, n: int, *, out: Any = None) -> Any:
    """Square matrices multiplied by themselves n times; for n < 0, their inverses -n times.

    Source: torch.linalg.matrix_power.

    >>> import retrograd as rg
    >>> rg.matrix_power(rg.tensor([[1.0, 1.0], [0.0, 1.0]]), 3)
    tensor([[1., 3.],
            [0., 1.]])
    """
    shape = operand("matrix_power", input).type.shape
    if len(shape) < 2 or shape[-1] != shape[-2]:
        raise ShapeError(f"matrix_power: takes square matrices, and received a tensor of shape {shape}")
    x = input if n >= 0 else input.inverse()
    return deliver("matrix_power", wrap(record(products.MATRIX_POWER, (x._read(),), (abs(n),))), out)


def chain_matmul(*matrices: Any) -> Any:
    """The product of several matrices, in the order that takes the fewest multiplications.

    Source: torch.chain_matmul.

    >>> import retrograd as rg
    >>> rg.chain_matmul(rg.ones(2, 3), rg.ones(3, 4), rg.ones(4, 1))
    tensor([[12.],
            [12.]])
    """
    return wrap(record(products.CHAIN_MATMUL, tuple(operand("chain_matmul", x) for x in matrices)))


def tensordot(a: Any, b: Any, dims: Any = 2, out: Any = None) -> Any:
    """The sum of products over pairs of axes.

    Args:
        a, b: tensors.
        dims: how many of the last axes of a meet the first of b; or two sequences, the axes of a and those of b.
        out: a tensor that the result is written to.

    Source: torch.tensordot.

    >>> import retrograd as rg
    >>> rg.tensordot(rg.ones(2, 3), rg.ones(3, 2), dims=1)
    tensor([[3., 3.],
            [3., 3.]])
    """
    dims = dims.tolist() if isinstance(dims, Reading) else dims
    if isinstance(dims, int):
        if not 0 <= dims <= min(a.ndim, b.ndim):
            raise ShapeError(f"tensordot: {dims} axes are not there in both {tuple(a.shape)} and {tuple(b.shape)}")
        over_a, over_b = range(a.ndim - dims, a.ndim), range(dims)
    else:
        over_a, over_b = dims
    if len(over_a) != len(over_b):
        raise ShapeError(f"tensordot: as many axes of each tensor must be given, not {dims}")
    axes = tuple(a._axis(d) for d in over_a), tuple(b._axis(d) for d in over_b)
    nodes = operand("tensordot", a), operand("tensordot", b)
    return deliver("tensordot", wrap(record(products.TENSORDOT, nodes, axes)), out)


# -- scaled sums ------------------------------------------------------------------------------------------------------


def _scaled(name: str, operation: Composite, x: Any, a: Any, b: Any, beta: Any, alpha: Any, out: Any) -> Any:
    nodes = operand(name, x), operand(name, a), operand(name, b)
    numbers = tuple(node_of(value, nodes[1].type.dtype) for value in (beta, alpha))
    if not nodes[1].type.dtype.is_floating_point and any(n.type.dtype.is_floating_point for n in numbers):
        raise OptionError(f"{name}: for integers, beta and alpha must be integers, and they are {beta} and {alpha}")
    return deliver(name, wrap(record(operation, (*nodes, *numbers), (beta == 0,))), out)


@method(in_place=True)
def addmm(input: Any, mat1: Any, mat2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * (mat1 @ mat2); where beta is 0, the input is not looked at.

    Args:
        input: a tensor that broadcasts to the product.
        mat1, mat2: matrices.
        beta, alpha: numbers.
        out: a tensor that the result is written to.

    Source: torch.addmm.

    >>> import retrograd as rg
    >>> rg.addmm(rg.ones(2), rg.tensor([[1.0, 2.0]]), rg.eye(2), alpha=10)
    tensor([[11., 21.]])
    """
    return _scaled("addmm", products.ADDMM, input, mat1, mat2, beta, alpha, out)


@method(in_place=True)
def addmv(input: Any, mat: Any, vec: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * (mat @ vec), as `addmm`. Source: torch.addmv."""
    return _scaled("addmv", products.ADDMV, input, mat, vec, beta, alpha, out)


@method(in_place=True)
def addr(input: Any, vec1: Any, vec2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * outer(vec1, vec2), as `addmm`. Source: torch.addr."""
    return _scaled("addr", products.ADDR, input, vec1, vec2, beta, alpha, out)


@method(in_place=True)
def baddbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * bmm(batch1, batch2), as `addmm`. Source: torch.baddbmm."""
    return _scaled("baddbmm", products.BADDBMM, input, batch1, batch2, beta, alpha, out)


@method(in_place=True)
def addbmm(input: Any, batch1: Any, batch2: Any, *, beta: Any = 1, alpha: Any = 1, out: Any = None) -> Any:
    """beta * input + alpha * bmm(batch1, batch2).sum(0), as `addmm`. Source: torch.addbmm."""
    return _scaled("addbmm", products.ADDBMM, input, batch1, batch2, beta, alpha, out)
