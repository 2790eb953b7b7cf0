"""Families: expressions that are found for numbers, and what is made for all numbers like them."""

from __future__ import annotations

import pytest
from hypothesis import given, strategies as st

from retrograd.core import family as families
from retrograd.core.dtype import float32
from retrograd.core.extent import Extent
from retrograd.core.family import Family, Fitter, NotGeneralError, TypesAt, key_of_attribute, key_of_type
from retrograd.core.types import tensor_type


def _fit(samples: list[tuple[int, ...]], free: int) -> Fitter:
    """A fitter whose first numbers may be symbols, and whose others depend on these."""
    fitter = Fitter(samples)
    for place in range(len(samples[0])):
        if place < free:
            fitter.free()
        else:
            fitter.bound()
    return fitter


@given(st.lists(st.tuples(st.integers(2, 50), st.integers(2, 50)), min_size=3, max_size=3, unique=True))
def test_multiples_products_and_sums_of_symbols_are_found(pairs: list[tuple[int, int]]) -> None:
    samples = [(n, m, 4, 3 * n, n * m, 2 * m + 7, n * n) for n, m in pairs]
    if len({n for n, _ in pairs}) < 3 or len({m for _, m in pairs}) < 3:
        return
    fit = _fit(samples, 2).finish()
    assert all(fit.at(sample) is not None for sample in samples)


def test_numbers_that_break_the_expressions_are_refused() -> None:
    fit = _fit([(5, 10, 3), (6, 12, 3), (8, 16, 3)], 1).finish()
    assert fit.at((9, 18, 3)) == ((9,), ())
    assert fit.at((9, 19, 3)) is None
    assert fit.at((9, 18, 4)) is None


def test_what_no_expression_gives_is_not_general() -> None:
    with pytest.raises(NotGeneralError):
        _fit([(5, 32), (6, 64), (8, 256)], 1)
    with pytest.raises(NotGeneralError):
        _fit([(5, 7), (5, 7)], 1).finish()


def test_more_extents_may_change_than_those_that_were_known_first() -> None:
    with pytest.raises(NotGeneralError):
        _fit([(1, 50, 3, 9, 40), (2, 30, 8, 2, 11), (7, 20, 1, 5, 90)], 5)


def test_a_family_makes_one_for_all_at_the_third_member() -> None:
    family: Family[Extent] = Family()
    made: list[int] = []

    def make(fitter: Fitter) -> Extent:
        extent: Extent = fitter.free()
        made.append(extent.value)
        assert extent > 4
        return extent

    assert family.find((10,), make) is None
    assert family.find((10,), make) is None
    assert family.find((20,), make) is None
    assert family.find((30,), make) is not None
    assert family.find((5,), make) is not None
    assert made == [30]
    # A guard fails, and the comparison cannot come out otherwise.
    with pytest.raises(AssertionError):
        _checked(family, (4,), make)


def _checked(family: Family[Extent], numbers: tuple[int, ...], make: object) -> None:
    """Find something where every error of `make` counts."""
    found: list[BaseException] = []

    def telling(fitter: Fitter) -> Extent:
        try:
            result: Extent = make(fitter)  # type: ignore[operator]
        except BaseException as error:
            found.append(error)
            raise NotGeneralError from error
        return result

    assert family.find(numbers, telling) is None
    raise found[0]


def test_a_family_gives_up_after_some_failures() -> None:
    family: Family[Extent] = Family()
    attempts: list[int] = []

    def make(fitter: Fitter) -> Extent:
        attempts.append(1)
        raise NotGeneralError

    for n in range(20):
        assert family.find((n,), make) is None
    assert len(attempts) == 3


def test_mistakes_are_counted_and_told_once(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(families, "_CHECK", False)
    monkeypatch.setattr(families, "mistakes", {})
    family: Family[int] = Family()

    def mistaken(fitter: Fitter) -> int:
        return fitter.free().nothing  # type: ignore[no-any-return]

    for n in range(5, 9):
        assert family.find((n,), mistaken) is None
    assert list(families.mistakes.values()) == [2]
    (record,) = caplog.records
    assert record.name == "retrograd"
    assert "mistake" in record.getMessage()
    assert record.exc_info is not None


def test_mistakes_are_raised_where_everything_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(families, "_CHECK", True)
    family: Family[int] = Family()
    assert family.find((5,), lambda fitter: 1 // 0) is None
    assert family.find((6,), lambda fitter: 1 // 0) is None
    with pytest.raises(ZeroDivisionError):
        family.find((7,), lambda fitter: 1 // 0)


def test_one_that_is_right_for_a_single_extent_is_none() -> None:
    family: Family[int] = Family()
    for n in range(5, 15):
        assert family.find((n,), lambda fitter: int(fitter.free())) is None


def test_keys_hold_all_but_integers() -> None:
    numbers: list[int] = []
    assert key_of_attribute((3, (1.0, "x"), True), numbers) == key_of_attribute((4, (1.0, "x"), True), [])
    assert numbers == [3]
    assert key_of_attribute((True,), []) != key_of_attribute((1,), [])
    assert key_of_attribute(0.0, []) != key_of_attribute(-0.0, [])
    assert key_of_type(tensor_type((2, 3), float32), []) != key_of_type(tensor_type((6,), float32), [])


def test_types_for_other_values() -> None:
    fitter = Fitter([(5,), (6,), (8,)])
    n = fitter.free()
    types = TypesAt([tensor_type(shape, float32) for shape in ((n, 3), (), (2 * n,))])
    fitter.want(types.extents)
    found = fitter.finish().at((9,))
    assert found is not None
    assert types(found[1]) == tuple(tensor_type(shape, float32) for shape in ((9, 3), (), (18,)))


def test_guards_that_come_later_are_looked_at() -> None:
    fitter = Fitter([(5,), (6,), (8,)])
    n = fitter.free()
    fit = fitter.finish()
    assert fit.at((3,)) == ((3,), ())
    assert n > 4
    assert fit.at((3,)) is None
    assert fit.at((30,)) == ((30,), ())


def test_where_an_expression_divides_by_zero_there_is_no_member() -> None:
    fitter = Fitter([(5, 10), (6, 12), (8, 16)])
    n = fitter.free()
    fitter.bound()
    fitter.want([100 // (n - 7)])
    fit = fitter.finish()
    assert fit.at((8, 16)) == ((8,), (100,))
    assert fit.at((7, 14)) is None
