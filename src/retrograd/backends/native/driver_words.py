"""Building blocks of the driver: words of records, and calls of its functions."""

from __future__ import annotations

from enum import IntEnum

from retrograd.backends.native.ir import I64, PTR, VOID, Function, Module, Value


def at(f: Function, record: Value, word: IntEnum) -> Value:
    return f.at(record, int(word), I64)


def get(f: Function, record: Value, word: IntEnum, type_: str = I64) -> Value:
    return f.load(at(f, record, word), type_)


def external(f: Function, name: str, returns: str, *args: Value) -> Value | None:
    f.module.declare(f"declare {returns} @{name}({', '.join(arg.type for arg in args)})")
    return f.call(Value(f, PTR, f"@{name}"), *args, returns=returns)


def local(f: Function, name: str, *args: Value) -> Value:
    """Call a function of the driver that returns a word."""
    result = f.call(f.module.functions[name], *args, returns=I64)
    assert result is not None
    return result


def do(f: Function, name: str, *args: Value) -> None:
    """Call a function of the driver that returns nothing."""
    f.call(f.module.functions[name], *args)


def internal(module: Module, name: str, params: list[tuple[str, str]], returns: str = VOID) -> Function:
    return module.function(name, params, returns, internal=True)
