"""Kernels that sort: `argsort`; and that search: `searchsorted`.

An element becomes an unsigned key whose order is that of the elements: NaN last, -0 and 0 equal, all reversed in a
descending sort. Short lines, and the first few of long ones, are sorted by insertion; other lines by counting the bytes
of the keys, from the lowest (least-significant-digit radix sort). Both leave equal elements in their order.
"""

from __future__ import annotations

from enum import IntEnum

from retrograd.backends.native.along_axis import pointer_word, stride_words, word
from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.ir import I32, I64, PTR, Function, Module, Value
from retrograd.backends.native.kernel import DTYPE_SIZES, FLOATS
from retrograd.backends.native.loops_memory import load_scalar, memory_type
from retrograd.backends.native.scalar_ops import BITS, UNSIGNED
from retrograd.backends.native.target import Target

# Lines of at most so many elements, and searches for at most so many, go by insertion.
SHORT_LINE = 48
FEW = 64
# A byte has so many values; how often each occurs is counted in 32 bits, so a line may be this long.
_BUCKETS = 256
LONGEST_LINE = (1 << 31) - 1


class SortArg(IntEnum):
    """The argument words of an argsort; strides count elements. A tile is so many lines.

    MEMORY is where a tile sorts, MEMORY_BYTES for each; if it is 0, in scratch memory.
    """

    X = 0
    OUT = 1
    MEMORY = 2
    MEMORY_BYTES = 3
    EXTENT = 4
    COUNT = 5
    INNER = 6
    LINES = 7
    TILE = 8
    X_STRIDES = 9  # outer, axis, inner


class SearchArg(IntEnum):
    """The argument words of a search: `VALUES` values in each line; a tile is so many of all values."""

    SEQUENCE = 0
    VALUES = 1
    OUT = 2
    LENGTH = 3
    PER_LINE = 4
    TOTAL = 5
    TILE = 6


def key_type(dtype: str) -> str:
    return I64 if DTYPE_SIZES[dtype] == 8 else I32


def memory_bytes(dtype: str, extent: int) -> int:
    """What sorting a line by bytes takes: counts, and keys and positions twice."""
    key = DTYPE_SIZES["int64" if key_type(dtype) == I64 else "int32"]
    return _counts_bytes(dtype) + -(-extent // 16) * 16 * 2 * (key + 4)


def fits_scratch(dtype: str, extent: int) -> bool:
    return memory_bytes(dtype, extent) <= SCRATCH_BYTES


def _counts_bytes(dtype: str) -> int:
    return DTYPE_SIZES[dtype] * _BUCKETS * 4


def _key(f: Function, pointer: Value, dtype: str, descending: bool) -> Value:
    """The element at a pointer as an unsigned key."""
    if dtype in FLOATS:
        value = load_scalar(f, pointer, dtype)
        bits = BITS[key_type(dtype)]
        image = f.convert("bitcast", value + 0.0, key_type(dtype))  # + 0 makes a 0 of -0
        # The order of negative numbers is that of their images turned around.
        flipped = image ^ (f.binary("ashr", image, bits - 1) | -(1 << (bits - 1)))
        key = f.select(f.compare("uno", value, value), f.const(-1, flipped.type), flipped)
        return key ^ -1 if descending else key
    key = f.load(pointer, memory_type(dtype))
    if dtype not in UNSIGNED:
        key = key ^ -(1 << (BITS[key.type] - 1))
    if descending:
        key = key ^ -1
    return key if key.type == key_type(dtype) else f.convert("zext", key, I32)


def argsort_module(target: Target, dtype: str, descending: bool, by_insertion: bool) -> Module:
    """`kernel` writes the positions of each line's elements, the first `COUNT` of them, in order."""
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    x, out, memory = (pointer_word(f, number) for number in (SortArg.X, SortArg.OUT, SortArg.MEMORY))
    size, extent, count, inner, lines, tile = (
        word(f, number) for number in range(SortArg.MEMORY_BYTES, SortArg.TILE + 1)
    )
    strides = stride_words(f, SortArg.X_STRIDES)
    given = f.compare("ne", f.convert("ptrtoint", memory, I64), 0)
    own = f.emit(PTR, f"select {given}, {f.offset(memory, f.args[1] * size)}, {f.args[2]}")
    first = f.args[1] * tile
    with f.loop(first, f.minimum(first + tile, lines)) as line:
        o, j = line // inner, line % inner
        start = o * strides[0] + j * strides[2]
        sorter = _Sorter(f, dtype, descending, own, extent, (x, start, strides[1]))
        order = sorter.by_insertion(count) if by_insertion else sorter.by_bytes()
        with f.loop(0, count) as k:
            position = f.convert("sext", f.load(f.at(order, k, I32), I32), I64)
            f.store(position, f.at(out, (o * count + k) * inner + j, I64))
    return module


class _Sorter:
    """Sorts a line in memory of its own, as keys and positions.

    Args:
        line: where its elements are: the array, the first one in it, and the step to the next.
    """

    def __init__(
        self,
        f: Function,
        dtype: str,
        descending: bool,
        memory: Value,
        extent: Value,
        line: tuple[Value, Value, Value],
    ) -> None:
        self.f, self.dtype, self.descending, self.extent, self.line = f, dtype, descending, extent, line
        self.key = key_type(dtype)
        self.counts = memory
        padded = (extent + 15) // 16 * 16
        wide = 8 if self.key == I64 else 4
        keys = f.offset(memory, _counts_bytes(dtype))
        self.keys = (keys, f.offset(keys, padded * wide))
        orders = f.offset(keys, padded * (2 * wide))
        self.orders = (orders, f.offset(orders, padded * 4))

    def _key_at(self, k: Value) -> Value:
        x, start, step = self.line
        element = memory_type(self.dtype)
        return _key(self.f, self.f.at(x, start + k * step, element), self.dtype, self.descending)

    def by_insertion(self, count: Value) -> Value:
        """The positions in order: each element sinks to its place among the `count` first so far, or beyond."""
        f, keys, order = self.f, self.keys[0], self.orders[0]
        filled = f.variable(I64, 0)
        with f.loop(0, self.extent) as k:
            key = self._key_at(k)
            full = f.compare("eq", filled.get(), count)
            last = f.load(f.at(keys, f.maximum(filled.get() - 1, 0), self.key), self.key)
            beyond = full & f.compare("uge", key, last)
            with f.when(beyond ^ True):
                place = f.variable(I64, f.minimum(filled.get(), count - 1))
                with f.repeat() as sinking:
                    sinking.break_if(f.compare("eq", place.get(), 0))
                    before = place.get() - 1
                    other = f.load(f.at(keys, before, self.key), self.key)
                    sinking.break_if(f.compare("ule", other, key))
                    f.store(other, f.at(keys, place.get(), self.key))
                    f.store(f.load(f.at(order, before, I32), I32), f.at(order, place.get(), I32))
                    place.set(before)
                f.store(key, f.at(keys, place.get(), self.key))
                f.store(f.convert("trunc", k, I32), f.at(order, place.get(), I32))
                filled.set(f.minimum(filled.get() + 1, count))
        return order

    def by_bytes(self) -> Value:
        """The positions in order: sorted by each byte of the keys in turn, from the lowest."""
        f = self.f
        self._count()
        keys, other_keys = f.variable(PTR, self.keys[0]), f.variable(PTR, self.keys[1])
        order, other_order = f.variable(PTR, self.orders[0]), f.variable(PTR, self.orders[1])
        for digit in range(DTYPE_SIZES[self.dtype]):
            counts = f.offset(self.counts, digit * _BUCKETS * 4)
            # A byte that is the same in all keys sorts nothing.
            shared = f.load(f.at(counts, self._digit(f.load(keys.get(), self.key), digit), I32), I32)
            with f.when(f.compare("ne", shared, f.convert("trunc", self.extent, I32))):
                self._starts(counts)
                with f.loop(0, self.extent) as k:
                    key = f.load(f.at(keys.get(), k, self.key), self.key)
                    slot = f.at(counts, self._digit(key, digit), I32)
                    at = f.load(slot, I32)
                    f.store(at + 1, slot)
                    place = f.convert("zext", at, I64)
                    f.store(key, f.at(other_keys.get(), place, self.key))
                    f.store(f.load(f.at(order.get(), k, I32), I32), f.at(other_order.get(), place, I32))
                for a, b in ((keys, other_keys), (order, other_order)):
                    before = a.get()
                    a.set(b.get())
                    b.set(before)
        return order.get()

    def _digit(self, key: Value, digit: int) -> Value:
        f = self.f
        byte = f.binary("lshr", key, 8 * digit) & (_BUCKETS - 1)
        return byte if byte.type == I64 else f.convert("zext", byte, I64)

    def _count(self) -> None:
        """Write the keys and positions down, and count how often each byte occurs in each place."""
        f = self.f
        digits = DTYPE_SIZES[self.dtype]
        f.clear(self.counts, digits * _BUCKETS * 4)
        with f.loop(0, self.extent) as k:
            key = self._key_at(k)
            f.store(key, f.at(self.keys[0], k, self.key))
            f.store(f.convert("trunc", k, I32), f.at(self.orders[0], k, I32))
            for digit in range(digits):
                slot = f.at(self.counts, self._digit(key, digit) + digit * _BUCKETS, I32)
                f.store(f.load(slot, I32) + 1, slot)

    def _starts(self, counts: Value) -> None:
        """Make of counts the places where their elements begin."""
        f = self.f
        total = f.variable(I32, 0)
        with f.loop(0, _BUCKETS) as bucket:
            slot = f.at(counts, bucket, I32)
            own = f.load(slot, I32)
            f.store(total.get(), slot)
            total.set(total.get() + own)


def search_module(target: Target, dtype: str, right: bool) -> Module:
    """`kernel` finds by bisection where each value would go in its line's sequence."""
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    sequence, values, out = (pointer_word(f, n) for n in (SearchArg.SEQUENCE, SearchArg.VALUES, SearchArg.OUT))
    length, per_line, total, tile = (word(f, number) for number in range(SearchArg.LENGTH, SearchArg.TILE + 1))
    element = memory_type(dtype)
    # An element that is not beyond the value lies before it; a NaN is beyond nothing.
    before = "ule" if right else "ult"
    if dtype not in FLOATS and dtype not in UNSIGNED:
        before = "sle" if right else "slt"
    first = f.args[1] * tile
    with f.loop(first, f.minimum(first + tile, total)) as i:
        line = i // per_line * length
        value = f.load(f.at(values, i, element), element)
        low, high = f.variable(I64, 0), f.variable(I64, length)
        with f.repeat() as bisecting:
            bisecting.break_if(f.compare("sge", low.get(), high.get()))
            middle = f.binary("lshr", low.get() + high.get(), 1)
            found = f.load(f.at(sequence, line + middle, element), element)
            goes_on = f.compare(before, found, value)
            low.set(f.select(goes_on, middle + 1, low.get()))
            high.set(f.select(goes_on, high.get(), middle))
        f.store(low.get(), f.at(out, i, I64))
    return module
