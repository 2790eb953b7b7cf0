"""Vector math against wider arithmetic: error in units in the last place, and the edges that IEEE 754 defines."""

from __future__ import annotations

import ctypes
import functools
import math
import os
from collections.abc import Callable

import numpy as np
import pytest

from retrograd.backends.native.compiler import Library, compile_object, host
from retrograd.backends.native.kernel import Instruction, LoopKernel, Operand, args_layout
from retrograd.backends.native.loops import loop_module
from retrograd.backends.native.vmath import MAX_ULP

KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
# Of the 2**32 floats, every so-many-th is tried; 1 tries all of them, which takes minutes.
STEP = int(os.environ.get("RETROGRAD_TEST_FLOAT_STEP", "1009"))
CHUNK = 1 << 22
DTYPES = ("float32", "float64")
ONE_ARGUMENT = sorted(set(MAX_ULP) - {"pow"})
# Wider than double where the platform has it; elsewhere the reference's own rounding adds half a unit.
WIDE = np.longdouble
SLACK = 0.0 if np.finfo(WIDE).nmant > 52 else 0.5

Array = np.ndarray


@functools.cache
def library(op: str, dtype: str, count: int) -> Library:
    operands = [Operand(dtype, "unit", written=False)] * count + [Operand(dtype, "unit", written=True)]
    code = [Instruction("load", dtype, (), number) for number in range(count)]
    code += [Instruction(op, dtype, tuple(range(count))), Instruction("store", dtype, (count,), count)]
    return Library(compile_object(loop_module(host().target, LoopKernel(0, tuple(operands), tuple(code))).text()))


def call(op: str, *inputs: Array) -> Array:
    result = np.empty_like(inputs[0])
    layout = args_layout(LoopKernel(0, (Operand("bool", "unit", written=False),) * (len(inputs) + 1), ()))
    words = np.zeros(layout.words, np.int64)
    words[layout.row_tile], words[layout.col_tile], words[layout.extent(0)] = 1, result.size, result.size
    for number, array in enumerate((*inputs, result)):
        words[layout.pointer(number)] = array.ctypes.data
    KERNEL(library(op, str(result.dtype), len(inputs)).address("kernel"))(words.ctypes.data, 0, None)
    return result


def reference(op: str, *inputs: Array) -> Array:
    """The function in wider arithmetic."""
    with np.errstate(invalid="ignore"):
        wide = [x.astype("float64" if x.dtype == np.float32 else WIDE) for x in inputs]
    if op == "erf":
        return np.array([math.erf(x) for x in inputs[0].ravel().tolist()]).reshape(inputs[0].shape)
    function: Callable[..., Array] = np.power if op == "pow" else getattr(np, op)
    with np.errstate(all="ignore"):
        return function(*wide)


def errors(got: Array, exact: Array) -> Array:
    """In units in the last place of the correctly rounded result; infinite where special values differ."""
    with np.errstate(all="ignore"):
        rounded = exact.astype(got.dtype)
        unit = np.spacing(np.abs(np.where(np.isfinite(rounded), rounded, np.finfo(got.dtype).max)))
        difference = np.abs((got - exact) / unit.astype(exact.dtype)).astype("float64")
    special = ~np.isfinite(got) | ~np.isfinite(rounded)
    # Beside the largest number, infinity is one unit away.
    beside = np.isinf(got) & (np.abs(rounded) == np.finfo(got.dtype).max)
    beside |= np.isinf(rounded) & (np.abs(got) == np.finfo(got.dtype).max)
    same = (got == rounded) | (np.isnan(got) & np.isnan(rounded))
    return np.where(special, np.where(same, 0.0, np.where(beside, 1.0, np.inf)), difference)


def assert_accurate(op: str, *inputs: Array, slack: float = 0.0) -> None:
    found = errors(call(op, *inputs), reference(op, *inputs))
    worst = int(found.argmax())
    at = [float(x[worst]) for x in inputs]
    dtype = str(inputs[0].dtype)
    assert found[worst] <= MAX_ULP[op][DTYPES.index(dtype)] + slack, f"{op}{at}: {found[worst]} ULP in {dtype}"


@pytest.mark.parametrize("op", ONE_ARGUMENT)
def test_single_precision_over_the_whole_range(op: str) -> None:
    for start in range(0, 1 << 32, STEP * CHUNK):
        patterns = np.arange(start, min(start + STEP * CHUNK, 1 << 32), STEP, dtype=np.uint64)
        assert_accurate(op, patterns.astype(np.uint32).view(np.float32))


def edges(dtype: str) -> Array:
    info = np.finfo(dtype)
    sizes = [0, info.smallest_subnormal, 3 * info.smallest_subnormal, info.tiny, info.eps, 0.1, 0.5, 1, 1.5, 2, 3, 5]
    sizes += [1 + info.eps, 1 - info.eps / 2, 87.5, 88.5, 88.73, 103.5, 104.5, 709.5, 709.79, 745, 746, 1e6, info.max]
    sizes += [math.pi / 2, math.pi, 2.0**20, 2.0**23 + 1, 2.0**31, np.inf, np.nan]
    return np.array([*sizes, *(-np.array(sizes))], dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("op", ONE_ARGUMENT)
def test_edges(op: str, dtype: str) -> None:
    x = edges(dtype)
    assert_accurate(op, x, slack=SLACK)
    zero = np.isin(x, 0) & (op not in ("cos", "exp", "exp2", "log", "log2", "log10"))
    np.testing.assert_array_equal(np.signbit(call(op, x)[zero]), np.signbit(x[zero]))


@pytest.mark.parametrize("op", ONE_ARGUMENT)
def test_double_precision(op: str) -> None:
    rng = np.random.default_rng(0)
    parts = [rng.normal(size=20_000) * scale for scale in (1e-9, 1e-3, 0.3, 1.0, 5.0, 300.0)]
    sizes = np.exp(rng.uniform(-740, 709, 20_000))
    with np.errstate(all="ignore"):
        x = np.concatenate([*parts, sizes, -sizes, 1 + np.array(parts[1])])
    # The reference for erf is a double itself, and the wider sine is too coarse for huge arguments.
    if op in ("sin", "cos"):
        x = x[np.abs(x) < 1e15]
    assert_accurate(op, x, slack=max(SLACK, 0.5 * (op == "erf")))


# The exponent k, and sin and cos of 2**k.
LARGE_ANGLES = {
    60: (-0.83064921763725465, -0.55679608227664170),
    200: (-0.47889779970693523, -0.87787066099503300),
    1023: (0.56312777985088401, -0.82636983461414799),
}


@pytest.mark.parametrize("power", LARGE_ANGLES)
def test_large_angles(power: int) -> None:
    x = np.array([2.0**power, 1.0])
    sine, cosine = LARGE_ANGLES[power]
    assert call("sin", x)[0] == pytest.approx(sine, rel=1e-15)
    assert call("cos", x)[0] == pytest.approx(cosine, rel=1e-15)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pow_accuracy(dtype: str) -> None:
    rng = np.random.default_rng(1)
    limit = 88 if dtype == "float32" else 708
    base = np.concatenate([np.exp(rng.uniform(-limit, limit, 50_000)), rng.uniform(0.5, 2, 50_000)]).astype(dtype)
    exponent = (rng.uniform(-1.1, 1.1, base.size) * limit / np.maximum(np.abs(np.log(base)), 1e-3)).astype(dtype)
    assert_accurate("pow", base, exponent, slack=SLACK)
    assert_accurate("pow", base, np.full_like(base, 2), slack=SLACK)
    assert_accurate("pow", -base, np.full_like(base, 3), slack=SLACK)


@pytest.mark.parametrize("dtype", DTYPES)
def test_pow_edges(dtype: str) -> None:
    values = np.array([0, 0.5, 1, 1.5, 2, 3, 4, 2.0**30, 2.0**30 + 1, np.inf], dtype)
    base, exponent = np.meshgrid([*values, *-values, np.nan], [*values, *-values, np.nan])
    base, exponent = base.ravel().astype(dtype), exponent.ravel().astype(dtype)
    got = call("pow", base, exponent)
    with np.errstate(all="ignore"):
        expected = np.power(base, exponent)
    np.testing.assert_allclose(got, expected, rtol=1e-6 if dtype == "float32" else 1e-14)
    sign = ~np.isnan(expected)
    np.testing.assert_array_equal(np.signbit(got[sign]), np.signbit(expected[sign]))
