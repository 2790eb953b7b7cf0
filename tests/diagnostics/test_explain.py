"""`explain`: that it tells what runs, counts rightly, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError
from retrograd.diagnostics.explain import Explanation


def training() -> tuple[rg.nn.Module, rg.Tensor, object]:
    rg.manual_seed(0)
    model = rg.nn.Sequential(rg.nn.Linear(200, 100), rg.nn.ReLU(), rg.nn.Linear(100, 10))
    optimizer = rg.optim.SGD(model.parameters(), lr=0.01)
    x, y = rg.randn(64, 200), rg.randint(0, 10, (64,))
    losses: list[float] = []

    def step() -> None:
        optimizer.zero_grad()
        loss = rg.nn.functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())

    return model, x, (step, losses)


def test_a_pending_tensor_is_planned_and_not_run() -> None:
    x = rg.tensor(np.full((40, 300), 0.5, np.float32))
    y = (x @ rg.ones(300, 50)).relu()
    explanation = rg.explain(y)
    assert y._read().buffer is None
    products = [kernel for kernel in explanation.kernels if "matmul" in kernel.operations]
    assert [kernel.operations for kernel in products] == [("matmul", "select")]
    assert products[0].flops == 2 * 40 * 300 * 50 + 40 * 50
    assert products[0].shape == (40, 50)
    assert explanation.seconds is None
    assert "matmul" in explanation.graph() and "matmul select" in str(explanation)
    np.testing.assert_array_equal(y.numpy(), np.full((40, 50), 150.0))


def test_a_known_value_has_nothing_to_explain() -> None:
    x = rg.ones(3)
    x.numpy()
    assert rg.explain(x).programs == ()
    assert "known already" in str(rg.explain(x))


def test_a_step_is_timed_kernel_by_kernel() -> None:
    _, _, (step, losses) = training()  # type: ignore[misc]
    explanation = rg.explain(step)
    assert isinstance(explanation, Explanation) and len(explanation.programs) == 1
    assert losses[-1] < losses[0], "it trains"
    assert all(kernel.seconds is not None and kernel.seconds > 0 for kernel in explanation.kernels)
    products = sum(kernel.operations.count("matmul") for kernel in explanation.kernels)
    assert products == 5, "two forward, two gradients of weights, one of the hidden layer; the input needs none"
    assert explanation.seconds is not None and 0 < explanation.seconds < 1
    first = str(explanation).splitlines()[0]
    assert first.startswith("program 0: ") and "us of work" in first


def test_the_intermediate_representation_of_a_kernel() -> None:
    y = rg.ones(40, 300).sigmoid() + 1
    explanation = rg.explain(y)
    kernel = next(kernel for kernel in explanation.kernels if "exp" in kernel.operations)
    assert "define" in explanation.llvm(kernel)


def test_steps_that_numpy_computes_are_said_to_be() -> None:
    x = rg.tensor(np.arange(12).reshape(3, 4))
    explanation = rg.explain(x @ x.T)
    names = [kernel.operations[0] for kernel in explanation.kernels]
    assert any(name.endswith("(NumPy)") for name in names)
    kernel = explanation.kernels[[name.endswith("(NumPy)") for name in names].index(True)]
    with pytest.raises(OptionError, match="NumPy computes it"):
        explanation.llvm(kernel)


def test_wrong_targets() -> None:
    with pytest.raises(OptionError, match="a tensor or a function"):
        rg.explain(3)
    with rg.use_backend("reference"), pytest.raises(OptionError, match="it explains the native one"):
        rg.explain(rg.ones(3))
