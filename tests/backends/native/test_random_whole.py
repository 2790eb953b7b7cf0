"""Random programs of whole numbers, booleans and movements: every tier, and any threads, give what NumPy gives.

`RETROGRAD_RANDOM_PROGRAMS` says how many are tried. A failing one is shrunk, and printed as what `_run` takes.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings, strategies as st

import retrograd as rg
from tests.support.backends import needs_native
from tests.support.random_whole import DTYPES, OPERATIONS, SHAPES, Choices

pytestmark = needs_native

COUNT = int(os.environ.get("RETROGRAD_RANDOM_PROGRAMS", "60"))
# The most elements of a value.
LARGEST = 12_000


@dataclass(frozen=True)
class Program:
    """Inputs, by places in `DTYPES` and `SHAPES`; instructions, each with the value it takes and what it picks."""

    inputs: tuple[tuple[int, int], ...]
    instructions: tuple[tuple[str, int, tuple[int, ...]], ...]


_programs = st.builds(
    Program,
    st.lists(st.tuples(st.integers(0, len(DTYPES) - 1), st.integers(0, len(SHAPES) - 1)), min_size=1, max_size=4).map(
        tuple
    ),
    st.lists(
        st.tuples(st.sampled_from(list(OPERATIONS)), st.integers(0, 5), st.tuples(*[st.integers(0, 59)] * 5)),
        min_size=1,
        max_size=16,
    ).map(tuple),
)


def _run(program: Program, backend: str, tier: int | None = None, threads: int = 1) -> list[Any]:
    before = rg.get_num_threads()
    rg.set_num_threads(threads)
    try:
        with rg.use_backend(backend, tier), np.errstate(all="ignore"):
            return [np.array(x.numpy()) for x in _values(program)]
    finally:
        rg.set_num_threads(before)


def _values(program: Program) -> list[Any]:
    """The last values of a program, not computed yet."""
    rng = np.random.default_rng(0)
    values = []
    for dtype, shape in program.inputs:
        low, high = (0, 2) if DTYPES[dtype] == "bool" else (0 if DTYPES[dtype] == "uint8" else -30, 70)
        values.append(rg.tensor(rng.integers(low, high, SHAPES[shape]).astype(DTYPES[dtype])))
    for name, operand, numbers in program.instructions:
        made = OPERATIONS[name](Choices(values, numbers), values[-1 - operand % len(values)])
        if made.numel() <= LARGEST:
            values.append(made)
    return values[-4:]


@settings(deadline=None, max_examples=COUNT, suppress_health_check=[HealthCheck.too_slow])
@given(_programs)
def test_every_tier_gives_what_numpy_gives(program: Program) -> None:
    expected = _run(program, "reference")
    for tier, threads in ((0, 1), (1, 1), (1, 2), (-1, 2)):
        for found, array in zip(_run(program, "native", tier, threads), expected, strict=True):
            np.testing.assert_array_equal(found, array, strict=True, err_msg=f"tier {tier}, {threads} threads")
