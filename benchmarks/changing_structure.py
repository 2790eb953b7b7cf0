"""A network that is another one at each step: `python -m benchmarks.changing_structure`.

A decoder learns to reverse sequences. At each symbol a coin says whether it is given the true symbol before or its own
guess, so that with 12 symbols there are 4,096 structures, and sequences of two batches are seldom equally long. The
same code runs with retrograd and with PyTorch, each in a process of its own, in turns. Exit status 1 where retrograd
is slower.

Source: Bahdanau, Cho and Bengio, "Neural machine translation by jointly learning to align and translate" (2015);
Bengio et al., "Scheduled sampling for sequence prediction with recurrent neural networks" (2015).
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from typing import Any, Final

import numpy as np

LIBRARIES: Final = ("retrograd", "torch")
SYMBOLS, WIDTH, BATCH = 20, 32, 16


def networks(lib: Any) -> dict[str, Any]:
    """The parts of the network."""
    nn = lib.nn
    return {
        "symbols": nn.Embedding(SYMBOLS, WIDTH),
        "encoder": nn.GRU(WIDTH, WIDTH, batch_first=True),
        "attention": nn.Linear(2 * WIDTH, WIDTH),
        "score": nn.Linear(WIDTH, 1, bias=False),
        "cell": nn.GRUCell(2 * WIDTH, WIDTH),
        "out": nn.Linear(2 * WIDTH, SYMBOLS),
    }


def decode(lib: Any, parts: dict[str, Any], source: Any, target: Any, coins: Sequence[bool]) -> Any:
    """The logits of each symbol of the target."""
    seen, state = parts["encoder"](parts["symbols"](source))
    state, outputs = state[0], []
    symbol = lib.zeros(source.shape[0], dtype=lib.int64)
    for t, coin in enumerate(coins):
        asked = state.unsqueeze(1).expand(-1, seen.shape[1], -1)
        energy = parts["score"](lib.tanh(parts["attention"](lib.cat((asked, seen), 2)))).squeeze(2)
        context = lib.bmm(energy.softmax(1).unsqueeze(1), seen).squeeze(1)
        state = parts["cell"](lib.cat((parts["symbols"](symbol), context), 1), state)
        outputs.append(parts["out"](lib.cat((state, context), 1)))
        symbol = target[:, t] if coin else outputs[-1].argmax(1)
    return lib.stack(outputs, 1)


def learn(library: str, steps: int, threads: int) -> tuple[float, float]:
    """Milliseconds of a step (the median of the second half), and the last loss."""
    lib: Any = import_module(library)
    lib.set_num_threads(threads)
    lib.manual_seed(0)
    parts, numbers = networks(lib), np.random.default_rng(0)
    optimizer = lib.optim.Adam([p for part in parts.values() for p in part.parameters()], lr=0.003)
    seconds, last = [], 0.0
    for _ in range(steps):
        length = int(numbers.integers(5, 13))
        source = numbers.integers(1, SYMBOLS, (BATCH, length))
        coins = (numbers.random(length) < 0.5).tolist()
        start = time.perf_counter()
        target = lib.from_numpy(source[:, ::-1].copy())
        logits = decode(lib, parts, lib.from_numpy(source), target, coins)
        loss = lib.nn.functional.cross_entropy(logits.reshape(-1, SYMBOLS), target.reshape(-1))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        last = loss.item()
        seconds.append(time.perf_counter() - start)
    return 1e3 * float(np.median(seconds[steps // 2 :])), last


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure in turns, report, compare."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.changing_structure", description=__doc__)
    parser.add_argument("--steps", type=int, default=150)
    parser.add_argument("--rounds", type=int, default=3, help="turns of each library; the median counts")
    parser.add_argument("--threads", type=int, default=2)
    options = parser.parse_args(arguments)
    found: dict[str, list[tuple[float, float]]] = {library: [] for library in LIBRARIES}
    for _ in range(options.rounds):
        for library in LIBRARIES:
            with ProcessPoolExecutor(1, get_context("spawn")) as pool:
                found[library].append(pool.submit(learn, library, options.steps, options.threads).result())
    medians = {library: float(np.median([time for time, _ in runs])) for library, runs in found.items()}
    for library, runs in found.items():
        print(f"{library}: {medians[library]:.2f} ms a step, loss {runs[0][1]:.4f} at the end")
    print(f"PyTorch / retrograd: {medians['torch'] / medians['retrograd']:.2f}")
    return int(medians["retrograd"] > medians["torch"])


if __name__ == "__main__":
    sys.exit(main())
