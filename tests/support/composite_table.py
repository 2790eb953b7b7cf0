"""Rows of the composites; see `tests/support/table.py`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.composite_rows_attention import ATTENTION_ROWS
from tests.support.composite_rows_checkpoint import CHECKPOINT_ROWS
from tests.support.composite_rows_conv import CONV_LAYER_ROWS
from tests.support.composite_rows_elementwise import ELEMENTWISE_ROWS
from tests.support.composite_rows_indexing import ORDER_ROWS, SCATTER_ROWS
from tests.support.composite_rows_loss import LOSS_ROWS
from tests.support.composite_rows_math import MATH_ROWS
from tests.support.composite_rows_nn import LAYER_AND_LOSS_ROWS
from tests.support.composite_rows_optim import OPTIMIZER_ROWS
from tests.support.composite_rows_parametrize import PARAMETRIZE_ROWS
from tests.support.composite_rows_pool import POOLING_ROWS
from tests.support.composite_rows_resampling import RESAMPLING_ROWS
from tests.support.composite_rows_special import SPECIAL_ROWS
from tests.support.rows_linalg import LINALG_ROWS
from tests.support.rows_random import DROPOUT_ROWS
from tests.support.rows_recurrent import RECURRENT_ROWS
from tests.support.table import Array, Case, Function, Refusal, Row, at, flags, numbers, whole

SHAPES = ((2, 3), (), (0, 3))


def _unary(name: str, numpy: Function, torch: str | Function, low: float = -1.5, smooth: bool = True) -> Row:
    return Row(name, tuple(Case((numbers(shape, 1, low),), (), numpy, torch, smooth) for shape in SHAPES))


def _binary(name: str, numpy: Function, torch: str | None, low: float = -1.5, smooth: bool = True) -> Row:
    pairs = (((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,)), ((0, 3), (1, 3)))
    cases = [Case((numbers(a, 2, low), numbers(b, 3, max(low, -1.3), 1.7)), (), numpy, torch, smooth) for a, b in pairs]
    cases.append(Case((whole((3,), 1, 1), whole((3,), 2, 1)), (), numpy, torch, False))
    return Row(name, tuple(cases), (Refusal((numbers((2, 3)), numbers((4,))), (), ShapeError, "do not broadcast"),))


def _logic(name: str, numpy: Function) -> Row:
    return Row(
        name,
        (Case((flags((2, 3), 1), flags((3,), 2)), (), numpy, name, False),),
        (Refusal((numbers((2,)), numbers((2,))), (), DTypeError, "takes integers or booleans"),),
    )


def _softmax(x: Array, axis: int) -> Array:
    powers = np.exp(x - x.max(axis, keepdims=True))
    return np.asarray(powers / powers.sum(axis, keepdims=True))


def _log_softmax(x: Array, axis: int) -> Array:
    return np.log(_softmax(x, axis))


def _reduced(losses: Array, reduction: str) -> Array:
    return {"none": losses, "sum": losses.sum(), "mean": losses.mean()}[reduction]


def _cross_entropy(x: Array, target: Array, reduction: str) -> Array:
    return _reduced(-_log_softmax(x, 1)[np.arange(len(x)), target], reduction)


def _along(numpy: Callable[..., Any]) -> Function:
    return lambda x, axes, keepdim, *_: numpy(x, axis=axes, keepdims=keepdim)


def _reduction(name: str, numpy: Callable[..., Any], tail: tuple[Any, ...], smooth: bool = True) -> Row:
    cases = (
        Case((numbers((2, 3), 5),), ((1,), False, *tail), _along(numpy), None, smooth),
        Case((numbers((2, 3), 6),), ((0, 1), True, *tail), _along(numpy), None, smooth),
        Case((numbers(()),), ((), False, *tail), _along(numpy), None, smooth),
    )
    return Row(name, cases)


def _var(x: Array, correction: Array, axes: tuple[int, ...], keepdim: bool) -> Array:
    return np.asarray(np.var(x, axis=axes, ddof=float(correction), keepdims=keepdim))


def _position(name: str, numpy: Callable[..., Any]) -> Row:
    cases = tuple(
        Case((numbers((3, 4), 8),), (axis, keepdim), lambda x, a, k: numpy(x, a, keepdims=k), None, False)
        for axis, keepdim in ((0, False), (1, True))
    )
    return Row(name, (*cases, Case((np.array([1.0, 2.0, 2.0]),), (0, False), lambda x, *_: numpy(x), None, False)))


def _extremum(name: str, value: Callable[..., Any], place: Callable[..., Any]) -> Row:
    return Row(
        name,
        (Case((numbers((3, 4), 8),), (1, False), lambda x, a, k: (value(x, 1), place(x, 1))),),
        (Refusal((numbers((2, 0)),), (1, False), ShapeError, "is empty"),),
    )


def _sgd(p: Array, g: Array, buffer: Array, given: Array, *_: Any) -> tuple[Array, ...]:
    lr, _, kept, undamped, decay = given
    buffer = kept * buffer + undamped * (g + decay * p)
    return p - lr * buffer, buffer


_sgd_numbers = np.array([0.1, 0.9, 0.8, 0.7, 0.2])

COMPOSITE_ROWS: tuple[Row, ...] = (
    _unary("relu", lambda x: np.maximum(x, 0), "relu"),
    _unary("sigmoid", lambda x: 1 / (1 + np.exp(-x)), "sigmoid"),
    Row("softmax", tuple(Case((numbers((2, 3), 1),), (axis,), _softmax) for axis in (0, 1))),
    Row("log_softmax", tuple(Case((numbers((2, 3), 1),), (axis,), _log_softmax) for axis in (0, 1))),
    Row(
        "mse_loss",
        tuple(
            Case((numbers((2, 3)), numbers((2, 3), 1)), (r,), lambda x, t, r: _reduced((x - t) ** 2, r))
            for r in ("mean", "sum", "none")
        ),
        (Refusal((numbers((404, 1)), numbers((404,))), ("mean",), ShapeError, r"write target.reshape\(\(404, 1\)\)"),),
    ),
    Row(
        "cross_entropy",
        tuple(Case((numbers((3, 4)), np.array([3, 0, 3])), (r,), _cross_entropy) for r in ("mean", "sum", "none")),
        (
            Refusal((numbers((3, 4)), np.array([0, 1])), ("mean",), ShapeError, "do not fit"),
            Refusal((numbers((3, 4)), numbers((3,))), ("mean",), DTypeError, "must be int64"),
        ),
    ),
    _binary("add", np.add, "add"),
    _binary("sub", np.subtract, "sub"),
    _binary("mul", np.multiply, "mul"),
    _binary("pow", np.power, "pow", low=0.2),
    _binary("floor_divide", np.floor_divide, None, smooth=False),
    _binary("remainder", np.remainder, "remainder"),
    _binary("maximum", np.maximum, "maximum"),
    _binary("minimum", np.minimum, "minimum"),
    _binary("eq", np.equal, "eq", smooth=False),
    _binary("ne", np.not_equal, "ne", smooth=False),
    _binary("lt", np.less, "lt", smooth=False),
    _binary("le", np.less_equal, "le", smooth=False),
    _binary("gt", np.greater, "gt", smooth=False),
    _binary("ge", np.greater_equal, "ge", smooth=False),
    _logic("bitwise_and", np.bitwise_and),
    _logic("bitwise_or", np.bitwise_or),
    _logic("bitwise_xor", np.bitwise_xor),
    Row(
        "div",
        (
            Case((numbers((2, 3)), numbers((3,), 1)), (), np.true_divide, "div"),
            Case((whole((3,)), whole((3,), 1, 1)), (), lambda a, b: (a / b).astype(np.float32), "div", False),
        ),
        (Refusal((numbers((2, 3)), numbers((4,))), (), ShapeError, "do not broadcast"),),
    ),
    Row("where", (Case((flags((3,)), numbers((2, 3)), numbers((), 1)), (), np.where, "where"),)),
    _unary("square", np.square, "square"),
    _unary("reciprocal", np.reciprocal, "reciprocal"),
    _unary("rsqrt", lambda x: 1 / np.sqrt(x), "rsqrt", low=0.2),
    _unary("sqrt", np.sqrt, "sqrt", low=0.2),
    _unary("exp", np.exp, "exp"),
    _unary("expm1", np.expm1, "expm1"),
    _unary("log", np.log, "log", low=0.2),
    _unary("log1p", np.log1p, "log1p", low=-0.5),
    _unary("sin", np.sin, "sin"),
    _unary("cos", np.cos, "cos"),
    _unary("erf", np.vectorize(math.erf, otypes=[np.float64]), "erf"),
    _unary("tanh", np.tanh, "tanh"),
    _unary("neg", np.negative, "neg"),
    _unary("abs", np.abs, "abs"),
    _unary("sign", np.sign, "sign"),
    _unary("floor", np.floor, "floor"),
    _unary("ceil", np.ceil, "ceil"),
    _unary("round", np.rint, "round"),
    _unary("trunc", np.trunc, "trunc"),
    Row("bitwise_not", (Case((whole((2, 3)),), (), np.invert, "bitwise_not", False),)),
    _unary("identity", lambda x: x, "clone"),
    # A gradient goes to the history, as if it were the value: no derivative of anything.
    Row("graft", (Case((numbers((2, 3)), numbers((2, 3), 1)), (), lambda history, value: value, None, False),)),
    Row("overwrite", (Case((numbers((2, 3)), numbers((2, 3), 1)), (), lambda old, value: value),)),
    Row(
        "function",
        (
            Case((numbers((2, 3)), numbers((2,), 1)), (1,), lambda x, value, _: value),
            Case((numbers((2, 3)), numbers((2,), 1), numbers((), 2)), (1,), lambda x, a, b, _: (a, b)),
        ),
    ),
    Row(
        "cut",
        (
            Case((numbers((4, 3)), *at(1)), ((2, 3), (2, 3)), lambda x, i, *_: x[i : i + 2], shared=(1,)),
            Case((numbers((4, 3)), *at(2)), ((1, 3), (3,)), lambda x, i, *_: x[i], shared=(1,)),
            Case((numbers((2, 4, 3)), *at(3, 1)), ((2, 1, 2), (2, 2)), lambda x, i, j, *_: x[:, i, j:], shared=(1, 2)),
            Case((numbers((0, 3)), *at(1)), ((0, 1), (0,)), lambda x, i, *_: x[:, i], shared=(1,)),
        ),
        (Refusal((numbers((2, 3)), *at(0)), ((3, 3), (3, 3)), ShapeError, "do not fit"),),
    ),
    Row(
        "expand",
        (
            Case((numbers((2, 1)),), ((4, 2, 3),), lambda x, shape: np.broadcast_to(x, shape)),
            Case((numbers(()),), ((2,),), lambda x, shape: np.broadcast_to(x, shape)),
            Case((numbers((1, 3)),), ((0, 3),), lambda x, shape: np.broadcast_to(x, shape)),
        ),
        (Refusal((numbers((2, 3)),), ((2, 4),), ShapeError, "only axes of extent 1 grow"),),
    ),
    Row(
        "linear",
        (
            Case((numbers((4, 3)), numbers((2, 3), 1), numbers((2,), 2)), (), lambda x, w, b: x @ w.T + b),
            Case((numbers((2, 2, 3)), numbers((2, 3), 1)), (), lambda x, w: x @ w.T),
            Case((numbers((0, 3)), numbers((2, 3), 1)), (), lambda x, w: x @ w.T),
        ),
        (Refusal((numbers((4, 5)), numbers((2, 3))), (), ShapeError, "must have extent 3"),),
    ),
    Row(
        "matmul",
        tuple(
            Case((numbers(a), numbers(b, 1)), (), np.matmul, "matmul")
            for a, b in (((2, 3), (3,)), ((3,), (3, 2)), ((3,), (3,)), ((2, 1, 2, 3), (4, 3, 2)), ((2, 2, 3), (3, 1)))
        ),
        (
            Refusal((numbers(()), numbers((3,))), (), ShapeError, r"use \*"),
            Refusal((numbers((2, 3)), numbers((2, 3))), (), ShapeError, "do not fit"),
        ),
    ),
    Row("to", (Case((whole((3,)),), ("float64",), lambda x, _: x.astype(np.float64), None, False),)),
    Row("contiguous", (Case((numbers((2, 3)),), ((3, 2),), lambda x, s: x.reshape(3, 2)),)),
    Row(
        "repeat",
        tuple(
            Case((numbers(shape),), (counts,), lambda x, c: np.tile(x, c))
            for shape, counts in (((2, 3), (2, 1)), ((2,), (3, 2)), ((), (2,)))
        ),
    ),
    _reduction("sum", np.sum, ("float64",)),
    _reduction("prod", np.prod, ("float64",)),
    _reduction("mean", np.mean, ()),
    Row(
        "var",
        tuple(
            Case((numbers((3, 4)), np.array(c, np.float32)), ((0,), k), _var)
            for c, k in ((1, False), (0, True), (0.5, False))
        ),
    ),
    _reduction("amax", np.max, ()),
    _reduction("amin", np.min, ()),
    _position("argmax", np.argmax),
    _position("argmin", np.argmin),
    _reduction("any", np.any, (), smooth=False),
    _reduction("all", np.all, (), smooth=False),
    _extremum("max.dim", np.max, np.argmax),
    _extremum("min.dim", np.min, np.argmin),
    Row("cat", (Case((numbers((2, 3)), numbers((1, 3), 1)), (0,), lambda a, b, _: np.concatenate((a, b))),)),
    Row(
        "stack",
        (Case((numbers((2, 3)), numbers((2, 3), 1)), (1,), lambda a, b, _: np.stack((a, b), 1)),),
        (Refusal((numbers((2, 3)), numbers((2, 4))), (0,), ShapeError, "must be equal"),),
    ),
    Row(
        "sgd",
        (
            Case(
                (numbers((3,)), numbers((3,), 1), numbers((3,), 2), _sgd_numbers),
                (1, True, True, False, False),
                _sgd,
                None,
                False,
            ),
        ),
    ),
    Row("batch", (Case((numbers((4, 2)), np.array([3, 1])), (), lambda x, i: x[i]),)),
    *CHECKPOINT_ROWS,
    *ATTENTION_ROWS,
    *CONV_LAYER_ROWS,
    *DROPOUT_ROWS,
    *ELEMENTWISE_ROWS,
    *LAYER_AND_LOSS_ROWS,
    *LINALG_ROWS,
    *LOSS_ROWS,
    *MATH_ROWS,
    *OPTIMIZER_ROWS,
    *ORDER_ROWS,
    *POOLING_ROWS,
    *RECURRENT_ROWS,
    *RESAMPLING_ROWS,
    *SCATTER_ROWS,
    *PARAMETRIZE_ROWS,
    *SPECIAL_ROWS,
)
