"""Random networks that train: every tier and thread count gives the same bits, and the reference agrees.

`RETROGRAD_RANDOM_NETWORKS` says how many are tried. A failing one is shrunk, and printed as what `train` takes.
"""

from __future__ import annotations

import os
from collections.abc import Sequence

import numpy as np
from hypothesis import HealthCheck, assume, example, given, settings

import retrograd as rg
from retrograd.backends.native.segments import _ALWAYS, _UNLESS, native_steps
from retrograd.runtime.evaluate import observed
from tests.support.backends import needs_native
from tests.support.random_program import Instruction, Program, Run, one_of_each, programs, train

pytestmark = needs_native

COUNT = int(os.environ.get("RETROGRAD_RANDOM_NETWORKS", "40"))
# |native - exact| <= FACTOR eps (largest value + how much results move with what goes in); errors of 2 were seen.
FACTOR = 16
# Tiers and threads that must give the bits of tier 0 on one thread.
RUNS = ((1, 1), (1, 2), (1, 4), (-1, 1), (-1, 2), (None, 2))
# How far inputs are moved: far against rounding errors, near against the distances of kinks.
MOVED = {"float32": 2.0**-17, "float64": 2.0**-36}


def _run(program: Program, tier: int | None, threads: int) -> Run:
    before = rg.get_num_threads()
    rg.set_num_threads(threads)
    try:
        with rg.use_backend("native", tier):
            return train(program)
    finally:
        rg.set_num_threads(before)


def _movement(a: Run, b: Run) -> float:
    return max(float(np.abs(a.results[name] - b.results[name]).max(initial=0)) for name in a.results)


def check(program: Program, runs: Sequence[tuple[int | None, int]] = RUNS) -> None:
    """Bits are equal throughout, and values near those of the definition in double precision.

    A network that magnifies what it is given more than a thousand times is passed over, as one is that has a kink where
    rounding alone decides which side a value is on: moving what goes in to both sides shows it, or, where the value
    hardly depends on that, the definition in the network's own precision.
    """
    moved = MOVED[program.dtype]
    with np.errstate(all="ignore"), rg.use_backend("reference"):
        exact = train(program, "float64", measure=True)
        movement = max(_movement(exact, train(program, "float64", moved * sign)) for sign in (1, -1)) / moved
        rounded = _movement(exact, train(program))
    limit = FACTOR * float(np.finfo(program.dtype).eps) * (exact.largest + movement)
    assume(exact.largest < 1e4 and movement < 1e3 * exact.largest and rounded <= limit)
    plain = _run(program, 0, 1)
    for tier, threads in runs:
        for name, array in _run(program, tier, threads).results.items():
            assert array.tobytes() == plain.results[name].tobytes(), f"{name} at tier {tier} on {threads} threads"
    for name, array in exact.results.items():
        difference = float(np.abs(plain.results[name] - array).max(initial=0))
        assert difference <= limit, f"{name} is off by {difference}, where {limit} is allowed"


# The gradients of a normalisation, added up in one kernel, waited for themselves by way of an earlier, grown one.
_GROWN = Program(
    dtype="float32",
    shapes=(1,),
    instructions=(
        Instruction("expanded", 0, (0, 0, 0)),
        Instruction("convolved_in_time", 0, (0, 0, 0)),
        Instruction("windows", 0, (0, 0, 0)),
        Instruction("counted", 0, (0, 0, 0)),
        Instruction("normalised", 2, (0, 5, 0)),
    ),
    loss="sum",
    optimizer="sgd",
    batches=(1,),
    looks=False,
    penalised=False,
)


@example(_GROWN)
@settings(deadline=None, max_examples=COUNT, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
@given(programs())
def test_same_bits_for_tiers_and_threads_and_close_to_the_definition(program: Program) -> None:
    check(program)


def test_networks_reach_every_primitive_that_has_a_kernel_and_no_other() -> None:
    reached: set[str] = set()
    with rg.use_backend("null"), observed() as seen:
        for program in one_of_each():
            train(program)
    for evaluation in seen:
        reached |= {step.signature.operation.name for step in evaluation.graph.steps}
        assert all(native_steps(evaluation.graph))
    assert not (_ALWAYS | set(_UNLESS)) - reached
