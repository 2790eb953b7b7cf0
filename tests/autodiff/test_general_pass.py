"""Backward passes of other extents are those that would have been derived there."""

from __future__ import annotations

from collections.abc import Callable

import pytest

import retrograd as rg
from retrograd.autodiff import backward
from retrograd.core.digest import digest_of
from retrograd.core.graph import Graph
from retrograd.runtime.evaluate import forget_programs, observed

F = rg.nn.functional
_W = rg.ones(4, 5, requires_grad=True)


def _attention(n: int) -> rg.Tensor:
    x = (rg.ones(2, n, 4) @ _W).reshape(2, n, 1, 5).transpose(1, 2)
    return F.scaled_dot_product_attention(x, x, x)


PROGRAMS: dict[str, Callable[[int], rg.Tensor]] = {
    "loss": lambda n: F.cross_entropy(rg.ones(n, 4) @ _W, rg.zeros(n, dtype=rg.int64)),
    "norm": lambda n: F.layer_norm((rg.ones(n, 4) @ _W).relu(), (5,)).mean(),
    "parts": lambda n: rg.cat((rg.ones(n, 4) @ _W).split(2, 1)[:2], 0).max(0).values.sum(),
    "attention": _attention,
    "loop": lambda n: rg.nn.RNN(5, 3)(rg.ones(n, 2, 4) @ _W)[0],
}


def _derived(make: Callable[[int], rg.Tensor], n: int) -> tuple[Graph, tuple[object, ...]]:
    """The graph of a backward pass, and the types of what it gives."""
    forget_programs()
    _W.grad = None
    with rg.use_backend("null"), observed() as seen:
        make(n).sum().backward()
        assert _W.grad is not None
        _W.grad.numpy()
    (step,) = [s for s in seen[-1].entry.structure.recorded.steps if s.signature.operation.name == "backward"]
    assert step.signature.graph is not None
    return step.signature.graph, step.signature.outputs


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_pass_over_extents_is_the_one_that_is_derived_elsewhere(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    make = PROGRAMS[name]
    given: list[bool] = []
    pass_for_extents = backward.pass_for_extents

    def told(*args: object) -> object:
        found = pass_for_extents(*args)  # type: ignore[arg-type]
        given.append(found is not None)
        return found

    extents = (20, 30, 41, 25, 60)
    monkeypatch.setattr(backward, "pass_for_extents", told)
    found = [_derived(make, n) for n in extents]
    assert given[-1]
    monkeypatch.setattr(backward, "pass_for_extents", lambda *args: None)
    backward._remembered.clear()
    for n, (graph, outputs) in zip(extents, found, strict=True):
        expected, types = _derived(make, n)
        assert outputs == types
        assert digest_of(graph) == digest_of(expected), f"{name} at {n}"


def test_what_was_recorded_before_the_default_dtype_changed_stays_as_it_was() -> None:
    forget_programs()

    def record(n: int) -> rg.Tensor:
        x = rg.arange(n, dtype=rg.float32, requires_grad=False).requires_grad_()
        (x * rg.arange(n)).mean().backward()
        assert x.grad is not None
        return x.grad

    try:
        grads = [record(n) for n in (4, 5, 6)]
        grads.append(record(7))
        rg.set_default_dtype(rg.float64)
        after = record(8)
    finally:
        rg.set_default_dtype(rg.float32)
    for n, gradient in zip((4, 5, 6, 7), grads, strict=True):
        assert gradient.dtype is rg.float32
        assert rg.allclose(gradient, rg.arange(n, dtype=rg.float32) / n)
    assert after.dtype is rg.float32
