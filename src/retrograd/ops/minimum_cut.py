"""What to keep for a backward pass: the least memory from which the rest is cheap to compute again.

Values that are dear to compute (products, transcendental functions) stand on one side, those that the backward pass
reads on the other. Values that are cheap to compute from others connect them. What is kept is a cut between the two
sides of least weight, found as a greatest flow (Ford and Fulkerson, 1956).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from typing import Final

from retrograd.core.graph import Graph
from retrograd.core.node import Node
from retrograd.core.signature import Signature

_MOVEMENTS: Final = frozenset({"reshape", "permute", "broadcast", "slice", "flip"})
# What a loop kernel computes in a few instructions, or does not compute at all.
_CHEAP: Final = _MOVEMENTS | frozenset(
    "const iota add sub mul div maximum minimum neg abs sign floor ceil round trunc sqrt eq ne lt le gt ge and or xor "
    "invert select cast project".split()
)

# An end of the network, or the way in (False) or out (True) of a value.
_Place = str | tuple[Node, bool]
_SOURCE: Final = "source"
_SINK: Final = "sink"
_UNLIMITED: Final = 1 << 62


def is_cheap(node: Node) -> bool:
    """Whether a value may be computed again rather than kept."""
    return node.signature is not None and _is_cheap(node.signature)


def is_movement(node: Node) -> bool:
    """Whether a value has the elements of another in another arrangement."""
    return node.signature is not None and node.signature.operation.name in _MOVEMENTS


def _is_cheap(signature: Signature) -> bool:
    if signature.graph is not None:
        return _all_cheap(signature.graph)
    return signature.operation.name in _CHEAP


def _all_cheap(graph: Graph) -> bool:
    return all(_is_cheap(step.signature) for step in graph.steps)


def values_to_keep(required: Iterable[Node], weight: Callable[[Node], int | None]) -> list[Node]:
    """The values to keep so that all that is required can be had cheaply.

    Args:
        required: what will be read.
        weight: what it costs to keep a value; None for one that is at hand anyway.
    """
    return _Network(required, weight).cut()


class _Network:
    """Places and what may flow between them."""

    def __init__(self, required: Iterable[Node], weight: Callable[[Node], int | None]) -> None:
        self._capacity: dict[_Place, dict[_Place, int]] = {_SOURCE: {}, _SINK: {}}
        self._nodes: dict[Node, None] = {}
        stack = []
        for node in required:
            if weight(node) is not None:
                self._connect((node, True), _SINK, _UNLIMITED)
                stack.append(node)
        while stack:
            node = stack.pop()
            cost = weight(node)
            if node in self._nodes or cost is None:
                continue
            self._nodes[node] = None
            self._connect((node, False), (node, True), cost)
            if not is_cheap(node):
                self._connect(_SOURCE, (node, False), _UNLIMITED)
                continue
            for x in node.inputs:
                if weight(x) is not None:
                    self._connect((x, True), (node, False), _UNLIMITED)
                    stack.append(x)

    def _connect(self, a: _Place, b: _Place, capacity: int) -> None:
        self._capacity.setdefault(a, {})[b] = capacity
        self._capacity.setdefault(b, {}).setdefault(a, 0)

    def cut(self) -> list[Node]:
        """The values of a least cut, the one nearest to what is required."""
        while path := self._path():
            flow = min(self._capacity[a][b] for a, b in path)
            for a, b in path:
                self._capacity[a][b] -= flow
                self._capacity[b][a] += flow
        behind = self._behind()
        found = [node for node in self._nodes if (node, True) in behind and (node, False) not in behind]
        return sorted(found, key=lambda node: node.number)

    def _path(self) -> list[tuple[_Place, _Place]]:
        """A shortest way from source to sink along which more can flow, or nothing."""
        came: dict[_Place, _Place] = {_SOURCE: _SOURCE}
        queue: deque[_Place] = deque([_SOURCE])
        while queue and _SINK not in came:
            place = queue.popleft()
            for after, capacity in self._capacity[place].items():
                if capacity > 0 and after not in came:
                    came[after] = place
                    queue.append(after)
        path: list[tuple[_Place, _Place]] = []
        place = _SINK
        while place in came and place != _SOURCE:
            path.append((came[place], place))
            place = came[place]
        return path

    def _behind(self) -> set[_Place]:
        """The places from which more could flow to the sink."""
        behind: set[_Place] = {_SINK}
        queue: deque[_Place] = deque([_SINK])
        while queue:
            place = queue.popleft()
            for before in self._capacity[place]:
                if before not in behind and self._capacity[before].get(place, 0) > 0:
                    behind.add(before)
                    queue.append(before)
        return behind
