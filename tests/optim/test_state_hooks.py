"""Hooks of optimizers, in the order and with the arguments of PyTorch's."""

from __future__ import annotations

from typing import Any

import pytest

import retrograd as rg
from tests.support.parity import needs_torch, torch


def _adam(lib: Any) -> tuple[Any, Any]:
    w = lib.tensor([1.0, 2.0], requires_grad=True)
    return lib.optim.Adam([w], lr=0.1), w


@needs_torch
def test_saving_and_loading() -> None:
    seen = []
    for lib in (rg, torch):
        optimizer, w = _adam(lib)
        (w * w).sum().backward()
        optimizer.step()
        log: list[Any] = []

        def replaced(o: Any, state: Any) -> Any:
            return {**state, "param_groups": [{**state["param_groups"][0], "lr": 7.0}]}

        optimizer.register_state_dict_pre_hook(lambda o, log=log: log.append("save 2"))
        optimizer.register_state_dict_pre_hook(lambda o, log=log: log.append("save 1"), prepend=True)
        optimizer.register_state_dict_post_hook(replaced)
        optimizer.register_state_dict_post_hook(lambda o, s, log=log: log.append(s["param_groups"][0]["lr"]))
        gone = optimizer.register_state_dict_post_hook(lambda o, s, log=log: log.append("never"))
        gone.remove()
        saved = optimizer.state_dict()
        log.append(saved["param_groups"][0]["lr"])

        other, _ = _adam(lib)
        other.register_load_state_dict_post_hook(lambda o, log=log: log.append(("loaded", o.param_groups[0]["lr"])))
        other.register_load_state_dict_pre_hook(lambda o, s, log=log: log.append(sorted(s)))
        other.register_load_state_dict_pre_hook(
            lambda o, s: {**s, "param_groups": [{**s["param_groups"][0], "lr": 9.0}]}, prepend=True
        )
        other.register_load_state_dict_pre_hook(lambda o, s: s.update(more=1))
        other.load_state_dict(saved)
        log.append(("more" in saved, saved["param_groups"][0]["lr"], len(other.state)))
        seen.append(log)
    assert seen[0] == seen[1]


@needs_torch
@pytest.mark.parametrize("name", ["SGD", "LBFGS"])
def test_a_hook_may_replace_what_step_is_called_with(name: str) -> None:
    seen = []
    for lib in (rg, torch):
        w = lib.tensor([1.0, 2.0], requires_grad=True)
        optimizer = getattr(lib.optim, name)([w], lr=0.1)
        log: list[Any] = []

        def loss(factor: float, w: Any = w, log: Any = log, o: Any = optimizer) -> Any:
            o.zero_grad()
            found = (w * w).sum() * factor
            found.backward()
            log.append(factor)
            return found

        def before(o: Any, args: Any, kwargs: Any, loss: Any = loss) -> Any:
            assert args[0] is o
            return (o, lambda: loss(2.0)), kwargs

        optimizer.register_step_pre_hook(before)
        optimizer.register_step_post_hook(lambda o, args, kwargs, log=log: log.append("after"))
        optimizer.step(lambda loss=loss: loss(1.0))
        seen.append((set(log[:-1]), log[-1]))
    assert seen[0] == seen[1] == ({2.0}, "after")


def test_a_hook_that_returns_something_else() -> None:
    optimizer, w = _adam(rg)
    w.sum().backward()
    optimizer.register_step_pre_hook(lambda o, args, kwargs: 3)
    with pytest.raises(TypeError, match=r"must return None or \(args, kwargs\), and returned 3"):
        optimizer.step()
