"""Loop kernels against an interpreter of their specification, bit by bit wherever every operation is exact."""

from __future__ import annotations

import ctypes
import functools
import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from retrograd.backends.native import loops
from retrograd.backends.native.compiler import Library, compile_object, host
from retrograd.backends.native.contract import SCRATCH_BYTES
from retrograd.backends.native.kernel import (
    BINARY,
    COMPARISONS,
    FLOATS,
    INTEGERS,
    UNARY,
    EpilogueLayout,
    Instruction,
    KernelError,
    LoopKernel,
    Operand,
    args_layout,
    tile_count,
    verify,
)
from retrograd.backends.native.vmath import FUNCTIONS

KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
REGION = ctypes.CFUNCTYPE(None, ctypes.c_void_p, *[ctypes.c_int64] * 4, ctypes.c_void_p)
WHOLE = 1 << 40
SIZES = (0, 1, 2, 3, 15, 16, 17, 31, 33, 63, 64, 65, 100, 1000)
DTYPES = ("float32", "float64", "int64", "int32", "int16", "int8", "uint8", "bool")
F32 = "float32"

Array = np.ndarray


# -- running kernels --------------------------------------------------------------------------------------------------


@functools.cache
def library(kernel: LoopKernel) -> Library:
    return Library(compile_object(loops.loop_module(host().target, kernel).text()))


@functools.cache
def scratch() -> tuple[Array, int]:
    memory = np.zeros(SCRATCH_BYTES + 64, np.uint8)
    return memory, -(-memory.ctypes.data // 64) * 64


def words(kernel: LoopKernel, extents: Sequence[int], arrays: Sequence[Array], tiles: tuple[int, int]) -> Array:
    """Argument words for arrays that are views with the extents as their shape."""
    layout = args_layout(kernel)
    row = np.zeros(layout.words, np.int64)
    row[layout.row_tile], row[layout.col_tile] = tiles
    for axis, extent in enumerate(extents):
        row[layout.extent(axis)] = extent
    for number, array in enumerate(arrays):
        assert array.shape == tuple(extents)
        row[layout.pointer(number)] = array.ctypes.data
        for axis, stride in enumerate(array.strides):
            row[layout.stride(number, axis)] = stride
    return row


def run(
    kernel: LoopKernel,
    extents: Sequence[int],
    arrays: Sequence[Array],
    tiles: tuple[int, int] = (WHOLE, WHOLE),
    code: Library | None = None,
) -> None:
    function = KERNEL((code or library(kernel)).address("kernel"))
    row = words(kernel, extents, arrays, tiles)
    # Last tile first: tiles may run in any order.
    for tile in reversed(range(tile_count(kernel, extents, *tiles))):
        function(row.ctypes.data, tile, scratch()[1])


class Builder:
    """Writes a kernel's code: each method returns the number of the instruction that it adds."""

    def __init__(self, *operands: Operand) -> None:
        self.operands = operands
        self.code: list[Instruction] = []

    def __call__(self, op: str, *args: int, dtype: str = F32, attr: object = None) -> int:
        self.code.append(Instruction(op, dtype, args, attr))
        return len(self.code) - 1

    def load(self, number: int) -> int:
        return self("load", dtype=self.operands[number].dtype, attr=number)

    def store(self, value: int, number: int) -> None:
        self("store", value, dtype=self.operands[number].dtype, attr=number)

    def kernel(self, rank: int, reduces: str = "none") -> LoopKernel:
        kernel = LoopKernel(rank, self.operands, tuple(self.code), reduces)
        once = stored_once_a_column(kernel)
        operands = tuple(replace(o, per_column=o.per_column or i in once) for i, o in enumerate(self.operands))
        return replace(kernel, operands=operands)


def read(dtype: str = F32, inner: str = "unit") -> Operand:
    return Operand(dtype, inner, written=False)


def written(dtype: str = F32, inner: str = "unit") -> Operand:
    return Operand(dtype, inner, written=True)


def operation(op: str, dtype: str, source: str, count: int) -> LoopKernel:
    """A kernel of one operation on `count` arrays."""
    b = Builder(*[read(source)] * count, written(dtype))
    b.store(b(op, *[b.load(number) for number in range(count)], dtype=dtype), count)
    return b.kernel(0)


# -- the interpreter --------------------------------------------------------------------------------------------------

UNARY_NUMPY = {"neg": np.negative, "round": np.rint, "not": np.invert, "erf": None}
BINARY_NUMPY = {
    "sub": np.subtract, "mul": np.multiply, "div": np.divide, "and": np.bitwise_and, "or": np.bitwise_or,
    "xor": np.bitwise_xor, "shift_left": np.left_shift, "shift_right": np.right_shift, "eq": np.equal,
    "ne": np.not_equal, "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
}  # fmt: skip
REDUCTION_NUMPY = {"sum": np.add, "prod": np.multiply, "max": np.maximum, "min": np.minimum}


def elementwise(op: str, args: Sequence[Array]) -> Array:
    if op == "select":
        return np.where(*args)
    return (UNARY_NUMPY.get(op) or BINARY_NUMPY.get(op) or getattr(np, op))(*args)


def identity(op: str, dtype: str) -> object:
    if op in ("sum", "prod"):
        return int(op == "prod")
    if dtype == "bool":
        return op == "min"
    limits = (-np.inf, np.inf) if dtype in FLOATS else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    return limits[op == "min"]


def reduce_inner(op: str, values: Array) -> Array:
    """In the order that the kernels state: four vector accumulators, then pairwise, then halving the lanes."""
    combine, lanes = REDUCTION_NUMPY[op], host().target.lanes
    rows, n = values.shape[:-1], values.shape[-1]
    start = identity(op, str(values.dtype))
    total = np.full((*rows, 4, lanes), start, values.dtype)
    padded = np.full((*rows, -(-n // (4 * lanes)) * 4 * lanes), start, values.dtype)
    padded[..., :n] = values
    for block in np.split(padded, max(1, padded.shape[-1] // (4 * lanes)), axis=-1) if n else []:
        on = combine(total, block.reshape(total.shape))
        total = on
    total = combine(combine(total[..., 0, :], total[..., 1, :]), combine(total[..., 2, :], total[..., 3, :]))
    while total.shape[-1] > 1:
        half = total.shape[-1] // 2
        total = combine(total[..., :half], total[..., half:])
    return total


def reduce_outer(op: str, values: Array) -> Array:
    total = np.full_like(
        values[..., :1, :], identity(op, str(values.dtype)), shape=(*values.shape[:-2], 1, values.shape[-1])
    )
    for position in range(values.shape[-2]):
        total = REDUCTION_NUMPY[op](total, values[..., position : position + 1, :])
    return total


def interpret(kernel: LoopKernel, extents: Sequence[int], arrays: Sequence[Array]) -> dict[int, Array]:
    """What the kernel stores, by operand."""
    values: list[Array | None] = []
    stored: dict[int, Array] = {}
    for instruction in kernel.code:
        op, dtype = instruction.op, instruction.dtype
        args = [np.broadcast_to(values[arg], extents) for arg in instruction.args]
        if op == "load":
            value = np.array(arrays[instruction.attr])
        elif op == "store":
            value = stored[instruction.attr] = args[0]
        elif op == "const":
            value = np.asarray(instruction.attr).astype(dtype)
        elif op == "index":
            shape = [-1 if axis == instruction.attr else 1 for axis in range(kernel.rank + 1)]
            value = np.arange(extents[instruction.attr]).reshape(shape)
        elif op == "cast":
            value = args[0].astype(dtype)
        elif op in REDUCTION_NUMPY:
            value = (reduce_inner if kernel.reduces == "inner" else reduce_outer)(op, args[0])
        else:
            value = elementwise(op, args)
        values.append(np.asarray(value, dtype))
    return stored


def assert_same_bits(got: Array, expected: Array) -> None:
    """Equal in every bit, where all NaNs are one."""
    assert got.dtype == expected.dtype and got.shape == expected.shape
    if got.dtype.kind != "f":
        np.testing.assert_array_equal(got, expected)
        return
    nan = np.isnan(expected)
    np.testing.assert_array_equal(np.isnan(got), nan)
    integer = np.int32 if got.dtype == np.float32 else np.int64
    bits = [np.where(nan, 0, np.ascontiguousarray(array).view(integer)) for array in (got, expected)]
    np.testing.assert_array_equal(*bits)


# -- every operation on every dtype -----------------------------------------------------------------------------------


def edges(dtype: str) -> Array:
    if dtype == "bool":
        return np.array([False, True])
    if dtype in INTEGERS:
        low, high = np.iinfo(dtype).min, np.iinfo(dtype).max
        numbers = {low, low + 1, -100, -8, -7, -3, -2, -1, 0, 1, 2, 3, 5, 7, 8, 31, 63, 64, 100, high - 1, high}
        return np.array(sorted(number for number in numbers if low <= number <= high), dtype)
    info = np.finfo(dtype)
    sizes = [0.0, info.smallest_subnormal, info.tiny, info.eps, 0.3, 0.5, 1.0, 1.5, 2.5, 3.0, 7.0, 1e5, 2.0**23 + 1]
    sizes += [2.0**31, 2.0**52 + 1, 1e30, info.max, np.inf]
    return np.array([*sizes, *(-size for size in sizes), np.nan], dtype)


def pairs(values: Array) -> tuple[Array, Array]:
    a, b = np.meshgrid(values, values)
    return a.ravel(), b.ravel()


UNARY_CASES = [(op, d) for op, allowed in UNARY.items() for d in sorted(allowed) if op not in FUNCTIONS]
BINARY_CASES = [(op, d) for op, allowed in BINARY.items() for d in sorted(allowed) if op != "pow"]


@pytest.mark.parametrize(("op", "dtype"), UNARY_CASES)
def test_unary_operations(op: str, dtype: str) -> None:
    values = np.tile(edges(dtype), 3)
    got = np.empty_like(values)
    run(operation(op, dtype, dtype, 1), values.shape, [values, got])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, elementwise(op, [values]))


@pytest.mark.parametrize(("op", "dtype"), BINARY_CASES)
def test_binary_operations(op: str, dtype: str) -> None:
    a, b = pairs(edges(dtype))
    got = np.empty_like(a)
    run(operation(op, dtype, dtype, 2), a.shape, [a, b, got])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, elementwise(op, [a, b]))


@pytest.mark.parametrize("dtype", DTYPES)
def test_comparisons_and_select(dtype: str) -> None:
    a, b = pairs(edges(dtype))
    b_ = Builder(read(dtype), read(dtype), *[written("bool")] * 6, written(dtype))
    x, y = b_.load(0), b_.load(1)
    tests = [b_(op, x, y, dtype="bool") for op in sorted(COMPARISONS)]
    for number, test in enumerate(tests):
        b_.store(test, 2 + number)
    b_.store(b_("select", tests[0], x, y, dtype=dtype), 8)
    got = [np.empty(a.shape, bool) for _ in tests]
    chosen = np.empty_like(a)
    run(b_.kernel(0), a.shape, [a, b, *got, chosen])
    for op, result in zip(sorted(COMPARISONS), got, strict=True):
        np.testing.assert_array_equal(result, elementwise(op, [a, b]))
    np.testing.assert_array_equal(chosen, np.where(got[0], a, b))


@pytest.mark.parametrize("source", DTYPES)
def test_casts(source: str) -> None:
    values = np.tile(edges(source), 3)
    b = Builder(read(source), *(written(target) for target in DTYPES))
    x = b.load(0)
    for number, target in enumerate(DTYPES):
        b.store(b("cast", x, dtype=target), 1 + number)
    got = [np.empty(values.shape, target) for target in DTYPES]
    run(b.kernel(0), values.shape, [values, *got])
    for target, result in zip(DTYPES, got, strict=True):
        with np.errstate(all="ignore"):
            defined, whole = np.ones(values.shape, bool), values
            if source in FLOATS and target in INTEGERS:
                defined = np.abs(values) < float(np.iinfo("int32" if target != "int64" else target).max)
                # What is beyond a small integer wraps around, also where NumPy leaves that to the CPU.
                whole = np.where(defined, values, 0).astype("int64")
            np.testing.assert_array_equal(result[defined], whole[defined].astype(target))


@pytest.mark.parametrize("dtype", sorted(INTEGERS))
def test_integer_powers(dtype: str) -> None:
    base, exponent = pairs(edges(dtype))
    got = np.empty_like(base)
    run(operation("pow", dtype, dtype, 2), base.shape, [base, exponent, got])
    down = exponent < 0
    np.testing.assert_array_equal(got[~down], base[~down] ** exponent[~down])
    inverse = np.where(base == 1, 1, np.where(base == -1, 1 - 2 * (exponent & 1).astype(int), 0))
    np.testing.assert_array_equal(got[down], inverse[down])


@pytest.mark.parametrize(("value", "dtype"), [(1e39, F32), (-1, "uint8"), (300, "int8"), (0.1, F32), (2, "bool")])
def test_constants_are_rounded_and_wrapped(value: float, dtype: str) -> None:
    b = Builder(written(dtype))
    b.store(b("const", dtype=dtype, attr=value), 0)
    got = np.zeros(5, dtype)
    run(b.kernel(0), got.shape, [got])
    with np.errstate(all="ignore"):
        np.testing.assert_array_equal(got, np.full(5, value).astype(dtype))


# -- random kernels ---------------------------------------------------------------------------------------------------

EXACT_UNARY = ("neg", "abs", "sign", "floor", "ceil", "round", "trunc", "sqrt", "not")
EXACT_BINARY = ("add", "sub", "mul", "div", "maximum", "minimum", "and", "or", "xor", "shift_right")
RANDOM_DTYPES = ("float32", "float64", "int64", "int32", "uint8", "bool")


@st.composite
def kernels(draw: st.DrawFn) -> LoopKernel:
    reduces = draw(st.sampled_from(("none", "inner", "outer")))
    rank = draw(st.integers(1 if reduces == "outer" else 0, 3))
    inner = st.sampled_from(("unit", "zero", "strided"))
    operands = [read(draw(st.sampled_from(RANDOM_DTYPES)), draw(inner)) for _ in range(draw(st.integers(1, 3)))]
    b = Builder(*operands)
    for number in range(len(operands)):
        b.load(number)
    b("const", dtype=operands[0].dtype, attr=draw(st.integers(0, 3)))
    b("index", dtype="int64", attr=draw(st.integers(0, rank)))
    for _ in range(draw(st.integers(2, 10))):
        _draw_instruction(draw, b, reduces)
    values = list(range(len(b.code)))
    for value in draw(st.lists(st.sampled_from(values[len(operands) :]), min_size=1, max_size=3, unique=True)):
        b.operands = (*b.operands, written(b.code[value].dtype, draw(st.sampled_from(("unit", "strided")))))
        b.store(value, len(b.operands) - 1)
    return b.kernel(rank, reduces)


def _draw_instruction(draw: st.DrawFn, b: Builder, reduces: str) -> None:
    first = draw(st.integers(0, len(b.code) - 1))
    dtype = b.code[first].dtype
    second = draw(st.sampled_from([i for i, instruction in enumerate(b.code) if instruction.dtype == dtype]))
    kind = draw(st.sampled_from(("unary", "binary", "binary", "compare", "select", "cast", "reduce", "reduce")))
    bools = [i for i, instruction in enumerate(b.code) if instruction.dtype == "bool"]
    if kind == "unary" and (ops := [op for op in EXACT_UNARY if dtype in UNARY[op]]):
        b(draw(st.sampled_from(ops)), first, dtype=dtype)
    elif kind == "binary":
        ops = [op for op in EXACT_BINARY if dtype in BINARY[op]]
        b(draw(st.sampled_from(ops)), first, second, dtype=dtype)
    elif kind == "compare":
        b(draw(st.sampled_from(sorted(COMPARISONS))), first, second, dtype="bool")
    elif kind == "select" and bools:
        b("select", draw(st.sampled_from(bools)), first, second, dtype=dtype)
    elif kind == "reduce" and reduces != "none":
        ops = ("max", "min") if dtype == "bool" else ("sum", "prod", "max", "min")
        b(draw(st.sampled_from(ops)), first, dtype=dtype)
    else:
        b("cast", first, dtype=draw(st.sampled_from(("float32", "float64", "bool"))))


def random_array(rng: np.random.Generator, dtype: str, extents: Sequence[int], inner: str) -> Array:
    shape = [*extents]
    if inner == "zero":
        shape[-1] = 1
    if inner == "strided":
        shape[-1] *= 3
    values = rng.integers(0, 5, shape) if dtype != "bool" else rng.integers(0, 2, shape)
    values = values + (rng.integers(-8, 8, shape) / 8 if dtype in FLOATS else 0)
    array = values.astype(dtype)
    return array[..., ::3] if inner == "strided" else np.broadcast_to(array, extents)


def stored_once_a_column(kernel: LoopKernel) -> set[int]:
    """Operands that an outer reduction stores once a column: nothing they depend on moves along the reduced axis."""
    swept: list[bool] = []
    once = set()
    for instruction in kernel.code:
        moves = any(swept[arg] for arg in instruction.args)
        if instruction.op == "load":
            moves = True
        elif instruction.op == "index":
            moves = instruction.attr == kernel.rank - 1
        elif instruction.op in REDUCTION_NUMPY:
            moves = False
        elif instruction.op == "store" and not moves and kernel.reduces == "outer":
            once.add(instruction.attr)
        swept.append(moves)
    return once


@settings(max_examples=80, deadline=None, derandomize=True)
@given(kernel=kernels(), data=st.data())
def test_random_kernels(kernel: LoopKernel, data: st.DataObject) -> None:
    rng = np.random.default_rng(data.draw(st.integers(0, 1000)))
    once = stored_once_a_column(kernel)
    for n in data.draw(st.lists(st.sampled_from(SIZES), min_size=2, max_size=4)):
        extents = [*data.draw(st.lists(st.integers(1, 4), min_size=kernel.rank, max_size=kernel.rank)), n]
        inputs = [random_array(rng, o.dtype, extents, o.inner) for o in kernel.operands if not o.written]
        outputs = []
        for number in range(len(inputs), len(kernel.operands)):
            operand = kernel.operands[number]
            shape = [*extents[:-2], 1, n] if number in once else extents
            step = 3 if operand.inner == "strided" else 1
            memory = np.zeros([*shape[:-1], n * step], operand.dtype)[..., ::step]
            strides = [*memory.strides]
            if number in once:
                strides[-2] = 0
            outputs.append(np.lib.stride_tricks.as_strided(memory, extents, strides))
        tiles = data.draw(st.sampled_from([(WHOLE, WHOLE), (2, 48), (1, 5)]))
        with np.errstate(all="ignore"):
            expected = interpret(kernel, extents, [*inputs, *outputs])
        run(kernel, extents, [*inputs, *outputs], tiles)
        for number, output in enumerate(outputs, len(inputs)):
            assert_same_bits(output, np.ascontiguousarray(expected[number]))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("reduces", ["inner", "outer"])
def test_reductions_of_every_size(dtype: str, reduces: str) -> None:
    ops = ("max", "min") if dtype == "bool" else ("sum", "prod", "max", "min")
    b = Builder(read(dtype), *[written(dtype, "zero" if reduces == "inner" else "unit")] * len(ops))
    x = b.load(0)
    for number, op in enumerate(ops):
        b.store(b(op, x, dtype=dtype), 1 + number)
    kernel = b.kernel(1, reduces)
    rng = np.random.default_rng(0)
    for n in SIZES:
        shape = (3, n) if reduces == "inner" else (n, 20)
        values = random_array(rng, dtype, shape, "unit")
        kept = (3, 1) if reduces == "inner" else (1, 20)
        outputs = [np.zeros(kept, dtype) for _ in ops]
        run(kernel, shape, [values, *(np.broadcast_to(output, shape) for output in outputs)])
        for op, output in zip(ops, outputs, strict=True):
            with np.errstate(all="ignore"):
                expected = reduce_inner(op, values) if reduces == "inner" else reduce_outer(op, values)
            assert_same_bits(output, expected.reshape(kept))


def test_nan_propagates_through_max_and_min() -> None:
    b = Builder(read(), written(inner="zero"), written(inner="zero"))
    x = b.load(0)
    b.store(b("max", x), 1)
    b.store(b("min", x), 2)
    kernel = b.kernel(1, "inner")
    for position in range(40):
        values = np.arange(40, dtype=F32).reshape(1, 40)
        values[0, position] = np.nan
        results = [np.zeros((1, 1), F32) for _ in range(2)]
        run(kernel, values.shape, [values, *(np.broadcast_to(result, values.shape) for result in results)])
        assert np.isnan(results).all()


# -- kernels as people fuse them --------------------------------------------------------------------------------------


def softmax() -> LoopKernel:
    b = Builder(read(), written())
    x = b.load(0)
    e = b("exp", b("sub", x, b("max", x)))
    b.store(b("div", e, b("sum", e)), 1)
    return b.kernel(1, "inner")


def cross_entropy() -> LoopKernel:
    """Loss of each row and gradient of the logits, from logits and labels."""
    b = Builder(read(), read("int64", "zero"), written(inner="zero"), written())
    x, label = b.load(0), b.load(1)
    shifted = b("sub", x, b("max", x))
    e = b("exp", shifted)
    total = b("sum", e)
    hit = b("eq", b("index", dtype="int64", attr=1), label, dtype="bool")
    zero, one = b("const", attr=0.0), b("const", attr=1.0)
    picked = b("sum", b("select", hit, shifted, zero))
    b.store(b("sub", b("log", total), picked), 2)
    b.store(b("sub", b("div", e, total), b("select", hit, one, zero)), 3)
    return b.kernel(1, "inner")


def normalise(reduces: str, count: int, *, running: bool = False) -> LoopKernel:
    """(x - mean) / sqrt(variance + 1e-5), and a running mean of the columns."""
    state = (Operand(F32, "unit", written=True, per_column=True),) if running else ()
    b = Builder(read(), written(), *state)
    x, n = b.load(0), b("const", attr=float(count))
    mean = b("div", b("sum", x), n)
    centred = b("sub", x, mean)
    variance = b("div", b("sum", b("mul", centred, centred)), n)
    b.store(b("div", centred, b("sqrt", b("add", variance, b("const", attr=1e-5)))), 1)
    if running:
        half = b("const", attr=0.5)
        b.store(b("add", b("mul", b.load(2), half), b("mul", mean, half)), 2)
    return b.kernel(1, reduces)


@pytest.mark.parametrize("n", SIZES[1:])
def test_softmax_cross_entropy(n: int) -> None:
    rng = np.random.default_rng(n)
    x = rng.normal(size=(7, n)).astype(F32) * 5
    labels = rng.integers(0, n, (7, 1))
    loss, gradient = np.zeros((7, 1), F32), np.zeros_like(x)
    spread = [np.broadcast_to(array, x.shape) for array in (labels, loss)]
    run(cross_entropy(), x.shape, [x, *spread, gradient], (3, WHOLE))
    e = np.exp(x.astype("float64") - x.max(1, keepdims=True))
    p = e / e.sum(1, keepdims=True)
    np.testing.assert_allclose(loss, -np.log(np.take_along_axis(p, labels, 1)), rtol=2e-6, atol=2e-6)
    np.testing.assert_allclose(gradient, p - (np.arange(n) == labels), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("reduces", ["inner", "outer"])
@pytest.mark.parametrize("n", [1, 17, 64, 100, 1000])
def test_normalisation(reduces: str, n: int) -> None:
    axis = 1 if reduces == "inner" else 0
    shape = (9, n) if reduces == "inner" else (n, 37)
    x = np.random.default_rng(n).normal(size=shape).astype(F32) + 3
    y, statistics = np.zeros_like(x), np.full((1, shape[1]), 8.0, F32)
    running = reduces == "outer"
    arrays = [x, y, np.broadcast_to(statistics, shape)] if running else [x, y]
    run(normalise(reduces, n, running=running), shape, arrays, (2, 24))
    mean, deviation = x.astype("float64").mean(axis, keepdims=True), x.astype("float64").std(axis, keepdims=True)
    np.testing.assert_allclose(y, (x - mean) / np.sqrt(deviation**2 + 1e-5), rtol=1e-4, atol=1e-4)
    if running:
        np.testing.assert_allclose(statistics, 4 + mean / 2, rtol=1e-5)


def test_updates_in_place() -> None:
    """A store waits for the last pass that loads: both operands are one array."""
    for kernel, shape in ((softmax(), (5, 100)), (normalise("outer", 30), (30, 50))):
        x = np.random.default_rng(1).normal(size=shape).astype(F32)
        apart, together = np.zeros_like(x), x.copy()
        run(kernel, shape, [x, apart])
        run(kernel, shape, [together, together])
        assert_same_bits(together, apart)


def test_an_early_store_waits_for_later_loads() -> None:
    b = Builder(read(), written(), written(inner="zero"))
    x = b.load(0)
    b.store(b("add", x, b("const", attr=1.0)), 1)
    total = b("sum", x)
    b.store(b("sum", b("mul", x, total)), 2)
    x = np.arange(40, dtype=F32).reshape(2, 20)
    inputs, result = x.copy(), np.zeros((2, 1), F32)
    run(b.kernel(1, "inner"), x.shape, [inputs, inputs, np.broadcast_to(result, x.shape)])
    np.testing.assert_array_equal(inputs, x + 1)
    np.testing.assert_array_equal(result, x.sum(1, keepdims=True) ** 2)


# -- the same bits, however it is computed ----------------------------------------------------------------------------


@pytest.mark.parametrize("op", sorted(set(FUNCTIONS) - {"pow"}))
def test_vectors_tails_and_row_values_agree(op: str) -> None:
    rng = np.random.default_rng(0)
    x = np.abs(rng.normal(size=(50, 37))).astype(F32) * 3
    y, by_row = np.zeros_like(x), np.zeros_like(x)
    b = Builder(read(), written())
    b.store(b(op, b.load(0)), 1)
    run(b.kernel(1), x.shape, [x, y])
    reference = y.copy()
    for column in range(0, 37, 6):
        run(b.kernel(1), (50, 1), [x[:, column : column + 1], y[:, column : column + 1]])
    assert_same_bits(y, reference)
    b = Builder(read(inner="zero"), written())
    b.store(b(op, b.load(0)), 1)
    for column in range(37):
        run(b.kernel(1), x.shape, [np.broadcast_to(x[:, column : column + 1], x.shape), by_row])
        assert_same_bits(by_row, np.repeat(reference[:, column : column + 1], 37, axis=1))


@pytest.mark.parametrize("make", [softmax, functools.partial(normalise, "inner", 100)])
def test_tiles_and_strides_change_no_bit(make: object) -> None:
    kernel = make()
    x = np.random.default_rng(2).normal(size=(11, 100)).astype(F32)
    expected = np.zeros_like(x)
    run(kernel, x.shape, [x, expected])
    for row_tile in (1, 2, 5, 11):
        got = np.zeros_like(x)
        run(kernel, x.shape, [x, got], (row_tile, WHOLE))
        assert_same_bits(got, expected)
    strided = LoopKernel(1, (read(inner="strided"), written(inner="strided")), kernel.code, kernel.reduces)
    memory = np.zeros((100, 11), F32).T
    run(strided, x.shape, [np.asfortranarray(x), memory])
    assert_same_bits(memory, expected)


def test_column_tiles_of_outer_reductions_change_no_bit() -> None:
    x = np.random.default_rng(3).normal(size=(23, 150)).astype(F32)
    kernel = normalise("outer", 23)
    expected = np.zeros_like(x)
    run(kernel, x.shape, [x, expected])
    for col_tile in (1, 7, 16, 40, 64, 149):
        got = np.zeros_like(x)
        run(kernel, x.shape, [x, got], (1, col_tile))
        assert_same_bits(got, expected)


def test_keeping_values_in_scratch_changes_no_bit(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = cross_entropy()
    monkeypatch.setattr(loops, "SCRATCH_BYTES", 0)
    recomputing = Library(compile_object(loops.loop_module(host().target, kernel).text()))
    x = np.random.default_rng(4).normal(size=(3, 333)).astype(F32)
    labels = np.broadcast_to(np.array([[1], [0], [332]]), x.shape)
    results = []
    for code in (None, recomputing):
        loss, gradient = np.zeros((3, 1), F32), np.zeros_like(x)
        run(kernel, x.shape, [x, labels, np.broadcast_to(loss, x.shape), gradient], code=code)
        results.append((loss, gradient))
    for kept, computed in zip(*results, strict=True):
        assert_same_bits(kept, computed)


def test_rows_too_long_for_scratch() -> None:
    n = SCRATCH_BYTES // 4 + 100
    x = np.zeros((1, n), F32)
    y = np.zeros_like(x)
    run(softmax(), x.shape, [x, y])
    np.testing.assert_allclose(y, 1 / n, rtol=1e-6)


def test_other_instructions_change_no_bit() -> None:
    x = np.random.default_rng(5).normal(size=(4, 90)).astype(F32)
    alone = np.zeros_like(x)
    run(softmax(), x.shape, [x, alone])
    b = Builder(read(), written(), written("float64"))
    value = b.load(0)
    twice = b("cast", b("tanh", b("add", value, value)), dtype="float64")
    b.store(twice, 2)
    e = b("exp", b("sub", value, b("max", value)))
    b("mul", b("sum", b("erf", value)), value)
    b.store(b("div", e, b("sum", e)), 1)
    fused, other = np.zeros_like(x), np.zeros(x.shape)
    run(b.kernel(1, "inner"), x.shape, [x, fused, other])
    assert_same_bits(fused, alone)


# -- beside a matrix multiplication -----------------------------------------------------------------------------------


def test_epilogue() -> None:
    batch0, batch1, m, n, tile_m, tile_n = 2, 3, 21, 37, 8, 16
    product = np.random.default_rng(6).normal(size=(batch0, batch1, m, n)).astype(F32)
    memory, bias, result = np.zeros_like(product), np.arange(n, dtype=F32), np.zeros_like(product)
    b = Builder(read(), read(), written())
    b.store(b("maximum", b("add", b.load(0), b.load(1)), b("const", attr=0.0)), 2)
    kernel = b.kernel(1)
    layout = EpilogueLayout(3)
    blocks = (batch0, batch1, -(-m // tile_m), -(-n // tile_n))

    def multiply(args: int, tile: int, scratch_: int) -> None:
        assert args == 4711
        assert scratch_ == scratch()[1]
        i0, i1, mi, ni = np.unravel_index(tile, blocks)
        part = (i0, i1, slice(mi * tile_m, (mi + 1) * tile_m), slice(ni * tile_n, (ni + 1) * tile_n))
        memory[part] = product[part]

    gemm = KERNEL(multiply)
    row = np.zeros(layout.words, np.int64)
    row[layout.gemm_kernel], row[layout.gemm_args] = ctypes.cast(gemm, ctypes.c_void_p).value, 4711
    row[layout.rows], row[layout.columns], row[layout.row_tile], row[layout.col_tile] = m, n, tile_m, tile_n
    row[layout.batch1] = batch1
    for number, array in enumerate((memory, np.broadcast_to(bias, product.shape), result)):
        row[layout.pointer(number)] = array.ctypes.data
        row[layout.batch_stride(number, 0)], row[layout.batch_stride(number, 1)] = array.strides[:2]
        row[layout.row_stride(number)], row[layout.inner_stride(number)] = array.strides[2:]
    code = Library(compile_object(loops.epilogue_module(host().target, kernel).text()))
    for tile in np.random.default_rng(0).permutation(np.prod(blocks)):
        KERNEL(code.address("kernel"))(row.ctypes.data, int(tile), scratch()[1])
    assert_same_bits(result, np.maximum(product + bias, 0))


@pytest.mark.parametrize("rank", [0, 1, 2])
def test_region(rank: int) -> None:
    extents = (3, 5, 41)[2 - rank :]
    rows = int(np.prod(extents[:-1]))
    x = np.random.default_rng(7).normal(size=extents).astype(F32)
    b = Builder(read(), written())
    b.store(b("mul", b.load(0), b("cast", b("index", dtype="int64", attr=rank))), 1)
    kernel = b.kernel(rank)
    code = Library(compile_object(loops.region_module(host().target, kernel).text()))
    row = words(kernel, extents, [x, x], (0, 0))
    expected = (x * np.arange(41, dtype=F32)).reshape(rows, 41)
    for row0, row1, column0, column1 in itertools.product((0, rows // 2), (rows,), (0, 3), (20, 41)):
        got = np.zeros((row1 - row0, column1 - column0), F32)
        REGION(code.address("kernel"))(row.ctypes.data, row0, row1, column0, column1, got.ctypes.data)
        assert_same_bits(got, expected[row0:row1, column0:column1].copy())


# -- the specification ------------------------------------------------------------------------------------------------


def test_dump() -> None:
    assert str(operation("neg", F32, F32, 1)).splitlines() == [
        "kernel rank=0 reduces=none",
        "  operand 0: float32 unit",
        "  operand 1: float32 unit written",
        "  %0 = load float32 [0]",
        "  %1 = neg float32 %0",
        "  %2 = store float32 %1 [1]",
    ]


LOAD, NEG = Instruction("load", F32, (), 0), Instruction("neg", F32, (0,))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ((Instruction("load", F32, (), 5),), "no operand 5"),
        ((Instruction("load", "int8", (), 0),), "is float32, not int8"),
        ((NEG, LOAD), "not an earlier instruction"),
        ((LOAD, Instruction("store", F32, (0,), 0)), "not written"),
        ((LOAD, Instruction("sum", F32, (0,))), "reduces nothing"),
        ((LOAD, Instruction("neg", "int32", (0,))), "arguments are"),
        ((LOAD, Instruction("and", F32, (0, 0))), "not defined on float32"),
        ((LOAD, Instruction("add", F32, (0,))), "takes 2 arguments"),
        ((Instruction("index", "int64", (), 1),), "no such axis"),
        ((Instruction("gamma", F32),), "unknown operation"),
    ],
)
def test_the_verifier_names_what_is_wrong(code: tuple[Instruction, ...], reason: str) -> None:
    with pytest.raises(KernelError, match=reason):
        verify(LoopKernel(0, (read(),), code))


def test_a_row_value_is_needed_for_a_zero_stride() -> None:
    b = Builder(read(), written(inner="zero"))
    b.store(b.load(0), 1)
    with pytest.raises(KernelError, match="zero stride"):
        loops.loop_module(host().target, b.kernel(1, "inner"))
