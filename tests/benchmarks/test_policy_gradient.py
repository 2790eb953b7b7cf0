"""Episodes of different lengths: the policy learns, and after the first ones nothing is compiled."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

import numpy as np

from benchmarks import policy_gradient
from benchmarks.policy_gradient import SETTLING_EPISODES, CartPole, learn
from tests.support.backends import needs_native


def test_a_pole_that_nobody_balances_falls() -> None:
    cart = CartPole(np.random.default_rng(0))
    steps = 1
    while cart.step(1):
        steps += 1
    # A push of 10 N turns the pole by 12 degrees in about a sixth of a second.
    assert 7 <= steps <= 11
    assert cart.state[0] > 0 > cart.state[2]


def test_returns_are_discounted() -> None:
    np.testing.assert_allclose(policy_gradient._returns(3), [1 + 0.99 + 0.99**2, 1.99, 1], rtol=1e-6)


@needs_native
def test_nothing_is_compiled_after_the_first_episodes() -> None:
    with ProcessPoolExecutor(1, get_context("spawn")) as fresh:
        learning = fresh.submit(learn, "retrograd", 60, threads=2).result()
    later = learning.lengths[SETTLING_EPISODES:]
    assert len(set(later) - set(learning.lengths[:SETTLING_EPISODES])) > 5
    assert learning.kernels[SETTLING_EPISODES - 1] == learning.kernels[-1] > 0
