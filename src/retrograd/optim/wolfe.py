"""A line search for the strong Wolfe conditions.

Along a direction d from x, with phi(t) = f(x + t d), it looks for a t with

    phi(t) <= phi(0) + c1 t phi'(0)   and   |phi'(t)| <= c2 |phi'(0)|:

first by steps that grow until an interval must hold such a t, then by cubic interpolation within it.
Nocedal and Wright, Numerical Optimization (2006), algorithms 3.5 and 3.6, with the safeguards of Schmidt's minFunc.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

Vector = np.ndarray[Any, Any]

_SUFFICIENT, _CURVATURE = 1e-4, 0.9


class Point(NamedTuple):
    """A step, and what the function is there.

    Attributes:
        t: the step.
        value: phi(t).
        gradient: of f, at x + t d.
        slope: phi'(t).
    """

    t: float
    value: float
    gradient: Vector
    slope: float


class Found(NamedTuple):
    """Where a search ended, and how often the function was computed."""

    point: Point
    evaluations: int


def cubic_minimum(a: Point, b: Point, bounds: tuple[float, float] | None = None) -> float:
    """Where the cubic with the values and slopes of two points is least, within bounds (by default between them)."""
    low, high = bounds if bounds is not None else (min(a.t, b.t), max(a.t, b.t))
    if a.t > b.t:
        a, b = b, a
    d1 = a.slope + b.slope - 3 * (a.value - b.value) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if square < 0:
        return (low + high) / 2
    d2 = math.sqrt(square)
    place = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(place, low), high)


class WolfeSearch:
    """One search.

    Args:
        evaluate: t to phi(t) and the gradient of f at x + t d.
        direction: d.
        start: the point at t = 0.
        tolerance: an interval that is shorter is good enough.
        most: how often the function may be computed.
    """

    def __init__(
        self,
        evaluate: Callable[[float], tuple[float, Vector]],
        direction: Vector,
        start: Point,
        tolerance: float,
        most: int,
    ) -> None:
        self._evaluate = evaluate
        self._direction = direction
        self._start = start
        self._tolerance = tolerance
        self._most = most
        self.evaluations = 0

    def run(self, t: float) -> Found:
        """Search from a first step t."""
        points, done = self._bracket(t)
        return Found(points[0] if done else self._zoom(points), self.evaluations)

    def _at(self, t: float) -> Point:
        value, gradient = self._evaluate(t)
        self.evaluations += 1
        return Point(t, value, gradient, float(gradient @ self._direction))

    def _rises(self, point: Point) -> bool:
        """Whether a point lies above the line of sufficient decrease."""
        return point.value > self._start.value + _SUFFICIENT * point.t * self._start.slope

    def _flat_enough(self, point: Point) -> bool:
        return abs(point.slope) <= -_CURVATURE * self._start.slope

    def _bracket(self, t: float) -> tuple[list[Point], bool]:
        """An interval that holds a good point; or the one point, and that it is good."""
        before, point = self._start, self._at(t)
        for count in range(self._most):
            if self._rises(point) or (count > 1 and point.value >= before.value):
                return [before, point], False
            if self._flat_enough(point):
                return [point], True
            if point.slope >= 0:
                return [before, point], False
            grown = (point.t + 0.01 * (point.t - before.t), point.t * 10)
            before, point = point, self._at(cubic_minimum(before, point, grown))
        return [self._start, point], False

    def _zoom(self, points: list[Point]) -> Point:
        """Narrow an interval down. `low` is the end with the lower value."""
        first, second = points
        slow = False
        extent = float(np.abs(self._direction).max())
        low, high = (0, 1) if first.value <= second.value else (1, 0)
        ends = [first, second]
        # What the bracketing took counts, but for its first point.
        for _ in range(self.evaluations - 1, self._most):
            if abs(ends[1].t - ends[0].t) * extent < self._tolerance:
                break
            t, slow = self._trial(ends, slow)
            point = self._at(t)
            if self._rises(point) or point.value >= ends[low].value:
                ends[high] = point
                low, high = (0, 1) if ends[0].value <= ends[1].value else (1, 0)
                continue
            if self._flat_enough(point):
                return point
            if point.slope * (ends[high].t - ends[low].t) >= 0:
                ends[high] = ends[low]
            ends[low] = point
        return ends[low]

    def _trial(self, ends: list[Point], slow: bool) -> tuple[float, bool]:
        """Where to look next, and whether it is close to an end: twice running, it is moved away from there."""
        t = cubic_minimum(ends[0], ends[1])
        least, greatest = min(ends[0].t, ends[1].t), max(ends[0].t, ends[1].t)
        margin = 0.1 * (greatest - least)
        if min(greatest - t, t - least) >= margin:
            return t, False
        if not (slow or t >= greatest or t <= least):
            return t, True
        near_end = abs(t - greatest) < abs(t - least)
        return (greatest - margin if near_end else least + margin), False
