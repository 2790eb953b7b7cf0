"""The generator against an installed PyTorch: many seeds, many sizes, every bit, and the position afterwards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

from retrograd.core.generator import Generator

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

SEEDS = [0, 1, 7, 1234, 2**31, 2**32 + 5, -3, 2**64 - 1]
SIZES = [0, 1, 2, 5, 15, 16, 17, 31, 32, 100, 624, 1000, 1603]
DTYPES = ["float32", "float64"]
# The fields of a state, without the padding between them.
FIELDS = np.r_[0:5040, 5040:5044]


@pytest.fixture(params=SEEDS)
def ours(request: pytest.FixtureRequest) -> Iterator[Generator]:
    """A generator beside PyTorch's of the same seed; afterwards both must stand at the same place."""
    torch.manual_seed(request.param)
    generator = Generator(request.param)
    yield generator
    np.testing.assert_array_equal(generator.get_state()[FIELDS], torch.get_rng_state().numpy()[FIELDS])


def draws_by_mt19937(draw: Callable[[], Any]) -> bool:
    """Whether PyTorch draws from its Mersenne Twister here (on Intel it takes some distributions from MKL)."""
    torch.manual_seed(0)
    draw()
    after = torch.get_rng_state().numpy()
    expected = Generator(0)
    expected.raw(200)
    return bool((expected.get_state()[FIELDS] == after[FIELDS]).all())


needs_plain_bernoulli = pytest.mark.skipif(
    not draws_by_mt19937(lambda: torch.empty(100).bernoulli_(0.5)), reason="PyTorch takes bernoulli_ from MKL here"
)
needs_plain_exponential = pytest.mark.skipif(
    not draws_by_mt19937(lambda: torch.empty(100).exponential_()), reason="PyTorch takes exponential_ from MKL here"
)


@pytest.mark.parametrize("dtype", DTYPES)
def test_rand(ours: Generator, dtype: str) -> None:
    for size in SIZES:
        np.testing.assert_array_equal(
            ours.rand((size,), dtype), torch.rand(size, dtype=getattr(torch, dtype)).numpy(), strict=True
        )


@pytest.mark.parametrize("dtype", DTYPES)
def test_uniform(ours: Generator, dtype: str) -> None:
    for size in SIZES:
        expected = torch.empty(size, dtype=getattr(torch, dtype)).uniform_(-0.3, 0.9)
        np.testing.assert_array_equal(ours.uniform((size,), -0.3, 0.9, dtype), expected.numpy(), strict=True)


def test_randn_float32(ours: Generator) -> None:
    for size in SIZES:
        assert_same_normals(ours.randn((size,)), torch.randn(size).numpy())


def test_normal_float32(ours: Generator) -> None:
    for size in SIZES:
        expected = torch.empty(size).normal_(1.5, 0.02)
        assert_same_normals(ours.normal((size,), 1.5, 0.02), expected.numpy())


def assert_same_normals(found: np.ndarray, expected: np.ndarray) -> None:
    """Equal bits where PyTorch has its AVX2 kernels; elsewhere its logarithm and cosine round otherwise."""
    if torch.backends.cpu.get_cpu_capability() in ("AVX2", "AVX512"):
        np.testing.assert_array_equal(found, expected, strict=True)
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_normal_float64(ours: Generator) -> None:
    for size in SIZES:
        expected = torch.empty(size, dtype=torch.float64).normal_(-2.0, 3.0)
        np.testing.assert_allclose(ours.normal((size,), -2.0, 3.0, "float64"), expected.numpy(), rtol=1e-14, atol=1e-14)


@pytest.mark.parametrize(
    ("low", "high"),
    [(0, 10), (-5, 3), (0, 2**28 - 1), (0, 2**28), (0, 2**31), (0, 2**33), (-(2**40), 2**40), (-(2**63), 2**63 - 1)],
)
def test_randint(ours: Generator, low: int, high: int) -> None:
    for size in SIZES:
        np.testing.assert_array_equal(
            ours.randint(low, high, (size,)), torch.randint(low, high, (size,)).numpy(), strict=True
        )


def test_randint_of_other_dtypes(ours: Generator) -> None:
    for dtype in ("uint8", "int8", "int16", "int32", "float32", "float64", "bool"):
        high = 2 if dtype == "bool" else 100
        expected = torch.randint(0, high, (33,), dtype=getattr(torch, dtype))
        np.testing.assert_array_equal(ours.randint(0, high, (33,), dtype), expected.numpy(), strict=True)


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int8", "int16", "int32", "int64", "float32", "float64"])
def test_random(ours: Generator, dtype: str) -> None:
    expected = torch.empty(50, dtype=getattr(torch, dtype)).random_()
    np.testing.assert_array_equal(ours.random((50,), dtype), expected.numpy(), strict=True)


def test_randperm(ours: Generator) -> None:
    for size in SIZES:
        np.testing.assert_array_equal(ours.randperm(size), torch.randperm(size).numpy(), strict=True)


@pytest.mark.parametrize("dtype", DTYPES)
def test_bernoulli_of_an_array(ours: Generator, dtype: str) -> None:
    for size in SIZES:
        chances = torch.linspace(0, 1, size, dtype=getattr(torch, dtype))
        np.testing.assert_array_equal(ours.bernoulli(chances.numpy()), torch.bernoulli(chances).numpy() > 0)


@needs_plain_bernoulli
def test_bernoulli_of_a_number(ours: Generator) -> None:
    for size in SIZES:
        np.testing.assert_array_equal(ours.bernoulli(0.3, (size,)), torch.empty(size).bernoulli_(0.3).numpy() > 0)


@needs_plain_bernoulli
def test_dropout_can_be_followed(ours: Generator) -> None:
    dropped = torch.nn.functional.dropout(torch.ones(500), 0.3).numpy() == 0
    np.testing.assert_array_equal(~ours.bernoulli(1 - 0.3, (500,)), dropped)


@needs_plain_exponential
@pytest.mark.parametrize("dtype", DTYPES)
def test_exponential(ours: Generator, dtype: str) -> None:
    for size in SIZES:
        expected = torch.empty(size, dtype=getattr(torch, dtype)).exponential_(1.7)
        rtol = 1e-14 if dtype == "float64" else 0.0
        np.testing.assert_allclose(ours.exponential((size,), 1.7, dtype), expected.numpy(), rtol=rtol, strict=True)


@needs_plain_exponential
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize(
    ("samples", "replacement"), [(1, False), (1, True), (5, False), (9, False), (5, True), (40, True)]
)
def test_multinomial(ours: Generator, dtype: str, samples: int, replacement: bool) -> None:
    weights = torch.linspace(0.1, 1.3, 36, dtype=getattr(torch, dtype)).sin().reshape(4, 9)
    for case in (weights, weights[1]):
        expected = torch.multinomial(case, samples, replacement)
        np.testing.assert_array_equal(
            ours.multinomial(case.numpy(), samples, replacement), expected.numpy(), strict=True
        )


def test_dataloader_order(ours: Generator) -> None:
    data = torch.utils.data.TensorDataset(torch.arange(50))
    (expected,) = next(iter(torch.utils.data.DataLoader(data, batch_size=50, shuffle=True)))
    ours.random_seed()  # for the workers
    np.testing.assert_array_equal(Generator(ours.random_seed()).randperm(50), expected.numpy())


def test_layers_begin_with_pytorchs_weights(ours: Generator) -> None:
    layer = torch.nn.Linear(30, 7)
    bound = 30**-0.5
    np.testing.assert_array_equal(ours.uniform((7, 30), -bound, bound), layer.weight.detach().numpy())
    np.testing.assert_array_equal(ours.uniform((7,), -bound, bound), layer.bias.detach().numpy())


def test_states_are_exchanged(ours: Generator) -> None:
    torch.randn(3)
    torch.rand(700)
    ours.set_state(torch.get_rng_state())
    assert ours.randn((2,)).tolist() == torch.randn(2).tolist()
    torch.set_rng_state(torch.from_numpy(ours.get_state()))
    assert ours.rand((5,)).tolist() == torch.rand(5).tolist()
