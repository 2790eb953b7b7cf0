"""Elementwise functions against PyTorch: every function of one and of two tensors, on every dtype and at all edges."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError
from retrograd.tensor import pairwise, pointwise
from retrograd.tensor.registry import METHODS

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

EDGES = [0.0, -0.0, 0.3, -0.3, 1.0, -1.0, 2.5, -2.5, 3.0, 40.0, -40.0, np.inf, -np.inf, np.nan, 1e-40, 1e30, -1e30]
SAMPLES = {
    "float32": np.array(EDGES, np.float32),
    "float64": np.array([*EDGES, 5e-324, 1e300, -1e300]),
    "int64": np.arange(-7, 8),
    "int32": np.arange(-7, 8, dtype=np.int32),
    "uint8": np.arange(0, 15, dtype=np.uint8),
    "bool": np.array([False, True, True]),
}
TOLERANCE = {"float32": 3e-6, "float64": 1e-12}
PREDICATES = {"isclose", "allclose", "equal"}


def assert_equal(ours: Any, theirs: Any) -> None:
    assert str(theirs.dtype) == f"torch.{ours.dtype.name}"
    is_float = ours.dtype.is_floating_point
    # Where the result is a difference of numbers near 1, one of the two may have lost a rounding unit of these.
    atol = float(np.finfo(ours.dtype.numpy).eps) if is_float else 0.0
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=TOLERANCE.get(ours.dtype.name, 0.0), atol=atol)


def expected(name: str, *arrays: Any) -> Any:
    """What PyTorch says, or None where it refuses."""
    try:
        return getattr(torch, name)(*(torch.tensor(x) for x in arrays))
    except (RuntimeError, TypeError):
        return None


@pytest.mark.parametrize("dtype", SAMPLES)
@pytest.mark.parametrize("name", pointwise.__all__)
def test_functions_of_one_tensor(name: str, dtype: str) -> None:
    theirs = expected(name, SAMPLES[dtype])
    if theirs is None:
        pytest.skip("PyTorch refuses this dtype")
    assert_equal(getattr(rg, name)(rg.tensor(SAMPLES[dtype])), theirs)


@pytest.mark.parametrize(
    "dtypes", [("float64", "float64"), ("int64", "int64"), ("int32", "float32"), ("uint8", "bool")]
)
@pytest.mark.parametrize("name", sorted(set(pairwise.__all__) - PREDICATES))
def test_functions_of_two_tensors(name: str, dtypes: tuple[str, str]) -> None:
    a, b = SAMPLES[dtypes[0]], SAMPLES[dtypes[1]]
    if dtypes == ("int64", "int64"):
        b = b[b > 0]  # PyTorch raises for a division by 0, and for negative powers of integers
    # PyTorch's remainder of numbers that are far apart is NaN.
    first, second = (x[(np.abs(x) < 1e3) & (np.abs(x) > 1e-3) | (x == 0) | ~np.isfinite(x)] for x in (a, b))
    first, second = first[:, None], second[None, :]
    theirs = expected(name, first, second)
    if theirs is None:
        pytest.skip("PyTorch refuses these dtypes")
    assert_equal(getattr(rg, name)(rg.tensor(first), rg.tensor(second)), theirs)


@pytest.mark.parametrize("number", [2, 2.5, -3, True])
@pytest.mark.parametrize("name", ["add", "sub", "mul", "div", "pow", "remainder", "fmod", "floor_divide", "eq", "lt"])
def test_numbers_beside_tensors(name: str, number: float) -> None:
    for dtype in ("float32", "int64", "int32"):
        x = SAMPLES[dtype][:6]
        try:
            theirs = getattr(torch.tensor(x), name)(number)
        except RuntimeError:
            continue
        assert_equal(getattr(rg.tensor(x), name)(number), theirs)


@pytest.mark.parametrize("name", [name for name in METHODS if name.endswith("_") and name[:-1] in pointwise.__all__])
def test_forms_in_place(name: str) -> None:
    x = rg.tensor([3, 5] if name == "bitwise_not_" else [0.25, 0.5])
    expected = getattr(rg, name[:-1])(x).to(x.dtype)
    assert getattr(x, name)() is x
    np.testing.assert_array_equal(x.numpy(), expected.numpy())


def test_results_of_a_higher_kind_are_not_written_in_place() -> None:
    x = rg.tensor([1, 2])
    for change in (lambda: x.exp_(), lambda: x.add_(0.5), lambda: x.div_(2), lambda: x.__imul__(1.5)):
        with pytest.raises(DTypeError, match="cannot be written"):
            change()
    assert x.tolist() == [1, 2]
    assert x.mul_(3).tolist() == [3, 6] and rg.tensor([0.5, 2.0]).gt_(1).tolist() == [0.0, 1.0]


def test_operators_in_place() -> None:
    x, y = rg.tensor([7, -7]), torch.tensor([7, -7])
    for other in (3, 2, 5):
        x += other
        y += other
        x *= other
        y *= other
        x //= 2
        y //= 2
        x %= 11
        y %= 11
        x <<= 1
        y <<= 1
        x |= 1
        y |= 1
        x ^= 3
        y ^= 3
    assert x.tolist() == y.tolist()


@pytest.mark.parametrize(
    "symbol", ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift"]
)
def test_reflected_operators(symbol: str) -> None:
    x = np.array([1, 2, 3])
    assert_equal(getattr(rg.tensor(x), f"__r{symbol}__")(5), getattr(torch.tensor(x), f"__r{symbol}__")(5))


class TestOut:
    """out= takes the result."""

    def test_it_is_returned_and_takes_another_shape_and_dtype(self) -> None:
        out = rg.empty(0, dtype=rg.float64)
        assert rg.add(rg.ones(2), 1, out=out) is out
        assert out.tolist() == [2.0, 2.0] and out.dtype is rg.float64

    def test_views_of_it_see_the_result(self) -> None:
        out = rg.zeros(2, 2)
        row = out[0]
        rg.mul(rg.ones(2, 2), 3, out=out)
        assert row.tolist() == [3.0, 3.0]

    def test_several_results(self) -> None:
        outs = rg.empty(0), rg.empty(0, dtype=rg.int64)
        rg.max(rg.tensor([[1.0, 5.0], [4.0, 3.0]]), dim=1, out=outs)
        assert outs[0].tolist() == [5.0, 4.0] and outs[1].tolist() == [1, 0]

    def test_no_lower_kind_and_no_gradient(self) -> None:
        with pytest.raises(DTypeError, match="cannot be written"):
            rg.exp(rg.ones(2), out=rg.empty(2, dtype=rg.int64))
        with pytest.raises(RuntimeError, match="requires a gradient"):
            rg.exp(rg.ones(2, requires_grad=True), out=rg.empty(2))


@pytest.mark.parametrize("decimals", [-2, 0, 1, 3])
def test_rounding_to_decimals(decimals: int) -> None:
    x = np.array([1234.5678, -0.0555, 250.0])
    assert_equal(rg.round(rg.tensor(x), decimals=decimals), torch.round(torch.tensor(x), decimals=decimals))


def test_alpha() -> None:
    a, b = np.array([1, 2]), np.array([3, 4])
    for name in ("add", "sub", "rsub"):
        ours, theirs = getattr(rg, name), getattr(torch, name)
        assert_equal(ours(rg.tensor(a), rg.tensor(b), alpha=3), theirs(torch.tensor(a), torch.tensor(b), alpha=3))
    with pytest.raises(DTypeError, match="alpha"):
        rg.add(rg.tensor(a), rg.tensor(b), alpha=0.5)


def test_wrong_uses() -> None:
    with pytest.raises(OptionError, match="not whole"):
        rg.pow(rg.tensor([2]), -1)
    with pytest.raises(OptionError, match="rounding_mode"):
        rg.div(rg.ones(1), 2, rounding_mode="up")
    with pytest.raises(TypeError, match="expected a tensor"):
        rg.exp(1.0)
    with pytest.raises(TypeError, match="among the operands"):
        rg.mul(1, 2)
    with pytest.raises(OptionError, match="at least one"):
        rg.clamp(rg.ones(1))
    with pytest.raises(OptionError, match="must not be negative"):
        rg.isclose(rg.ones(1), rg.ones(1), rtol=-1.0)


def test_clamp_between_tensors_has_gradients_of_bounds() -> None:
    x, low, high = np.array([-2.0, 0.5, 3.0, 0.0]), np.array([-1.0, 0.0, 0.0, 2.0]), np.array([1.0, 1.0, 1.0, 1.0])
    ours = [rg.tensor(v, requires_grad=True) for v in (x, low, high)]
    theirs = [torch.tensor(v, requires_grad=True) for v in (x, low, high)]
    (rg.clamp(*ours) * rg.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    (torch.clamp(*theirs) * torch.tensor([1.0, 2.0, 3.0, 4.0])).sum().backward()
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.grad.numpy(), b.grad.numpy())


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan, 2.0])
def test_nan_to_num(value: float) -> None:
    x = np.array([value, 1.0], np.float32)
    for options in ({}, {"nan": 5.0}, {"posinf": 6.0}, {"neginf": 7.0}):
        assert_equal(rg.nan_to_num(rg.tensor(x), **options), torch.nan_to_num(torch.tensor(x), **options))
