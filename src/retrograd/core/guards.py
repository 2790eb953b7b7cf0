"""Guards: what was decided by comparing extents, and whether other values would decide it alike.

A plan is made by arithmetic on extents and by comparing them (`extent.py`). `Guards` collects what every comparison
came to. Where the symbols have other values for which all guards hold, planning anew would take the same decisions: the
plan is right for these values too, and its numbers are those of the expressions.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from retrograd.core.expression import CONSTANT, Atoms, Rule, Terms
from retrograd.core.extent import Extent, terms_of, value_of

# A function of the values of the symbols.
Evaluate = Callable[[Sequence[int]], tuple[int, ...]]
# A function of the values of the symbols, and of numbers that are looked at.
Check = Callable[[Sequence[int], Sequence[int]], tuple[int, ...] | None]

# Who asks more than that of extents, such as whether thousands of numbers divide one, is quicker with integers.
_MOST_RANGES = 1 << 9


class TooManyGuardsError(Exception):
    """More is asked of extents than could be asked again in good time."""


class _Range:
    """What is known of a polynomial: low <= p <= high, and p is none of `excluded`."""

    __slots__ = ("low", "high", "excluded")

    def __init__(self) -> None:
        self.low: int | None = None
        self.high: int | None = None
        self.excluded: set[int] = set()

    def at_least(self, bound: int) -> None:
        self.low = bound if self.low is None else max(self.low, bound)

    def at_most(self, bound: int) -> None:
        self.high = bound if self.high is None else min(self.high, bound)

    @property
    def single(self) -> bool:
        """Whether one value alone is left."""
        return self.low is not None and self.low == self.high

    def source(self, name: str) -> list[str]:
        """The conditions as Python text."""
        if self.single:
            return [f"{name} == {self.low}"]
        low = "" if self.low is None else f"{self.low} <= "
        high = "" if self.high is None else f" <= {self.high}"
        within = [f"{low}{name}{high}"] if low or high else []
        outside = [
            v for v in self.excluded if (self.low is None or v >= self.low) and (self.high is None or v <= self.high)
        ]
        return within + [f"{name} != {v}" for v in sorted(outside)]


class Guards:
    """Symbols, and what has been decided by what is made of them.

    >>> guards = Guards()
    >>> n = guards.symbol(30)
    >>> tiles, large, nothing = -(-2 * n // 32), 2 * n > 50, n - n
    >>> tiles.value, large, nothing
    (2, True, 0)
    >>> guards.compiled([tiles])([100])
    (7,)
    >>> [guards.hold([values]) for values in (25, 26, 1000)]
    [False, True, True]

    Attributes:
        atoms: what expressions are made of.
        decisions: how much has been decided by now.
        escaped: called with an extent whose value is taken, which pins it; for those who look for such places.
    """

    def __init__(self) -> None:
        self.escaped: Callable[[Extent], None] | None = None
        self.atoms = Atoms()
        self.decisions = 0
        self._ranges: dict[Terms, _Range] = {}
        self._hold: Callable[..., Any] | None = None

    def symbol(self, value: int) -> Extent:
        """A new symbol, which has a value while it is planned."""
        return Extent(self, ((self.atoms.symbol(), 1),), value)

    def results(self, rule: Rule, arguments: Sequence[int | Extent]) -> list[Extent]:
        """What a function makes of numbers, which it is given as integers whenever there are other values."""
        results = rule(list(map(value_of, arguments)))
        atoms = self.atoms.results(rule, tuple(map(terms_of, arguments)), len(results))
        return [Extent(self, ((atom, 1),), value) for atom, value in zip(atoms, results, strict=True)]

    @property
    def pinned(self) -> bool:
        """Whether a symbol is left with one value alone."""
        alone = [self._ranges.get((((symbol,), 1),)) for symbol in self.atoms.symbols]
        return any(found is not None and found.single for found in alone)

    # -- what is decided ----------------------------------------------------------------------------------------------

    def decide_less(self, difference: Extent) -> bool:
        """Whether a difference is below zero."""
        outcome = difference.value < 0
        factor, range_, constant = self._range_of(difference.terms)
        if factor > 0:
            if outcome:
                range_.at_most(-(constant // factor) - 1)
            else:
                range_.at_least(-(constant // factor))
        elif outcome:
            range_.at_least(constant // -factor + 1)
        else:
            range_.at_most(constant // -factor)
        return outcome

    def decide_zero(self, difference: Extent) -> bool:
        """Whether a difference is zero."""
        outcome = difference.value == 0
        factor, range_, constant = self._range_of(difference.terms)
        quotient, rest = divmod(-constant, factor)
        if rest:
            return False
        if outcome:
            range_.at_least(quotient)
            range_.at_most(quotient)
        else:
            range_.excluded.add(quotient)
        return outcome

    def _range_of(self, terms: Terms) -> tuple[int, _Range, int]:
        """(factor, range of p, constant) of terms that are factor * p + constant, where p is primitive."""
        self._hold = None
        self.decisions += 1
        constant = 0
        if terms[0][0] == CONSTANT:
            constant, terms = terms[0][1], terms[1:]
        factor = math.gcd(*(coefficient for _, coefficient in terms))
        if terms[0][1] < 0:
            factor = -factor
        if factor != 1:
            terms = tuple((monomial, coefficient // factor) for monomial, coefficient in terms)
        range_ = self._ranges.get(terms)
        if range_ is None:
            if len(self._ranges) == _MOST_RANGES:
                raise TooManyGuardsError
            range_ = self._ranges[terms] = _Range()
        return factor, range_, constant

    # -- other values -------------------------------------------------------------------------------------------------

    def hold(self, values: Sequence[int]) -> bool:
        """Whether every comparison would come out alike where the symbols have these values."""
        if self._hold is None:
            self._hold = self.atoms.function((list(self._ranges), f"return {self._conditions()}"))
        try:
            return bool(self._hold(values))
        except ZeroDivisionError:
            return False

    def compiled(self, numbers: Iterable[int | Extent]) -> Evaluate:
        """A function of the symbols' values that gives the values of these numbers. It asks for guards that hold."""
        terms = list(map(terms_of, numbers))
        return self.atoms.function((terms, f"return {self.atoms.tuple_text(terms)}"))

    def checked(self, numbers: Iterable[int | Extent], results: Iterable[int | Extent]) -> Check:
        """A function of the symbols' values and of what some numbers are supposed to be there: if they are, and if the
        guards hold that are there by now, it gives the values of `results`, else None. It may divide by zero."""
        atoms, expected, given = self.atoms, list(map(terms_of, numbers)), list(map(terms_of, results))
        return atoms.function(
            (expected, f"if {atoms.tuple_text(expected)} != numbers: return None"),
            (list(self._ranges), f"if not ({self._conditions()}): return None"),
            (given, f"return {atoms.tuple_text(given)}"),
        )

    def _conditions(self) -> str:
        """All guards as a Python expression."""
        text = self.atoms.text
        conditions = [part for terms, range_ in self._ranges.items() for part in range_.source(f"({text(terms)})")]
        return " and ".join(conditions) or "True"

    def evaluated(self, number: int | Extent, values: Sequence[int]) -> int:
        """The value of a single number, as `compiled` has it."""
        return self.atoms.evaluate(number.terms, values) if isinstance(number, Extent) else number
