"""Extents: integers that remember how they were computed, and what was decided by them.

A plan is made by arithmetic on extents and by comparing them. Made with `Extent`s in place of integers, it is the same
plan, whose numbers are expressions in a few symbols; `Guards` collects what every comparison came to. Where the symbols
have other values for which all guards hold, planning anew would take the same decisions: the plan is right for these
values too, and its numbers are those of the expressions.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import Any

from retrograd.core.expression import CONSTANT, Atoms, Monomial, Rule, Terms

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
        results = rule(list(map(_value, arguments)))
        atoms = self.atoms.results(rule, tuple(map(_terms, arguments)), len(results))
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
        terms = list(map(_terms, numbers))
        return self.atoms.function((terms, f"return {self.atoms.tuple_text(terms)}"))

    def checked(self, numbers: Iterable[int | Extent], results: Iterable[int | Extent]) -> Check:
        """A function of the symbols' values and of what some numbers are supposed to be there: if they are, and if the
        guards hold that are there by now, it gives the values of `results`, else None. It may divide by zero."""
        atoms, expected, given = self.atoms, list(map(_terms, numbers)), list(map(_terms, results))
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


def _pinning(operate: Callable[..., Any], *, turned: bool = False) -> Callable[[Extent, Any], Any]:
    """An operation that leaves integers behind: it takes the values."""

    def method(self: Extent, other: Any) -> Any:
        if isinstance(other, Extent):
            other = other.pin()
        return operate(other, self.pin()) if turned else operate(self.pin(), other)

    return method


class Extent:
    """An integer made of symbols, with its value at the moment.

    Sums, products and quotients of extents are extents, or integers where the symbols cancel out. Comparisons give what
    they come to, and their guards are told. Whoever takes the value itself (`int()`, an index, a format) pins it: the
    guards then hold for this value alone.

    Extents are hashed by what they are made of, which tells nothing: two that are equal by chance may be two keys.
    """

    __slots__ = ("guards", "terms", "value", "_hash")

    def __init__(self, guards: Guards, terms: Terms, value: int) -> None:
        self.guards, self.terms, self.value = guards, terms, value
        self._hash = hash(terms) ^ id(guards)

    def __hash__(self) -> int:
        return self._hash

    def _with_float(self, operate: Callable[[Any, Any], Any], other: object) -> Any:
        """What the value gives with a number that is no integer."""
        return operate(self.pin(), other) if isinstance(other, float) else NotImplemented

    # -- arithmetic ---------------------------------------------------------------------------------------------------

    def _of(self, sums: dict[Monomial, int], value: int) -> Any:
        terms = tuple(sorted((monomial, k) for monomial, k in sums.items() if k))
        if not terms or (len(terms) == 1 and terms[0][0] == CONSTANT):
            return value
        return Extent(self.guards, terms, value)

    def __add__(self, other: Any) -> Any:
        if other.__class__ is Extent:
            sums = dict(self.terms)
            for monomial, coefficient in other.terms:
                sums[monomial] = sums.get(monomial, 0) + coefficient
            return self._of(sums, self.value + other.value)
        if not isinstance(other, int):
            return self._with_float(operator.add, other)
        if not other:
            return self
        sums = dict(self.terms)
        sums[CONSTANT] = sums.get(CONSTANT, 0) + other
        return self._of(sums, self.value + other)

    __radd__ = __add__

    def __neg__(self) -> Extent:
        return Extent(self.guards, tuple((monomial, -k) for monomial, k in self.terms), -self.value)

    def __pos__(self) -> Extent:
        return self

    def __abs__(self) -> Extent:
        return -self if self < 0 else self

    def __sub__(self, other: Any) -> Any:
        return self + -other if isinstance(other, int | Extent) else self._with_float(operator.sub, other)

    def __rsub__(self, other: Any) -> Any:
        return -self + other

    def __mul__(self, other: Any) -> Any:
        if other.__class__ is Extent:
            sums: dict[Monomial, int] = {}
            for mine, k in self.terms:
                for its, j in other.terms:
                    monomial = tuple(sorted(mine + its))
                    sums[monomial] = sums.get(monomial, 0) + k * j
            return self._of(sums, self.value * other.value)
        if not isinstance(other, int):
            return self._with_float(operator.mul, other)
        if other == 1:
            return self
        if not other:
            return 0
        return Extent(self.guards, tuple((monomial, k * other) for monomial, k in self.terms), self.value * other)

    __rmul__ = __mul__

    def __floordiv__(self, other: Any) -> Any:
        if isinstance(other, Extent):
            return _over(self, other)
        return _over_number(self, int(other)) if isinstance(other, int) else self._with_float(operator.floordiv, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return _quotient(self, other, self) if isinstance(other, int) else NotImplemented

    def __mod__(self, other: Any) -> Any:
        return self - self // other * other if isinstance(other, int | Extent) else NotImplemented

    def __rmod__(self, other: Any) -> Any:
        return other - other // self * self if isinstance(other, int) else NotImplemented

    def __divmod__(self, other: Any) -> Any:
        return self // other, self % other

    def __rdivmod__(self, other: Any) -> Any:
        return other // self, other % self

    # -- comparisons --------------------------------------------------------------------------------------------------

    def _less(self, difference: Any) -> bool:
        return self.guards.decide_less(difference) if difference.__class__ is Extent else difference < 0

    def __eq__(self, other: object) -> bool:
        if other.__class__ is Extent:
            if other.guards is not self.guards:
                return False
        elif isinstance(other, float):
            return self.pin() == other
        elif not isinstance(other, int):
            return NotImplemented
        difference = self - other
        return self.guards.decide_zero(difference) if difference.__class__ is Extent else difference == 0

    def __bool__(self) -> bool:
        return self != 0

    def __lt__(self, other: Any) -> bool:
        return self._less(self - other) if isinstance(other, int | Extent) else self._with_float(operator.lt, other)

    def __gt__(self, other: Any) -> bool:
        return self._less(other - self) if isinstance(other, int | Extent) else self._with_float(operator.gt, other)

    def __le__(self, other: Any) -> bool:
        return not self._less(other - self) if isinstance(other, int | Extent) else self._with_float(operator.le, other)

    def __ge__(self, other: Any) -> bool:
        return not self._less(self - other) if isinstance(other, int | Extent) else self._with_float(operator.ge, other)

    # -- the value ----------------------------------------------------------------------------------------------------

    def pin(self) -> int:
        """The value, from now on the only one."""
        if self.guards.escaped is not None:
            self.guards.escaped(self)
        self.guards.decide_zero(self - self.value)
        return self.value

    def about(self) -> int:
        """The value; the guards then hold for values from a quarter of it to four times it."""
        self.guards.decide_less(self * 4 - self.value)
        self.guards.decide_less(self - (4 * self.value + 1))
        return self.value

    __int__ = __index__ = pin

    def __float__(self) -> float:
        return float(self.pin())

    def __repr__(self) -> str:
        return repr(self.pin())

    def __format__(self, specification: str) -> str:
        return format(self.pin(), specification)

    def bit_length(self) -> int:
        return self.pin().bit_length()

    __truediv__, __rtruediv__ = _pinning(operator.truediv), _pinning(operator.truediv, turned=True)
    __pow__, __rpow__ = _pinning(operator.pow), _pinning(operator.pow, turned=True)
    __lshift__, __rlshift__ = _pinning(operator.lshift), _pinning(operator.lshift, turned=True)
    __rshift__, __rrshift__ = _pinning(operator.rshift), _pinning(operator.rshift, turned=True)
    __and__, __rand__ = _pinning(operator.and_), _pinning(operator.and_, turned=True)
    __or__, __ror__ = _pinning(operator.or_), _pinning(operator.or_, turned=True)
    __xor__, __rxor__ = _pinning(operator.xor), _pinning(operator.xor, turned=True)


def about(number: int) -> int:
    """The value of an integer or extent, for choices that are right whatever it is, and good where it is similar.

    >>> guards = Guards()
    >>> about(guards.symbol(20)), about(7)
    (20, 7)
    >>> [guards.hold([value]) for value in (4, 5, 80, 81)]
    [False, True, True, False]
    """
    return number.about() if isinstance(number, Extent) else number


def presently(number: int) -> int:
    """The value of an integer or extent, for choices that are right whatever it is, and hardly worse elsewhere.

    >>> guards = Guards()
    >>> presently(guards.symbol(20)), guards.hold([1])
    (20, True)
    """
    return _value(number)


def computed(rule: Rule, numbers: Sequence[int | Extent]) -> Sequence[Any]:
    """What a function makes of integers or extents, where it is no arithmetic of extents.

    It is called again for other values, so it must depend on the numbers alone.

    >>> guards = Guards()
    >>> low, high = computed(sorted, [guards.symbol(20), 7])
    >>> (low.value, high.value), guards.compiled([high - low])([3])
    ((7, 20), (4,))
    """
    guards = next((number.guards for number in numbers if isinstance(number, Extent)), None)
    return rule(list(map(_value, numbers))) if guards is None else guards.results(rule, numbers)


def greatest(a: int, b: int) -> int:
    """The greater of two numbers, which guards nothing.

    >>> guards = Guards()
    >>> n = guards.symbol(8)
    >>> guards.compiled([greatest(n, 10), least(n, 10)])([12]), greatest(3, 4)
    ((12, 10), 4)
    """
    return max(a, b) if a.__class__ is b.__class__ is int else computed(_greatest, (a, b))[0]


def least(a: int, b: int) -> int:
    """The lesser of two numbers, likewise."""
    return min(a, b) if a.__class__ is b.__class__ is int else computed(_least, (a, b))[0]


def _greatest(numbers: Sequence[int]) -> list[int]:
    return [max(numbers)]


def _least(numbers: Sequence[int]) -> list[int]:
    return [min(numbers)]


def alike(some: Sequence[int], others: Sequence[int]) -> bool:
    """Whether numbers are equal whatever the symbols' values are, which guards nothing. Where it says no, they may be
    equal by chance.

    >>> guards = Guards()
    >>> n = guards.symbol(8)
    >>> alike((n * 2, 3), (n + n, 3)), alike((n,), (8,)), guards.hold([9])
    (True, False, True)
    """
    return len(some) == len(others) and all(_terms(a) == _terms(b) for a, b in zip(some, others, strict=True))


def extents_in(data: Any) -> Iterator[Extent]:
    """All extents in data of tuples and dataclasses."""
    if isinstance(data, Extent):
        yield data
    elif isinstance(data, tuple):
        for part in data:
            yield from extents_in(part)
    elif is_dataclass(data):
        for field in fields(data):
            yield from extents_in(getattr(data, field.name))


def with_numbers(data: Any, number_of: Callable[[Extent], int]) -> Any:
    """Data of tuples and dataclasses with numbers in place of extents."""
    if isinstance(data, Extent):
        return number_of(data)
    if isinstance(data, tuple):
        parts = [with_numbers(part, number_of) for part in data]
        return type(data)(*parts) if hasattr(data, "_fields") else tuple(parts)
    if is_dataclass(data) and not isinstance(data, type):
        return replace(
            data, **{field.name: with_numbers(getattr(data, field.name), number_of) for field in fields(data)}
        )
    return data


def _terms(number: int | Extent) -> Terms:
    return number.terms if isinstance(number, Extent) else ((CONSTANT, number),) if number else ()


def _value(number: int | Extent) -> int:
    return number.value if isinstance(number, Extent) else number


def _over_number(x: Extent, divisor: int) -> Any:
    """x // divisor: what the divisor divides comes out of the quotient."""
    if not divisor:
        raise ZeroDivisionError("an extent is divided by zero")
    whole: dict[Monomial, int] = {}
    rest: dict[Monomial, int] = {}
    for monomial, coefficient in x.terms:
        quotient, left = divmod(coefficient, divisor)
        if not left:
            whole[monomial] = quotient
        elif monomial == CONSTANT:
            whole[monomial], rest[monomial] = quotient, left
        else:
            rest[monomial] = coefficient
    value = x.value // divisor
    if set(rest) - {CONSTANT}:
        atom = x.guards.atoms.quotient(tuple(sorted(rest.items())), ((CONSTANT, divisor),))
        whole[atom] = whole.get(atom, 0) + 1
    return x._of(whole, value)


def _over(x: Extent, divisor: Extent) -> Any:
    """x // divisor: exactly, where the divisor is a single term that is in all of x."""
    divisor.guards.decide_zero(divisor)
    if len(divisor.terms) == 1:
        ((monomial, coefficient),) = divisor.terms
        parts = [(_without(mine, monomial), divmod(k, coefficient)) for mine, k in x.terms]
        if all(mine is not None and not left for mine, (_, left) in parts):
            return x._of({mine: k for mine, (k, _) in parts if mine is not None}, x.value // divisor.value)
    return _quotient(divisor, x, divisor)


def _quotient(like: Extent, x: int | Extent, divisor: Extent) -> Any:
    divisor.guards.decide_zero(divisor)
    atom = like.guards.atoms.quotient(_terms(x), divisor.terms)
    return Extent(like.guards, ((atom, 1),), _value(x) // divisor.value)


def _without(monomial: Monomial, part: Monomial) -> Monomial | None:
    """A monomial divided by another one, or None if it is no multiple."""
    left = list(monomial)
    for atom in part:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)
