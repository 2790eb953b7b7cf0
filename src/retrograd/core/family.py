"""Families: what is made for some numbers, and serves others like them.

Of members of a family everything is alike but some integers, their *numbers*, which stand in a fixed order. After a few
members have been made singly, one is made over `Extent`s: a *general* one. What follows from it for other numbers is
right where these are what its expressions say, and where its guards hold.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, combinations_with_replacement, pairwise
from typing import Any, Final, Generic, NamedTuple, TypeVar

from retrograd.core.errors import RetrogradError
from retrograd.core.extent import Extent
from retrograd.core.guards import Check, Guards, TooManyGuardsError
from retrograd.core.types import TensorType, tensor_type

T = TypeVar("T")
Numbers = tuple[int, ...]
# More symbols than that are no few extents that change.
_MOST_SYMBOLS: Final = 4
_MOST_FACTORS: Final = 8
# Members that are made singly before one is made for all: a shorter last batch is nothing yet.
_SAMPLES: Final = 3
# A family has so many general members at most, and so many attempts may fail.
_MOST_GENERAL: Final = 8
_MOST_FAILURES: Final = 3
_CHECK: Final = os.environ.get("RETROGRAD_CHECK") == "1"


# Errors that nobody expects of code that is given extents, by the line that raised them: how often it did.
mistakes: Final[dict[str, int]] = {}


class NotGeneralError(Exception):
    """The members differ in more than extents that can be expressed."""


# -- numbers ----------------------------------------------------------------------------------------------------------


def key_of_type(type_: TensorType, numbers: list[int]) -> object:
    """What a type is beside its extents, which are appended to `numbers`."""
    shape = type_.shape
    numbers += shape
    return type_.dtype, len(shape)


def key_of_attribute(attribute: Any, numbers: list[int]) -> object:
    """What an attribute is beside its integers, which are appended to `numbers`."""
    kind = attribute.__class__
    if kind is int or kind is Extent:
        numbers.append(attribute)
        return int
    if isinstance(attribute, tuple):
        return kind, tuple([key_of_attribute(part, numbers) for part in attribute])
    # 1.0, True and 1 are different, and so are the two zeros.
    return kind, repr(attribute) if kind is float else attribute


class Fit:
    """Expressions for the numbers of a family.

    Attributes:
        guards: of its symbols.

    Args:
        places: for each symbol, where it stands among the numbers.
        numbers: the expressions.
        results: those whose values are wanted for each member.
    """

    def __init__(
        self, guards: Guards, places: Sequence[int], numbers: Sequence[int | Extent], results: Sequence[int | Extent]
    ) -> None:
        self.guards = guards
        self._places, self._expressions, self._results = tuple(places), numbers, results
        # Guards may come later, too: how many decisions there were, and a function that looks at them.
        self._check: tuple[int, Check] = (-1, lambda values, numbers: None)

    def at(self, numbers: Numbers) -> tuple[Numbers, Numbers] | None:
        """The symbols' values for a member with these numbers, and those of the results; None if the expressions or
        guards say otherwise."""
        decisions, check = self._check
        if decisions != self.guards.decisions:
            check = self.guards.checked(self._expressions, self._results)
            self._check = self.guards.decisions, check
        values = tuple([numbers[place] for place in self._places])
        try:
            results = check(values, numbers)
        except ZeroDivisionError:
            return None
        return None if results is None else (values, results)


class Fitter:
    """Finds expressions, number by number.

    Args:
        samples: the numbers of some members; symbols have those of the last one meanwhile.
    """

    def __init__(self, samples: Sequence[Numbers]) -> None:
        self.guards = Guards()
        self._samples = samples
        self._columns: Iterator[Numbers] = iter(list(zip(*samples, strict=True)))
        self._symbols: list[tuple[Extent, Numbers]] = []
        # Extents that products are looked for of: symbols, and what may have been one.
        self._factors: list[tuple[Extent, Numbers]] = []
        self._places: list[int] = []
        self._known: dict[Numbers, Extent] = {}
        self._numbers: list[int | Extent] = []
        self._results: list[int | Extent] = []

    def want(self, results: Iterable[int | Extent]) -> None:
        """Have the values of these numbers found out for each member."""
        self._results += results

    def finish(self) -> Fit:
        """All numbers have been gone through.

        Raises:
            NotGeneralError: the expressions do not give the numbers of all samples.
        """
        evaluated = self.guards.evaluated
        for sample in self._samples:
            values = [sample[place] for place in self._places]
            numbers = zip(self._numbers, sample, strict=True)
            if not self._symbols or any(evaluated(number, values) != given for number, given in numbers):
                raise NotGeneralError("expressions do not give the numbers of all members")
        return Fit(self.guards, self._places, self._numbers, self._results)

    # -- the next number ----------------------------------------------------------------------------------------------

    def free(self) -> Any:
        """One that may be a symbol."""
        column = next(self._columns)
        found: Any = column[-1]
        if len(set(column)) > 1:
            found = self._known.get(column)
            if found is None:
                found = self._scaled(column) or self._shifted(column) or self._symbol(column)
                self._known[column] = found
                self._factors.append((found, column))
        return self._enter(found)

    def bound(self) -> Any:
        """One that depends on the symbols.

        Raises:
            NotGeneralError: by no expression that is looked for.
        """
        column = next(self._columns)
        found: Any = column[-1]
        if len(set(column)) > 1:
            found = self._known.get(column) or self._scaled(column) or self._affine(column)
            if found is None:
                raise NotGeneralError(f"no expression gives {column}")
            self._known.setdefault(column, found)
        return self._enter(found)

    def follow(self, types: Sequence[TensorType]) -> None:
        """Those of types that follow from what came before."""
        for type_ in types:
            for extent in type_.shape:
                column = next(self._columns)
                if isinstance(extent, Extent):
                    self._known.setdefault(column, extent)
                self._enter(extent)

    def free_type(self, type_: TensorType) -> TensorType:
        return tensor_type(tuple(self.free() for _ in type_.shape), type_.dtype)

    def bound_type(self, type_: TensorType) -> TensorType:
        return tensor_type(tuple(self.bound() for _ in type_.shape), type_.dtype)

    def attribute(self, attribute: Any, number: Callable[[], Any]) -> Any:
        """An attribute with expressions, of which `number` is to give the next one, in place of its integers."""
        kind = attribute.__class__
        if kind is int:
            return number()
        if isinstance(attribute, tuple):
            parts = [self.attribute(part, number) for part in attribute]
            return kind(*parts) if hasattr(kind, "_fields") else tuple(parts)
        return attribute

    # -- expressions --------------------------------------------------------------------------------------------------

    def _symbol(self, column: Numbers) -> Extent:
        if len(self._symbols) == _MOST_SYMBOLS:
            raise NotGeneralError("too many extents change")
        symbol = self.guards.symbol(column[-1])
        self._symbols.append((symbol, column))
        self._places.append(len(self._numbers))
        return symbol

    def _enter(self, number: Any) -> Any:
        self._numbers.append(number)
        return number

    def _scaled(self, column: Numbers) -> Any:
        """A multiple of a factor or of two."""
        for count in (1, 2):
            for some in combinations_with_replacement(self._factors[:_MOST_FACTORS], count):
                product: Any = 1
                for symbol, _ in some:
                    product = product * symbol
                units = [1] * len(column)
                for _, values in some:
                    units = [unit * value for unit, value in zip(units, values, strict=True)]
                if all(units) and column[0] % units[0] == 0:
                    factor = column[0] // units[0]
                    if all(factor * unit == number for unit, number in zip(units, column, strict=True)):
                        return product * factor
        return None

    def _shifted(self, column: Numbers) -> Any:
        """A symbol and so many more."""
        for symbol, values in self._symbols:
            by = column[0] - values[0]
            if all(value + by == number for value, number in zip(values, column, strict=True)):
                return symbol + by
        return None

    def _affine(self, column: Numbers) -> Any:
        """A multiple of a symbol and so many more."""
        for symbol, values in self._symbols:
            first = next((i for i, value in enumerate(values) if value != values[0]), None)
            if first is None:
                continue
            slope, rest = divmod(column[first] - column[0], values[first] - values[0])
            by = column[0] - slope * values[0]
            if not rest and all(slope * v + by == number for v, number in zip(values, column, strict=True)):
                return symbol * slope + by
        return None


class TypesAt:
    """Types over extents, for other values of the symbols.

    Attributes:
        extents: of all of these types.
    """

    def __init__(self, types: Sequence[TensorType]) -> None:
        self.extents = [extent for type_ in types for extent in type_.shape]
        ends = list(accumulate((type_.ndim for type_ in types), initial=0))
        self._parts = [(slice(*part), type_.dtype) for part, type_ in zip(pairwise(ends), types, strict=True)]

    def __call__(self, extents: Numbers) -> tuple[TensorType, ...]:
        """The types with these in place of `extents`."""
        return tuple([tensor_type(extents[part], dtype) for part, dtype in self._parts])


# -- families ---------------------------------------------------------------------------------------------------------


class GeneralMember(NamedTuple, Generic[T]):
    """A member over extents: what was made, and for which numbers it is right."""

    made: T
    fit: Fit


class Member(NamedTuple, Generic[T]):
    """A member that follows from a general one.

    Attributes:
        made: the general one.
        values: of the symbols.
        results: the values of what was wanted when it was made (`Fitter.want`).
    """

    made: T
    values: Numbers
    results: Numbers


class Family(Generic[T]):
    """What is known of members that are alike but for their numbers."""

    def __init__(self) -> None:
        # Numbers for which there was no general member, the last ones.
        self._samples: list[Numbers] = []
        # Those used last come first. Threads that record meet here: what changes is replaced as a whole.
        self._general: tuple[GeneralMember[T], ...] = ()
        self._failures = 0

    def find(self, numbers: Numbers, make: Callable[[Fitter], T]) -> Member[T] | None:
        """The member with these numbers, if there is a general one that is right for it.

        Args:
            numbers: of the member that is asked for.
            make: makes a general member with the expressions of a fitter, when it is time for one. If it cannot, that
                costs speed alone: the member is made singly.
        """
        known = self._general
        for place, general in enumerate(known):
            found = general.fit.at(numbers)
            if found is not None:
                if place:
                    self._general = (general, *known[:place], *known[place + 1 :])
                return Member(general.made, *found)
        if not self._may_try(numbers):
            return None
        try:
            general = _made(make, self._samples)
        except (NotGeneralError, TooManyGuardsError, RetrogradError):
            self._failures += 1
            return None
        except Exception as error:
            # Code that does not take extents is a mistake, but none that a user's program should end by.
            if _CHECK:
                raise
            _note(error)
            self._failures += 1
            return None
        self._general = (general, *self._general)
        found = general.fit.at(numbers)
        return None if found is None else Member(general.made, *found)

    def _may_try(self, numbers: Numbers) -> bool:
        """Enter a sample; whether a general member for it is worth an attempt."""
        if numbers not in self._samples:
            self._samples = [*self._samples[1 - _SAMPLES :], numbers]
        enough = len(self._samples) == _SAMPLES and self._samples[-1] == numbers
        return enough and len(self._general) < _MOST_GENERAL and self._failures < _MOST_FAILURES


def _made(make: Callable[[Fitter], T], samples: Sequence[Numbers]) -> GeneralMember[T]:
    fitter = Fitter(samples)
    made = make(fitter)
    fit = fitter.finish()
    if fit.guards.pinned:
        raise NotGeneralError("it is right for some extents alone")
    return GeneralMember(made, fit)


def _note(error: Exception) -> None:
    """Count a mistake, and tell of it the first time."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    line = "" if trace is None else f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
    mistakes[line] = mistakes.get(line, 0) + 1
    if mistakes[line] > 1:
        return
    import logging  # noqa: PLC0415 -- slow to import, and seldom needed

    logging.getLogger("retrograd").warning(
        "what comes with ever new extents could not be planned for all of them, which makes it slower but not wrong; "
        "this is a mistake in retrograd: please report it",
        exc_info=error,
    )
