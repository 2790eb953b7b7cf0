"""`explain`: that it tells what runs, counts rightly, and changes nothing."""

from __future__ import annotations

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.native import compile_all
from retrograd.backends.native.compile_process import ProcessLostError
from retrograd.core.errors import OptionError
from retrograd.core.family import mistakes
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


def test_a_compiling_process_that_was_lost_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compile_all, "_lost", {})
    kept = rg.ones(3)
    kept.numpy()
    targets = [rg.ones(30).sin(), kept]
    for target in targets:
        assert rg.explain(target).lost_processes == () and "second process" not in str(rg.explain(target))
    compile_all._note(ProcessLostError("it has ended"))
    compile_all._note(ProcessLostError("it has ended"))
    for target in targets:
        assert rg.explain(target).lost_processes == ("it has ended",)
        line = "kernels were compiled without a second process, which takes longer: it has ended"
        assert str(rg.explain(target)).splitlines().count(line) == 1


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


def test_kernels_are_named_by_what_they_are_part_of() -> None:
    _, _, (step, _) = training()  # type: ignore[misc]
    explanation = rg.explain(step)
    products = [kernel.sources for kernel in explanation.kernels if "matmul" in kernel.operations]
    assert products[:2] == [("linear", "relu"), ("linear",)]
    assert all("linear.backward" in sources for sources in products[2:])
    found = {source for kernel in explanation.kernels for source in kernel.sources}
    assert {"linear", "relu", "cross_entropy", "cross_entropy.backward", "relu.backward", "sgd"} <= found
    assert "linear relu " in str(explanation)


@pytest.mark.parametrize("rows", [3, 64])
def test_loops_tell_what_they_do(rows: int) -> None:
    """A loop of few rows runs as phases of a program, one of many by blocks of rows."""
    rg.manual_seed(0)
    layer, x = rg.nn.LSTM(5, 16), rg.randn(7, rows, 5)

    def step() -> float:
        return float(layer(x)[0].sum().item())

    kernels = rg.explain(step).kernels
    inside = [kernel for kernel in kernels if "tanh" in kernel.operations]
    assert inside and all(kernel.sources[0] == "lstm" for kernel in inside)
    products = 2 * 7 * rows * 16 * 64
    assert sum(kernel.flops for kernel in kernels if "lstm" in kernel.sources) >= products
    assert all(kernel.seconds is not None and kernel.seconds > 0 for kernel in kernels)


def test_convolutions_are_counted_in_full() -> None:
    x, few, many = rg.ones(2, 32, 16, 16), rg.ones(8, 32, 5, 5), rg.ones(32, 32, 3, 3)
    for weight in (few, many):
        y = rg.nn.functional.conv2d(x, weight, padding="same")
        (kernel,) = [kernel for kernel in rg.explain(y).kernels if kernel.flops > 1_000_000]
        assert kernel.flops == 2 * 2 * 16 * 16 * weight.numel() and kernel.sources == ("conv",)


def test_the_intermediate_representation_of_a_kernel() -> None:
    y = rg.ones(40, 300).sigmoid() + 1
    explanation = rg.explain(y)
    kernel = next(kernel for kernel in explanation.kernels if "exp" in kernel.operations)
    assert "define" in explanation.llvm(kernel)


def test_steps_that_numpy_computes_are_said_to_be() -> None:
    explanation = rg.explain(rg.linalg.det(rg.ones(3, 3).sin()))
    names = [kernel.operations[0] for kernel in explanation.kernels]
    assert any(name.endswith("(NumPy)") for name in names)
    kernel = explanation.kernels[[name.endswith("(NumPy)") for name in names].index(True)]
    with pytest.raises(OptionError, match="has no compiled kernel"):
        explanation.llvm(kernel)


def test_what_numpy_computes_is_timed_and_said_beneath() -> None:
    x = rg.eye(5) * 3

    def step() -> float:
        return float((rg.linalg.det(x.sin() + 1) * 2).item())

    explanation = rg.explain(step)
    (fallback,) = [kernel for kernel in explanation.kernels if not kernel.kernel]
    assert fallback.operations == ("det (NumPy)",) and fallback.sources == ("linalg_det",)
    assert fallback.seconds is not None and fallback.seconds > 0
    assert str(explanation).splitlines()[-1] == "without a native kernel: det (NumPy)"
    assert "no kernel: det(float32[5, 5])" in explanation.stage("table")


def test_stages() -> None:
    explanation = rg.explain((rg.ones(40, 300) @ rg.ones(300, 50)).relu())
    assert "# relu" in explanation.stage("graph") and "= matmul(" in explanation.stage("graph")
    assert explanation.stage("fused").startswith("group 0: matmul over [40, 50]")
    assert explanation.stage("table").startswith("phase 0\n  k0 (epilogue) calling k1, k2: ")
    assert "k0 = epilogue\n  kernel rank=1 reduces=none" in explanation.stage("ir")
    assert "define void @kernel(" in explanation.stage("llvm")
    assert "= relu(" in explanation.stage("recorded") and "= relu(" not in explanation.stage("graph")
    assert "kernel:" in explanation.stage("assembly")
    with pytest.raises(OptionError, match="no stage 'wasm'; choose one of recorded, graph, fused"):
        explanation.stage("wasm")
    with pytest.raises(OptionError, match="no program 1; there are 1"):
        explanation.stage("graph", 1)


def test_plans_that_failed_by_mistake_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(mistakes, "some/file.py:1", 3)
    found = rg.explain(rg.ones(3) + 1)
    assert found.mistakes >= 3
    assert f"mistake in the library: {found.mistakes}" in str(found)


def test_wrong_targets() -> None:
    with pytest.raises(OptionError, match="a tensor or a function"):
        rg.explain(3)
    with rg.use_backend("reference"), pytest.raises(OptionError, match="it explains the native one"):
        rg.explain(rg.ones(3))
