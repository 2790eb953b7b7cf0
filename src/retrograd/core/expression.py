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

    def function(self, *stages: tuple[Sequence[Terms], str]) -> Callable[..., Any]:
        """A function of the symbols' values, and of what its statements call `numbers`.

        Args:
            stages: expressions, and a Python statement, which comes as soon as all atoms are there that they are made
                of: x0, x1, ... .
        """
        space: dict[str, Any] = {}
        lines = ["def function(values, numbers=()):"]
        if self.symbols:
            lines.append(f"    {''.join(f'x{symbol}, ' for symbol in self.symbols)} = values")
        known: set[int] = set()
        for expressions, statement in stages:
            atoms = [atom for atom in self.needed(expressions) if atom not in known]
            known.update(atoms)
            lines += [f"    x{atom} = {self._made(atom, space)}" for atom in atoms]
            lines.append(f"    {statement}")
        exec("\n".join(lines), space)
        function: Callable[..., Any] = space["function"]
        return function

    def _made(self, atom: int, space: dict[str, Any]) -> str:
        """How an atom is made, as a Python expression in a space of names."""
        definition = self._definitions[atom]
        if isinstance(definition, _Quotient):
            return f"({self.text(definition.numerator)}) // ({self.text(definition.denominator)})"
        if isinstance(definition, _Call):
            space[f"rule{atom}"] = definition.rule
            return f"rule{atom}([{', '.join(map(self.text, definition.arguments))}])"
        assert definition is not None
        return f"x{definition.call}[{definition.place}]"

    def tuple_text(self, expressions: Sequence[Terms]) -> str:
        """A tuple of expressions as a Python expression."""
        return f"({''.join(f'{self.text(terms)}, ' for terms in expressions)})"

    def text(self, terms: Terms) -> str:
        """Terms as a Python expression."""
        return " + ".join(_product_text(monomial, coefficient) for monomial, coefficient in terms) or "0"


def _product_text(monomial: Monomial, coefficient: int) -> str:
    factors = [f"x{atom}" for atom in monomial]
    return "*".join(factors if factors and coefficient == 1 else [str(coefficient), *factors])
