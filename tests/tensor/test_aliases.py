"""Views, aliases, leaves and hooks, case by case: what random sequences have found, and what they leave out."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import GraphError, ShapeError


def leaf(*numbers: float) -> Any:
    return rg.tensor(list(numbers), dtype=rg.float64, requires_grad=True)


# -- hooks ------------------------------------------------------------------------------------------------------------


def test_a_hook_on_a_view_sees_the_gradients_of_its_views() -> None:
    w = leaf(1, 2, 3, 4)
    first = w.view(2, 2)
    first.register_hook(lambda g: g * 0.5)
    first[0].sum().backward()
    assert w.grad.tolist() == [0.5, 0.5, 0, 0]


def test_a_hook_on_a_view_of_the_same_shape_is_not_its_bases() -> None:
    w = leaf(1, 2)
    y = w * 1.0
    y.view(2).register_hook(lambda g: g * 0.0)
    y.sum().backward()
    assert w.grad.tolist() == [1, 1]


def test_a_hook_of_a_leaf_runs_once_for_all_its_versions() -> None:
    w, seen = leaf(1, 2), []
    w.register_hook(lambda g: seen.append(g.tolist()))
    before = (w * w).sum()
    with rg.no_grad():
        w.add_(1.0)
    (before + (w * w).sum()).backward()
    assert seen == [[6, 10]]
    assert w.grad.tolist() == [6, 10]


def test_hooks_of_an_exported_tensor_are_called() -> None:
    w = leaf(1, 2)
    y = w * 2.0
    array = y.detach().numpy()
    y.register_hook(lambda g: g * 3.0)
    y.sum().backward()
    assert array.tolist() == [2, 4]
    assert w.grad.tolist() == [6, 6]


def test_grad_calls_the_hooks_of_leaves() -> None:
    w = leaf(1, 2)
    w.register_hook(lambda g: g * 3.0)
    assert rg.autograd.grad((w * 2.0).sum(), w)[0].tolist() == [6, 6]


def test_hooks_off_the_path_are_not_called() -> None:
    a, b, seen = leaf(1), leaf(2), []
    y = b * 2.0
    y.register_hook(lambda g: seen.append(g))
    rg.autograd.grad((a + y).sum(), a)
    assert not seen


def test_a_removed_hook_is_not_called() -> None:
    w = leaf(1, 2)
    w.register_hook(lambda g: g * 3.0).remove()
    w.sum().backward()
    assert w.grad.tolist() == [1, 1]


def test_retain_grad_adds_up_and_comes_after_other_hooks() -> None:
    w = leaf(1, 2)
    y = w * 2.0
    y.retain_grad()
    y.register_hook(lambda g: g * 3.0)
    y.sum().backward(retain_graph=True)
    assert y.grad.tolist() == [3, 3]
    y.sum().backward()
    assert y.grad.tolist() == [6, 6]


# -- gradients of what was changed ------------------------------------------------------------------------------------


def test_grad_of_a_leaf_that_was_changed_since() -> None:
    w = leaf(1, 2)
    loss = (w * w).sum()
    w.data.add_(1.0)
    assert rg.autograd.grad(loss, w)[0].tolist() == [2, 4]


def test_grad_of_an_exported_leaf() -> None:
    w = leaf(1, 2)
    array = w.detach().numpy()
    loss = (w * w).sum()
    array[0] = 5.0
    assert rg.autograd.grad(loss, w)[0].tolist() == [2, 4]
    assert rg.autograd.grad((w * w).sum(), w)[0].tolist() == [10, 4]


@pytest.mark.parametrize("change", [lambda y: y.zero_(), lambda y: y.fill_(2.0), lambda y: y.copy_(rg.ones(2))])
def test_what_is_overwritten_gets_a_gradient_of_zeros(change: Any) -> None:
    w = leaf(1, 2)
    y = w * 2.0
    change(y)
    assert y.requires_grad
    y.sum().backward()
    assert w.grad.tolist() == [0, 0]


def test_a_copied_leaf_keeps_its_hooks_to_itself() -> None:
    w, y = leaf(1, 2), rg.zeros(2, dtype=rg.float64)
    y.copy_(w)
    y.register_hook(lambda g: g * 3.0)
    (y + w).sum().backward()
    assert w.grad.tolist() == [4, 4]


def test_comparisons_do_not_require_gradients() -> None:
    w = leaf(1, 2)
    assert not (w > 1.5).requires_grad
    assert not w.argmax().requires_grad
    values, indices = w.max(0)
    assert values.requires_grad and not indices.requires_grad


# -- leaves that share memory -----------------------------------------------------------------------------------------


def test_a_leaf_made_of_a_detached_tensor_shares_memory() -> None:
    x = rg.ones(3, dtype=rg.float64)
    w = x.detach().requires_grad_()
    part = w[1:]
    with rg.no_grad():
        part.mul_(5.0)
    assert x.tolist() == w.tolist() == [1, 5, 5]
    (part * part).sum().backward()
    assert w.grad.tolist() == [0, 10, 10]
    assert not x.requires_grad


def test_a_parameter_shares_memory_and_leaves_its_data_as_it_was() -> None:
    x = rg.ones(3)
    w = rg.nn.Parameter(x)
    assert w.requires_grad and not x.requires_grad
    x.add_(1.0)
    assert w.tolist() == [2, 2, 2]


def test_a_parameter_of_a_parameter_shares_memory() -> None:
    first = rg.nn.Parameter(rg.ones(2))
    second = rg.nn.Parameter(first)
    optimizer = rg.optim.SGD([second], lr=1.0)
    (second * 3.0).sum().backward()
    optimizer.step()
    assert first.tolist() == second.tolist() == [-2, -2]
    assert first.grad is None


def test_views_made_before_do_not_require_a_gradient() -> None:
    x = rg.ones(3)
    view = x[1:]
    x.requires_grad_()
    assert x.requires_grad and not view.requires_grad
    with rg.no_grad():
        x.mul_(2.0)
    assert view.tolist() == [2, 2]


@pytest.mark.parametrize("make", [lambda x: x[1:].requires_grad_(), lambda x: x.t().detach().requires_grad_()])
def test_an_optimizer_updates_a_leaf_that_is_a_view(make: Any) -> None:
    x = rg.ones(3, dtype=rg.float64)
    w = make(x)
    optimizer = rg.optim.Adam([w], lr=0.5)
    w.sum().backward()
    optimizer.step()
    np.testing.assert_allclose(w.tolist(), 0.5, atol=1e-7)
    assert x[-len(w) :].tolist() == w.tolist()


def test_setting_data_shares_memory() -> None:
    w, other = rg.nn.Parameter(rg.zeros(2)), rg.ones(2)
    w.data = other
    other.add_(1.0)
    assert w.tolist() == [2, 2]
    assert w.requires_grad and not other.requires_grad
    optimizer = rg.optim.SGD([w], lr=1.0)
    w.sum().backward()
    optimizer.step()
    assert other.tolist() == [1, 1]


def test_setting_data_of_a_result_is_refused() -> None:
    with pytest.raises(GraphError, match="leaves only"):
        (leaf(1) * 2.0).data = rg.zeros(1)


# -- writes that are refused ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "what"),
    [
        (lambda: leaf(1, 2), "a leaf"),
        (lambda: leaf(1, 2)[:1], "a view of a leaf"),
        (lambda: rg.ones(2).detach().requires_grad_(), "a leaf"),
        (lambda: rg.ones(2).detach().requires_grad_()[:1], "a view of such a leaf"),
    ],
)
def test_a_leaf_cannot_be_changed_where_gradients_are_followed(target: Any, what: str) -> None:
    x = target()
    with pytest.raises(GraphError, match=f"{what}.*no_grad"):
        x.add_(1.0)
    with rg.no_grad():
        x.add_(1.0)


def test_a_view_made_without_gradients_takes_nothing_that_has_one() -> None:
    x, w = rg.zeros(3, dtype=rg.float64), leaf(1)
    with rg.no_grad():
        view = x[:1]
    view.add_(1.0)
    with pytest.raises(GraphError, match="under no_grad"):
        view.add_(w)


def test_an_expanded_tensor_cannot_be_written_to() -> None:
    with pytest.raises(GraphError, match="clone"):
        rg.ones(1, 3).expand(2, 3).add_(1.0)
    with pytest.raises(ShapeError, match="new leading axes"):
        rg.ones(3).expand(-1, 3)


def test_a_value_that_does_not_fit_changes_nothing() -> None:
    x = rg.ones(2, 3)
    with pytest.raises(ShapeError, match=r"\(2, 2\) does not fit.*\(2, 3\)"):
        x.copy_(rg.zeros(2, 2))
    assert x.tolist() == [[1, 1, 1]] * 2


def test_joining_numbers_is_refused() -> None:
    with pytest.raises(ShapeError, match="stack"):
        rg.cat([rg.ones(()), rg.ones(())])
    assert rg.cat([rg.zeros(0), rg.ones(2, 2)]).tolist() == [[1, 1], [1, 1]]


def test_clamp_with_bounds_that_cross_gives_the_upper_one() -> None:
    assert rg.tensor([-2.0, 0.0, 2.0]).clamp(1.0, -1.0).tolist() == [-1, -1, -1]


@pytest.mark.parametrize("name", ["softmax", "log_softmax", "argmax", "argmin"])
def test_a_number_counts_as_an_axis_of_one(name: str) -> None:
    x = rg.tensor(2.5)
    assert getattr(x, name)(-1).shape == ()
    assert x.max(0).values.item() == 2.5
    with pytest.raises(IndexError):
        getattr(x, name)(1)
