"""Expressions: polynomials with integer coefficients over atoms.

An atom is a symbol, a quotient that is rounded down, or what a function computes of other numbers::

    terms     = ((monomial, coefficient), ...)      sorted; the monomial () is the constant
    monomial  = (atom, ...)                         numbers of atoms, sorted, those of powers repeated
    atom      = symbol | terms // terms | function(terms, ...) | one of a function's results
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

Monomial = tuple[int, ...]
Terms = tuple[tuple[Monomial, int], ...]
# Integers to integers, always the same.
Rule = Callable[[Sequence[int]], Sequence[int]]

CONSTANT: Final[Monomial] = ()


class _Quotient(NamedTuple):
    numerator: Terms
    denominator: Terms


class _Call(NamedTuple):
    rule: Rule
    arguments: tuple[Terms, ...]


class _Result(NamedTuple):
    call: int
    place: int


_Definition = _Quotient | _Call | _Result


class Atoms:
    """What monomials are made of, by number: each after those that it is made of itself.

    Attributes:
        symbols: those atoms that have values from outside.
    """

    def __init__(self) -> None:
        self.symbols: list[int] = []
        self._definitions: list[_Definition | None] = []
        self._numbers: dict[_Definition, int] = {}

    def symbol(self) -> Monomial:
        """A new symbol."""
        self.symbols.append(len(self._definitions))
        self._definitions.append(None)
        return (self.symbols[-1],)

    def quotient(self, numerator: Terms, denominator: Terms) -> Monomial:
        """A quotient that is rounded down."""
        return (self._number(_Quotient(numerator, denominator)),)

    def results(self, rule: Rule, arguments: tuple[Terms, ...], count: int) -> list[Monomial]:
        """The results of a function."""
        call = self._number(_Call(rule, arguments))
        return [(self._number(_Result(call, place)),) for place in range(count)]

    def _number(self, definition: _Definition) -> int:
        number = self._numbers.get(definition)
        if number is None:
            number = self._numbers[definition] = len(self._definitions)
            self._definitions.append(definition)
        return number

    # -- values -------------------------------------------------------------------------------------------------------

    def evaluate(self, terms: Terms, values: Sequence[int]) -> int:
        """The value of a single expression, as `function` has it."""
        return self._evaluated(terms, dict(zip(self.symbols, values, strict=True)))

    def _evaluated(self, terms: Terms, atoms: dict[int, Any]) -> int:
        for monomial, _ in terms:
            for atom in monomial:
                self._evaluate_atom(atom, atoms)
        return sum(coefficient * math.prod(atoms[atom] for atom in monomial) for monomial, coefficient in terms)

    def _evaluate_atom(self, atom: int, atoms: dict[int, Any]) -> None:
        definition = self._definitions[atom]
        if atom in atoms or definition is None:
            return
        if isinstance(definition, _Quotient):
            denominator = self._evaluated(definition.denominator, atoms)
            atoms[atom] = self._evaluated(definition.numerator, atoms) // denominator
        elif isinstance(definition, _Call):
            atoms[atom] = definition.rule([self._evaluated(terms, atoms) for terms in definition.arguments])
        else:
            self._evaluate_atom(definition.call, atoms)
            atoms[atom] = atoms[definition.call][definition.place]

    def needed(self, expressions: Iterable[Terms]) -> list[int]:
        """The atoms that expressions are made of, but for symbols, each after those that it is made of."""
        found: set[int] = set()
        stack = [atom for terms in expressions for monomial, _ in terms for atom in monomial]
        while stack:
            atom = stack.pop()
            definition = self._definitions[atom]
            if definition is None or atom in found:
                continue
            found.add(atom)
            if isinstance(definition, _Result):
                stack.append(definition.call)
                continue
            parts = definition if isinstance(definition, _Quotient) else definition.arguments
            stack += [other for terms in parts for monomial, _ in terms for other in monomial]
        return sorted(found)

    def function(self, atoms: Sequence[int], result: str) -> Callable[[Sequence[int]], Any]:
        """A function of the symbols' values whose result is a Python expression over `atoms`, x0, x1, ... ."""
        space: dict[str, Any] = {}
        lines = ["def function(values):"]
        if self.symbols:
            lines.append(f"    {''.join(f'x{symbol}, ' for symbol in self.symbols)} = values")
        for atom in atoms:
            definition = self._definitions[atom]
            if isinstance(definition, _Quotient):
                made = f"({self.text(definition.numerator)}) // ({self.text(definition.denominator)})"
            elif isinstance(definition, _Call):
                space[f"rule{atom}"] = definition.rule
                made = f"rule{atom}([{', '.join(map(self.text, definition.arguments))}])"
            else:
                assert definition is not None
                made = f"x{definition.call}[{definition.place}]"
            lines.append(f"    x{atom} = {made}")
        lines.append(f"    return {result}")
        exec("\n".join(lines), space)
        function: Callable[[Sequence[int]], Any] = space["function"]
        return function

    def text(self, terms: Terms) -> str:
        """Terms as a Python expression."""
        return " + ".join("*".join([str(coefficient), *(f"x{atom}" for atom in m)]) for m, coefficient in terms) or "0"
