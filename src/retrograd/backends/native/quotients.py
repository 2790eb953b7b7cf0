"""Divisions of counts and positions, which are never negative, in kernels."""

from __future__ import annotations

from retrograd.backends.native.ir import Value


def ceil_div(a: Value, b: Value) -> Value:
    """a / b, rounded up."""
    return (a + b - 1) // b


def divide(a: Value, b: Value) -> tuple[Value, Value]:
    """Quotient and remainder."""
    quotient = a // b
    return quotient, a - quotient * b
