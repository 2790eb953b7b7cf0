"""Values with operators, and variables: what a function under construction consists of."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from retrograd.backends.native.ir.function import Function

Operand: TypeAlias = "Value | int | float | bool"


def type_of(*operands: Operand) -> str:
    """The type of the first operand that is a Value: the numbers beside it take it."""
    return next(x.type for x in operands if isinstance(x, Value))


class Value:
    """An SSA value or a constant: its type, its name, and the function it belongs to."""

    __slots__ = ("fn", "type", "name")

    def __init__(self, fn: Function, type_: str, name: str) -> None:
        self.fn, self.type, self.name = fn, type_, name

    def __str__(self) -> str:
        return f"{self.type} {self.name}"

    def __add__(self, other: Operand) -> Value:
        return self.fn.binary("add", self, other)

    def __radd__(self, other: Operand) -> Value:
        return self.fn.binary("add", other, self)

    def __sub__(self, other: Operand) -> Value:
        return self.fn.binary("sub", self, other)

    def __rsub__(self, other: Operand) -> Value:
        return self.fn.binary("sub", other, self)

    def __mul__(self, other: Operand) -> Value:
        return self.fn.binary("mul", self, other)

    def __rmul__(self, other: Operand) -> Value:
        return self.fn.binary("mul", other, self)

    def __truediv__(self, other: Operand) -> Value:
        return self.fn.binary("fdiv", self, other)

    def __rtruediv__(self, other: Operand) -> Value:
        return self.fn.binary("fdiv", other, self)

    def __floordiv__(self, other: Operand) -> Value:
        return self.fn.binary("sdiv", self, other)

    def __mod__(self, other: Operand) -> Value:
        return self.fn.binary("srem", self, other)

    def __and__(self, other: Operand) -> Value:
        return self.fn.binary("and", self, other)

    def __or__(self, other: Operand) -> Value:
        return self.fn.binary("or", self, other)

    def __xor__(self, other: Operand) -> Value:
        return self.fn.binary("xor", self, other)

    def __lshift__(self, other: Operand) -> Value:
        return self.fn.binary("shl", self, other)


class Variable:
    """A mutable local: a stack slot that LLVM's mem2reg turns into registers."""

    __slots__ = ("fn", "type", "slot")

    def __init__(self, fn: Function, type_: str, slot: str) -> None:
        self.fn, self.type, self.slot = fn, type_, slot

    def get(self) -> Value:
        return self.fn.emit(self.type, f"load {self.type}, ptr {self.slot}")

    def set(self, value: Operand) -> None:
        self.fn.line(f"store {self.fn.const(value, self.type)}, ptr {self.slot}")
