"""Names of torch at the top of the package that are found when somebody asks for them."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch

FUNCTIONAL = (
    "adaptive_avg_pool1d alpha_dropout avg_pool1d bilinear celu celu_ cosine_similarity dropout feature_alpha_dropout "
    "group_norm hardshrink layer_norm max_pool1d max_pool2d max_pool3d pairwise_distance pdist prelu relu_ rms_norm "
    "rrelu rrelu_ selu selu_ threshold threshold_"
).split()


@pytest.mark.parametrize("name", FUNCTIONAL)
def test_functions_of_networks(name: str) -> None:
    assert getattr(rg, name) is getattr(rg.nn.functional, name)
    assert name in dir(rg) and name in rg.__all__


@needs_torch
def test_pytorch_has_them_too() -> None:
    assert [name for name in (*FUNCTIONAL, "GradScaler", "distributions") if not hasattr(torch, name)] == []


def test_every_name_that_is_listed_is_there() -> None:
    assert [name for name in rg.__all__ if not hasattr(rg, name)] == []
    assert [name for name in rg.nn.__all__ if not hasattr(rg.nn, name)] == []


@pytest.mark.parametrize(
    "first", ["retrograd", "retrograd.tensor", "retrograd.tensor.tensor", "retrograd.tensor.base", "retrograd.nn"]
)
def test_tensor_is_the_function_whatever_is_imported_first(first: str) -> None:
    """And not the folder of that name."""
    program = (
        f"import {first}\nimport retrograd.tensor.windows\nfrom retrograd import tensor\n"
        "print(retrograd.tensor is tensor, tensor([1.0, 2.0]).shape)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "True retrograd.Size([2])\n"


def test_docstrings_of_one_folder_run_alone() -> None:
    """Though pytest runs the file of a package itself that nobody has imported."""
    root = Path(__file__).parents[1]
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "src/retrograd/tensor/tensor.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=root)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", [name for name in rg.nn.functional.__all__ if name.endswith("_with_indices")])
def test_pooling_that_says_where(name: str) -> None:
    f = rg.nn.functional
    rank = int(name.split("pool")[1][0])
    x = rg.randn(2, 3, *[6] * rank)
    rg.manual_seed(1)
    values, places = getattr(f, name)(x, 2, *([3] if "fractional" in name else []))
    rg.manual_seed(1)
    options = {"output_size": 3} if "fractional" in name else {}
    plain = getattr(f, name.removesuffix("_with_indices"))(x, 2, **options)
    assert rg.equal(values, plain)
    assert rg.equal(x.flatten(2).gather(2, places.flatten(2)), values.flatten(2))


def test_small_functions_beside_the_methods() -> None:
    x = rg.ones(2, requires_grad=True)
    y = x * 2
    assert not rg.detach(y).requires_grad
    assert (rg.is_signed(x), rg.is_signed(rg.tensor([1], dtype=rg.uint8))) == (True, False)
    assert rg.zero_(rg.ones(2)).tolist() == [0.0, 0.0]
    assert rg.fill_(rg.ones(2), 3.0).tolist() == [3.0, 3.0]
    rg.detach_(y)
    assert y.is_leaf and not y.requires_grad


def test_programs_run_one_after_another() -> None:
    rg.set_num_interop_threads(4)
    assert rg.get_num_interop_threads() == 1
    with pytest.raises(ValueError, match="at least 1"):
        rg.set_num_interop_threads(0)


def test_what_is_not_there_is_an_error() -> None:
    with pytest.raises(AttributeError, match="has no attribute 'nothing'"):
        rg.nothing  # noqa: B018 - the access is what is tested
