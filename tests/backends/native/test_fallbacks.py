"""What NumPy computes for want of a native kernel: the list is pinned, so that it can only become shorter."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.native.segments import SegmentedProgram, is_native
from retrograd.core.dtype import DTYPES
from retrograd.core.errors import RetrogradError
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import CONTROL_FLOW, PRIMITIVES, record, signature_of
from retrograd.core.types import tensor_type
from retrograd.runtime.check import checking
from retrograd.tensor.base import wrap
from tests.support.evaluate import apply
from tests.support.native_step import type_of
from tests.support.primitive_table import PRIMITIVE_ROWS

FLOATS = {"float32", "float64"}
INTEGERS = {"int64", "int32", "int16", "int8", "uint8"}
LINALG = (
    "cholesky_factors cofactors det eigh_factors lu_factors matrix_exp qr_factors slogdet_factors solve svd_factors"
).split()
# By primitive: the dtypes of results for which it falls back. Those of 16 bits are computed in float32.
FALLBACKS = {
    **dict.fromkeys(LINALG, FLOATS),
    "convolution": INTEGERS,
    "convolution over four axes": FLOATS | INTEGERS,
    "cumsum": {"bool"},
    "gcd": INTEGERS,
    "recurrence": {"bool"},
    "take_add": {"bool"},
}


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
                many = signature.type.ndim == 6 and "convolution" in row.name
                yield row.name + " over four axes" * many, Step(signature, tuple(range(len(types))))


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


@pytest.mark.parametrize("name", sorted(INTEGERS))
def test_rows_of_whole_numbers_are_added(name: str) -> None:
    rng = np.random.default_rng(0)
    values = rng.integers(0, 100, (50, 7)).astype(name)
    index = rng.integers(0, 4, 50)
    expected = np.zeros((4, 7), name)
    np.add.at(expected, index, values)
    with rg.use_backend("native"):
        (got,) = apply(PRIMITIVES["take_add"], [values, index], ((4, 7),))
    np.testing.assert_array_equal(got, expected)


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
