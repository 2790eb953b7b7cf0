"""Extents: what is computed and decided by them holds at all values for which the guards hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import assume, given, strategies as st

from retrograd.core.extent import Extent, about, computed, extents_in, with_numbers
from retrograd.core.guards import Guards

_OPERATIONS: dict[str, Callable[[Any, Any], Any]] = {
    "add": lambda a, b: a + b,
    "sub": lambda a, b: a - b,
    "mul": lambda a, b: a * b,
    "div": lambda a, b: a // b if b != 0 else a,
    "mod": lambda a, b: a % b if b != 0 else b,
    "max": max,
    "min": min,
    "neg": lambda a, b: -a,
    "abs": lambda a, b: abs(a) + b,
    "less": lambda a, b: int(a < b),
    "at_most": lambda a, b: int(a <= b),
    "greater": lambda a, b: a if a > b else b + 1,
    "at_least": lambda a, b: int(a >= b),
    "equal": lambda a, b: a + 1 if a == b else b,
    "different": lambda a, b: int(a != b),
    "truth": lambda a, b: a if b else b,
    "escape": lambda a, b: list(range(-3, 3))[a % 3] + b,
    "power": lambda a, b: (a % 5) ** 2 + b,
    "choice": lambda a, b: a if b in (0, 1, 7) else b,
    "even_part": lambda a, b: -(-a // max(-(-a // max(b, 1)), 1)),
}

_steps = st.lists(
    st.tuples(st.sampled_from(sorted(_OPERATIONS)), st.integers(0, 30), st.integers(0, 30)), min_size=1, max_size=12
)
_small = st.integers(-40, 300)


def _run(steps: list[tuple[str, int, int]], symbols: list[Any], constants: list[int]) -> list[Any]:
    values = [*symbols, *constants]
    for name, i, j in steps:
        values.append(_OPERATIONS[name](values[i % len(values)], values[j % len(values)]))
        assume(abs(values[-1].value if isinstance(values[-1], Extent) else values[-1]) < 1 << 200)
    return values


@given(_steps, st.tuples(_small, _small), st.lists(_small, max_size=3), st.lists(st.tuples(_small, _small), max_size=8))
def test_a_program_replayed_at_values_for_which_its_guards_hold_gives_what_its_expressions_say(
    steps: list[tuple[str, int, int]],
    first: tuple[int, int],
    constants: list[int],
    others: list[tuple[int, int]],
) -> None:
    guards = Guards()
    symbolic = _run(steps, [guards.symbol(value) for value in first], constants)
    assert [v.value if isinstance(v, Extent) else v for v in symbolic] == _run(steps, list(first), constants)
    assert guards.hold(first)
    evaluate = guards.compiled(symbolic)
    # Values nearby as well: far ones seldom fulfil what was decided.
    near = [(first[0] + i, first[1] + j) for i in (-1, 0, 1, 5) for j in (-2, 0, 1)]
    for values in [*others, *near]:
        if guards.hold(values):
            assert list(evaluate(values)) == _run(steps, list(values), constants)


def test_equal_expressions_are_equal_and_decide_nothing() -> None:
    guards = Guards()
    n, m = guards.symbol(5), guards.symbol(7)
    assert (n + m) * 2 == 2 * m + n + n
    assert hash((n + m) * 2) == hash(2 * m + n + n)
    assert n * m // m == n
    assert (128 * n + 5) // 128 == n
    assert guards.hold([1000, 3])
    assert not guards.hold([1000, 0])  # what was divided by


def test_cancelled_symbols_leave_integers() -> None:
    n = Guards().symbol(5)
    assert type(n - n) is int
    assert type(4 * n % 2) is int
    assert type(n * 0) is int


def test_two_extents_that_are_equal_by_chance_are_told_apart_by_the_guard() -> None:
    guards = Guards()
    n, m = guards.symbol(5), guards.symbol(5)
    assert n == m
    assert guards.hold([9, 9])
    assert not guards.hold([9, 8])


def test_extents_of_different_guards_are_never_equal() -> None:
    assert Guards().symbol(5) != Guards().symbol(5)


@pytest.mark.parametrize("take", [int, float, str, repr, lambda n: f"{n:d}", lambda n: [0] * n, range])
def test_taking_the_value_pins_it(take: Callable[[Any], Any]) -> None:
    guards = Guards()
    told: list[int] = []
    guards.escaped = lambda extent: told.append(extent.value)
    take(guards.symbol(5))
    assert guards.pinned
    assert guards.hold([5])
    assert not guards.hold([6])
    assert told


@pytest.mark.parametrize(
    "operate", [lambda n: n / 2, lambda n: n * 0.5, lambda n: n < 7.5, lambda n: 1.0 - n, lambda n: n == 5.0]
)
def test_floats_take_the_value(operate: Callable[[Any], Any]) -> None:
    guards = Guards()
    assert operate(guards.symbol(5)) == operate(5)
    assert guards.pinned


def test_an_extent_is_nothing_but_a_number() -> None:
    n = Guards().symbol(5)
    assert n != "5"
    assert n is not None and n != (5,)
    with pytest.raises(TypeError):
        n + "5"


@given(st.lists(_small, min_size=2, max_size=5), st.lists(_small, min_size=2, max_size=5))
def test_a_function_of_extents_is_called_again_for_other_values(first: list[int], second: list[int]) -> None:
    guards = Guards()
    symbols = [guards.symbol(value) for value in first]
    made = computed(sorted, [symbols[0] * 2, 7, symbols[1]])
    total = made[0] * 100 + made[2] // 3
    assert total.value == sorted([first[0] * 2, 7, first[1]])[0] * 100 + sorted([first[0] * 2, 7, first[1]])[2] // 3
    expected = sorted([second[0] * 2, 7, second[1]])
    values = [*second[:2], *first[2:]]
    assert guards.compiled([total])(values) == (expected[0] * 100 + expected[2] // 3,)
    assert guards.evaluated(total, values) == expected[0] * 100 + expected[2] // 3


def test_an_extent_of_about_a_size_keeps_within_a_factor_of_four() -> None:
    guards = Guards()
    assert about(guards.symbol(100)) == 100
    assert [guards.hold([value]) for value in (24, 25, 400, 401)] == [False, True, True, False]
    assert about(7) == 7


def test_extents_in_data_are_found_and_replaced() -> None:
    guards = Guards()
    n = guards.symbol(5)
    data = ((n, 2), "x", (2 * n,))
    assert [extent.value for extent in extents_in(data)] == [5, 10]
    assert with_numbers(data, lambda extent: extent.value) == ((5, 2), "x", (10,))
