"""One program, run with retrograd and with PyTorch: both give the same, or both refuse."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch

import retrograd as rg

Program = Callable[[Any], Any]


def check_same(program: Program, rtol: float = 1e-9, atol: float = 1e-12) -> None:
    """Run `program(library)` with each library and compare what it returns.

    Tensors are compared by value, dtype, shape and requires_grad, containers part by part, anything else by equality.
    Where PyTorch raises, retrograd must raise an error that whoever catches PyTorch's catches too.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            expected = program(torch)
        except Exception as error:
            refusal: Exception | None = error
        else:
            refusal = None
        if refusal is None:
            _compare(program(rg), expected, rtol, atol, "result")
            return
        with pytest.raises(_builtin(type(refusal))):
            program(rg)


def _builtin(error: type[BaseException]) -> type[BaseException]:
    return next(cls for cls in error.__mro__ if cls.__module__ == "builtins")


def _compare(ours: Any, theirs: Any, rtol: float, atol: float, where: str) -> None:
    if isinstance(theirs, torch.Tensor):
        assert isinstance(ours, rg.Tensor), f"{where} is {ours!r}"
        assert tuple(ours.shape) == tuple(theirs.shape), where
        assert ours.requires_grad == theirs.requires_grad, f"{where}.requires_grad"
        assert str(ours.dtype).split(".")[-1] == str(theirs.dtype).split(".")[-1], where
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol, atol, err_msg=where)
    elif isinstance(theirs, dict):
        assert ours.keys() == theirs.keys(), where
        for key in theirs:
            _compare(ours[key], theirs[key], rtol, atol, f"{where}[{key!r}]")
    elif isinstance(theirs, (tuple, list)):
        assert len(ours) == len(theirs), where
        for place, (a, b) in enumerate(zip(ours, theirs, strict=True)):
            _compare(a, b, rtol, atol, f"{where}[{place}]")
    elif isinstance(theirs, float):
        assert ours == theirs or abs(ours - theirs) <= atol + rtol * abs(theirs), f"{where}: {ours} and {theirs}"
    else:
        assert ours == theirs, f"{where}: {ours!r} and {theirs!r}"
