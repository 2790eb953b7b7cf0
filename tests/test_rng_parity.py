"""The same seed gives PyTorch's numbers: against an installed PyTorch seed by seed, and against numbers written down.

Each rule is a short program in both libraries. What it gives, and where the generator stands afterwards, must be equal.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch

SEEDS = (0, 1, 7, 1234, 2**32 + 5, 2**63 - 1)
SIZES = (1, 7, 15, 16, 17, 33, 1000)
# The first numbers of every rule, and a digest of all of them, by seed; made with PyTorch 2.13 on x86-64.
RECORDED = Path(__file__).parent / "support" / "rng_values.json"

# A program: it draws with a library's functions, and gives a list of tensors.
Program = Callable[[Any], list[Any]]


def _sized(draw: Callable[[Any, int], Any]) -> Program:
    return lambda lib: [draw(lib, size) for size in SIZES]


def _each(*draws: Callable[[Any], Any]) -> Program:
    return lambda lib: [draw(lib) for draw in draws]


def _parameters(make: Callable[[Any], Any]) -> Program:
    return lambda lib: list(make(lib).parameters())


def _initialised(name: str, *shapes: tuple[int, ...], **options: Any) -> Program:
    def run(lib: Any) -> list[Any]:
        made = [lib.empty(*shape) for shape in shapes or ((5, 3), (4, 3, 3, 2))]
        for x in made:
            getattr(lib.nn.init, name)(x, **options)
        return made

    return run


def _shuffled(lib: Any) -> list[Any]:
    data = lib.utils.data.TensorDataset(lib.arange(23))
    loader = lib.utils.data.DataLoader(data, batch_size=5, shuffle=True)
    return [batch for _ in range(2) for (batch,) in loader]


def _replaced(lib: Any) -> list[Any]:
    data = lib.utils.data.TensorDataset(lib.arange(23))
    sampler = lib.utils.data.RandomSampler(data, replacement=True, num_samples=40)
    return [lib.tensor(list(sampler))]


def _split(lib: Any) -> list[Any]:
    parts = lib.utils.data.random_split(list(range(20)), [12, 8])
    return [lib.tensor(list(part.indices)) for part in parts]


def _mixed(lib: Any) -> list[Any]:
    """Draws of different widths after one another."""
    return [
        lib.rand(3),
        lib.randn(5),
        lib.randint(0, 9, (4,)),
        lib.randn(3),
        lib.rand(2, dtype=lib.float64),
        lib.randperm(6),
        lib.randn(20),
    ]


def _forked(lib: Any) -> list[Any]:
    first = lib.rand(2)
    with lib.random.fork_rng():
        lib.manual_seed(99)
        inside = lib.rand(2)
    return [first, inside, lib.rand(2)]


def _own_generator(lib: Any) -> list[Any]:
    generator = lib.Generator()
    generator.manual_seed(lib.initial_seed() % 1000)
    return [
        lib.rand(3, generator=generator),
        lib.randperm(7, generator=generator),
        lib.empty(4).normal_(generator=generator),
        lib.nn.init.xavier_uniform_(lib.empty(3, 2), generator=generator),
        lib.rand(1),
    ]


def _dropped(lib: Any) -> list[Any]:
    with patch.dict(os.environ, RETROGRAD_RNG="torch"):
        return [lib.nn.functional.dropout(lib.ones(n), p) for n in SIZES for p in (0.3, 0.5)]


def _weights(lib: Any) -> Any:
    return lib.arange(1, 37).reshape(4, 9) / 37


RULES: dict[str, Program] = {
    "rand": _sized(lambda lib, n: lib.rand(n)),
    "rand float64": _sized(lambda lib, n: lib.rand(n, dtype=lib.float64)),
    "randn": _sized(lambda lib, n: lib.randn(n)),
    "randint": _sized(lambda lib, n: lib.randint(-3, 11, (n,))),
    "randint of many": _each(
        lambda lib: lib.randint(2**40, (9,)),
        lambda lib: lib.randint(-(2**62), 2**62, (9,)),
        lambda lib: lib.randint(0, 2**28, (9,)),
        lambda lib: lib.randint(5, (9,), dtype=lib.uint8),
        lambda lib: lib.randint(5, (9,), dtype=lib.float32),
    ),
    "randperm": _each(*(lambda lib, n=n: lib.randperm(n) for n in (0, 1, 2, 50, 1000))),
    "randperm of dtypes": _each(
        lambda lib: lib.randperm(9, dtype=lib.int32), lambda lib: lib.randperm(9, dtype=lib.float32)
    ),
    "uniform_": _sized(lambda lib, n: lib.empty(n).uniform_(-0.3, 0.7)),
    "normal_": _sized(lambda lib, n: lib.empty(n).normal_(1.5, 0.3)),
    "random_": _each(
        lambda lib: lib.empty(9, dtype=lib.int64).random_(),
        lambda lib: lib.empty(9).random_(),
        lambda lib: lib.empty(9, dtype=lib.float64).random_(),
        lambda lib: lib.empty(9, dtype=lib.int8).random_(),
        lambda lib: lib.empty(9, dtype=lib.bool).random_(),
        lambda lib: lib.empty(9, dtype=lib.int32).random_(5, 20),
        lambda lib: lib.empty(9).random_(20),
    ),
    "in place through views": _each(
        lambda lib: lib.empty(6, 4).t().uniform_(),
        lambda lib: lib.empty(6, 8)[:, ::2].random_(50),
        lambda lib: lib.empty(6, 4).t().normal_(),
        lambda lib: lib.rand_like(lib.zeros(4, 6).t()),
    ),
    "bernoulli of tensors": _each(
        lambda lib: lib.bernoulli(_weights(lib)),
        lambda lib: lib.bernoulli(_weights(lib).double()),
        lambda lib: lib.bernoulli(_weights(lib).t()),
        lambda lib: lib.empty(4, 9).bernoulli_(_weights(lib)),
        lambda lib: lib.empty(5, 4, 9, dtype=lib.int64).bernoulli_(_weights(lib)[:, :1]),
    ),
    "like": _each(
        lambda lib: lib.rand_like(lib.zeros(3, 4)),
        lambda lib: lib.randn_like(lib.zeros(5, 4)),
        lambda lib: lib.randint_like(lib.zeros(3, 4), 9),
        lambda lib: lib.randint_like(lib.zeros(3, 4), 5, 9),
    ),
    "normal of tensors": _each(
        lambda lib: lib.normal(_weights(lib), _weights(lib)),
        lambda lib: lib.normal(_weights(lib), 1.5),
        lambda lib: lib.normal(0.5, _weights(lib)),
        lambda lib: lib.normal(_weights(lib)[:, :1], _weights(lib)[:1]),
        lambda lib: lib.normal(1.0, 2.0, (3, 4)),
    ),
    "multinomial": _each(
        lambda lib: lib.multinomial(_weights(lib), 5, replacement=True),
        lambda lib: lib.multinomial(_weights(lib)[0], 7, replacement=True),
    ),
    "cauchy_": _sized(lambda lib, n: lib.empty(n, dtype=lib.float64).cauchy_(1.0, 2.0)),
    "log_normal_": _sized(lambda lib, n: lib.empty(n, dtype=lib.float64).log_normal_(0.5, 0.3)),
    "geometric_": _sized(lambda lib, n: lib.empty(n).geometric_(0.3)),
    "poisson": _each(
        lambda lib: lib.poisson(5 * _weights(lib)),
        lambda lib: lib.poisson(100 * _weights(lib).double()),
        lambda lib: lib.poisson(lib.zeros(3)),
    ),
    "binomial": _each(
        lambda lib: lib.binomial(10 * lib.ones(4, 9), _weights(lib)),
        lambda lib: lib.binomial(1000 * lib.ones(4, 9).double(), _weights(lib).double()),
        lambda lib: lib.binomial(300 * lib.ones(50), lib.linspace(0.0, 1.0, 50)),
        lambda lib: lib.binomial(lib.arange(50).float(), 0.7 * lib.ones(50)),
        lambda lib: lib.binomial(lib.zeros(3), lib.ones(3)),
    ),
    "16 bits": _each(
        *(
            lambda lib, dtype=dtype, draw=draw: draw(lib, getattr(lib, dtype)).float()
            for dtype in ("float16", "bfloat16")
            for draw in (
                lambda lib, dtype: lib.rand(1000, dtype=dtype),
                lambda lib, dtype: lib.empty(1000, dtype=dtype).uniform_(0, 3),
                lambda lib, dtype: lib.empty(1000, dtype=dtype).uniform_(1, 1.1),
                lambda lib, dtype: lib.randn(40, dtype=dtype),
                lambda lib, dtype: lib.empty(9, dtype=dtype).normal_(1, 2),
                lambda lib, dtype: lib.empty(40, dtype=dtype).cauchy_(),
                lambda lib, dtype: lib.empty(40, dtype=dtype).log_normal_(),
                lambda lib, dtype: lib.empty(40, dtype=dtype).random_(),
                lambda lib, dtype: lib.bernoulli(lib.full((50,), 0.3, dtype=dtype)),
            )
        )
    ),
    "Linear": _parameters(lambda lib: lib.nn.Linear(7, 5)),
    "Conv2d": _parameters(lambda lib: lib.nn.Conv2d(3, 8, 3)),
    "Conv1d with groups": _parameters(lambda lib: lib.nn.Conv1d(4, 8, 5, groups=2)),
    "ConvTranspose2d": _parameters(lambda lib: lib.nn.ConvTranspose2d(3, 4, 3)),
    "Embedding": _parameters(lambda lib: lib.nn.Embedding(10, 6, padding_idx=2)),
    "Bilinear": _parameters(lambda lib: lib.nn.Bilinear(3, 4, 5)),
    "a small network": _parameters(
        lambda lib: lib.nn.Sequential(
            lib.nn.Conv2d(1, 4, 3), lib.nn.BatchNorm2d(4), lib.nn.Linear(5, 20), lib.nn.Embedding(3, 5)
        )
    ),
    "LSTM": _parameters(lambda lib: lib.nn.LSTM(3, 4, num_layers=2, bidirectional=True)),
    "init.uniform_": _initialised("uniform_", a=-2.0, b=3.0),
    "init.normal_": _initialised("normal_", mean=1.0, std=0.02),
    "init.xavier_uniform_": _initialised("xavier_uniform_", gain=1.5),
    "init.xavier_normal_": _initialised("xavier_normal_"),
    "init.kaiming_uniform_": _initialised("kaiming_uniform_", a=0.1, mode="fan_out"),
    "init.kaiming_normal_": _initialised("kaiming_normal_", nonlinearity="relu"),
    "init.trunc_normal_": _initialised("trunc_normal_", std=0.5),
    "init.sparse_": _initialised("sparse_", (9, 4), sparsity=0.3),
    "DataLoader": _shuffled,
    "RandomSampler": _replaced,
    "random_split": _split,
    "one after another": _mixed,
    "fork_rng": _forked,
    "a generator of one's own": _own_generator,
}
# On Intel processors PyTorch takes these from a stream of MKL.
MAYBE_MKL: dict[str, Program] = {
    "bernoulli_": _sized(lambda lib, n: lib.empty(n).bernoulli_(0.3)),
    "bernoulli with p": _sized(lambda lib, n: lib.bernoulli(lib.zeros(n), p=0.3)),
    "exponential_": _sized(lambda lib, n: lib.empty(n).exponential_(2.0)),
    "exponential_ float64": _sized(lambda lib, n: lib.empty(n, dtype=lib.float64).exponential_()),
    "multinomial without replacement": _each(
        lambda lib: lib.multinomial(_weights(lib), 1), lambda lib: lib.multinomial(_weights(lib), 5)
    ),
    "dropout with RETROGRAD_RNG=torch": _dropped,
}
ALL_RULES = {**RULES, **MAYBE_MKL}
# Their last bits are those of the C library's functions.
BY_LIBRARY = {"cauchy_", "log_normal_", "exponential_ float64"}
# Logarithms and cosines, and QR factors, differ between libraries in the last place.
CLOSE: dict[str, tuple[Program, float]] = {
    "randn float64": (_sized(lambda lib, n: lib.randn(n, dtype=lib.float64)), 1e-14),
    "init.orthogonal_": (_initialised("orthogonal_", (5, 3), (3, 5)), 1e-6),
}


def _uses_mkl() -> bool:
    """Whether PyTorch draws `bernoulli_(p)` from elsewhere than its own words."""
    torch.manual_seed(0)
    torch.empty(8).bernoulli_(0.5)
    after = torch.rand(1)
    torch.manual_seed(0)
    torch.empty(16, dtype=torch.int32).random_()
    return bool(torch.rand(1) != after)


def _run(lib: Any, rule: str, seed: int) -> list[np.ndarray[Any, Any]]:
    """What a rule gives, and the next number of the generator."""
    lib.manual_seed(seed)
    drawn = [*ALL_RULES[rule](lib), lib.rand(1)]
    return [x.detach().numpy().copy() for x in drawn]


def _digest(arrays: list[np.ndarray[Any, Any]]) -> str:
    content = hashlib.sha256()
    for array in arrays:
        content.update(f"{array.dtype.str} {array.shape} ".encode())
        content.update(np.ascontiguousarray(array).tobytes())
    return content.hexdigest()[:16]


def _some(arrays: list[np.ndarray[Any, Any]]) -> list[float]:
    """The first and the last few numbers."""
    flat = np.concatenate([array.astype(np.float64).ravel() for array in arrays])
    return [*flat[:4].tolist(), *flat[-2:].tolist()]


@needs_torch
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rule", ALL_RULES)
def test_equals_pytorch(rule: str, seed: int) -> None:
    if rule in MAYBE_MKL and _uses_mkl():
        pytest.skip("on this processor PyTorch draws this from a stream of MKL")
    if torch.backends.cpu.get_cpu_capability() not in ("AVX2", "AVX512"):
        pytest.skip("PyTorch's other kernels round normal numbers otherwise")
    for ours, theirs in zip(_run(rg, rule, seed), _run(torch, rule, seed), strict=True):
        np.testing.assert_array_equal(ours, theirs, strict=True)


@pytest.mark.parametrize("rule", ALL_RULES)
def test_equals_what_was_recorded(rule: str) -> None:
    recorded = json.loads(RECORDED.read_text())[rule]
    for seed, (digest, shown) in recorded.items():
        drawn = _run(rg, rule, int(seed))
        expected = [float.fromhex(number) for number in shown]
        if rule in BY_LIBRARY:
            np.testing.assert_allclose(_some(drawn), expected, rtol=1e-14)
        else:
            assert _some(drawn) == expected
            assert _digest(drawn) == digest


@needs_torch
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("rule", CLOSE)
def test_is_close_to_pytorch(rule: str, seed: int) -> None:
    rg.manual_seed(seed)
    torch.manual_seed(seed)
    program, tolerance = CLOSE[rule]
    for ours, theirs in zip(program(rg), program(torch), strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=10 * tolerance, atol=tolerance)
    assert rg.rand(1).item() == torch.rand(1).item()


@needs_torch
def test_positions_can_be_exchanged() -> None:
    torch.manual_seed(3)
    torch.randn(5)
    rg.set_rng_state(torch.get_rng_state().numpy())
    assert rg.randn(7).tolist() == torch.randn(7).tolist()
    rg.rand(700)
    torch.set_rng_state(torch.from_numpy(rg.get_rng_state().numpy().copy()))
    assert rg.randn(7).tolist() == torch.randn(7).tolist()


def record() -> None:
    """Write down what PyTorch gives."""
    recorded = {
        rule: {
            seed: (_digest(drawn), [x.hex() for x in _some(drawn)])
            for seed in (0, 1234)
            for drawn in (_run(torch, rule, seed),)
        }
        for rule in ALL_RULES
    }
    RECORDED.write_text(json.dumps(recorded, indent=0) + "\n")


if __name__ == "__main__":
    record()
