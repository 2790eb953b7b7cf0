"""backward() and grad(): what they take, what they add to, what they refuse, and what a second pass finds."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import GraphError, OptionError, ShapeError

torch = pytest.importorskip("torch")

from tests.support.both import check_same  # noqa: E402 -- it needs PyTorch

pytestmark = pytest.mark.parity


def leaf(lib: Any, *numbers: float) -> Any:
    return lib.tensor(numbers or (1.0, 2.0), dtype=lib.float64, requires_grad=True)


# -- what comes out ---------------------------------------------------------------------------------------------------


def _accumulates(lib: Any) -> Any:
    x = leaf(lib)
    (x * x).sum().backward()
    (x * 3.0).sum().backward()
    return x.grad


def _with_weights(lib: Any) -> Any:
    x = leaf(lib)
    (x * x).backward(lib.tensor([1.0, 10.0], dtype=lib.float64))
    return x.grad


def _weights_of_another_dtype(lib: Any) -> Any:
    x = leaf(lib)
    (x * x).backward(lib.tensor([1.0, 10.0]))
    return x.grad


def _several_roots(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib, 3.0, 4.0)
    shared = x * y
    lib.autograd.backward([shared.sum(), shared * x], [None, lib.tensor([1.0, 2.0], dtype=lib.float64)])
    return x.grad, y.grad


def _the_same_root_twice(lib: Any) -> Any:
    x = leaf(lib)
    loss = (x**3).sum()
    lib.autograd.backward([loss, loss])
    return x.grad


def _chosen_inputs(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib, 3.0, 4.0)
    z = x * y
    (z * z).sum().backward(inputs=[y, z])
    return x.grad, y.grad, z.grad


def _one_chosen_input(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib, 3.0, 4.0)
    (x * y).sum().backward(inputs=x)
    return x.grad, y.grad


def _create_graph(lib: Any) -> Any:
    x = leaf(lib)
    (x**3).sum().backward(create_graph=True)
    first = x.grad
    x.grad = None
    first.sum().backward()
    return first, x.grad


def _grad_of_grad(lib: Any) -> Any:
    x = leaf(lib)
    (first,) = lib.autograd.grad((x**4).sum(), x, create_graph=True)
    (second,) = lib.autograd.grad(first.sum(), x, create_graph=True)
    return first, second, lib.autograd.grad(second.sum(), x)


def _grad_by_a_result(lib: Any) -> Any:
    x = leaf(lib)
    y = x * 2.0
    return lib.autograd.grad((y * y).sum(), [y, x])


def _materialized(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib)
    return lib.autograd.grad(x.sum(), [x, y], materialize_grads=True)


def _unused_allowed(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib)
    return lib.autograd.grad(x.sum(), [x, y], allow_unused=True)


def _batched(lib: Any) -> Any:
    x, w = leaf(lib), leaf(lib, 0.5, 0.25)
    weights = lib.tensor([[1.0, 0.0], [0.0, 1.0], [2.0, 3.0]], dtype=lib.float64)
    return lib.autograd.grad(x * x * w, [x, w], weights, is_grads_batched=True)


def _grad_of_a_single_row(lib: Any) -> Any:
    x = leaf(lib)
    y = (x * x).sum(0, keepdim=True)
    y.backward()
    return x.grad


def _retained(lib: Any) -> Any:
    x = leaf(lib)
    loss = (x.exp() * x).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    return x.grad


def _partial_release(lib: Any) -> Any:
    """A pass by chosen inputs releases only what leads to them."""
    x, y = leaf(lib), leaf(lib, 3.0, 4.0)
    a, b = x.exp(), y.exp()
    loss = (a * a).sum() + (b * b).sum()
    lib.autograd.grad(loss, x)
    return lib.autograd.grad((b * b).sum(), y)


def _beside_a_released_history(lib: Any) -> Any:
    """Only what leads to the wanted tensors need be there."""
    trunk, head = leaf(lib), leaf(lib, 3.0, 4.0)
    h = trunk.exp()
    (h * h).sum().backward()
    return lib.autograd.grad((h * head).sum(), head), lib.autograd.grad((h * head).sum(), h)


def _views_of_a_leaf_made_once(lib: Any) -> Any:
    """What saves no value can be walked by every step."""
    w = leaf(lib, 1.0, 2.0, 3.0, 4.0)
    a, b = w[:2], w[2:]
    matrix = w.view(2, 2).t()
    optimizer = lib.optim.SGD([w], lr=0.1)
    for _ in range(3):
        optimizer.zero_grad()
        ((a * b).sum() + (matrix * matrix).sum()).backward()
        optimizer.step()
    return w, w.grad


def _sums_made_once(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib, 3.0, 4.0)
    both = (x + y) - lib.cat([x[:1], y[1:]])
    for _ in range(3):
        (both * both).sum().backward()
    return x.grad, y.grad


def _a_leaf_as_root(lib: Any) -> Any:
    x = leaf(lib, 3.0)
    x.backward()
    x.backward()
    return x.grad


def _detached_in_place(lib: Any) -> Any:
    x = leaf(lib)
    y = x * 2.0
    z = y * 3.0
    y.detach_()
    (z + y).sum().backward()
    return y.requires_grad, y.is_leaf, y.grad_fn, x.grad


def _retained_grads(lib: Any) -> Any:
    x = leaf(lib)
    y = x * 2.0
    before = y.retains_grad
    y.retain_grad()
    (y * y).sum().backward()
    return before, y.retains_grad, x.retains_grad, y.grad


@pytest.mark.parametrize(
    "program",
    [
        _accumulates,
        _with_weights,
        _weights_of_another_dtype,
        _several_roots,
        _the_same_root_twice,
        _chosen_inputs,
        _one_chosen_input,
        _create_graph,
        _grad_of_grad,
        _grad_by_a_result,
        _materialized,
        _unused_allowed,
        _batched,
        _grad_of_a_single_row,
        _retained,
        _partial_release,
        _beside_a_released_history,
        _views_of_a_leaf_made_once,
        _sums_made_once,
        _a_leaf_as_root,
        _detached_in_place,
        _retained_grads,
    ],
)
def test_as_pytorch(program: Callable[[Any], Any]) -> None:
    check_same(program)


# -- what is refused --------------------------------------------------------------------------------------------------


def _second_pass(body: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def program(lib: Any) -> Any:
        x = leaf(lib)
        loss = body(lib, x).sum()
        loss.backward()
        loss.backward()
        return x.grad

    return program


REFUSED: list[Callable[[Any], Any]] = [
    lambda lib: lib.ones(2).sum().backward(),
    lambda lib: (leaf(lib) * 2.0).backward(),
    lambda lib: (leaf(lib) * 2.0).backward(lib.ones(3)),
    lambda lib: (leaf(lib) * 2.0).backward(1.0),
    lambda lib: leaf(lib).sum().backward(inputs=[]),
    lambda lib: leaf(lib).sum().backward(inputs=[lib.ones(2)]),
    lambda lib: lib.autograd.grad(leaf(lib).sum(), []),
    lambda lib: lib.autograd.grad(leaf(lib).sum(), lib.ones(2)),
    lambda lib: lib.autograd.grad(leaf(lib).sum(), leaf(lib)),
    lambda lib: lib.autograd.grad(leaf(lib).sum(), leaf(lib), allow_unused=False, materialize_grads=True),
    lambda lib: lib.autograd.backward([leaf(lib).sum(), leaf(lib).sum()], [None]),
    lambda lib: (leaf(lib) * 2.0)[:1].detach_(),
    lambda lib: (leaf(lib) * 2.0).requires_grad_(False),
    lambda lib: lib.ones(2, dtype=lib.int64).requires_grad_(),
    lambda lib: leaf(lib).add_(1.0),
    lambda lib: leaf(lib).numpy(),
    lambda lib: lib.ones(2).retain_grad(),
    lambda lib: setattr(leaf(lib), "grad", 1.0),
    lambda lib: setattr(leaf(lib), "grad", lib.ones(3, dtype=lib.float64)),
    lambda lib: setattr(leaf(lib), "grad", lib.ones(2)),
    _second_pass(lambda lib, x: x * x),
    _second_pass(lambda lib, x: x.exp()),
    _second_pass(lambda lib, x: (x * x).view(1, 2).t()),
    _second_pass(lambda lib, x: x.softmax(0) + x),
    _second_pass(lambda lib, x: lib.nn.functional.mse_loss(x, lib.zeros(2, dtype=lib.float64))),
]
NOT_REFUSED: list[Callable[[Any], Any]] = [
    _second_pass(lambda lib, x: x + 1.0),
    _second_pass(lambda lib, x: -x.view(1, 2).t()[1:]),
    _second_pass(lambda lib, x: lib.cat([x, x.mean(0, keepdim=True)]).expand(2, 3)),
]


@pytest.mark.parametrize("program", [*REFUSED, *NOT_REFUSED])
def test_refuses_what_pytorch_refuses(program: Callable[[Any], Any]) -> None:
    check_same(program)


def test_the_message_of_a_second_pass_says_what_to_do() -> None:
    x = leaf(rg)
    loss = (x * x).sum()
    loss.backward()
    with pytest.raises(GraphError, match=r"released by an earlier backward pass.*retain_graph=True"):
        loss.backward()


def test_a_saved_value_that_was_changed_in_place_is_no_error() -> None:
    """PyTorch refuses; retrograd reads the version that was saved."""
    x = leaf(rg)
    y = x * 3.0
    z = (y * y).sum()
    y.add_(100.0)
    z.backward()
    assert x.grad.tolist() == [18.0, 36.0]


def test_options_that_contradict_each_other() -> None:
    x = leaf(rg)
    with pytest.raises(OptionError, match="grad_variables"):
        rg.autograd.backward(x.sum(), [None], grad_variables=[None])
    with pytest.raises(OptionError, match="only_inputs"):
        rg.autograd.grad(x.sum(), x, only_inputs=False)
    with pytest.raises(GraphError, match="is_grads_batched"):
        rg.autograd.grad(x.sum(), x, is_grads_batched=True)
    with pytest.raises(ShapeError, match="reduce it to a scalar"):
        rg.autograd.grad(x * x, x)


def test_batched_gradients_release_like_others() -> None:
    x = leaf(rg)
    y = x * x
    rg.autograd.grad(y, x, rg.eye(2, dtype=rg.float64), is_grads_batched=True)
    with pytest.raises(GraphError, match="released"):
        y.sum().backward()


def test_the_grad_of_a_result_warns() -> None:
    y = leaf(rg) * 2.0
    with pytest.warns(UserWarning, match="retain_grad"):
        assert y.grad is None
    y.retain_grad()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert y.grad is None


def test_a_released_history_lets_go_of_memory() -> None:
    """What a pass has walked does not keep the inputs of a step alive, though the loss is kept."""
    w = rg.ones(4, requires_grad=True)
    kept, weak = [], []
    for _ in range(3):
        x = rg.ones(4)
        loss = ((w * x) - 1.0).square().mean() + 1.0
        loss.backward()
        kept.append(loss)
        loss.item()
        weak.append(x._storage.node.buffer)
        del x
    counts = [sys.getrefcount(buffer) for buffer in weak]
    # The list, the loop variable, and the call itself.
    assert counts == [3] * 3
