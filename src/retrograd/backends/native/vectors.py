"""Vector instructions beyond those of the IR builder, for scalars too where that makes sense."""

from __future__ import annotations

from retrograd.backends.native.ir import (
    I1,
    PTR,
    VOID,
    Function,
    Value,
    element_of,
    intrinsic_suffix,
    lanes_of,
    natural_alignment,
    vector,
)


def is_vector(x: Value) -> bool:
    return x.type.startswith("<")


def like(x: Value, element: str) -> str:
    """The type of `x` with another element type."""
    return vector(lanes_of(x.type), element) if is_vector(x) else element


def any_lane(f: Function, condition: Value) -> Value:
    """Whether a condition holds in one lane at least."""
    if not is_vector(condition):
        return condition
    return f.compare("ne", f.convert("bitcast", condition, f"i{lanes_of(condition.type)}"), 0)


def gather(f: Function, addresses: Value, mask: Value | None, type_: str) -> Value:
    """The elements at a vector of addresses; 0 in lanes that are off."""
    mask = mask or f.const(True, vector(lanes_of(type_), I1))
    name = f"llvm.masked.gather.{intrinsic_suffix(type_)}.v{lanes_of(type_)}p0"
    f.module.declare(f"declare {type_} @{name}({addresses.type}, i32 immarg, {mask.type}, {type_})")
    fill = f.const(0, type_)
    return f.emit(type_, f"call {type_} @{name}({addresses}, i32 {natural_alignment(type_)}, {mask}, {fill})")


def scatter(f: Function, value: Value, addresses: Value, mask: Value | None) -> None:
    """Store the lanes that are on to a vector of addresses."""
    mask = mask or f.const(True, vector(lanes_of(value.type), I1))
    name = f"llvm.masked.scatter.{intrinsic_suffix(value.type)}.v{lanes_of(value.type)}p0"
    f.module.declare(f"declare {VOID} @{name}({value.type}, {addresses.type}, i32 immarg, {mask.type})")
    f.line(f"call {VOID} @{name}({value}, {addresses}, i32 {natural_alignment(value.type)}, {mask})")


def table_entry(f: Function, table: str, index: Value, element: str) -> Value:
    """Entry `index` of a constant array of the module, in every lane its own."""
    if not is_vector(index):
        return f.load(f.at(Value(f, PTR, table), index, element), element)
    addresses = f.emit(like(index, PTR), f"getelementptr {element}, ptr {table}, {index}")
    return gather(f, addresses, None, like(index, element_of(element)))
