"""Tensor's operators and casts, and what overwrites its elements."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from retrograd.core.dtype import DType
from retrograd.core.operation import Composite, record
from retrograd.ops import activation, arithmetic, bits, linear
from retrograd.ops.movement import reshape
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import binary, binary_reversed, node_of, require_castable, unary
from retrograd.tensor.pairwise import pow
from retrograd.tensor.pointwise import positive


def _operator(operation: Composite) -> Callable[[TensorBase, Any], Any]:
    def method(self: TensorBase, other: Any) -> Any:
        if isinstance(other, TensorBase):
            return wrap(record(operation, (self._read(), other._read())))
        try:
            return binary(operation, self, other)
        except TypeError:
            if isinstance(other, (int, float)):
                raise
            return NotImplemented

    return method


_equal, _not_equal = _operator(arithmetic.EQ), _operator(arithmetic.NE)


def _reversed(operation: Composite) -> Callable[[TensorBase, Any], Any]:
    def method(self: TensorBase, other: Any) -> Any:
        return binary_reversed(operation, self, other)

    return method


def _unary(operation: Composite) -> Callable[[TensorBase], Any]:
    def method(self: TensorBase) -> Any:
        return unary(operation, self)

    return method


def _in_place(symbol: str, operation: Composite) -> Callable[[Any, Any], Any]:
    def method(self: TensorBase, other: Any) -> Any:
        x = self._read()
        value = record(operation, (x, node_of(other, x.type.dtype)))
        if value.type.dtype is not x.type.dtype:
            require_castable(symbol, value.type.dtype, x.type.dtype)
        return self._assign(symbol, value)

    return method


class Arithmetic(TensorBase):
    """Operators and casts."""

    __add__ = _operator(arithmetic.ADD)
    __radd__ = _reversed(arithmetic.ADD)
    __iadd__ = _in_place("+=", arithmetic.ADD)
    __sub__ = _operator(arithmetic.SUB)
    __rsub__ = _reversed(arithmetic.SUB)
    __isub__ = _in_place("-=", arithmetic.SUB)
    __mul__ = _operator(arithmetic.MUL)
    __rmul__ = _reversed(arithmetic.MUL)
    __imul__ = _in_place("*=", arithmetic.MUL)
    __truediv__ = _operator(arithmetic.DIV)
    __rtruediv__ = __rdiv__ = _reversed(arithmetic.DIV)
    __itruediv__ = _in_place("/=", arithmetic.DIV)
    __floordiv__ = _operator(arithmetic.FLOOR_DIVIDE)
    __rfloordiv__ = _reversed(arithmetic.FLOOR_DIVIDE)
    __ifloordiv__ = _in_place("//=", arithmetic.FLOOR_DIVIDE)
    __mod__ = _operator(arithmetic.REMAINDER)
    __rmod__ = _reversed(arithmetic.REMAINDER)
    __imod__ = _in_place("%=", arithmetic.REMAINDER)
    __rpow__ = _reversed(arithmetic.POW)
    __ipow__ = _in_place("**=", arithmetic.POW)
    __matmul__ = _operator(linear.MATMUL)
    __rmatmul__ = _reversed(linear.MATMUL)
    __and__ = _operator(arithmetic.AND)
    __rand__ = _reversed(arithmetic.AND)
    __iand__ = _in_place("&=", arithmetic.AND)
    __or__ = _operator(arithmetic.OR)
    __ror__ = _reversed(arithmetic.OR)
    __ior__ = _in_place("|=", arithmetic.OR)
    __xor__ = _operator(arithmetic.XOR)
    __rxor__ = _reversed(arithmetic.XOR)
    __ixor__ = _in_place("^=", arithmetic.XOR)
    __lshift__ = _operator(bits.LEFT_SHIFT)
    __rlshift__ = _reversed(bits.LEFT_SHIFT)
    __ilshift__ = _in_place("<<=", bits.LEFT_SHIFT)
    __rshift__ = _operator(bits.RIGHT_SHIFT)
    __rrshift__ = _reversed(bits.RIGHT_SHIFT)
    __irshift__ = _in_place(">>=", bits.RIGHT_SHIFT)
    __lt__ = _operator(arithmetic.LT)
    __le__ = _operator(arithmetic.LE)
    __gt__ = _operator(arithmetic.GT)
    __ge__ = _operator(arithmetic.GE)
    __neg__ = _unary(arithmetic.NEG)
    __abs__ = _unary(arithmetic.ABS)
    __invert__ = _unary(arithmetic.INVERT)
    __hash__ = TensorBase.__hash__

    def __eq__(self, other: object) -> Any:
        return _equal(self, other)

    def __ne__(self, other: object) -> Any:
        return _not_equal(self, other)

    def __pos__(self) -> Any:
        return positive(self)

    def __pow__(self, exponent: Any) -> Any:
        return pow(self, exponent)

    def softmax(self: Any, dim: int, dtype: DType | None = None) -> Any:
        """exp(x_i) / sum_j exp(x_j) along an axis."""
        return (self if dtype is None else self.to(dtype))._along(activation.SOFTMAX, dim)

    def log_softmax(self: Any, dim: int, dtype: DType | None = None) -> Any:
        """x_i - log sum_j exp(x_j) along an axis."""
        return (self if dtype is None else self.to(dtype))._along(activation.LOG_SOFTMAX, dim)

    def _along(self, operation: Composite, dim: int) -> Any:
        """An operation along an axis; a single number counts as an axis of one element."""
        x = self._read()
        ndim = len(x.type.shape)
        axis = dim % ndim if -ndim <= dim < ndim else self._axis(dim)
        if ndim:
            return wrap(record(operation, (x,), (axis,)))
        return wrap(reshape(record(operation, (reshape(x, (1,)),), (0,)), ()))

    def where(self, condition: TensorBase, other: Any) -> Any:
        """self where the condition holds, else other."""
        x = self._read()
        return wrap(record(arithmetic.WHERE, (condition._read(), x, node_of(other, x.type.dtype))))

    def clone(self, *, memory_format: Any = None) -> Any:
        """A copy; gradients flow back to the original."""
        return unary(arithmetic.IDENTITY, self)

    # -- in place -----------------------------------------------------------------------------------------------------

    def copy_(self, other: Any) -> Self:
        """Take over the elements of `other`, broadcast and cast."""
        return self._assign("copy_", node_of(other, self.dtype), overwrites=True)

    def fill_(self, value: Any) -> Self:
        return self._assign("fill_", node_of(value, self.dtype), overwrites=True)

    def zero_(self) -> Self:
        return self._assign("zero_", node_of(0, self.dtype), overwrites=True)
