"""`scan` as users call it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, GraphError, OptionError, ShapeError
from tests.support.backends import BACKENDS
from tests.support.parity import needs_torch, torch

try:
    from torch._higher_order_ops.scan import scan as torch_scan
except ImportError:
    torch_scan = None


def _array(*shape: int, seed: int = 0) -> Any:
    return np.random.default_rng(seed).standard_normal(shape)


@needs_torch
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("dim", "reverse"), [(0, False), (0, True), (1, False), (2, True)])
def test_the_same_as_pytorch(backend: str, dim: int, reverse: bool) -> None:
    def step(carry: Any, x: Any) -> Any:
        return carry * 0.5 + x, (carry * x).sin()

    shape = [2, 3]
    shape.insert(dim, 4)
    init, xs = _array(2, 3), _array(*shape, seed=1)
    found = []
    with rg.use_backend(backend):
        for lib, function in ((rg, rg.scan), (torch, torch_scan)):
            given = [lib.tensor(x, requires_grad=lib is rg) for x in (init, xs)]
            found.append([x.detach().numpy() for x in function(step, *given, dim=dim, reverse=reverse)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@needs_torch
@pytest.mark.parametrize("backend", BACKENDS)
def test_trees_constants_and_detached_parts(backend: str) -> None:
    """Against the loop written out in PyTorch, gradients included."""
    arrays = [_array(4, 4), _array(3, 4, seed=1), _array(4, seed=2), _array(6, 2, 3, seed=3), _array(2, 4, seed=4)]

    def run(lib: Any, loop: Callable[..., Any]) -> list[Any]:
        w, u, b, xs, h = (lib.tensor(a, requires_grad=True) for a in arrays)

        def step(carry: Any, x: Any) -> Any:
            h, total = carry["h"], carry["total"]
            z = (x @ u + h @ w.T + b).tanh()
            i, g = z[:, :2], z[:, 2:]
            with lib.no_grad():
                scale = g.exp()
            h = lib.cat([i * g, g.detach() * i * scale + 0.5], 1)
            return {"h": h, "total": total + h.sum()}, (h * 2, [z])

        start = {"h": h, "total": lib.zeros((), dtype=lib.float64)}
        carry, (y, (z,)) = loop(step, start, xs)
        loss = (carry["h"] ** 2).sum() + carry["total"] + (y**3).sum() + z.sum()
        loss.backward()
        return [loss.item(), *(t.grad.detach().numpy().copy() for t in (w, u, b, xs, h))]

    def written_out(step: Any, carry: Any, xs: Any) -> Any:
        made = []
        for x in xs:
            carry, y = step(carry, x)
            made.append(y)
        return carry, (torch.stack([y for y, _ in made]), [torch.stack([z for _, (z,) in made])])

    with rg.use_backend(backend):
        found = run(rg, rg.scan)
    for ours, theirs in zip(found, run(torch, written_out), strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-11, atol=1e-12)


def test_a_length_without_streams() -> None:
    carry, ys = rg.scan(lambda c, x: (c + 1, c * c), rg.tensor(0), length=5)
    assert carry.item() == 5
    assert ys.tolist() == [0, 1, 4, 9, 16]
    assert rg.scan(lambda c, x: (c * 2, None), rg.tensor(1), length=3)[1] is None


def test_no_steps_at_all() -> None:
    h = rg.ones(2, requires_grad=True)
    last, ys = rg.scan(lambda h, x: (h * x, h.exp()), h, rg.ones(0, 2))
    assert last.tolist() == [1, 1]
    assert ys.shape == (0, 2)
    last.sum().backward()
    assert h.grad.tolist() == [1, 1]


def test_numbers_are_a_carry_too() -> None:
    total, _ = rg.scan(lambda c, x: (c + x, None), 0.5, rg.tensor([1.0, 2.0]))
    assert total.item() == 3.5


def test_python_numbers_are_no_structure() -> None:
    numbers = []
    for factor in (0.5, 0.25, 2.0):
        last, _ = rg.scan(lambda c, x, factor=factor: (c * factor + x, None), rg.ones(2), rg.ones(3, 2))
        numbers.append(last._read().signature.key)
        assert last.tolist() == [factor**3 + factor**2 + factor + 1] * 2
    assert len(set(numbers)) == 1


def test_under_no_grad_nothing_requires_a_gradient() -> None:
    w = rg.ones(2, requires_grad=True)
    with rg.no_grad():
        last, _ = rg.scan(lambda c, x: (c * w, None), rg.ones(2), length=2)
    assert not last.requires_grad
    assert rg.scan(lambda c, x: (c * w, None), rg.ones(2), length=2)[0].requires_grad
    assert not rg.scan(lambda c, x: (c * w.detach(), None), rg.ones(2), length=2)[0].requires_grad


def test_second_gradients() -> None:
    x = rg.tensor(0.7, dtype=rg.float64, requires_grad=True)
    y, _ = rg.scan(lambda c, _: (c.sin(), None), x, length=3)
    (first,) = rg.autograd.grad(y, [x], create_graph=True)
    (second,) = rg.autograd.grad(first, [x])

    def slope(v: float) -> float:
        a, b = np.sin(v), np.sin(np.sin(v))
        return float(np.cos(b) * np.cos(a) * np.cos(v))

    np.testing.assert_allclose(first.item(), slope(0.7), rtol=1e-12)
    np.testing.assert_allclose(second.item(), (slope(0.7 + 1e-6) - slope(0.7 - 1e-6)) / 2e-6, rtol=1e-7)


def test_mapped_over_a_batch() -> None:
    xs = rg.tensor(_array(5, 4, 3))

    def one(x: Any) -> Any:
        last, ys = rg.scan(lambda h, x: ((h + x).tanh(), h * 2), rg.zeros(3, dtype=rg.float64), x)
        return last, ys

    last, ys = rg.vmap(one)(xs)
    for k in range(5):
        expected = one(xs[k])
        np.testing.assert_allclose(last[k].numpy(), expected[0].numpy(), rtol=1e-12)
        np.testing.assert_allclose(ys[k].numpy(), expected[1].numpy(), rtol=1e-12)


_outside = rg.zeros(3)


@pytest.mark.parametrize(
    ("step", "error", "message"),
    [
        (lambda c, x: (c + x.sum().item(), c), GraphError, "scan: a value that belongs to one step is asked for"),
        (lambda c, x: (rg.cat([c, c]), c), ShapeError, "the shape must stay"),
        (lambda c, x: (c.to(rg.float64), c), DTypeError, "cast one"),
        (lambda c, x: c, OptionError, "must return a pair"),
        (lambda c, x: ((c, c), c), ShapeError, "their forms must agree"),
        (lambda c, x: (c, 1.0), OptionError, "must return tensors, and returned float"),
        (lambda c, x: (_outside.add_(x), c), GraphError, "changed in place"),
    ],
)
def test_wrong_functions(step: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rg.scan(step, rg.zeros(3), rg.ones(2, 3))
    assert rg.scan(lambda c, x: (c + x, None), rg.zeros(3), rg.ones(2, 3))[0].tolist() == [2, 2, 2]


@pytest.mark.parametrize(
    ("args", "error", "message"),
    [
        ((rg.zeros(2),), OptionError, "give xs, or length"),
        ((rg.zeros(2), rg.zeros(3), 4), ShapeError, r"\[3, 4\]"),
        ((rg.zeros(2), (rg.zeros(3), rg.zeros(4))), ShapeError, r"\[3, 4\]"),
        ((rg.zeros(2), rg.tensor(1.0)), ShapeError, "has no steps"),
        ((None, None, 3), OptionError, "neither a carry nor xs"),
    ],
)
def test_wrong_arguments(args: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        rg.scan(lambda c, x: (c, None), *args)
