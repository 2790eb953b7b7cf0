"""Tensor's arithmetic: operators, elementwise methods, and their in-place forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from retrograd.core.dtype import DTYPES, DType, bool_, float32, float64, int32, int64
from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import Composite, composite, record
from retrograd.ops import activation, arithmetic, linear
from retrograd.ops.elementwise import cast
from retrograd.ops.movement import reshape
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import binary, binary_reversed, node_of, unary


@composite("to")
def TO(x: Node, dtype: str) -> Node:
    return cast(x, DTYPES[dtype])


def _operator(operation: Composite) -> Callable[[TensorBase, Any], Any]:
    def method(self: TensorBase, other: Any) -> Any:
        try:
            return binary(operation, self, other)
        except TypeError:
            if isinstance(other, (TensorBase, int, float)):
                raise
            return NotImplemented

    return method


def _reversed(operation: Composite) -> Callable[[TensorBase, Any], Any]:
    def method(self: TensorBase, other: Any) -> Any:
        return binary_reversed(operation, self, other)

    return method


def _method(operation: Composite) -> Callable[[TensorBase, Any], Any]:
    def method(self: TensorBase, other: Any) -> Any:
        return binary(operation, self, other)

    method.__name__ = operation.name
    method.__doc__ = f"{operation.name}(self, other), elementwise, with broadcasting."
    return method


def _unary(operation: Composite) -> Callable[[TensorBase], Any]:
    def method(self: TensorBase) -> Any:
        return unary(operation, self)

    method.__name__ = operation.name
    method.__doc__ = f"{operation.name}(self), elementwise."
    return method


def _in_place(operation: Composite) -> Callable[[Any, Any], Any]:
    def method(self: TensorBase, other: Any) -> Any:
        x = self._read()
        value = record(operation, (x, node_of(other, x.type.dtype)))
        return self._assign(operation.name + "_", value)

    return method


def _unary_in_place(operation: Composite) -> Callable[[Any], Any]:
    def method(self: TensorBase) -> Any:
        return self._assign(operation.name + "_", record(operation, (self._read(),)))

    return method


class Arithmetic(TensorBase):
    """Operators and elementwise methods."""

    __add__ = _operator(arithmetic.ADD)
    __radd__ = _reversed(arithmetic.ADD)
    __sub__ = _operator(arithmetic.SUB)
    __rsub__ = _reversed(arithmetic.SUB)
    __mul__ = _operator(arithmetic.MUL)
    __rmul__ = _reversed(arithmetic.MUL)
    __truediv__ = _operator(arithmetic.DIV)
    __rtruediv__ = _reversed(arithmetic.DIV)
    __floordiv__ = _operator(arithmetic.FLOOR_DIVIDE)
    __rfloordiv__ = _reversed(arithmetic.FLOOR_DIVIDE)
    __mod__ = _operator(arithmetic.REMAINDER)
    __rmod__ = _reversed(arithmetic.REMAINDER)
    __rpow__ = _reversed(arithmetic.POW)
    __matmul__ = _operator(linear.MATMUL)
    __and__ = _operator(arithmetic.AND)
    __or__ = _operator(arithmetic.OR)
    __xor__ = _operator(arithmetic.XOR)
    __lt__ = _operator(arithmetic.LT)
    __le__ = _operator(arithmetic.LE)
    __gt__ = _operator(arithmetic.GT)
    __ge__ = _operator(arithmetic.GE)
    __neg__ = _unary(arithmetic.NEG)
    __abs__ = _unary(arithmetic.ABS)
    __invert__ = _unary(arithmetic.INVERT)
    __hash__ = TensorBase.__hash__

    def __eq__(self, other: object) -> Any:
        return NotImplemented if other is None else binary(arithmetic.EQ, self, other)

    def __ne__(self, other: object) -> Any:
        return NotImplemented if other is None else binary(arithmetic.NE, self, other)

    def __pow__(self, exponent: Any) -> Any:
        return self.pow(exponent)

    def __iadd__(self, other: Any) -> Self:
        return self.add_(other)

    def __isub__(self, other: Any) -> Self:
        return self.sub_(other)

    __imul__ = _in_place(arithmetic.MUL)
    __itruediv__ = _in_place(arithmetic.DIV)

    def add(self, other: Any, *, alpha: Any = 1) -> Any:
        """self + alpha * other."""
        return binary(arithmetic.ADD, self, other if alpha == 1 else other * alpha)

    def sub(self, other: Any, *, alpha: Any = 1) -> Any:
        """self - alpha * other."""
        return binary(arithmetic.SUB, self, other if alpha == 1 else other * alpha)

    def pow(self, exponent: Any) -> Any:
        """self ** exponent; the exponent 2 is the one number that is part of the structure."""
        if exponent.__class__ in (int, float) and exponent == 2:
            return unary(arithmetic.SQUARE, self)
        return binary(arithmetic.POW, self, exponent)

    mul = multiply = _method(arithmetic.MUL)
    div = divide = true_divide = _method(arithmetic.DIV)
    floor_divide = _method(arithmetic.FLOOR_DIVIDE)
    remainder = _method(arithmetic.REMAINDER)
    maximum = _method(arithmetic.MAXIMUM)
    minimum = _method(arithmetic.MINIMUM)
    eq = _method(arithmetic.EQ)
    ne = _method(arithmetic.NE)
    lt = _method(arithmetic.LT)
    le = _method(arithmetic.LE)
    gt = _method(arithmetic.GT)
    ge = _method(arithmetic.GE)
    matmul = mm = bmm = mv = dot = _method(linear.MATMUL)
    logical_and = bitwise_and = _method(arithmetic.AND)
    logical_or = bitwise_or = _method(arithmetic.OR)

    neg = _unary(arithmetic.NEG)
    abs = _unary(arithmetic.ABS)
    sign = _unary(arithmetic.SIGN)
    floor = _unary(arithmetic.FLOOR)
    ceil = _unary(arithmetic.CEIL)
    round = _unary(arithmetic.ROUND)
    trunc = _unary(arithmetic.TRUNC)
    sqrt = _unary(arithmetic.SQRT)
    rsqrt = _unary(arithmetic.RSQRT)
    exp = _unary(arithmetic.EXP)
    expm1 = _unary(arithmetic.EXPM1)
    log = _unary(arithmetic.LOG)
    log1p = _unary(arithmetic.LOG1P)
    sin = _unary(arithmetic.SIN)
    cos = _unary(arithmetic.COS)
    tanh = _unary(arithmetic.TANH)
    erf = _unary(arithmetic.ERF)
    sigmoid = _unary(activation.SIGMOID)
    relu = _unary(activation.RELU)
    square = _unary(arithmetic.SQUARE)
    reciprocal = _unary(arithmetic.RECIPROCAL)

    def softmax(self, dim: int) -> Any:
        """exp(x_i) / sum_j exp(x_j) along an axis."""
        return self._along(activation.SOFTMAX, dim)

    def log_softmax(self, dim: int) -> Any:
        """x_i - log sum_j exp(x_j) along an axis."""
        return self._along(activation.LOG_SOFTMAX, dim)

    def _along(self, operation: Composite, dim: int) -> Any:
        """An operation along an axis; a single number counts as an axis of one element."""
        axis = self._axis(dim)
        if self.ndim:
            return unary(operation, self, (axis,))
        return wrap(reshape(record(operation, (reshape(self._read(), (1,)),), (0,)), ()))

    def clamp(self, min: Any = None, max: Any = None) -> Any:
        """Elements below `min` become `min`, those above `max` become `max`."""
        return wrap(self._clamped(min, max))

    clip = clamp

    def _clamped(self, min: Any, max: Any) -> Node:
        x = self._read()
        if min is None and max is None:
            raise OptionError("clamp: at least one of min and max must be given")
        low = node_of(float("-inf") if min is None else min, x.type.dtype)
        high = node_of(float("inf") if max is None else max, x.type.dtype)
        if min is None or max is None:
            bound, which = (low, arithmetic.MAXIMUM) if max is None else (high, arithmetic.MINIMUM)
            return record(which, (x, bound))
        return record(arithmetic.CLAMP, (x, low, high))

    def where(self, condition: TensorBase, other: Any) -> Any:
        """self where the condition holds, else other."""
        x = self._read()
        return wrap(record(arithmetic.WHERE, (condition._read(), x, node_of(other, x.type.dtype))))

    def masked_fill(self, mask: TensorBase, value: Any) -> Any:
        """`value` where the mask holds, else self."""
        x = self._read()
        return wrap(record(arithmetic.WHERE, (mask._read(), node_of(value, x.type.dtype), x)))

    # -- casts --------------------------------------------------------------------------------------------------------

    def to(self, *args: Any, dtype: DType | None = None, device: Any = None, copy: bool = False) -> Any:
        """The tensor with another dtype. Devices: everything is on the CPU."""
        for arg in args:
            if isinstance(arg, DType):
                dtype = arg
            elif isinstance(arg, TensorBase):
                dtype = arg.dtype
            elif str(arg) != "cpu":
                raise OptionError(f"to: device {arg!r} is not there; this build computes on 'cpu'")
        if dtype is None or dtype is self.dtype:
            return unary(arithmetic.IDENTITY, self) if copy else self
        return unary(TO, self, (dtype.name,))

    def type_as(self, other: TensorBase) -> Any:
        return self.to(other.dtype)

    def float(self) -> Any:
        return self.to(float32)

    def double(self) -> Any:
        return self.to(float64)

    def long(self) -> Any:
        return self.to(int64)

    def int(self) -> Any:
        return self.to(int32)

    def bool(self) -> Any:
        return self.to(bool_)

    def clone(self) -> Any:
        """A copy; gradients flow back to the original."""
        return unary(arithmetic.IDENTITY, self)

    # -- in place -----------------------------------------------------------------------------------------------------

    def add_(self, other: Any, *, alpha: Any = 1) -> Self:
        """self += alpha * other."""
        x = self._read()
        value = record(arithmetic.ADD, (x, node_of(other if alpha == 1 else other * alpha, x.type.dtype)))
        return self._assign("add_", value)

    def sub_(self, other: Any, *, alpha: Any = 1) -> Self:
        """self -= alpha * other."""
        x = self._read()
        value = record(arithmetic.SUB, (x, node_of(other if alpha == 1 else other * alpha, x.type.dtype)))
        return self._assign("sub_", value)

    mul_ = _in_place(arithmetic.MUL)
    div_ = _in_place(arithmetic.DIV)
    pow_ = _in_place(arithmetic.POW)
    neg_ = _unary_in_place(arithmetic.NEG)
    exp_ = _unary_in_place(arithmetic.EXP)
    log_ = _unary_in_place(arithmetic.LOG)
    sqrt_ = _unary_in_place(arithmetic.SQRT)
    tanh_ = _unary_in_place(arithmetic.TANH)
    sigmoid_ = _unary_in_place(activation.SIGMOID)
    relu_ = _unary_in_place(activation.RELU)

    def clamp_(self, min: Any = None, max: Any = None) -> Self:
        return self._assign("clamp_", self._clamped(min, max))

    def copy_(self, other: Any) -> Self:
        """Take over the elements of `other`, broadcast and cast."""
        return self._assign("copy_", node_of(other, self.dtype), overwrites=True)

    def fill_(self, value: Any) -> Self:
        return self._assign("fill_", node_of(value, self.dtype), overwrites=True)

    def zero_(self) -> Self:
        return self._assign("zero_", node_of(0, self.dtype), overwrites=True)

    def masked_fill_(self, mask: TensorBase, value: Any) -> Self:
        x = self._read()
        node = record(arithmetic.WHERE, (mask._read(), node_of(value, x.type.dtype), x))
        return self._assign("masked_fill_", node)
