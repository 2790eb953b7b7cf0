"""Random sequences of operations on pairs of tensors: retrograd against PyTorch, in every order.

RETROGRAD_SEQUENCES says how many are tried on each backend (150 by default, the same ones in every run).
"""

from __future__ import annotations

import os

import pytest
from hypothesis import HealthCheck, given, settings, strategies as st

from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS

torch = pytest.importorskip("torch")

# They need PyTorch. The others enter their operations in the table of the first.
from tests.support import twin_gradients, twin_indexing, twin_operations, twin_writes  # noqa: E402, F401
from tests.support.twins import World, saved_values_kept  # noqa: E402

pytestmark = pytest.mark.parity

OPERATIONS = twin_operations.OPERATIONS

SEQUENCES = int(os.environ.get("RETROGRAD_SEQUENCES", "150"))
LONGEST = 40
_OFTEN = ("leaf", "unary", "binary", "view", "view", "write", "write_silently", "write_number", "backward", "export")

Step = tuple[str, int, int, int]
_numbers = st.integers(0, 15)
_steps = st.tuples(st.sampled_from([*OPERATIONS, *_OFTEN]), _numbers, _numbers, _numbers)


def run_sequence(steps: list[Step]) -> None:
    """Carry out the steps on both sides and compare what is left.

    Raises:
        Difference: the sides disagree.
    """
    world = World()
    with saved_values_kept():
        for name, a, b, c in steps:
            OPERATIONS[name](world, a, b, c)
            world.forget_large()
        world.check()


@pytest.mark.parametrize("backend", BACKENDS)
@settings(
    max_examples=SEQUENCES,
    deadline=None,
    derandomize="RETROGRAD_SEQUENCES" not in os.environ,
    suppress_health_check=list(HealthCheck),
)
@given(steps=st.lists(_steps, min_size=10, max_size=LONGEST))
def test_random_sequences_agree_with_pytorch(backend: str, steps: list[Step]) -> None:
    torch.set_num_threads(1)
    with use_backend(backend):
        run_sequence(steps)
