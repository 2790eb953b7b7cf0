"""The generator against PyTorch's stream: by values written down here, and by PyTorch itself where it is installed."""

from __future__ import annotations

import copy
import pickle
import subprocess
import sys

import numpy as np
import pytest

from retrograd.core.errors import DTypeError, OptionError
from retrograd.core.generator import DEFAULT_SEED, Generator
from retrograd.tensor import generator as module

# From torch 2.13 after torch.manual_seed(0).
RAND = [0.49625658988952637, 0.7682217955589294, 0.08847743272781372, 0.13203048706054688]
RAND64 = [0.9700530018065531, 0.707819864399788]
RANDN_FEW = [1.5409960746765137, -0.293428897857666, -2.1787893772125244, 0.5684312582015991, -1.0845223665237427]
RANDN_MANY = [-1.1258398294448853, -1.152360200881958, -0.2505785822868347, -0.4338788092136383]
RANDINT = [4, 9, 3, 0, 3, 9, 7, 3]
RANDPERM = [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]


def test_known_values() -> None:
    assert Generator(0).rand((4,)).tolist() == RAND
    assert Generator(0).rand((2,), np.float64).tolist() == RAND64
    np.testing.assert_array_equal(Generator(0).randn((5,)), np.array(RANDN_FEW, np.float32))
    np.testing.assert_array_equal(Generator(0).randn((4, 4)).ravel()[:4], np.array(RANDN_MANY, np.float32))
    assert Generator(0).randint(0, 10, (8,)).tolist() == RANDINT
    assert Generator(0).randperm(10).tolist() == RANDPERM
    assert Generator(5).random_seed() == 4095051218741643470


def test_small_normals_keep_the_second_of_a_pair() -> None:
    one_by_one, together = Generator(3), Generator(3)
    singles = [float(one_by_one.randn(())) for _ in range(7)]
    assert singles == together.randn((7,)).tolist()
    np.testing.assert_array_equal(one_by_one.get_state(), together.get_state())


def test_seeds() -> None:
    assert Generator().initial_seed() == DEFAULT_SEED
    assert Generator(-1).initial_seed() == 2**64 - 1
    np.testing.assert_array_equal(Generator(2**40 + 7).raw(4), Generator(7).raw(4))
    with pytest.raises(OptionError, match="64 bits"):
        Generator(2**64)
    for wrong in ("x", None, float("nan"), float("inf"), [1]):
        with pytest.raises(OptionError, match="a seed is a whole number, not"):
            Generator().manual_seed(wrong)
    generator = Generator(1)
    assert generator.seed() == generator.initial_seed()


@pytest.mark.parametrize("drawn", [0, 1, 623, 624, 625, 2000])
def test_state_goes_out_and_in(drawn: int) -> None:
    generator = Generator(11)
    generator.raw(drawn)
    generator.randn((1,))
    twins = [Generator().set_state(generator.get_state()), generator.clone_state(), copy.deepcopy(generator)]
    twins.append(pickle.loads(pickle.dumps(generator)))
    expected = generator.randn((3,)).tolist() + generator.rand((700,)).tolist()
    for twin in twins:
        assert twin.initial_seed() == 11
        assert twin.randn((3,)).tolist() + twin.rand((700,)).tolist() == expected


def test_damaged_state_is_refused() -> None:
    generator = Generator(1)
    with pytest.raises(OptionError, match="5056"):
        generator.set_state(np.zeros(10, np.uint8))
    with pytest.raises(OptionError, match="damaged"):
        generator.set_state(np.full(5056, 255, np.uint8))
    assert generator.initial_seed() == 1


def test_default_generator() -> None:
    module.manual_seed(4)
    assert module.initial_seed() == 4
    state = module.get_rng_state()
    first = module.default_generator.rand((5,)).tolist()
    module.set_rng_state(state)
    assert module.default_generator.rand((5,)).tolist() == first
    assert module.seed() == module.initial_seed()


def test_wrong_arguments() -> None:
    generator = Generator(0)
    with pytest.raises(DTypeError, match="takes floating-point numbers, not int64"):
        generator.rand((2,), np.int64)
    with pytest.raises(OptionError, match="low must not be above high"):
        generator.uniform((2,), 1.0, 0.0)
    with pytest.raises(OptionError, match="std"):
        generator.normal((2,), 0.0, -1.0)
    with pytest.raises(OptionError, match="rate"):
        generator.exponential((2,), 0.0)
    with pytest.raises(OptionError, match="low must be below high"):
        generator.randint(3, 3, (2,))
    with pytest.raises(OptionError, match="uint8"):
        generator.randint(0, 300, (2,), np.uint8)
    with pytest.raises(OptionError, match="randperm"):
        generator.randperm(-1)
    with pytest.raises(OptionError, match="probability"):
        generator.bernoulli(1.5, (2,))
    with pytest.raises(OptionError, match="negative extent"):
        generator.rand((2, -1))
    assert generator.rand((4,)).tolist() == RAND, "a refused call must draw nothing"


@pytest.mark.parametrize(
    ("weights", "samples", "message"),
    [
        ([1.0, -1.0], 1, "below 0"),
        ([1.0, np.nan], 1, "not a number"),
        ([0.0, 0.0], 1, "add up to 0"),
        ([1.0, 1.0], 3, "3 samples without replacement"),
        ([1.0, 1.0], 0, "above 0"),
        ([[[1.0]]], 1, "dimensions"),
    ],
)
def test_wrong_multinomials(weights: list[float], samples: int, message: str) -> None:
    with pytest.raises(OptionError, match=message):
        Generator(0).multinomial(np.array(weights), samples)


def test_empty_draws_take_nothing() -> None:
    generator = Generator(0)
    assert generator.randn((0, 3)).shape == (0, 3)
    assert generator.randperm(0).tolist() == [] and generator.randperm(1).tolist() == [0]
    assert generator.rand((4,)).tolist() == RAND


def test_import_leaves_numpy_random_alone() -> None:
    program = "import sys, numpy as np\nfound = 'numpy.random' in sys.modules\nimport retrograd.core.generator\n"
    program += "assert ('numpy.random' in sys.modules) == found"
    subprocess.run([sys.executable, "-c", program], check=True)
