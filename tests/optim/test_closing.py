"""What an optimizer holds from step to step, and how it notices that it no longer does."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import GraphError
from retrograd.runtime import evaluate as runtime


def descend(w: Any, optimizer: Any) -> None:
    """A step on (w^2).sum() / 2, whose gradient is w."""
    optimizer.zero_grad()
    ((w * w).sum() / 2).backward()
    optimizer.step()


def parameter(*values: float) -> Any:
    return rg.nn.Parameter(rg.tensor(list(values)))


def test_steps_write_over_what_they_hold() -> None:
    w = parameter(4.0, 8.0)
    optimizer = rg.optim.Adam([w])
    descend(w, optimizer)
    memory = w._storage.node.buffer
    with runtime.observed() as seen:
        descend(w, optimizer)
        descend(w, optimizer)
    assert w._storage.node.buffer is memory
    assert seen[0].entry is seen[1].entry, "one structure"
    for evaluation in seen:
        assert evaluation.inputs[:3] == evaluation.outputs[-3:] and evaluation.inputs[0] is memory


CHANGES: dict[str, Callable[[Any], object]] = {
    "other memory": lambda w: setattr(w, "data", rg.tensor([1.0, 2.0])),
    "a pending value": lambda w: w.data.mul_(0.25),
    "a copy": lambda w: w.data.copy_(rg.tensor([1.0, 2.0])),
    "through an array": lambda w: w.detach().numpy().__imul__(0.25),
}


@pytest.mark.parametrize("change", CHANGES)
def test_parameters_that_were_changed_are_read_anew(change: str) -> None:
    w = parameter(8.0, 16.0)
    optimizer = rg.optim.SGD([w], lr=0.5)
    descend(w, optimizer)
    assert w.tolist() == [4.0, 8.0]
    CHANGES[change](w)
    descend(w, optimizer)
    assert w.tolist() == [0.5, 1.0]
    descend(w, optimizer)
    assert w.tolist() == [0.25, 0.5]


def test_an_array_over_a_parameter_sees_the_step() -> None:
    w = parameter(4.0)
    optimizer = rg.optim.SGD([w], lr=0.5)
    descend(w, optimizer)
    array = w.detach().numpy()
    descend(w, optimizer)
    assert array.tolist() == [1.0] == w.tolist()
    del array
    descend(w, optimizer)
    assert w.tolist() == [0.5]


def test_a_view_of_a_parameter_sees_the_step() -> None:
    w = parameter(4.0, 8.0)
    optimizer = rg.optim.SGD([w], lr=0.5)
    second = w.detach()[1:]
    for expected in (4.0, 2.0, 1.0):
        descend(w, optimizer)
        assert second.tolist() == [expected]


def test_state_that_is_replaced_is_read_anew() -> None:
    w = parameter(8.0)
    optimizer = rg.optim.SGD([w], lr=0.5, momentum=0.5)
    descend(w, optimizer)
    saved = optimizer.state_dict()
    saved["state"][0]["momentum_buffer"] = rg.tensor([100.0])
    optimizer.load_state_dict(saved)
    descend(w, optimizer)
    assert w.tolist() == [4.0 - 0.5 * (50.0 + 4.0)]
    optimizer.state[w]["momentum_buffer"].zero_()
    w.data.fill_(8.0)
    descend(w, optimizer)
    assert w.tolist() == [4.0]


def test_values_that_a_backward_pass_will_read_are_not_written_over() -> None:
    w, v = parameter(4.0), parameter(3.0)
    optimizer = rg.optim.SGD([w], lr=0.5)
    descend(w, optimizer)
    product = (w * v).sum()
    product.item()
    descend(w, optimizer)
    assert w.tolist() == [1.0]
    product.backward()
    assert v.grad.tolist() == [2.0] and w.grad.tolist() == [5.0]


def test_other_parameters_the_next_time() -> None:
    a, b = parameter(4.0), parameter(4.0)
    optimizer = rg.optim.SGD([a, b], lr=0.5)
    for used in ((a, b), (a,), (b,), (a, b)):
        optimizer.zero_grad()
        rg.stack([(x * x).sum() / 2 for x in used]).sum().backward()
        optimizer.step()
    assert a.tolist() == [0.5] == b.tolist()


def test_gradients_of_another_type_are_refused() -> None:
    w = parameter(4.0)
    optimizer = rg.optim.SGD([w], lr=0.5)
    descend(w, optimizer)
    w._grad = rg.ones(2)
    with pytest.raises(GraphError, match="a gradient is"):
        optimizer.step()
    descend(w, optimizer)
    assert w.tolist() == [1.0]


def test_a_copy_of_an_optimizer_holds_nothing_yet() -> None:
    w = parameter(4.0)
    optimizer = rg.optim.Adam([w])
    descend(w, optimizer)
    copied = copy.deepcopy(optimizer)
    (twin,) = copied.param_groups[0]["params"]
    descend(twin, copied)
    descend(w, optimizer)
    assert twin.tolist() == w.tolist() and twin._storage.node.buffer is not w._storage.node.buffer
