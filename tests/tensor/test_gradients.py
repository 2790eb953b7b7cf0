"""Gradients that no tensor is made of until somebody looks: nobody can tell."""

from __future__ import annotations

import copy
import pickle
import threading
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.optim.optimizer import Optimizer
from retrograd.runtime import evaluate as runtime
from retrograd.tensor.gradients import Gradients
from tests.support.lazy import bits, data, model

Look = Callable[[Any], object]


def untouched(network: Any) -> bool:
    return all(isinstance(p._grad, Gradients) for p in network.parameters())


def first_pass(network: Any) -> Any:
    x, y = data()
    loss = rg.nn.CrossEntropyLoss()(network(x), y)
    loss.backward()
    return loss


def gradients_of(network: Any) -> list[np.ndarray[Any, Any]]:
    """By `grad`, which adds to no `.grad`."""
    x, y = data()
    loss = rg.nn.CrossEntropyLoss()(network(x), y)
    return [g.numpy() for g in rg.autograd.grad(loss, list(network.parameters()))]


def test_the_usual_loop_makes_no_tensors_of_gradients() -> None:
    network = model()
    optimizer = rg.optim.Adam(network.parameters())
    for _ in range(3):
        optimizer.zero_grad()
        first_pass(network)
        assert untouched(network)
        rg.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        assert untouched(network)
        optimizer.step()
        assert untouched(network)


def test_the_first_look_makes_all_tensors_and_each_stays_the_same() -> None:
    network = model()
    first_pass(network)
    weight = network[0].weight
    assert weight.grad is weight.grad
    assert all(isinstance(p._grad, rg.Tensor) for p in network.parameters())


LOOKS: dict[str, Look] = {
    "never": lambda network: None,
    "at one": lambda network: network[0].weight.grad,
    "at the values of one": lambda network: network[2].bias.grad.tolist(),
    "at all": lambda network: [p.grad for p in network.parameters()],
    "at the values of all": lambda network: bits(p.grad for p in network.parameters()),
}


@pytest.mark.parametrize("makes", [rg.optim.Adam, rg.optim.SGD])
@pytest.mark.parametrize("clip", [False, True])
def test_looking_changes_no_bit(makes: Callable[..., Optimizer], clip: bool) -> None:
    def train(before_clip: Look, before_step: Look) -> list[bytes]:
        network = model()
        optimizer, norms = makes(network.parameters(), lr=0.1), []
        for _ in range(3):
            optimizer.zero_grad()
            first_pass(network)
            before_clip(network)
            if clip:
                norms.append(rg.nn.utils.clip_grad_norm_(network.parameters(), 0.01))
            before_step(network)
            optimizer.step()
        return [*bits(network.parameters()), *bits(p.grad for p in network.parameters()), *bits(norms)]

    expected = train(LOOKS["never"], LOOKS["never"])
    for look in LOOKS.values():
        assert train(look, LOOKS["never"]) == expected
        assert train(LOOKS["never"], look) == expected


def test_gradients_are_there_after_the_step_as_they_were_before_it() -> None:
    network = model()
    expected = gradients_of(network)
    optimizer = rg.optim.SGD(network.parameters(), lr=1.0)
    first_pass(network)
    optimizer.step()
    with runtime.observed() as seen:
        found = [p.grad.numpy() for p in network.parameters()]
    assert not seen, "the step has computed them"
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


def test_two_passes_add_up() -> None:
    network = model()
    expected = gradients_of(network)
    first_pass(network)
    first_pass(network)
    for p, g in zip(network.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), g + g)


def test_a_pass_for_some_leaves_adds_to_what_is_there() -> None:
    network = model()
    expected = gradients_of(network)
    first_pass(network)
    rg.nn.CrossEntropyLoss()(network(data()[0]), data()[1]).backward(inputs=[network[0].weight])
    for p, g in zip(network.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), g + g if p is network[0].weight else g)


def test_one_that_is_set_to_none_stays_away() -> None:
    network = model()
    before = bits(network.parameters())
    first_pass(network)
    network[0].weight.grad = None
    assert network[0].weight.grad is None and network[0].bias.grad is not None
    rg.optim.SGD(network.parameters(), lr=0.1).step()
    changed = [a != b for a, b in zip(before, bits(network.parameters()), strict=True)]
    assert changed == [False, True, True, True]


def test_one_that_is_replaced_counts() -> None:
    network = model()
    first_pass(network)
    network[0].bias.grad = rg.ones(len(network[0].bias))
    before = network[0].bias.detach().clone()
    rg.optim.SGD(network.parameters(), lr=1.0).step()
    assert (network[0].bias == before - 1).all()


def test_changes_in_place_count() -> None:
    network, other = model(), model()
    first_pass(network)
    first_pass(other)
    network[0].weight.grad.mul_(2.0)
    for p in other.parameters():
        p.grad = p.grad * (2.0 if p is other[0].weight else 1.0)
    for each in (network, other):
        rg.optim.SGD(each.parameters(), lr=0.5).step()
    assert bits(network.parameters()) == bits(other.parameters())


def test_a_gradient_that_is_kept_outlives_zero_grad() -> None:
    network = model()
    optimizer = rg.optim.SGD(network.parameters(), lr=0.1)
    expected = gradients_of(network)[0]
    first_pass(network)
    kept = network[0].weight.grad
    optimizer.zero_grad(set_to_none=True)
    first_pass(network)
    optimizer.step()
    assert network[0].weight.grad is not kept
    np.testing.assert_array_equal(kept.numpy(), expected)


def test_zeros_are_written_where_gradients_stand() -> None:
    network = model()
    first_pass(network)
    network.zero_grad(set_to_none=False)
    kept = network[0].weight.grad
    assert kept.abs().sum() == 0
    first_pass(network)
    assert network[0].weight.grad is kept and kept.abs().sum() > 0


def test_hooks_see_each_gradient() -> None:
    network, seen, told = model(), [], []
    network[0].weight.register_hook(lambda g: seen.append(g.tolist()))
    network[2].bias.register_post_accumulate_grad_hook(lambda p: told.append(p.grad.tolist()))
    expected = gradients_of(network)
    seen.clear()
    first_pass(network)
    assert seen == [expected[0].tolist()] and told == [expected[3].tolist()]


def test_create_graph_gives_gradients_that_can_be_differentiated() -> None:
    w, b = rg.tensor(3.0, requires_grad=True), rg.tensor(2.0, requires_grad=True)
    (w**3 * b).backward(create_graph=True)
    assert w.grad.requires_grad and w.grad.item() == 54
    (second,) = rg.autograd.grad(w.grad, w)
    assert second.item() == 36


def test_a_loss_that_is_read_first_changes_nothing() -> None:
    found = []
    for look in (lambda loss: None, lambda loss: loss.item()):
        network = model()
        optimizer = rg.optim.Adam(network.parameters(), lr=0.1)
        for _ in range(2):
            optimizer.zero_grad()
            look(first_pass(network))
            norm = rg.nn.utils.clip_grad_norm_(network.parameters(), 0.01)
            optimizer.step()
        found.append([*bits(network.parameters()), *bits([norm])])
    assert found[0] == found[1]


def test_groups_and_several_optimizers_take_their_parts() -> None:
    def train(split: Callable[[list[Any]], list[Optimizer]]) -> list[bytes]:
        network = model()
        optimizers = split(list(network.parameters()))
        for _ in range(2):
            network.zero_grad()
            first_pass(network)
            for optimizer in optimizers:
                optimizer.step()
        return bits(network.parameters())

    whole = train(lambda p: [rg.optim.SGD(p, lr=0.1)])
    assert train(lambda p: [rg.optim.SGD([{"params": p[:1]}, {"params": p[1:]}], lr=0.1)]) == whole
    assert train(lambda p: [rg.optim.SGD(p[:3], lr=0.1), rg.optim.SGD(p[3:], lr=0.1)]) == whole
    assert train(lambda p: [rg.optim.SGD(p[::-1], lr=0.1)]) == whole


def test_some_of_the_gradients_are_clipped() -> None:
    network = model()
    expected = gradients_of(network)
    first_pass(network)
    norm = rg.nn.utils.clip_grad_norm_([network[0].weight, network[0].weight, network[0].bias], 1e-3)
    assert norm.item() > 1e-3
    assert network[0].weight.grad.abs().max().item() < 1e-3
    np.testing.assert_array_equal(network[2].weight.grad.numpy(), expected[2])
    rg.nn.utils.clip_grad_value_(network.parameters(), 1e-9)
    assert network[2].weight.grad.abs().max().item() <= 1e-9


def test_copies_have_gradients_of_their_own() -> None:
    network = model()
    expected = gradients_of(network)
    first_pass(network)
    copied = copy.deepcopy(network)
    assert isinstance(network[0].weight._grad, rg.Tensor)
    for p, q, g in zip(network.parameters(), copied.parameters(), expected, strict=True):
        assert q.grad is not p.grad
        np.testing.assert_array_equal(q.grad.numpy(), g)
    first_pass(copied)
    optimizer = rg.optim.Adam(copied.parameters())
    optimizer.step()
    assert len(pickle.loads(pickle.dumps(optimizer)).state) == len(copy.deepcopy(optimizer).state) == 4


def test_what_is_looked_at_under_inference_mode_is_an_ordinary_tensor() -> None:
    network = model()
    first_pass(network)
    with rg.inference_mode():
        g = network[0].weight.grad
    assert not g.is_inference()
    g.mul_(2.0)


def test_a_leaf_that_is_gone_is_in_nobodys_way() -> None:
    w, b = rg.ones(2, requires_grad=True), rg.ones(2, requires_grad=True)
    (w * b).sum().backward()
    del b
    assert w.grad.tolist() == [1, 1]


def test_gradients_that_nobody_can_reach_are_not_computed() -> None:
    w, b = rg.ones(2, requires_grad=True), rg.ones(2, requires_grad=True)
    loss = (w * b).sum()
    loss.backward()
    w.grad = b.grad = None
    with runtime.observed() as seen:
        loss.item()
    assert [len(evaluation.outputs) for evaluation in seen] == [1]


def test_threads_look_at_the_same_tensors() -> None:
    network = model()
    first_pass(network)
    found: list[list[int]] = []
    threads = [
        threading.Thread(target=lambda: found.append([id(p.grad) for p in network.parameters()])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [found[0]] * 4


def test_gradients_whose_program_fails_are_computed_one_by_one(monkeypatch: pytest.MonkeyPatch) -> None:
    network = model()
    expected = gradients_of(network)
    first_pass(network)
    run, failures = runtime._run, []

    def fail_once(*args: Any) -> None:
        if not failures:
            failures.append(args)
            raise RuntimeError("no luck")
        run(*args)

    monkeypatch.setattr(runtime, "_run", fail_once)
    with pytest.warns(UserWarning, match="no luck"):
        rg.ones(1).add(1.0).item()
    for p, g in zip(network.parameters(), expected, strict=True):
        np.testing.assert_array_equal(p.grad.numpy(), g)
