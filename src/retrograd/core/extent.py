"""Extents: integers that remember how they were computed.

A plan is made by arithmetic on extents and by comparing them. Made with `Extent`s in place of integers, it is the same
plan, whose numbers are expressions in a few symbols, and `guards.py` has what every comparison came to.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterator, Sequence
from dataclasses import fields, is_dataclass, replace
from typing import TYPE_CHECKING, Any

from retrograd.core.expression import CONSTANT, Monomial, Rule, Terms

if TYPE_CHECKING:
    from retrograd.core.guards import Guards


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

    >>> from retrograd.core.guards import Guards
    >>> guards = Guards()
    >>> about(guards.symbol(20)), about(7)
    (20, 7)
    >>> [guards.hold([value]) for value in (4, 5, 80, 81)]
    [False, True, True, False]
    """
    return number.about() if isinstance(number, Extent) else number


def presently(number: int) -> int:
    """The value of an integer or extent, for choices that are right whatever it is, and hardly worse elsewhere.

    >>> from retrograd.core.guards import Guards
    >>> guards = Guards()
    >>> presently(guards.symbol(20)), guards.hold([1])
    (20, True)
    """
    return value_of(number)


def computed(rule: Rule, numbers: Sequence[int | Extent]) -> Sequence[Any]:
    """What a function makes of integers or extents, where it is no arithmetic of extents.

    It is called again for other values, so it must depend on the numbers alone.

    >>> from retrograd.core.guards import Guards
    >>> guards = Guards()
    >>> low, high = computed(sorted, [guards.symbol(20), 7])
    >>> (low.value, high.value), guards.compiled([high - low])([3])
    ((7, 20), (4,))
    """
    guards = next((number.guards for number in numbers if isinstance(number, Extent)), None)
    return rule(list(map(value_of, numbers))) if guards is None else guards.results(rule, numbers)


def greatest(a: int, b: int) -> int:
    """The greater of two numbers, which guards nothing.

    >>> from retrograd.core.guards import Guards
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

    >>> from retrograd.core.guards import Guards
    >>> guards = Guards()
    >>> n = guards.symbol(8)
    >>> alike((n * 2, 3), (n + n, 3)), alike((n,), (8,)), guards.hold([9])
    (True, False, True)
    """
    return len(some) == len(others) and all(terms_of(a) == terms_of(b) for a, b in zip(some, others, strict=True))


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


def terms_of(number: int | Extent) -> Terms:
    """What an integer or extent is the sum of."""
    return number.terms if isinstance(number, Extent) else ((CONSTANT, number),) if number else ()


def value_of(number: int | Extent) -> int:
    """The value at the moment; no guard is told."""
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
    atom = like.guards.atoms.quotient(terms_of(x), divisor.terms)
    return Extent(like.guards, ((atom, 1),), value_of(x) // divisor.value)


def _without(monomial: Monomial, part: Monomial) -> Monomial | None:
    """A monomial divided by another one, or None if it is no multiple."""
    left = list(monomial)
    for atom in part:
        if atom not in left:
            return None
        left.remove(atom)
    return tuple(left)
