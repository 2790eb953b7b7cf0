"""What NumPy computes for want of a native kernel: the list is pinned, so that it can only become shorter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, reject, settings, strategies as st

import retrograd as rg
from retrograd.backends.native.segments import SegmentedProgram, is_native
from retrograd.core.dtype import DTYPES
from retrograd.core.errors import RetrogradError, ShapeError
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import CONTROL_FLOW, PRIMITIVES, record, signature_of
from retrograd.core.types import tensor_type
from retrograd.ops.conv import CONVOLUTION
from retrograd.ops.movement import SLICE, SLICE_PUT
from retrograd.runtime.check import checking
from retrograd.tensor.base import wrap
from tests.support.evaluate import apply
from tests.support.everything import import_everything
from tests.support.fallbacks import FALLBACKS, FLOATS
from tests.support.native_step import run_step, type_of
from tests.support.primitive_table import PRIMITIVE_ROWS

import_everything()
INTEGERS = {"int64", "int32", "int16", "int8", "uint8"}


def _steps() -> Iterator[tuple[str, Step]]:
    """Each case of each primitive, with every dtype that it takes in place of that of its first operand."""
    for row in PRIMITIVE_ROWS:
        for case in row.cases:
            types = [type_of(x) for x in case.inputs]
            for name in sorted(FLOATS | INTEGERS | {"bool"}) if types else [""]:
                replaced = [
                    tensor_type(x.shape, DTYPES[name]) if x.dtype is types[0].dtype and x.shape else x for x in types
                ]
                try:
                    signature = signature_of(PRIMITIVES[row.name], tuple(replaced), case.attributes)
                except RetrogradError:
                    continue
                yield row.name, Step(signature, tuple(range(len(types))))


def test_the_list_of_fallbacks() -> None:
    found: dict[str, set[str]] = {}
    for name, step in _steps():
        if not is_native(step):
            found.setdefault(name, set()).add(step.signature.type.dtype.name)
    assert found == FALLBACKS


def test_which_control_flow_there_is() -> None:
    """Loops of a known length are native; Python leads branches, and loops of an unknown one."""
    assert sorted(CONTROL_FLOW) == ["cond", "scan", "while"]


def _halved_until_small(x: rg.Tensor) -> rg.Tensor:
    return rg.while_loop(lambda x, n: x.sum() > 1, lambda x, n: ((x * x).sin() / 2, n + 1), (x, rg.tensor(0)))[0]


def _chosen(x: rg.Tensor) -> rg.Tensor:
    return rg.cond(x.sum() > 1, lambda x: x.sin().exp(), lambda x: rg.linalg.det(x[:3, :3]) + x, (x,))


@pytest.mark.parametrize("program", [_halved_until_small, _chosen])
@pytest.mark.parametrize("start", [0.01, 0.9])
def test_bodies_of_control_flow_are_native_programs(
    program: Callable[[rg.Tensor], rg.Tensor], start: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    def run(backend: str) -> Any:
        with rg.use_backend(backend):
            return program(rg.linspace(0, start, 33 * 40).reshape(33, 40)).numpy()

    expected = run("reference")
    bodies: list[Graph] = []
    run_body = SegmentedProgram._run_body
    monkeypatch.setattr(
        SegmentedProgram, "_run_body", lambda self, body, arrays: bodies.append(body) or run_body(self, body, arrays)
    )
    np.testing.assert_allclose(run("native"), expected, rtol=1e-5, atol=1e-7)
    assert bodies
    with checking() as checked:
        run("native")
    assert checked.programs and not checked.differences


@pytest.mark.parametrize("name", sorted(INTEGERS | {"bool"}))
@pytest.mark.parametrize("tier", [0, 1])
def test_rows_of_whole_numbers_are_added(name: str, tier: int) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 2 if name == "bool" else 100, (50, 7)).astype(name)
    index = rng.integers(0, 4, 50)
    expected = np.zeros((4, 7), name)
    np.add.at(expected, index, values)
    with rg.use_backend("native", tier):
        (got,) = apply(PRIMITIVES["take_add"], [values, index], ((4, 7),))
    np.testing.assert_array_equal(got, expected)


def test_rows_of_booleans_are_added_in_a_tiny_program() -> None:
    """One kernel computes all of it, with code of its own for each step."""
    values, index = np.array([[True, False], [True, False], [False, True]]), np.array([1, 1, 0])
    with rg.use_backend("native", 1):
        x = wrap(record(PRIMITIVES["take_add"], (rg.tensor(values)._read(), rg.tensor(index)._read()), ((3, 2),)))
        for _ in range(8):
            x = x.logical_not().logical_xor(rg.tensor(True))
        assert [kernel.kernel.split()[0] for kernel in rg.explain(x).kernels] == ["tiny"]
        np.testing.assert_array_equal(x.numpy(), [[False, True], [True, False], [False, False]])


@pytest.mark.parametrize("name", sorted(INTEGERS))
@pytest.mark.parametrize("tier", [0, 1])
def test_greatest_common_divisors(name: str, tier: int) -> None:
    """Of large numbers, of zeros, and of the lowest number, whose magnitude wraps around."""
    rng, info = np.random.default_rng(1), np.iinfo(name)
    edges = np.array([0, 1, 2, 6, info.max, info.min, info.min // 2], name)
    a, b = (x.ravel() for x in np.meshgrid(edges, edges))
    a, b = (np.concatenate([x, rng.integers(info.min, info.max, 333).astype(name)]) for x in (a, b))
    factor = rng.integers(1, 12, a.size).astype(name)
    for x, y in ((a, b), (a * factor, b * factor)):
        np.testing.assert_array_equal(run_step(PRIMITIVES["gcd"], [x, y], (), tier), np.gcd(x, y))


def _any_convolution(data: Any, name: str, spatial: int) -> tuple[list[Any], tuple[Any, ...]]:
    """Operands and attributes, of which not all fit together."""
    extents = partial(st.lists, min_size=spatial, max_size=spatial)
    stride, spread, dilation = (tuple(data.draw(extents(st.integers(1, 3)))) for _ in range(3))
    padding = tuple(data.draw(extents(st.tuples(st.integers(-2, 2), st.integers(-2, 2)))))
    groups, batch, inward, outward = (data.draw(st.integers(low, 2)) for low in (1, 1, 0, 1))
    shapes = (
        (batch, groups * inward, *data.draw(extents(st.integers(0, 5)))),
        (groups * outward, inward, *data.draw(extents(st.integers(1, 3)))),
    )
    rng = np.random.default_rng(data.draw(st.integers(0, 99)))
    arrays = [rng.integers(0, 256, shape).astype(name) for shape in shapes]
    return arrays, (stride, padding, spread, dilation, groups)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow])
@given(st.data(), st.sampled_from(sorted(INTEGERS)), st.integers(1, 4), st.sampled_from([0, 1]))
def test_convolutions_of_whole_numbers(data: Any, name: str, spatial: int, tier: int) -> None:
    arrays, attributes = _any_convolution(data, name, spatial)
    try:
        CONVOLUTION.infer(tuple(map(type_of, arrays)), *attributes)
    except ShapeError:
        reject()
    found = run_step(CONVOLUTION, arrays, attributes, tier)
    np.testing.assert_array_equal(found, CONVOLUTION.reference(*arrays, *attributes))


SHAPES = [((4, 5), (5, 33)), ((2, 3, 7, 40), (2, 3, 40, 1)), ((1, 1), (1, 6)), ((3, 0), (0, 4))]


@pytest.mark.parametrize("name", sorted(INTEGERS | {"bool"}))
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("tier", [0, 1])
def test_products_of_whole_numbers(name: str, shape: tuple[tuple[int, ...], ...], tier: int) -> None:
    rng = np.random.default_rng(1)
    a, b = (rng.integers(0, 256, extents).astype(name) for extents in shape)
    with rg.use_backend("native", tier):
        for x, y in ((rg.tensor(a), rg.tensor(b)), (rg.tensor(a.mT.copy()).mT, rg.tensor(b.mT.copy()).mT)):
            product = record(PRIMITIVES["matmul"], (x._read(), y._read()))
            got = wrap(product).logical_not() if name == "bool" else wrap(product) + 1
            np.testing.assert_array_equal(got.numpy(), ~(a @ b) if name == "bool" else (a @ b) + np.array(1, name))


def _of_nothing() -> list[Any]:
    x, none = rg.arange(12.0).reshape(3, 4), rg.zeros(0, dtype=rg.int64)
    picked = x[none]
    added = x.index_add(0, none, picked)
    return [
        picked, added, x.gather(1, rg.zeros((3, 0), dtype=rg.int64)), picked.cumsum(1), picked.sort(1)[1],
        rg.zeros((0, 3), dtype=rg.int64) @ rg.ones((3, 2), dtype=rg.int64), picked.sum(0) + added.sum(0),
        rg.searchsorted(x[0], rg.zeros(0)), x.scatter(0, rg.zeros((0, 4), dtype=rg.int64), x),
    ]  # fmt: skip


def test_nothing_is_computed_of_nothing() -> None:
    with rg.use_backend("native"):
        for make in range(9):
            kernels = rg.explain(_of_nothing()[make]).kernels
            assert all(kernel.kernel for kernel in kernels), kernels
        with checking() as checked:
            found = [x.tolist() for x in _of_nothing()]
    with rg.use_backend("reference"):
        assert found == [x.tolist() for x in _of_nothing()]
    assert not checked.differences


def test_a_region_that_starts_where_the_program_itself_computes() -> None:
    x, i = rg.arange(10.0), rg.tensor(3)
    part = wrap(record(SLICE, (x._read(), (i + 2)._read()), ((4,), (1,)))) * 2
    assert part.tolist() == [10, 12, 14, 16]
    filled = wrap(record(SLICE_PUT, ((x * 0)._read(), (x[:4] + 1)._read(), (i - 1)._read()), ((1,),)))
    assert (filled + 1).tolist() == [1, 1, 2, 3, 4, 5, 1, 1, 1, 1]
