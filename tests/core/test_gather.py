"""Nodes that read several outputs of another node at once."""

from __future__ import annotations

import pytest

import retrograd as rg
from retrograd.core.errors import ShapeError
from retrograd.core.gather import Arguments, gather, outputs_then
from retrograd.core.node import Node
from retrograd.core.operation import Composite, project, record
from retrograd.ops import elementwise as e
from retrograd.runtime.evaluate import Trace
from retrograd.tensor.base import wrap


def pair(x: Node) -> tuple[Node, Node]:
    return e.neg(x), e.mul(x, x)


def difference(x: Node, y: Node, z: Node) -> Node:
    return e.sub(e.sub(x, y), z)


# Of their own: the registry is for operations of the library.
PAIR = Composite("pair", pair)
DIFFERENCE = Composite("difference", difference)


def test_it_computes_what_projections_would() -> None:
    x, z = rg.tensor([1.0, 2.0])._read(), rg.tensor([10.0, 10.0])._read()
    for order in ((0, 1), (1, 0), (1, 1)):
        pair = record(PAIR, (x,))
        apart = record(DIFFERENCE, (project(pair, order[0]), project(pair, order[1]), z))
        together = gather(DIFFERENCE, (pair, z), outputs_then(order, 1))
        assert together.type is apart.type
        assert Trace([together]).graph([together]) == Trace([apart]).graph([apart])
        assert wrap(together).tolist() == wrap(apart).tolist()


def test_the_structure_says_what_is_read() -> None:
    x = rg.tensor([1.0, 2.0])._read()
    keys = set()
    for pairs in (((0, 0), (0, 1), (1, 0)), ((0, 1), (0, 0), (1, 0)), ((1, 0), (0, 0), (0, 1))):
        for _ in range(2):
            pair = record(PAIR, (x,))
            keys.add(tuple(Trace([gather(DIFFERENCE, (pair, x), Arguments(pairs))]).key))
    assert len(keys) == 3


def test_what_does_not_fit_is_refused_at_once() -> None:
    pair = record(PAIR, (rg.ones(2)._read(),))
    with pytest.raises(ShapeError):
        gather(DIFFERENCE, (pair, rg.ones(3)._read()), outputs_then((0, 1), 1))
