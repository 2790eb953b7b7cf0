"""Random networks in captured loops: the losses and parameters of the loop written by hand, to the bit.

`RETROGRAD_RANDOM_NETWORKS` says how many are tried. A failing one is shrunk.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np
from hypothesis import HealthCheck, event, given, settings

import retrograd as rg
from tests.support.backends import needs_native
from tests.support.random_program import OPTIMIZERS, SHAPES, Network, Program, programs

pytestmark = needs_native

COUNT = int(os.environ.get("RETROGRAD_RANDOM_NETWORKS", "40"))
EXAMPLES, BATCH, EPOCHS = 12, 4, 5

Problem = tuple[Callable[[Any], Any], Any, list[Any]]


def _problem(program: Program) -> Problem:
    """A training step, the data, and what is trained."""
    rg.manual_seed(0)
    network = Network(program, program.dtype)
    data = np.random.RandomState(1).randn(EXAMPLES, *SHAPES[program.shapes[0]]).astype(program.dtype)
    scale = rg.ones((), dtype=getattr(rg, program.dtype), requires_grad=True)
    network.through([rg.tensor(data[:BATCH])])
    parameters = [scale, *network.weights.values()]
    optimizer = OPTIMIZERS[program.optimizer](parameters)

    def step(x: Any) -> Any:
        optimizer.zero_grad()
        loss = ((network.through([x])[-1] * scale - 0.5) ** 2).mean()
        network.values = []
        loss.backward()
        optimizer.step()
        return loss

    return step, rg.tensor(data), parameters


def _bits(parameters: list[Any]) -> list[bytes]:
    return [p.detach().numpy().tobytes() for p in parameters]


@settings(deadline=None, max_examples=COUNT, suppress_health_check=[HealthCheck.too_slow])
@given(programs())
def test_captured_loops_train_as_the_loop_written_by_hand(program: Program) -> None:
    with rg.use_backend("native"), np.errstate(all="ignore"):
        step, x, parameters = _problem(program)
        starts = range(0, EXAMPLES, BATCH)
        expected = [step(x[start : start + BATCH]).item() for _ in range(EPOCHS) for start in starts]
        by_hand = _bits(parameters)
        step, x, parameters = _problem(program)
        loop = rg.compile_loop(step, (x,), batch_size=BATCH)
        found = [*loop.run(epochs=2), *loop.run(epochs=EPOCHS - 2)]
    event("captured" if loop.captured else "step by step")
    np.testing.assert_array_equal(found, expected)
    assert _bits(parameters) == by_hand
