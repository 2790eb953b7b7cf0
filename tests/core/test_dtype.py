"""Dtypes: promotion against PyTorch pair by pair, limits, the default dtype, and numbers that do not fit."""

from __future__ import annotations

import copy
import itertools
import pickle
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.dtype import DTYPES
from retrograd.core.errors import DTypeError, OptionError
from tests.support.parity import needs_torch, torch

NAMES = list(DTYPES)
PAIRS = list(itertools.product(NAMES, NAMES))
SHAPES = list(itertools.product(((), (2,)), ((), (2,))))


def named(theirs: Any) -> str:
    return str(theirs).removeprefix("torch.")


@needs_torch
@pytest.mark.parametrize(("a", "b"), PAIRS)
def test_two_dtypes_meet_as_in_pytorch(a: str, b: str) -> None:
    ours, theirs = (DTYPES[a], DTYPES[b]), (getattr(torch, a), getattr(torch, b))
    assert rg.promote_types(*ours).name == named(torch.promote_types(*theirs))
    assert rg.can_cast(*ours) == torch.can_cast(*theirs)
    for shapes in SHAPES:
        x = [rg.zeros(shape, dtype=dtype) for shape, dtype in zip(shapes, ours, strict=True)]
        y = [torch.zeros(shape, dtype=dtype) for shape, dtype in zip(shapes, theirs, strict=True)]
        assert rg.result_type(*x).name == named(torch.result_type(*y))
        assert (x[0] + x[1]).dtype.name == named((y[0] + y[1]).dtype)
        assert (x[0] / x[1]).dtype.name == named((y[0] / y[1]).dtype)


@needs_torch
@pytest.mark.parametrize("number", [True, 2, 2.5])
@pytest.mark.parametrize("shape", [(), (2,)])
@pytest.mark.parametrize("name", NAMES)
def test_numbers_never_widen(name: str, shape: tuple[int, ...], number: Any) -> None:
    x, y = rg.zeros(shape, dtype=DTYPES[name]), torch.zeros(shape, dtype=getattr(torch, name))
    expected = named(torch.result_type(y, number))
    assert rg.result_type(x, number).name == (x * number).dtype.name == (number * x).dtype.name == expected
    assert rg.result_type(number, x).name == expected


@needs_torch
@pytest.mark.parametrize("name", NAMES)
def test_limits(name: str) -> None:
    ours, theirs = DTYPES[name], getattr(torch, name)
    assert (ours.is_floating_point, ours.is_signed, ours.is_complex) == (
        theirs.is_floating_point,
        theirs.is_signed,
        theirs.is_complex,
    )
    assert ours.itemsize == theirs.itemsize
    if ours.is_floating_point:
        found, expected = rg.finfo(ours), torch.finfo(theirs)
        for field in ("bits", "eps", "min", "max", "tiny", "smallest_normal", "resolution"):
            assert getattr(found, field) == getattr(expected, field), field
        assert repr(found) == repr(expected)
    elif ours is not rg.bool:
        found, expected = rg.iinfo(ours), torch.iinfo(theirs)
        assert (found.bits, found.min, found.max) == (expected.bits, expected.min, expected.max)


def test_limits_of_the_other_kind_are_refused() -> None:
    with pytest.raises(DTypeError, match="use iinfo"):
        rg.finfo(rg.int32)
    with pytest.raises(DTypeError, match="use finfo"):
        rg.iinfo(rg.float32)


@pytest.fixture
def double() -> Iterator[None]:
    rg.set_default_dtype(rg.float64)
    yield
    rg.set_default_dtype(rg.float32)


def test_default_dtype(double: None) -> None:
    made = (rg.zeros(2), rg.tensor(1.5), rg.arange(3) / 2, rg.arange(3).sqrt(), rg.rand(2), rg.arange(3) * 0.5)
    assert {x.dtype for x in made} == {rg.float64}
    assert rg.tensor(1.5, dtype=rg.float32).exp().dtype is rg.float32
    assert repr(rg.zeros(1)) == "tensor([0.])"
    assert rg.nn.Linear(2, 3).weight.dtype is rg.float64


def test_default_dtype_is_changed_back() -> None:
    assert (rg.arange(3) / 2).dtype is rg.float32
    with pytest.raises(DTypeError, match="expected a floating-point dtype"):
        rg.set_default_dtype(rg.int64)
    rg.set_default_tensor_type(rg.DoubleTensor)
    try:
        assert rg.get_default_dtype() is rg.float64
        assert (rg.arange(3) / 2).dtype is rg.float64
    finally:
        rg.set_default_tensor_type("retrograd.FloatTensor")
    assert (rg.arange(3) / 2).dtype is rg.float32


def test_a_dtype_is_one_object() -> None:
    for dtype in DTYPES.values():
        assert copy.copy(dtype) is copy.deepcopy(dtype) is pickle.loads(pickle.dumps(dtype)) is dtype


def test_numbers_beyond_a_dtype() -> None:
    with pytest.raises(OptionError, match="300 does not fit int8"):
        rg.ones(2, dtype=rg.int8) + 300
    with pytest.raises(OptionError, match="256 does not fit uint8"):
        rg.tensor([1, 256], dtype=rg.uint8)
    with pytest.raises(OptionError, match="nan does not fit int64"):
        rg.tensor([1.0, float("nan")], dtype=rg.int64)
    assert (rg.ones(2) * 1e300).tolist() == [np.inf, np.inf]
    assert (rg.ones(2) * -1e300).tolist() == [-np.inf, -np.inf]
    assert (rg.ones(2).half() * 1e5).tolist() == [np.inf, np.inf]
    # A number of float64 in the same program stays as it is.
    assert ((rg.ones(2, dtype=rg.float64) * 1e300).sum() + (rg.ones(2) * 1e300).sum()).item() == np.inf
