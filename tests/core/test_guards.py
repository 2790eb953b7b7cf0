"""Guards: what comparisons of extents leave behind, and for which other values it holds."""

from __future__ import annotations

import pytest

from retrograd.core.guards import Guards, TooManyGuardsError


def test_comparisons_do_not_pin() -> None:
    guards = Guards()
    n = guards.symbol(5)
    assert n > 3
    assert n != 4
    assert n <= 1024
    assert not guards.pinned
    assert [guards.hold([value]) for value in (3, 4, 5, 1024, 1025)] == [False, False, True, True, False]


def test_a_quotient_by_zero_is_an_error_and_breaks_the_guards_of_others() -> None:
    guards = Guards()
    n = guards.symbol(5)
    with pytest.raises(ZeroDivisionError):
        n // 0
    assert 100 // n == 20
    assert not guards.hold([0])


def test_too_many_questions_are_refused() -> None:
    n = Guards().symbol(12345)
    with pytest.raises(TooManyGuardsError):
        [n % divisor == 0 for divisor in range(2, 2000)]
