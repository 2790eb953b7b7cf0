"""grad_fn: names, walks, identity."""

from __future__ import annotations

import gc
from typing import Any

import retrograd as rg


def test_leaves_have_none() -> None:
    w = rg.ones(2, requires_grad=True)
    assert w.grad_fn is None and (w.detach() * 2).grad_fn is None
    with rg.no_grad():
        assert (w * 2).grad_fn is None


def test_a_graph_can_be_walked_to_its_leaves() -> None:
    w, b = rg.ones(2, 3, requires_grad=True), rg.ones(3, requires_grad=True)
    y = ((rg.ones(4, 2) @ w + b).relu() * 2.0).sum()
    names, variables = [], set()
    stack: list[Any] = [y.grad_fn]
    seen = set()
    while stack:
        function = stack.pop()
        if function is None or function in seen:
            continue
        seen.add(function)
        names.append(type(function).__name__)
        assert function.name() == type(function).__name__
        assert repr(function) == f"<{function.name()}>"
        if hasattr(function, "variable"):
            variables.add(id(function.variable))
        stack += [following for following, _ in function.next_functions]
    assert sorted(names) == [
        "AccumulateGrad",
        "AccumulateGrad",
        "AddBackward0",
        "MatmulBackward0",
        "MulBackward0",
        "ReluBackward0",
        "SumBackward0",
    ]
    assert variables == {id(w), id(b)}


def test_the_function_of_a_value_is_one_object_while_somebody_holds_it() -> None:
    w = rg.ones(2, requires_grad=True)
    y = w.exp()
    assert y.grad_fn is y.grad_fn
    first, second = (y * 2).grad_fn, (y * 3).grad_fn
    assert first.next_functions[0][0] is second.next_functions[0][0] is y.grad_fn
    assert first is not second


def test_outputs_of_one_operation_are_told_apart() -> None:
    w = rg.tensor([[1.0, 2.0], [4.0, 3.0]], requires_grad=True)
    values, indices = w.max(1)
    assert indices.grad_fn is None
    assert values.output_nr == 0
    parts = Split.apply(w)
    assert [part.output_nr for part in parts] == [0, 1]
    assert parts[0].grad_fn is parts[1].grad_fn
    assert parts[0].grad_fn.name() == "SplitBackward"
    assert ((parts[0] + parts[1]).grad_fn.next_functions[1]) == (parts[1].grad_fn, 1)


class Split(rg.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        return x * 1.0, x * 2.0

    @staticmethod
    def backward(ctx: Any, a: Any, b: Any) -> Any:
        return a + 2.0 * b


def test_what_is_printed() -> None:
    w = rg.ones(2, requires_grad=True)
    assert repr((w * 2).sum()) == "tensor(4., grad_fn=<SumBackward0>)"
    assert repr(w.view(2, 1).t()) == "tensor([[1., 1.]], grad_fn=<PermuteBackward0>)"


def test_walking_leaves_no_cycles() -> None:
    gc.collect()
    gc.disable()
    try:
        w = rg.ones(2, requires_grad=True)
        y = (w.exp() * w).sum()
        assert y.grad_fn.next_functions[0][0].next_functions[1][0].variable is w
        del y, w
        assert gc.collect() == 0
    finally:
        gc.enable()
