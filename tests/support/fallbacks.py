"""What NumPy computes for the native backend, for want of a kernel: pinned, so that it can only become shorter."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from retrograd.backends.native.segments import SegmentedProgram, native_steps
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import ControlFlow

FLOATS = {"float32", "float64"}
# NumPy hands these to LAPACK, whose blocked algorithms, pivoting and scaling are decades of work on accuracy that a
# kernel of our own would only repeat, and not equal. Matrices are few and small where networks factor any at all, so
# that what a second pass over memory costs is nothing beside n^3 operations.
FACTORISATIONS = (
    "cholesky_factors", "cofactors", "det", "eigh_factors", "lu_factors", "matrix_exp", "qr_factors",
    "slogdet_factors", "solve", "svd_factors",
)  # fmt: skip
# By primitive: the dtypes of results for which it falls back. Those of 16 bits are computed in float32.
FALLBACKS: dict[str, set[str]] = dict.fromkeys(FACTORISATIONS, FLOATS)
# By row of the table of composites and control flow: what of it, or of its first and second gradients, NumPy computes
# or Python leads. No other row has any part that does not run natively.
ROWS: dict[str, set[str]] = {
    "cholesky": {"cholesky_factors"},
    "cholesky_inverse": {"solve"},
    "cholesky_solve": {"solve"},
    "cond": {"cond"},
    "eigh": {"eigh_factors"},
    "inv": {"solve"},
    "linalg_det": {"cofactors", "det", "solve"},
    "linalg_matrix_exp": {"matrix_exp"},
    "linalg_solve": {"solve"},
    "logdet": {"slogdet_factors", "solve"},
    "lu": {"lu_factors", "solve"},
    "lu_factor": {"lu_factors", "solve"},
    "matrix_norm": {"svd_factors"},
    "matrix_rank": {"eigh_factors", "svd_factors"},
    "pinv": {"eigh_factors", "svd_factors"},
    "qr": {"qr_factors", "solve"},
    "slogdet": {"slogdet_factors", "solve"},
    "solve_triangular": {"solve"},
    "svd": {"svd_factors"},
    "svdvals": {"svd_factors"},
    "while": {"while"},
}


def fallbacks_of(graph: Graph) -> set[str]:
    """The operations of a graph, and of the bodies in it, that no native program runs."""
    found: set[str] = set()
    for step, native in zip(graph.steps, native_steps(graph), strict=True):
        if native:
            continue
        signature = step.signature
        found.add(signature.operation.name)
        if isinstance(signature.operation, ControlFlow):
            found = found.union(*map(fallbacks_of, signature.attributes[0]))
    return found


@contextmanager
def watched() -> Iterator[set[str]]:
    """The names of the operations that run outside of native programs meanwhile."""
    found: set[str] = set()
    run_step = SegmentedProgram._run_step

    def noted(program: SegmentedProgram, step: Step, arrays: list[Any]) -> Any:
        found.add(step.signature.operation.name)
        return run_step(program, step, arrays)

    SegmentedProgram._run_step = noted  # type: ignore[method-assign]
    try:
        yield found
    finally:
        SegmentedProgram._run_step = run_step  # type: ignore[method-assign]
