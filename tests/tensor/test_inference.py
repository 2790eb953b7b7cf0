"""Tensors made under `inference_mode`: what they may be used for outside of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import GraphError
from tests.support.parity import needs_torch, torch


def _made(m: Any) -> tuple[Any, Any]:
    w = m.ones(3, requires_grad=True)
    with m.inference_mode():
        return w, m.ones(3) * 2


def _inside(m: Any) -> list[bool]:
    w, t = _made(m)
    with m.inference_mode():
        made = [t[:2], w.detach()[:2], m.tensor([1.0]), w * 2, w.detach().add_(0)]
        with m.inference_mode(False):
            made.append(m.ones(2))
    return [x.is_inference() for x in (t, *made, t * 2, t + w, t.clone(), t.detach(), t[:2], w)]


@needs_torch
def test_which_tensors_say_so() -> None:
    assert _inside(rg) == _inside(torch)
    assert rg.is_inference(_made(rg)[1])


def _backward(m: Any, function: Callable[[Any, Any], Any]) -> None:
    function(*_made(m)).sum().backward()


@needs_torch
@pytest.mark.parametrize(
    ("function", "refused"),
    [
        (lambda w, t: w + t, False),
        (lambda w, t: w * t, True),
        (lambda w, t: w[:2] * t[:2], True),
        (lambda w, t: w * t.clone(), False),
        (lambda w, t: (w - t) ** 2, False),
        (lambda w, t: (w * w.detach()) + t * 3, False),
    ],
)
def test_what_a_backward_pass_reads(function: Callable[[Any, Any], Any], refused: bool) -> None:
    for m in (rg, torch):
        if refused:
            with pytest.raises(RuntimeError, match=r"inference"):
                _backward(m, function)
        else:
            _backward(m, function)


@needs_torch
@pytest.mark.parametrize(
    "change",
    [
        lambda t: t.add_(1),
        lambda t: t.fill_(1),
        lambda t: t.__setitem__(0, 1.0),
        lambda t: t[:2].mul_(2),
        lambda t: t.requires_grad_(),
    ],
)
def test_changes_are_made_inside_alone(change: Callable[[Any], Any]) -> None:
    for m in (rg, torch):
        _, t = _made(m)
        with pytest.raises(RuntimeError, match=r"[iI]nference"):
            change(t)
        with m.no_grad(), pytest.raises(RuntimeError, match=r"[iI]nference"):
            change(t)
        with m.inference_mode():
            change(t)


def test_the_error_says_what_to_do() -> None:
    w, t = _made(rg)
    with pytest.raises(GraphError, match=r"use a clone\(\) of it"):
        (w * t).sum().backward()
    with pytest.raises(GraphError, match=r"add_: .* change a clone\(\)"):
        t.add_(1)


def test_after_an_error_inside_all_is_as_before() -> None:
    with pytest.raises(ValueError, match="x"), rg.inference_mode():
        raise ValueError("x")
    assert not rg.ones(2).is_inference()
