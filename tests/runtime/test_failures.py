"""Evaluations that fail: the error stays with what failed. The rules are listed in test_lazy_rules.py."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

import retrograd as rg
from retrograd.runtime import evaluate as runtime


class Refused(Exception):
    """What a backend raises in these tests."""


@contextmanager
def failing(condition: Callable[[Any], bool], error: BaseException | None = None) -> Iterator[list[int]]:
    """Every program whose graph satisfies a condition fails; how many have."""
    ready = runtime._Entry.ready
    failures: list[int] = []

    def checked(entry: Any) -> Any:
        if condition(entry.structure.graph):
            failures.append(1)
            raise error or Refused("no such kernel")
        return ready(entry)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(runtime._Entry, "ready", checked)
        yield failures


def has(name: str) -> Callable[[Any], bool]:
    return lambda graph: any(step.signature.operation.name == name for step in graph.steps)


def test_a_failed_value_keeps_its_error_and_is_in_nobodys_way() -> None:
    x = rg.ones(3)
    good, bad, later = x * 2.0, x.sin(), x * 3.0
    above = bad + 1.0
    with failing(has("sin")) as failures:
        assert good.tolist() == [2, 2, 2]
        assert failures
        failures.clear()
        assert later.tolist() == [3, 3, 3]
        assert not failures, "nobody tried again"
        for _ in range(2):
            with pytest.raises(Refused, match="no such kernel"):
                bad.tolist()
        with pytest.raises(Refused, match="no such kernel"):
            above.tolist()
    with pytest.raises(Refused):
        bad.tolist()
    assert x.sin().tolist() == [pytest.approx(0.8414709848)] * 3


def test_an_interrupt_loses_nothing() -> None:
    x = rg.ones(3)
    y, z = x.sin(), x * 2.0
    with failing(has("sin"), KeyboardInterrupt()), pytest.raises(KeyboardInterrupt):
        z.tolist()
    assert z.tolist() == [2, 2, 2]
    assert y._read().buffer is not None, "it was still waiting, and is computed with what is looked at"
    assert y.tolist() == [pytest.approx(0.8414709848)] * 3


def test_a_value_for_which_there_was_no_memory_may_be_tried_again() -> None:
    y = rg.ones(3).sin()
    with failing(has("sin"), MemoryError()), pytest.raises(MemoryError):
        y.tolist()
    assert y.tolist() == [pytest.approx(0.8414709848)] * 3


def test_a_program_that_fails_as_a_whole_is_computed_by_parts() -> None:
    x = rg.ones(3)
    a, b = x.sin(), x.cos()
    both = lambda graph: has("sin")(graph) and has("cos")(graph)  # noqa: E731
    with failing(both), pytest.warns(UserWarning, match="a program of 2 values failed.*no such kernel"):
        assert a.tolist() == [pytest.approx(0.8414709848)] * 3
    assert b._read().buffer is not None


def test_a_failed_step_leaves_other_values_alone() -> None:
    w = rg.tensor([1.0, 2.0], requires_grad=True)
    optimizer = rg.optim.SGD([w], lr=0.5)
    (w * w).sum().backward()
    kept, broken = w.detach() * 10.0, w.detach().sin()
    with failing(has("sin")), pytest.raises(Refused):
        optimizer.step()
    assert w.tolist() == [1, 2]
    assert kept.tolist() == [10, 20]
    optimizer.step()
    assert w.tolist() == [0, 0]
    with pytest.raises(Refused):
        broken.tolist()
