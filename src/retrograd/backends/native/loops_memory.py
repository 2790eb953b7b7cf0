"""How a loop kernel moves vectors between registers and memory: whole or masked, consecutive or strided."""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.ir import I1, I8, PTR, Function, Value, element_of, vector
from retrograd.backends.native.kernel import DTYPE_SIZES
from retrograd.backends.native.scalar_ops import REGISTER_TYPES
from retrograd.backends.native.vectors import gather, like, scatter


@dataclass(frozen=True)
class Lanes:
    """Where a vector stands: its first column, and which of its lanes are on (all of them without a mask)."""

    column: Value
    mask: Value | None = None


def memory_type(dtype: str) -> str:
    """A bool is a byte in memory and a bit in a register; other types are the same in both."""
    return I8 if dtype == "bool" else REGISTER_TYPES[dtype]


def from_memory(f: Function, value: Value, dtype: str) -> Value:
    return f.compare("ne", value, 0) if dtype == "bool" else value


def to_memory(f: Function, value: Value) -> Value:
    if element_of(value.type) != I1:
        return value
    return f.convert("zext", value, like(value, I8))


def load_scalar(f: Function, pointer: Value, dtype: str) -> Value:
    return from_memory(f, f.load(pointer, memory_type(dtype)), dtype)


def load_lanes(f: Function, pointer: Value, lanes: Lanes, dtype: str, stride: Value | None = None) -> Value:
    """A vector of a row at `pointer`: consecutive elements, or `stride` bytes apart."""
    element = memory_type(dtype)
    type_ = vector(f.module.target.lanes, element)
    if stride is not None:
        value = gather(f, _addresses(f, pointer, lanes.column, stride), lanes.mask, type_)
    elif lanes.mask is not None:
        value = f.masked_load(f.at(pointer, lanes.column, element), lanes.mask, type_)
    else:
        value = f.load(f.at(pointer, lanes.column, element), type_)
    return from_memory(f, value, dtype)


def store_lanes(f: Function, value: Value, pointer: Value, lanes: Lanes, stride: Value | None = None) -> None:
    """The counterpart of `load_lanes`."""
    value = to_memory(f, value)
    if stride is not None:
        scatter(f, value, _addresses(f, pointer, lanes.column, stride), lanes.mask)
        return
    address = f.at(pointer, lanes.column, element_of(value.type))
    if lanes.mask is not None:
        f.masked_store(value, address, lanes.mask)
    else:
        f.store(value, address)


def _addresses(f: Function, pointer: Value, column: Value, stride: Value) -> Value:
    count = f.module.target.lanes
    offsets = f.lane_numbers(count) * f.splat(stride, count)
    return f.emit(vector(count, PTR), f"getelementptr i8, {f.offset(pointer, column * stride)}, {offsets}")


@dataclass(frozen=True)
class Stash:
    """Values of a row kept in scratch memory: for each a row of `columns` elements, whole vectors.

    Attributes:
        dtypes: the kept instructions and the dtypes of their values.
    """

    scratch: Value
    columns: Value
    dtypes: tuple[tuple[int, str], ...]

    def store(self, f: Function, number: int, value: Value, column: Value) -> None:
        """Lanes that are off are written as well, to padding."""
        f.store(to_memory(f, value), self._address(f, number, column))

    def load(self, f: Function, number: int, column: Value) -> Value:
        dtype = dict(self.dtypes)[number]
        type_ = vector(f.module.target.lanes, memory_type(dtype))
        return from_memory(f, f.load(self._address(f, number, column), type_), dtype)

    def _address(self, f: Function, number: int, column: Value) -> Value:
        numbers = [kept for kept, _ in self.dtypes]
        before = sum(DTYPE_SIZES[dtype] for _, dtype in self.dtypes[: numbers.index(number)])
        return f.at(f.offset(self.scratch, self.columns * before), column, memory_type(dict(self.dtypes)[number]))
