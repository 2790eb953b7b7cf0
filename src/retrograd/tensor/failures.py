"""Values that could not be computed, and why: the error stays with what failed."""

from __future__ import annotations

from weakref import WeakKeyDictionary

from retrograd.core.node import Node
from retrograd.runtime.evaluate import evaluate
from retrograd.tensor.retained import with_residuals


class Failures:
    """Errors of values that could not be computed; most processes see none, and look no further."""

    def __init__(self) -> None:
        self.happened = False
        self.errors: WeakKeyDictionary[Node, Exception] = WeakKeyDictionary()

    def enter(self, errors: dict[Node, Exception]) -> None:
        self.errors.update(errors)
        self.happened = True


failures = Failures()


def fail_alone(roots: list[Node]) -> dict[Node, Exception]:
    """Compute values by themselves; the errors of those that fail."""
    failed: dict[Node, Exception] = {}
    for node in roots:
        try:
            evaluate(with_residuals([node]))
        except Exception as error:
            failed[node] = error
    return failed
