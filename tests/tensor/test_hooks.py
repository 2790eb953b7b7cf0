"""Hooks of tensors: order, removal, replacement, and what they may not do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, GraphError

torch = pytest.importorskip("torch")

from tests.support.both import check_same  # noqa: E402 -- it needs PyTorch

pytestmark = pytest.mark.parity


def leaf(lib: Any, *numbers: float) -> Any:
    return lib.tensor(numbers or (1.0, 2.0), dtype=lib.float64, requires_grad=True)


def _order_and_replacement(lib: Any) -> Any:
    seen: list[Any] = []
    x = leaf(lib)
    y = x * 2.0
    for place, factor in enumerate((1.0, 3.0, 5.0)):

        def hook(g: Any, place: int = place, factor: float = factor) -> Any:
            seen.append((place, g.tolist()))
            return g * factor if place else None

        x.register_hook(hook)
        y.register_hook(hook)
    (y * y).sum().backward()
    return seen, x.grad


def _removal(lib: Any) -> Any:
    x = leaf(lib)
    y = x * 2.0
    seen: list[int] = []
    handles = [t.register_hook(lambda g, i=i: seen.append(i)) for i, t in enumerate((x, x, y, y))]
    handles[0].remove()
    handles[3].remove()
    handles[3].remove()
    y.sum().backward()
    return seen


def _handle_as_context(lib: Any) -> Any:
    x = leaf(lib)
    with x.register_hook(lambda g: g * 10.0):
        x.sum().backward()
    x.sum().backward()
    return x.grad


def _hook_removes_itself(lib: Any) -> Any:
    x = leaf(lib)
    calls: list[int] = []

    def once(g: Any) -> None:
        calls.append(1)
        handle.remove()

    handle = x.register_hook(once)
    x.sum().backward()
    x.sum().backward()
    return calls


def _mode_within(lib: Any) -> Any:
    x = leaf(lib)
    seen: list[Any] = []
    x.register_hook(lambda g: seen.append((lib.is_grad_enabled(), g.requires_grad)))
    y = x * x
    y.register_hook(lambda g: seen.append(lib.is_grad_enabled()))
    y.sum().backward(retain_graph=True)
    lib.autograd.grad(y.sum(), x, create_graph=True)
    return seen


def _before_an_in_place_change(lib: Any) -> Any:
    """A hook stays with the value that it was registered for."""
    x = leaf(lib)
    y = x * 2.0
    seen: list[Any] = []
    y.register_hook(lambda g: seen.append(("first", g.tolist())))
    y.mul_(3.0)
    y.register_hook(lambda g: seen.append(("second", g.tolist())))
    y.sum().backward()
    return seen, x.grad


def _retain_grad_comes_last(lib: Any) -> Any:
    x = leaf(lib)
    y = x * 2.0
    y.retain_grad()
    y.register_hook(lambda g: g * 7.0)
    y.sum().backward()
    return y.grad, x.grad


def _differentiable_hook(lib: Any) -> Any:
    x = leaf(lib)
    y = x * x
    y.register_hook(lambda g: g * x)
    (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
    return lib.autograd.grad(g.sum(), x)


def _after_accumulation(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib, 3.0, 4.0)
    seen: list[Any] = []
    x.register_hook(lambda g: g * 2.0)
    x.register_post_accumulate_grad_hook(lambda t: seen.append(("x", t is x, t.grad.tolist())))
    handle = y.register_post_accumulate_grad_hook(lambda t: seen.append(("y", t is y, t.grad.tolist())))
    (x * y).sum().backward()
    handle.remove()
    (x * y).sum().backward()
    return sorted(seen)


def _optimizer_in_a_hook(lib: Any) -> Any:
    """The step of each parameter as soon as its gradient is there, which is then let go."""
    w = [leaf(lib), leaf(lib, 3.0, 4.0)]
    optimizers = {p: lib.optim.SGD([p], lr=0.1) for p in w}

    def step(p: Any) -> None:
        optimizers[p].step()
        optimizers[p].zero_grad()

    for p in w:
        p.register_post_accumulate_grad_hook(step)
    for _ in range(3):
        (w[0] * w[0] * w[1]).sum().backward()
    return w, [p.grad for p in w]


def _last_layers_first(lib: Any) -> Any:
    seen: list[int] = []
    w = [leaf(lib) for _ in range(4)]
    for i, p in enumerate(w):
        p.register_post_accumulate_grad_hook(lambda p, i=i: seen.append(i))
    x = lib.ones(2, dtype=lib.float64)
    for p in w:
        x = x * p
    x.sum().backward()
    return seen


def _in_backward_of_chosen_inputs(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib)
    seen: list[str] = []
    x.register_hook(lambda g: seen.append("x"))
    y.register_hook(lambda g: seen.append("y"))
    z = x * y
    z.register_hook(lambda g: seen.append("z"))
    z.sum().backward(inputs=[x])
    return seen


@pytest.mark.parametrize(
    "program",
    [
        _order_and_replacement,
        _removal,
        _handle_as_context,
        _hook_removes_itself,
        _mode_within,
        _before_an_in_place_change,
        _retain_grad_comes_last,
        _differentiable_hook,
        _after_accumulation,
        _optimizer_in_a_hook,
        _last_layers_first,
        _in_backward_of_chosen_inputs,
        lambda lib: lib.ones(2).register_hook(lambda g: g),
        lambda lib: (leaf(lib) * 2.0).register_post_accumulate_grad_hook(print),
        lambda lib: lib.ones(2).register_post_accumulate_grad_hook(print),
    ],
)
def test_as_pytorch(program: Callable[[Any], Any]) -> None:
    check_same(program)


@pytest.mark.parametrize(
    ("returned", "error", "message"),
    [
        (lambda g: 3, TypeError, "'<lambda>' must return a tensor.*returned int"),
        (lambda g: rg.ones(3, dtype=rg.float64), GraphError, r"shape \(3,\); it must have that .*\(2,\)"),
        (lambda g: g.float(), DTypeError, r"dtype float32.*cast"),
    ],
)
@pytest.mark.parametrize("of_leaf", [True, False])
def test_what_a_hook_must_not_return(returned: Any, error: type[Exception], message: str, of_leaf: bool) -> None:
    x = leaf(rg)
    y = x * 2.0
    (x if of_leaf else y).register_hook(returned)
    with pytest.raises(error, match=message):
        y.sum().backward()


def test_an_error_in_a_hook_comes_through_and_releases_nothing() -> None:
    x = leaf(rg)
    y = x * x
    handle = y.register_hook(lambda g: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        y.sum().backward()
    handle.remove()
    y.sum().backward()
    assert x.grad.tolist() == [2, 4]
