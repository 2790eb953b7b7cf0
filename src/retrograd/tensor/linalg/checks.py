"""What the functions of linear algebra share: errors that depend on values, and status numbers."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import int32
from retrograd.core.errors import LinAlgError
from retrograd.core.operation import Composite, project, record
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import operand


def outputs(operation: Composite, x: Any, attributes: tuple[Any, ...], count: int) -> tuple[Any, ...]:
    """The results of an operation that has several."""
    node = record(operation, (operand(operation.name, x),), attributes)
    return tuple(wrap(project(node, i)) for i in range(count))


def require_solved(name: str, rule: str, result: Any, *inputs: Any) -> None:
    """Look at the result, and raise where the inputs are finite and it is not.

    Within a function that is being traced there are no values to look at, and nothing is raised.

    Raises:
        LinAlgError: `rule` says what the matrix must be.
    """
    if result._storage.is_traced() or np.isfinite(result._value()).all():
        return
    if all(np.isfinite(x._value()).all() for x in inputs):
        bad = ~np.isfinite(result._value()).all(axis=(-2, -1))
        where = f" (batch element {tuple(map(int, np.argwhere(bad)[0]))})" if bad.ndim else ""
        raise LinAlgError(f"{name}: the matrix{where} {rule}")


def status(result: Any) -> Any:
    """0 for each matrix of a result, 1 where it could not be computed."""
    return result.isnan().any(dim=(-2, -1)).to(int32)
