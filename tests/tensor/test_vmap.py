"""vmap: against loops, against PyTorch, nested, differentiated, and what it refuses."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import GraphError, OptionError, ShapeError
from retrograd.runtime import evaluate as runtime
from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS
from tests.support.parity import needs_torch, torch

Array = np.ndarray[Any, Any]
vmap = rg.func.vmap


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).uniform(-1.0, 1.0, shape)


def tensor(*shape: int, seed: int = 0) -> Any:
    return rg.tensor(numbers(*shape, seed=seed))


def looped(function: Callable[..., Any], *args: Any) -> Any:
    return rg.stack([function(*(x[i] for x in args)) for i in range(len(args[0]))])


def assert_equal(found: Any, expected: Any) -> None:
    np.testing.assert_allclose(found.detach().numpy(), expected.detach().numpy(), rtol=1e-12, atol=1e-13)


FUNCTIONS: list[Callable[[Any], Any]] = [
    lambda x: x.sin() * x + 2.0,
    lambda x: x.sum(),
    lambda x: x.mean(0, keepdim=True),
    lambda x: x.softmax(-1),
    lambda x: x.log_softmax(0),
    lambda x: x @ x.t(),
    lambda x: x.t() @ rg.ones(3, dtype=rg.float64),
    lambda x: x[1:, ::2],
    lambda x: x[:, 0],
    lambda x: x.reshape(-1).flip(0),
    lambda x: x.t().reshape(2, 6),
    lambda x: rg.cat([x, x[:1] * 2.0]),
    lambda x: rg.stack([x, x.exp()], 1),
    lambda x: rg.where(x > 0.0, x, -x),
    lambda x: x.max(1).values,
    lambda x: x.argmax(0),
    lambda x: x.var(0),
    lambda x: x[rg.tensor([2, 0])],
    lambda x: x.cumsum(0),
    lambda x: x.expand(2, 3, 4).sum(0),
    lambda x: x.unsqueeze(1).repeat(1, 2, 1),
    lambda x: rg.nn.functional.layer_norm(x, (4,)),
    lambda x: rg.nn.functional.gelu(x),
    lambda x: rg.zeros(2),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("function", FUNCTIONS)
def test_equals_a_loop(function: Callable[[Any], Any], backend: str) -> None:
    with use_backend(backend):
        x = tensor(5, 3, 4)
        assert_equal(vmap(function)(x), looped(function, x))


def test_nested_maps_and_axes() -> None:
    a, b = tensor(2, 3), tensor(4, 3, seed=1)
    outer = vmap(vmap(lambda x, y: x * y, in_dims=(None, 0)), in_dims=(0, None))
    assert_equal(outer(a, b), a[:, None] * b[None])
    c = tensor(3, 5, 4)
    assert_equal(vmap(lambda x: x * 2.0, in_dims=1, out_dims=2)(c), (c * 2.0).permute(0, 2, 1))
    assert_equal(vmap(lambda x: x * 2.0, in_dims=-1, out_dims=-1)(c), c * 2.0)
    assert_equal(vmap(vmap(vmap(lambda x: x.exp())))(c), c.exp())


def test_trees_and_keywords() -> None:
    x, y = tensor(3, 2), tensor(2, 3, seed=1)

    def function(pair: Any, options: Any, *, shift: Any) -> Any:
        a, b = pair
        return {"sum": a + b * options["scale"], "parts": [a + shift, (b,)]}

    mapped = vmap(function, in_dims=((0, 1), None), out_dims={"sum": 0, "parts": [1, (0,)]})
    found = mapped((x, y), {"scale": rg.tensor(2.0, dtype=rg.float64)}, shift=tensor(3, seed=2))
    assert_equal(found["sum"], x + y.t() * 2.0)
    assert_equal(found["parts"][0], (x + tensor(3, seed=2)[:, None]).t())
    assert_equal(found["parts"][1][0], y.t())
    both = vmap(lambda x: (x, x.sum()), out_dims=(1, 0))(x)
    assert isinstance(both, tuple) and both[0].shape == (2, 3) and both[1].shape == (3,)


def test_what_does_not_depend_on_an_example() -> None:
    x, constant = tensor(3, 2), tensor(2, seed=1)
    assert_equal(vmap(lambda row: constant * 2.0)(x), (constant * 2.0).expand(3, 2))
    assert_equal(vmap(lambda row: (row, constant), out_dims=(0, None))(x)[1], constant)
    with pytest.raises(OptionError, match="differs from example to example"):
        vmap(lambda row: row, out_dims=None)(x)


def test_what_is_shared_is_computed_once() -> None:
    w = tensor(4, 4)
    with runtime.observed() as seen:
        vmap(lambda row: row * (w @ w).sum())(tensor(10, 4)).tolist()
    steps = [step for evaluation in seen for step in evaluation.graph.steps]
    products = [step.signature.type.shape for step in steps if step.signature.operation.name == "matmul"]
    assert products == [(4, 4)]


def test_gradients_flow_through() -> None:
    x, w = tensor(5, 3), tensor(3, seed=1)
    found, expected = [], []
    for function, results in (
        (lambda x, w: vmap(lambda row: (row * w).tanh().sum())(x), found),
        (lambda x, w: (x * w).tanh().sum(1), expected),
    ):
        a, b = x.clone().requires_grad_(), w.clone().requires_grad_()
        y = function(a, b)
        assert y.requires_grad
        (y * y).sum().backward()
        results += [a.grad, b.grad]
    for ours, theirs in zip(found, expected, strict=True):
        assert_equal(ours, theirs)


def test_what_was_detached_stays_detached() -> None:
    x = tensor(4).requires_grad_()

    def function(v: Any) -> Any:
        with rg.no_grad():
            constant = v * 3.0
        return v * v.detach() + constant

    y = vmap(function)(x)
    y.sum().backward()
    assert_equal(x.grad, x)
    assert not vmap(lambda v: v.detach())(x).requires_grad


def test_hooks_within_are_called_on_the_way_back() -> None:
    x = tensor(4).requires_grad_()
    shapes = []

    def function(v: Any) -> Any:
        y = v * 2.0
        y.register_hook(lambda g: (shapes.append(tuple(g.shape)), g * 10.0)[1])
        return y.exp()

    vmap(function)(x).sum().backward()
    assert shapes == [()]
    assert_equal(x.grad, (x * 2.0).exp() * 20.0)


def test_gradients_taken_within() -> None:
    x = tensor(4, 3)

    def function(row: Any) -> Any:
        row = row.detach().requires_grad_()
        (g,) = rg.autograd.grad((row**3).sum(), row)
        return g

    assert_equal(vmap(function)(x), 3.0 * x * x)


def test_tensors_made_within_may_be_changed_in_place() -> None:
    x = tensor(4, 3)

    def function(row: Any) -> Any:
        out = rg.zeros(3, dtype=rg.float64)
        out[1:] = row[1:]
        out.add_(row)
        return out

    assert_equal(vmap(function)(x), looped(function, x))


@pytest.mark.parametrize("chunk_size", [1, 2, 3, 100])
def test_chunks(chunk_size: int) -> None:
    x, w = tensor(5, 3), tensor(3, seed=1)
    calls = []

    def function(row: Any, w: Any) -> Any:
        calls.append(1)
        return row * w, row.sum()

    a, b = vmap(function, in_dims=(0, None), out_dims=(1, 0), chunk_size=chunk_size)(x, w)
    assert len(calls) == -(-5 // chunk_size)
    assert_equal(a, (x * w).t())
    assert_equal(b, x.sum(1))


def test_random_numbers() -> None:
    x = rg.zeros(4, 3)
    noise = lambda row: row + rg.rand(3)  # noqa: E731
    rg.manual_seed(0)
    state = rg.get_rng_state()
    with pytest.raises(GraphError, match="randomness="):
        vmap(noise)(x)
    np.testing.assert_array_equal(rg.get_rng_state(), state)
    same = vmap(noise, randomness="same")(x).numpy()
    assert (same == same[0]).all()
    rg.manual_seed(0)
    different = vmap(noise, randomness="different")(x).numpy()
    rg.manual_seed(0)
    np.testing.assert_array_equal(different, rg.rand(4, 3).numpy())


def test_an_empty_batch() -> None:
    assert vmap(lambda row: row.sum() * 2.0)(rg.zeros(0, 3)).shape == (0,)


@settings(max_examples=60, deadline=None)
@given(shape=st.lists(st.integers(1, 4), min_size=1, max_size=4), data=st.data())
def test_axes_of_random_shapes(shape: list[int], data: Any) -> None:
    axis = data.draw(st.integers(-len(shape), len(shape) - 1))
    out = data.draw(st.integers(-len(shape), len(shape) - 1))
    x = tensor(*shape)
    found = vmap(lambda v: (v * 2.0).exp() - v.mean(), in_dims=axis, out_dims=out)(x)
    parts = [x.select(axis, i) for i in range(x.shape[axis])]
    assert_equal(found, rg.stack([(v * 2.0).exp() - v.mean() for v in parts], out))


REFUSALS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: vmap(lambda x: x, in_dims=None)(rg.ones(2)), OptionError, "nothing is mapped over"),
    (lambda: vmap(lambda x: x)(3), OptionError, "no tensor but int"),
    (lambda: vmap(lambda x: x, in_dims=2)(rg.ones(2)), OptionError, r"axis 2 of an input of shape \(2,\)"),
    (lambda: vmap(lambda x: x, in_dims="a")(rg.ones(2)), OptionError, "must be an axis, or a tuple"),
    (lambda: vmap(lambda x, y: x, in_dims=(0,))(rg.ones(2), rg.ones(2)), OptionError, "form of the arguments"),
    (lambda: vmap(lambda x: x, in_dims=(0.5,))(rg.ones(2)), OptionError, "must be an axis or None"),
    (lambda: vmap(lambda x, y: x)(rg.ones(2), rg.ones(3)), ShapeError, r"\[2, 3\], which must be equal"),
    (lambda: vmap(lambda x: 3)(rg.ones(2)), OptionError, "returned int"),
    (lambda: vmap(lambda x: x, out_dims=(0, 0))(rg.ones(2)), OptionError, "form of what the function returns"),
    (lambda: vmap(lambda x: x, out_dims=3)(rg.ones(2)), OptionError, "axis 3 of a result of 1 axes"),
    (lambda: vmap(lambda x: x, randomness="some")(rg.ones(2)), OptionError, "must be one of error, same, different"),
    (lambda: vmap(lambda x: x, chunk_size=0)(rg.ones(2)), OptionError, "at least 1"),
    (lambda: vmap(lambda x: x.item())(rg.ones(2)), GraphError, r"use where\(\)"),
    (lambda: vmap(lambda x: x if x > 0 else -x)(rg.ones(2)), GraphError, r"use where\(\)"),
    (lambda: vmap(lambda x: x[x > 0.0])(rg.ones(2, 3)), GraphError, "shape depends on values"),
]


@pytest.mark.parametrize(("use", "error", "message"), REFUSALS)
def test_refusals(use: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        use()


def test_tensors_from_outside_are_not_changed() -> None:
    outside = rg.zeros(3)
    with pytest.raises(GraphError, match="from outside is being changed in place"):
        vmap(lambda row: outside.add_(row))(rg.ones(2, 3))
    assert outside.tolist() == [0, 0, 0]
    vmap(lambda row: (outside.add_(1.0), row)[1])(rg.ones(2, 3))
    assert outside.tolist() == [1, 1, 1]


def test_values_from_outside_can_be_looked_at_within() -> None:
    factor = rg.tensor(3.0) * 2.0
    assert vmap(lambda x: x * factor.item())(rg.ones(2)).tolist() == [6, 6]


def test_what_is_smuggled_out_is_refused_and_in_nobodys_way() -> None:
    kept: list[Any] = []
    vmap(lambda x: (kept.append(x * 2.0), x)[1])(rg.ones(2))
    beside = rg.ones(2) * 3.0
    with pytest.raises(GraphError, match="argument of a function that was traced"):
        kept[0].tolist()
    assert beside.tolist() == [3, 3]


@needs_torch
def test_as_pytorch() -> None:
    x, w, y = numbers(6, 4), numbers(3, 4, seed=1), np.array([0, 2, 1, 1, 0, 2])

    def per_example(lib: Any) -> Any:
        def loss(w: Any, row: Any, target: Any) -> Any:
            return lib.nn.functional.cross_entropy((row @ w.t())[None], target[None])

        return lib.func.vmap(lib.func.grad(loss), in_dims=(None, 0, 0))(lib.tensor(w), lib.tensor(x), lib.tensor(y))

    np.testing.assert_allclose(per_example(rg).numpy(), per_example(torch).numpy(), rtol=1e-12, atol=1e-14)
