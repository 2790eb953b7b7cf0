"""One row an operation: sample inputs, what NumPy and PyTorch say of them, and inputs that must be refused.

The table is data. `tests/ops/test_table.py` checks values, gradients, second gradients and batching by it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError

Array = np.ndarray[Any, Any]
Function = Callable[..., Any]
# The matrix shapes are those of a normal input, one number, and nothing at all.
SHAPES = ((2, 3), (), (0, 3))


@dataclass(frozen=True)
class Case:
    """Inputs and attributes, and the definition in NumPy (and PyTorch) to hold the result against.

    Attributes:
        smooth: whether finite differences give the gradient here.
        shared: inputs that batching leaves as they are, such as offsets.
    """

    inputs: tuple[Array, ...]
    attributes: tuple[Any, ...]
    numpy: Function
    torch: str | Function | None = None
    smooth: bool = True
    shared: tuple[int, ...] = ()


@dataclass(frozen=True)
class Refusal:
    """Inputs that must raise, and words of the message."""

    inputs: tuple[Array, ...]
    attributes: tuple[Any, ...]
    error: type[Exception]
    message: str


@dataclass(frozen=True)
class Row:
    """An operation's row."""

    name: str
    cases: tuple[Case, ...]
    refusals: tuple[Refusal, ...] = ()


def numbers(shape: tuple[int, ...], seed: int = 0, low: float = -1.5, high: float = 1.63) -> Array:
    """Distinct numbers away from 0, so that kinks and ties are far."""
    size = math.prod(shape)
    line = np.linspace(low, high, 2 * size + 2)[1:-1:2] if size else np.zeros(0)
    line = np.where(np.abs(line) < 0.05, 0.07, line)
    return np.random.default_rng(seed).permutation(line).reshape(shape)


def whole(shape: tuple[int, ...], seed: int = 0, low: int = -4, high: int = 5) -> Array:
    return np.random.default_rng(seed).integers(low, high, shape)


def flags(shape: tuple[int, ...], seed: int = 0) -> Array:
    return whole(shape, seed) > 0


def at(*offsets: int) -> tuple[Array, ...]:
    return tuple(np.asarray(offset, np.int64) for offset in offsets)


def _unary(name: str, numpy: Function, torch: str | Function | None, low: float = -1.5, smooth: bool = True) -> Row:
    cases = tuple(Case((numbers(shape, 1, low),), (), numpy, torch, smooth) for shape in SHAPES)
    return Row(name, cases)


def _pair(name: str, numpy: Function, torch: str | Function | None, low: float = -1.5, smooth: bool = True) -> Row:
    cases = tuple(
        Case((numbers(shape, 2, low), numbers(shape, 3, max(low, -1.3), 1.7)), (), numpy, torch, smooth)
        for shape in SHAPES
    )
    refusals = (
        Refusal((numbers((2, 3)), numbers((3,))), (), ShapeError, "must be equal"),
        Refusal((numbers((2,)), whole((2,))), (), DTypeError, "float64 and int64"),
    )
    return Row(name, cases, refusals)


def _integers(name: str, numpy: Function, torch: str) -> Row:
    return Row(
        name,
        (
            Case((whole((2, 3), 1), whole((2, 3), 2)), (), numpy, torch, False),
            Case((flags((4,), 1), flags((4,), 2)), (), numpy, torch, False),
        ),
        (Refusal((numbers((2,)), numbers((2,))), (), DTypeError, "takes integers or booleans"),),
    )


def _reduction(name: str, numpy: Function, low: float = -1.5) -> Row:
    def along(axes: tuple[int, ...]) -> Function:
        return lambda x, *_: numpy(x, axis=axes, keepdims=True)

    cases = [Case((numbers((2, 3, 2), 4, low),), (axes,), along(axes)) for axes in ((0,), (1, 2), (0, 1, 2))]
    cases.append(Case((whole((3, 4), 5),), ((0,),), along((0,)), None, False))
    if name in ("sum", "prod"):
        cases.append(Case((numbers((0, 3)),), ((0,),), along((0,))))
        return Row(name, tuple(cases))
    return Row(name, tuple(cases), (Refusal((numbers((0, 3)),), ((0,),), ShapeError, "is empty"),))


_erf = np.vectorize(math.erf, otypes=[np.float64])
_float_only = Refusal((whole((2,)),), (), DTypeError, "takes floating-point numbers")


def _floating(row: Row) -> Row:
    return Row(row.name, row.cases, (*row.refusals, _float_only))


def _taken(table: Array, index: Array) -> Array:
    return table[np.clip(index, 0, len(table) - 1)]


def _added(values: Array, index: Array, shape: tuple[int, ...]) -> Array:
    out = np.zeros(shape)
    for place in np.ndindex(index.shape):
        out[np.clip(index[place], 0, shape[0] - 1)] += values[place]
    return out


def _put(base: Array, value: Array, *rest: Any) -> Array:
    out = base.copy()
    out[1:3, 0:4:2] = value
    return out


_slice_starts = at(1, 0)

PRIMITIVE_ROWS: tuple[Row, ...] = (
    Row("const", (Case((), (2.5, "float64", (2, 3)), lambda *_: np.full((2, 3), 2.5)),)),
    Row("iota", (Case((), ((2, 3), 1), lambda *_: np.tile(np.arange(3), (2, 1))),)),
    Row(
        "reshape",
        (
            Case((numbers((2, 3)),), ((3, 2),), lambda x, s: x.reshape(3, 2)),
            Case((numbers((0, 3)),), ((3, 0),), lambda x, s: x.reshape(3, 0)),
            Case((numbers(()),), ((1, 1),), lambda x, s: x.reshape(1, 1)),
        ),
        (Refusal((numbers((2, 3)),), ((4,),), ShapeError, "6 elements"),),
    ),
    Row(
        "permute",
        (
            Case((numbers((2, 3, 4)),), ((2, 0, 1),), lambda x, o: x.transpose(2, 0, 1)),
            Case((numbers((2, 3)),), ((1, 0),), lambda x, o: x.T),
        ),
        (Refusal((numbers((2, 3)),), ((0, 0),), ShapeError, "once"),),
    ),
    Row(
        "broadcast",
        (
            Case((numbers((2, 1)),), ((2, 3),), lambda x, s: np.broadcast_to(x, (2, 3))),
            Case((numbers((1, 3)),), ((0, 3),), lambda x, s: np.zeros((0, 3))),
        ),
        (Refusal((numbers((2, 3)),), ((2, 6),), ShapeError, "only axes of extent 1 grow"),),
    ),
    Row(
        "slice",
        (
            Case((numbers((4, 5)), *_slice_starts), ((2, 2), (1, 2)), lambda x, *_: x[1:3, 0:4:2]),
            Case((numbers((4,)), *at(9)), ((2,), (1,)), lambda x, *_: x[2:4]),
            Case((numbers((4,)), *at(4)), ((0,), (1,)), lambda x, *_: x[4:4]),
        ),
        (Refusal((numbers((4,)), *at(0)), ((3,), (2,)), ShapeError, "do not fit"),),
    ),
    Row(
        "slice_put",
        (Case((numbers((4, 5)), numbers((2, 2), 7), *_slice_starts), ((1, 2),), _put),),
        (
            Refusal((numbers((4,)), numbers((5,)), *at(0)), ((1,),), ShapeError, "do not fit"),
            Refusal((numbers((4,)), whole((2,)), *at(0)), ((1,),), DTypeError, "dtypes"),
        ),
    ),
    Row(
        "pad",
        (Case((numbers((2, 3)),), ((1, 0), (0, 2)), lambda x, *_: np.pad(x, ((1, 0), (0, 2)))),),
        (Refusal((numbers((2,)),), ((-1,), (0,)), ShapeError, "must not be negative"),),
    ),
    Row(
        "concat",
        (
            Case((numbers((2, 3)), numbers((2, 1), 2)), (1,), lambda a, b, _: np.concatenate((a, b), 1)),
            Case((numbers((0, 3)), numbers((2, 3), 2)), (0,), lambda a, b, _: np.concatenate((a, b), 0)),
        ),
        (
            Refusal((numbers((2, 3)), numbers((2, 4))), (0,), ShapeError, "must agree"),
            Refusal((numbers((2,)), whole((2,))), (0,), DTypeError, "differ"),
        ),
    ),
    Row("flip", (Case((numbers((2, 3)),), ((1,),), lambda x, _: x[:, ::-1]),)),
    _pair("add", np.add, "add"),
    _pair("sub", np.subtract, "sub"),
    _pair("mul", np.multiply, "mul"),
    _pair("div", np.true_divide, "div"),
    _pair("floor_divide", np.floor_divide, None, smooth=False),
    _pair("remainder", np.remainder, "remainder"),
    _pair("pow", np.power, "pow", low=0.2),
    _pair("maximum", np.maximum, "maximum"),
    _pair("minimum", np.minimum, "minimum"),
    _unary("neg", np.negative, "neg"),
    _unary("abs", np.abs, "abs"),
    _unary("sign", np.sign, "sign"),
    _unary("floor", np.floor, "floor"),
    _unary("ceil", np.ceil, "ceil"),
    _unary("round", np.rint, "round"),
    _unary("trunc", np.trunc, "trunc"),
    _floating(_unary("sqrt", np.sqrt, "sqrt", low=0.2)),
    _floating(_unary("exp", np.exp, "exp")),
    _floating(_unary("expm1", np.expm1, "expm1")),
    _floating(_unary("log", np.log, "log", low=0.2)),
    _floating(_unary("log1p", np.log1p, "log1p", low=-0.5)),
    _floating(_unary("sin", np.sin, "sin")),
    _floating(_unary("cos", np.cos, "cos")),
    _floating(_unary("tanh", np.tanh, "tanh")),
    _floating(_unary("erf", _erf, "erf")),
    _pair("eq", np.equal, "eq", smooth=False),
    _pair("ne", np.not_equal, "ne", smooth=False),
    _pair("lt", np.less, "lt", smooth=False),
    _pair("le", np.less_equal, "le", smooth=False),
    _pair("gt", np.greater, "gt", smooth=False),
    _pair("ge", np.greater_equal, "ge", smooth=False),
    _integers("and", np.bitwise_and, "bitwise_and"),
    _integers("or", np.bitwise_or, "bitwise_or"),
    _integers("xor", np.bitwise_xor, "bitwise_xor"),
    Row(
        "invert",
        (
            Case((whole((2, 3)),), (), np.invert, "bitwise_not", False),
            Case((flags((3,)),), (), np.invert, None, False),
        ),
        (Refusal((numbers((2,)),), (), DTypeError, "takes integers or booleans"),),
    ),
    Row(
        "select",
        (Case((flags((2, 3)), numbers((2, 3), 1), numbers((2, 3), 2)), (), np.where, "where"),),
        (
            Refusal((numbers((2,)), numbers((2,)), numbers((2,))), (), DTypeError, "must be bool"),
            Refusal((flags((2,)), numbers((2,)), numbers((3,))), (), ShapeError, "must be equal"),
        ),
    ),
    Row(
        "cast",
        (
            Case((whole((2, 3)),), ("float64",), lambda x, _: x.astype(np.float64), None, False),
            Case((2 * numbers((5,)),), ("int64",), lambda x, _: np.trunc(x).astype(np.int64), None, False),
            Case((np.array([0.0, -0.0, 0.3]),), ("bool",), lambda x, _: x != 0, None, False),
        ),
    ),
    _reduction("sum", np.sum),
    _reduction("prod", np.prod),
    _reduction("max", np.max),
    _reduction("min", np.min),
    Row(
        "matmul",
        (
            Case((numbers((2, 3)), numbers((3, 4), 1)), (), np.matmul, "matmul"),
            Case((numbers((2, 2, 3)), numbers((2, 3, 1), 1)), (), np.matmul, "matmul"),
            Case((numbers((2, 0)), numbers((0, 3))), (), np.matmul, "matmul"),
        ),
        (
            Refusal((numbers((2, 3)), numbers((2, 3))), (), ShapeError, "do not fit"),
            Refusal((numbers((2, 3)), whole((3, 2))), (), DTypeError, "cast one"),
        ),
    ),
    Row(
        "take",
        (
            Case((numbers((4, 2)), np.array([3, 0, 3])), (), _taken),
            Case((numbers((3,)), np.array([[0, 9], [-2, 1]])), (), _taken),
        ),
        (
            Refusal((numbers(()), np.array([0])), (), ShapeError, "0-dimensional"),
            Refusal((numbers((3,)), numbers((2,))), (), DTypeError, "must be int64"),
        ),
    ),
    Row(
        "take_add",
        (Case((numbers((3, 2)), np.array([1, 1, 0])), ((4, 2),), _added),),
        (Refusal((numbers((3, 2)), np.array([0])), ((4, 2),), ShapeError, "must have shape"),),
    ),
)


def names(rows: Sequence[Row]) -> list[str]:
    return [row.name for row in rows]
