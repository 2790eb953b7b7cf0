"""Bounds of differences: they hold for every primitive, and they are not wide."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.definition import run_step
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import PRIMITIVES, Primitive, signature_of
from retrograd.runtime.check import checking
from retrograd.runtime.tolerance import allowed_difference, exceeds
from tests.support.backends import needs_native
from tests.support.evaluate import apply
from tests.support.native_step import single_step, type_of
from tests.support.primitive_table import PRIMITIVE_ROWS
from tests.support.table import Case

Array = np.ndarray[Any, Any]


@pytest.fixture(autouse=True)
def backend() -> Iterator[None]:
    """In place of both: the reference cannot differ from itself."""
    with rg.use_backend("native"):
        yield


def _single(x: Array) -> Array:
    return x.astype(np.float32) if x.dtype == np.float64 else x


def _step(name: str, args: list[Array], attributes: tuple[Any, ...] = ()) -> Step:
    graph: Graph = single_step(PRIMITIVES[name], [type_of(x) for x in args], attributes)
    return graph.steps[0]


def _allowed(name: str, args: list[Array], attributes: tuple[Any, ...] = ()) -> tuple[Array, Array]:
    """What a primitive makes of arrays, and how far from it is allowed."""
    step = _step(name, args, attributes)
    (expected,) = run_step(step, args)
    return expected, np.broadcast_to(allowed_difference(step, args, expected), expected.shape)


# Bits of doubles are not those of floats.
CASES = [
    pytest.param(PRIMITIVES[row.name], case, id=f"{row.name}-{i}")
    for row in PRIMITIVE_ROWS
    if row.name != "bitcast"
    for i, case in enumerate(row.cases)
]


@needs_native
@pytest.mark.parametrize(("primitive", "case"), CASES)
def test_every_primitive_is_within_its_bound(primitive: Primitive, case: Case) -> None:
    with checking() as checked:
        apply(primitive, case.inputs, case.attributes)
        apply(primitive, [_single(x) for x in case.inputs], case.attributes)
    assert checked.differences == []


@pytest.mark.parametrize(("primitive", "case"), CASES)
def test_no_bound_hides_an_error_of_one_in_a_thousand(primitive: Primitive, case: Case) -> None:
    if any(x.dtype == np.float64 for x in case.inputs):
        args = [_single(x) for x in case.inputs]
        step = Step(signature_of(primitive, tuple(type_of(x) for x in args), case.attributes), ())
        (expected,) = run_step(step, args)
        if expected.dtype == np.float32 and np.isfinite(expected).all() and expected.any():
            allowed = allowed_difference(step, args, expected)
            assert exceeds(expected * np.float32(1.001), expected, allowed).any()


def test_sums_by_the_number_of_terms_and_their_magnitude() -> None:
    x = np.array([[1.0, -1.0, 3.0, -3.0]], np.float32)
    expected, allowed = _allowed("sum", [x], ((1,),))
    eps = float(np.finfo(np.float32).eps)
    assert expected.item() == 0 and allowed.item() == pytest.approx((4 + 4) * eps * 8)


def test_products_of_matrices_by_their_depth() -> None:
    a, b = np.full((2, 5), -2.0, np.float32), np.full((5, 3), 0.5, np.float32)
    _, allowed = _allowed("matmul", [a, b])
    np.testing.assert_allclose(allowed, (4 + 5) * np.finfo(np.float32).eps * 5, rtol=1e-6)


def test_functions_by_units_in_the_last_place() -> None:
    x = np.array([0.0, 1.0, 100.0, -100.0], np.float64)
    expected, allowed = _allowed("exp", [x])
    np.testing.assert_array_equal(allowed, 5 * np.spacing(expected))


@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "maximum", "lt"])
def test_arithmetic_of_two_numbers_is_exact(name: str) -> None:
    x = np.array([1.5, np.nan], np.float32)
    assert not _allowed(name, [x, x])[1].any()


def test_casts_of_what_no_integer_is() -> None:
    x = np.array([1.5, np.nan, np.inf, 200.0, -129.0, -128.9, 127.9], np.float32)
    _, allowed = _allowed("cast", [x], ("int8",))
    np.testing.assert_array_equal(np.isinf(allowed), [False, True, True, True, True, False, False])


@pytest.mark.parametrize(
    ("made", "expected", "allowed", "wrong"),
    [
        (1.0, 1.0, 0.0, False),
        (-0.0, 0.0, 0.0, False),
        (np.nan, np.nan, 0.0, False),
        (np.nan, 1.0, np.inf, True),
        (1.0, np.nan, 5.0, True),
        (np.inf, np.inf, 0.0, False),
        (np.inf, -np.inf, 1e30, True),
        (np.inf, 3e38, 1e30, True),
        (1.0, 1.5, 0.5, False),
        (1.0, 1.5, 0.4, True),
    ],
)
def test_what_exceeds_a_bound(made: float, expected: float, allowed: float, wrong: bool) -> None:
    for dtype in (np.float32, np.float64):
        found = exceeds(np.array(made, dtype), np.array(expected, dtype), allowed)
        assert bool(found) == wrong


def test_integers_and_booleans_are_the_same_or_wrong() -> None:
    a, b = np.array([2**62, 2]), np.array([2**62 + 1, 2])
    assert exceeds(a, b, 0.0).tolist() == [True, False]
    assert exceeds(a > 3, b > 1, 0.0).tolist() == [False, True]
