"""Trees: tuples, lists and dictionaries nested in one another, with anything else at their leaves."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any


def _children(tree: Any) -> list[Any] | None:
    if isinstance(tree, (tuple, list)):
        return list(tree)
    return list(tree.values()) if isinstance(tree, dict) else None


def _with_children(tree: Any, children: list[Any]) -> Any:
    if isinstance(tree, dict):
        copy = tree.copy()
        copy.update(zip(tree, children, strict=True))
        return copy
    if isinstance(tree, tuple) and hasattr(tree, "_fields"):
        return type(tree)(*children)
    return type(tree)(children)


def leaves(tree: Any) -> list[Any]:
    """What stands at the leaves, from left to right.

    >>> leaves((1, {"a": [2, 3]}, None))
    [1, 2, 3, None]
    """
    children = _children(tree)
    return [tree] if children is None else [leaf for child in children for leaf in leaves(child)]


def rebuild(tree: Any, values: Iterator[Any]) -> Any:
    """A tree of the same form with other leaves.

    >>> rebuild((1, {"a": [2, 3]}), iter("xyz"))
    ('x', {'a': ['y', 'z']})
    """
    children = _children(tree)
    return next(values) if children is None else _with_children(tree, [rebuild(child, values) for child in children])


def map_leaves(function: Callable[[Any], Any], tree: Any) -> Any:
    """The tree with a function of each leaf in its place.

    >>> map_leaves(lambda x: x * 2, [1, (2, 3)])
    [2, (4, 6)]
    """
    return rebuild(tree, iter([function(leaf) for leaf in leaves(tree)]))


def spread(prefix: Any, tree: Any, is_leaf: Callable[[Any], bool] = lambda _: False) -> list[Any] | None:
    """A value for each leaf of `tree` from a tree that may end sooner: what stands there holds for all beneath.

    Args:
        prefix: the shorter tree.
        tree: the longer one.
        is_leaf: which inner parts of `prefix` are values themselves.

    Returns:
        The values in the order of `leaves(tree)`; None where the forms differ.

    >>> spread((0, None), ([1, 2], 3))
    [0, 0, None]
    """
    inner = None if is_leaf(prefix) else _children(prefix)
    if inner is None:
        return [prefix] * len(leaves(tree))
    children = _children(tree)
    same_kind = isinstance(prefix, dict) == isinstance(tree, dict) and (
        not isinstance(prefix, dict) or prefix.keys() == tree.keys()
    )
    if children is None or len(children) != len(inner) or not same_kind:
        return None
    if isinstance(prefix, dict):
        inner = [prefix[key] for key in tree]
    found: list[Any] = []
    for part, child in zip(inner, children, strict=True):
        below = spread(part, child, is_leaf)
        if below is None:
            return None
        found.extend(below)
    return found
