"""A policy learned from episodes of which no two are equally long: `python -m benchmarks.policy_gradient`.

REINFORCE balances a pole on a cart. The policy is asked at every step of an episode; at its end one update is made of
all of its steps. The same code runs with retrograd and with PyTorch, each in a process of its own, in turns. Exit
status 1 where retrograd is slower, or still meets new kernels after the first episodes.

Source: Williams, "Simple statistical gradient-following algorithms for connectionist reinforcement learning" (1992);
the cart's equations of motion are those of Barto, Sutton and Anderson (1983).
"""

from __future__ import annotations

import argparse
import math
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from importlib import import_module
from multiprocessing import get_context
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from retrograd.backends.native.cache import kernel_cache

LIBRARIES: Final = ("retrograd", "torch")
# Kernels are met in the first episodes: those of tier 0 in the first, the fused ones when a length returns.
SETTLING_EPISODES: Final = 5
_DISCOUNT: Final = 0.99
# How much of the mean return the next episode leaves as it is.
_MEMORY: Final = 0.95


class CartPole:
    """A cart that is pushed to the left or right so that the pole on it stays up.

    Attributes:
        state: position and speed of the cart, angle and angular speed of the pole.
    """

    def __init__(self, rng: np.random.Generator) -> None:
        self.state: NDArray[np.float32] = rng.uniform(-0.05, 0.05, 4).astype(np.float32)

    def step(self, action: int) -> bool:
        """Push for a fiftieth of a second; whether the episode goes on."""
        x, speed, angle, turning = self.state.tolist()
        force, sine, cosine = (10.0 if action else -10.0), math.sin(angle), math.cos(angle)
        push = (force + 0.05 * turning**2 * sine) / 1.1
        turned = (9.8 * sine - cosine * push) / (0.5 * (4 / 3 - 0.1 * cosine**2 / 1.1))
        moved = push - 0.05 * turned * cosine / 1.1
        now = x + 0.02 * speed, speed + 0.02 * moved, angle + 0.02 * turning, turning + 0.02 * turned
        self.state = np.array(now, np.float32)
        return bool(abs(now[0]) < 2.4 and abs(now[2]) < 0.21)


@dataclass
class Learning:
    """What training gave, by episode.

    Attributes:
        lengths: how many steps there were.
        seconds: how long the episode and its update took.
        kernels: how many native kernels the process had met by its end.
    """

    lengths: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    kernels: list[int] = field(default_factory=list)

    def microseconds(self) -> float:
        """The time of a step, updates included, once all kernels are there."""
        seconds, lengths = self.seconds[SETTLING_EPISODES:], self.lengths[SETTLING_EPISODES:]
        return 1e6 * sum(seconds) / sum(lengths)


def learn(library: str, episodes: int, threads: int) -> Learning:
    """Train a policy with a library that speaks PyTorch's language."""
    lib: Any = import_module(library)
    lib.set_num_threads(threads)
    lib.manual_seed(0)
    policy = lib.nn.Sequential(lib.nn.Linear(4, 128), lib.nn.ReLU(), lib.nn.Linear(128, 2))
    optimizer = lib.optim.Adam(policy.parameters(), lr=0.002)
    rng = np.random.default_rng(0)
    learning, usual = Learning(), 0.0
    for episode in range(episodes):
        start = time.perf_counter()
        # A policy that has learned balances for as long as it may, which is another time in every episode.
        states, actions = _episode(lib, policy, rng, longest=40 + 67 * episode % 200)
        returns = _returns(len(actions))
        usual = _MEMORY * usual + (1 - _MEMORY) * float(returns.mean())
        _update(lib, policy, optimizer, states, actions, (returns - np.float32(usual)) / np.float32(10))
        learning.seconds.append(time.perf_counter() - start)
        learning.lengths.append(len(actions))
        learning.kernels.append(len(kernel_cache()) if library == "retrograd" else 0)
    return learning


def _episode(
    lib: Any, policy: Any, rng: np.random.Generator, longest: int
) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """What the policy saw and what it did."""
    cart = CartPole(rng)
    states: list[NDArray[np.float32]] = []
    actions: list[int] = []
    goes_on = True
    while goes_on and len(actions) < longest:
        with lib.no_grad():
            chances = policy(lib.from_numpy(cart.state)).softmax(-1)
        states.append(cart.state)
        actions.append(int(rng.random() < chances[1].item()))
        goes_on = cart.step(actions[-1])
    return np.stack(states), np.array(actions)


def _returns(length: int) -> NDArray[np.float32]:
    """What is still to come at each step, where each step is worth 1."""
    remaining = np.arange(length, 0, -1)
    return ((1 - _DISCOUNT**remaining) / (1 - _DISCOUNT)).astype(np.float32)


def _update(
    lib: Any,
    policy: Any,
    optimizer: Any,
    states: NDArray[np.float32],
    actions: NDArray[np.int64],
    advantages: NDArray[np.float32],
) -> None:
    """One step up the gradient of the expected return."""
    logits = policy(lib.from_numpy(states))
    losses = lib.nn.functional.cross_entropy(logits, lib.from_numpy(actions), reduction="none")
    loss = (losses * lib.from_numpy(advantages)).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure in turns, report, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policy_gradient", description=__doc__)
    parser.add_argument("--episodes", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each library; the median counts")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    found: dict[str, list[Learning]] = {library: [] for library in LIBRARIES}
    for _ in range(options.rounds):
        for library in LIBRARIES:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                found[library].append(pool.submit(learn, library, options.episodes, options.threads).result())
    medians = {library: float(np.median([run.microseconds() for run in runs])) for library, runs in found.items()}
    for library, runs in found.items():
        lengths = runs[0].lengths
        print(f"{library}: {medians[library]:.0f} us a step, updates included; {len(set(lengths))} different lengths")
    new = max(run.kernels[-1] - run.kernels[SETTLING_EPISODES - 1] for run in found["retrograd"])
    print(f"kernels that retrograd met after {SETTLING_EPISODES} episodes: {new}")
    print(f"PyTorch / retrograd: {medians['torch'] / medians['retrograd']:.2f}")
    return int(new > 0 or medians["retrograd"] > medians["torch"])


if __name__ == "__main__":
    sys.exit(main())
