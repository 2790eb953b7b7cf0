"""Cubic convolution: the weights of four neighbours. Source: Keys (1981), with PyTorch's a = -0.75."""

from __future__ import annotations

from retrograd.core.node import Node
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like

CUBIC = -0.75


def cubic_weights(t: Node) -> list[Node]:
    """Weights of the elements at -1, 0, 1, 2 for a place at t in [0, 1)."""
    one, two = like(1, t), like(2, t)
    rest = e.sub(one, t)
    return [_outer(e.add(t, one)), _inner(t), _inner(rest), _outer(e.sub(two, t))]


def _polynomial(x: Node, coefficients: tuple[float, ...]) -> Node:
    """By Horner's rule, the highest power first."""
    result = like(coefficients[0], x)
    for coefficient in coefficients[1:]:
        result = e.add(e.mul(result, x), like(coefficient, x))
    return result


def _inner(x: Node) -> Node:
    """At a distance of up to 1."""
    return _polynomial(x, (CUBIC + 2, -(CUBIC + 3), 0, 1))


def _outer(x: Node) -> Node:
    """At a distance between 1 and 2."""
    return _polynomial(x, (CUBIC, -5 * CUBIC, 8 * CUBIC, -4 * CUBIC))
