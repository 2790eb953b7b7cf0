"""The bounded cache: what is used stays, what is not goes; and the caches of the core are bounded."""

from __future__ import annotations

import gc

from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core import operation, types
from retrograd.core.cache import Cache
from retrograd.core.dtype import float32
from retrograd.core.types import tensor_type


@settings(max_examples=200, deadline=None)
@given(limit=st.integers(1, 5), keys=st.lists(st.integers(0, 12), max_size=80))
def test_what_was_used_lately_is_there_and_no_more_than_the_bound(limit: int, keys: list[int]) -> None:
    cache: Cache[int, str] = Cache(limit)
    for place, key in enumerate(keys):
        found = cache.get(key)
        recent: list[int] = []
        for earlier in reversed(keys[:place]):
            if earlier not in recent:
                recent.append(earlier)
        if key in recent[:limit]:
            assert found == str(key)
        if found is None:
            assert cache.put(key, str(key)) == str(key)
        assert len(cache.young) <= limit and len(cache.old) <= limit
        assert len(cache) == len({*cache.young, *cache.old})
    cache.clear()
    assert len(cache) == 0 and cache.get(1) is None


@settings(max_examples=200, deadline=None)
@given(heaviest=st.integers(1, 20), keys=st.lists(st.integers(1, 12), max_size=80))
def test_a_generation_weighs_no_more_than_the_bound(heaviest: int, keys: list[int]) -> None:
    cache: Cache[int, int] = Cache(50, heaviest, weigh=lambda value: value)
    for key in keys:
        assert (cache.get(key) or cache.put(key, key)) == key
        assert key in cache.young
        for generation in (cache.young, cache.old):
            assert len(generation) <= 1 or sum(generation) <= heaviest


def test_the_first_of_two_that_make_an_entry_wins() -> None:
    cache: Cache[str, int] = Cache(2)
    assert cache.put("a", 1) == 1
    assert cache.put("a", 2) == 1


def test_signatures_are_bounded_and_made_again() -> None:
    signatures = operation.signatures
    first = rg.ones(3)._read()
    before = signatures.limit
    x = rg.ones(3)
    expected = (x * 2.0).exp().tolist()
    try:
        signatures.limit = len(signatures.young) + 50
        for n in range(1, 400):
            (rg.ones(n) * 2.0).sum()
        assert len(signatures.young) <= signatures.limit and len(signatures.old) <= signatures.limit
        assert (x * 2.0).exp().tolist() == expected
    finally:
        signatures.limit = before
    assert first.type is x._read().type


def test_types_that_nobody_holds_are_let_go_and_others_stay_the_same_object() -> None:
    before = types._Limit.types
    kept = [tensor_type((7, n), float32) for n in range(5)]
    try:
        types._Limit.types = len(types._interned) + 100
        for n in range(1000):
            tensor_type((11, 13, n), float32)
        gc.collect()
        assert len(types._interned) <= types._Limit.types < before
        assert sum(shape[:2] == (11, 13) for shape, _ in types._interned) < 1000, "some were let go"
    finally:
        types._Limit.types = before
    assert all(tensor_type((7, n), float32) is kept[n] for n in range(5))
