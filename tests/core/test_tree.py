"""Trees: taken apart and put together again."""

from __future__ import annotations

from collections import OrderedDict, namedtuple
from typing import Any

import pytest
from hypothesis import given, strategies as st

from retrograd.core import tree

Pair = namedtuple("Pair", "a b")
_trees = st.recursive(
    st.integers() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner, inner)
        | st.builds(Pair, inner, inner)
        | st.dictionaries(st.text(max_size=2), inner, max_size=3)
    ),
    max_leaves=12,
)


@given(_trees)
def test_rebuilding_from_its_leaves_gives_the_tree(given_tree: Any) -> None:
    again = tree.rebuild(given_tree, iter(tree.leaves(given_tree)))
    assert again == given_tree and type(again) is type(given_tree)
    assert tree.map_leaves(lambda x: [x], given_tree) is not given_tree
    assert tree.spread(5, given_tree) == [5] * len(tree.leaves(given_tree))
    assert tree.spread(given_tree, given_tree) == tree.leaves(given_tree)


def test_kinds_of_containers_are_kept() -> None:
    given_tree = OrderedDict(b=Pair(1, [2]), a=(3,))
    again = tree.map_leaves(lambda x: x * 10, given_tree)
    assert again == OrderedDict(b=Pair(10, [20]), a=(30,))
    assert isinstance(again, OrderedDict) and isinstance(again["b"], Pair) and list(again) == ["b", "a"]


@pytest.mark.parametrize(
    ("prefix", "whole", "expected"),
    [
        (0, [1, (2, 3)], [0, 0, 0]),
        ((0, None), ([1, 2], 3), [0, 0, None]),
        ({"a": 1, "b": 2}, {"b": 5, "a": [6, 7]}, [2, 1, 1]),
        ((0,), (1, 2), None),
        ({"a": 1}, {"b": 1}, None),
        ({"a": 1}, [1], None),
        ([0, (1, 2)], [5, 6], None),
    ],
)
def test_spread(prefix: Any, whole: Any, expected: Any) -> None:
    assert tree.spread(prefix, whole) == expected
