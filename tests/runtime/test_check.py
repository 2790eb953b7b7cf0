"""The check beside the definitions: what is right passes, and of what is wrong the first node is named."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.native import lower, program as native_program, scalar_ops, schedule, vmath
from retrograd.backends.native.cache import KernelCache
from retrograd.backends.native.emit import kernel_of
from retrograd.backends.native.kernel import LoopKernel
from retrograd.core.errors import OptionError
from retrograd.runtime import evaluate, followed
from retrograd.runtime.check import checking, state
from retrograd.runtime.difference import DifferenceError
from tests.support.backends import needs_native

pytestmark = needs_native
F = rg.nn.functional


@pytest.fixture(autouse=True)
def backend() -> Iterator[None]:
    """In place of both: the reference cannot differ from itself."""
    with rg.use_backend("native"):
        yield


@pytest.fixture
def own_kernels(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Kernels that are made in a test and go with it: some of them are wrong. Calling it has them made anew."""

    def renew() -> None:
        kernels = KernelCache(None)
        monkeypatch.setattr(native_program, "kernel_cache", lambda: kernels)
        forget()

    renew()
    yield renew
    forget()


def forget() -> None:
    """Programs made before hold the kernels that they were made with."""
    evaluate.forget_programs()
    followed._alone.clear()


@pytest.fixture
def always(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if RETROGRAD_CHECK=1 were set."""
    monkeypatch.setattr(state, "always", True)


def _mlp(optimizer: Callable[..., Any] = rg.optim.SGD, **options: float) -> tuple[rg.nn.Module, Callable[[], None]]:
    rg.manual_seed(0)
    model = rg.nn.Sequential(rg.nn.Linear(20, 16), rg.nn.Tanh(), rg.nn.Dropout(0.25), rg.nn.Linear(16, 4))
    update = optimizer(model.parameters(), **options)
    x, y = rg.randn(32, 20), rg.randint(0, 4, (32,))

    def step() -> None:
        update.zero_grad()
        F.cross_entropy(model(x), y).backward()
        update.step()

    return model, step


def _wrong(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an elementwise function come out too large by one part in a thousand."""
    right = vmath.FUNCTIONS[name]
    monkeypatch.setitem(vmath.FUNCTIONS, name, lambda f, *args: right(f, *args) * f.const(1.001, args[0].type))


# -- what is right ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("optimizer", "options"), [(rg.optim.SGD, {"lr": 0.1, "momentum": 0.9}), (rg.optim.Adam, {"lr": 0.01})]
)
def test_steps_that_draw_and_update_in_place(
    optimizer: Callable[..., Any], options: dict[str, float], always: None
) -> None:
    model, step = _mlp(optimizer, **options)
    before = model[0].weight.detach().clone()  # type: ignore[index]
    for _ in range(3):
        step()
    assert not rg.equal(before, model[0].weight)  # type: ignore[index]


def test_the_check_changes_nothing() -> None:
    found = []
    for checked in (False, True):
        model, step = _mlp(rg.optim.Adam, lr=0.01)
        with checking() as seen:
            state.collector = seen if checked else None
            for _ in range(3):
                step()
        assert not seen.differences and (seen.programs >= 3) == checked
        found.append([p.detach().numpy().tobytes() for p in model.parameters()])
    assert found[0] == found[1]


def test_loops_and_their_gradients(always: None) -> None:
    rg.manual_seed(1)
    layer = rg.nn.LSTM(5, 6, batch_first=True)
    output, _ = layer(rg.randn(3, 9, 5))
    output.square().sum().backward()
    assert layer.weight_hh_l0.grad.abs().sum().item() > 0


def test_convolutions_and_pooling(always: None) -> None:
    rg.manual_seed(2)
    model = rg.nn.Sequential(
        rg.nn.Conv2d(3, 24, 3, padding=1), rg.nn.BatchNorm2d(24), rg.nn.ReLU(), rg.nn.MaxPool2d(2),
        rg.nn.Conv2d(24, 24, 3, padding=1), rg.nn.AvgPool2d(2), rg.nn.Flatten(), rg.nn.Linear(24 * 4, 3),
    )  # fmt: skip
    update = rg.optim.SGD(model.parameters(), lr=0.1)
    F.cross_entropy(model(rg.randn(4, 3, 8, 8)), rg.tensor([0, 1, 2, 0])).backward()
    update.step()


def test_numbers_that_are_not_finite_and_sums_that_cancel(always: None) -> None:
    x = rg.tensor([np.inf, -np.inf, np.nan, 0.0, -0.0, 1e38, 1e-45])
    assert rg.isnan(((x * 2).exp() - x.log()).sum()).item()
    y = rg.full((3, 100_000), 0.1)
    assert (y.sum(1) - y.mean(0).sum()).abs().max().item() < 1
    assert (x.to(rg.int32) * 0).sum().item() == 0


# -- what is wrong ----------------------------------------------------------------------------------------------------


def test_a_wrong_kernel_is_named(own_kernels: object, monkeypatch: pytest.MonkeyPatch) -> None:
    _wrong("tanh", monkeypatch)
    _, step = _mlp(rg.optim.SGD, lr=0.1)
    comparison = rg.diagnostics.compare(step)
    (difference,) = comparison.differences
    assert difference.operation == "tanh" and difference.alone
    assert difference.origin == ("tanh",) and difference.output.shape == (32, 16)
    assert difference.made == pytest.approx(1.001 * difference.expected, rel=1e-5)
    assert difference.largest > 100 * difference.allowed > 0 and difference.count > 500
    text = str(comparison)
    assert "tanh(float32[32, 16]) -> float32[32, 16] differs from its NumPy definition" in text
    assert "1 differ, first here" in text


def test_a_wrong_gradient_is_named_by_what_it_belongs_to(
    own_kernels: object, monkeypatch: pytest.MonkeyPatch, always: None
) -> None:
    _wrong("exp", monkeypatch)
    x = rg.ones(3, 5, requires_grad=True)
    rg.erf(x).sum().backward()
    with pytest.raises(DifferenceError, match=r"it comes from backward > erf\.backward") as caught:
        x.grad.numpy()
    assert caught.value.difference.operation == "exp"
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)


def test_nothing_is_overwritten_by_a_step_that_is_wrong(
    own_kernels: Callable[[], None], monkeypatch: pytest.MonkeyPatch, always: None
) -> None:
    model, step = _mlp(rg.optim.SGD, lr=0.1, momentum=0.9)
    step()
    before = [p.detach().clone() for p in model.parameters()]
    for p in before:
        p.numpy()
    _wrong("tanh", monkeypatch)
    own_kernels()
    with pytest.raises(DifferenceError, match="tanh"):
        step()
    for p, old in zip(model.parameters(), before, strict=True):
        np.testing.assert_array_equal(p.detach().numpy(), old.numpy())


def test_a_wrong_step_inside_of_a_loop_is_named(own_kernels: object, monkeypatch: pytest.MonkeyPatch) -> None:
    rg.manual_seed(1)
    layer, x = rg.nn.RNN(5, 6), rg.randn(9, 3, 5)
    _wrong("tanh", monkeypatch)
    (difference,) = rg.diagnostics.compare(lambda: layer(x)[0].tolist()).differences
    assert difference.operation == "tanh" and difference.output.shape == (3, 6)
    assert "of the body of scan at node" in difference.place


def test_integers_are_exact(own_kernels: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(scalar_ops._EMITTERS, "sign", lambda f, dtype, a: f.binary("add", a, 0))
    x = rg.tensor([5, 0, -7])
    (difference,) = rg.diagnostics.compare(x.sign()).differences
    assert (difference.index, difference.made, difference.expected, difference.largest) == ((2,), -7, -1, 6.0)
    assert difference.count == 2


def test_memory_that_is_shared_by_mistake(own_kernels: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each node by itself is right; the program is not."""
    monkeypatch.setattr(schedule, "_first_fit", lambda taken, need: 0)
    rg.manual_seed(3)
    a, b, c = rg.randn(30, 40), rg.randn(40, 30), rg.randn(30, 30)
    (difference,) = rg.diagnostics.compare(((a @ b) @ (c @ c)).sum()).differences
    assert not difference.alone and difference.operation == "matmul"
    assert "differs from the same node run by itself" in str(difference)


def test_a_kernel_that_is_wrong_when_steps_are_fused(own_kernels: object, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each node by itself is right, and those before the wrong one are in the program too."""

    def wrong(*args: Any) -> LoopKernel:
        kernel = kernel_of(*args)
        fused = {"mul", "sub"} <= {instruction.op for instruction in kernel.code}
        code = tuple(replace(i, op="add") if fused and i.op == "sub" else i for i in kernel.code)
        return replace(kernel, code=code)

    monkeypatch.setattr(lower, "kernel_of", wrong)
    x = rg.linspace(1, 2, 100)
    with rg.use_backend("native", 1):
        (difference,) = rg.diagnostics.compare(((x * 3 - 1) / 7).exp().mean()).differences
    assert not difference.alone and (difference.operation, difference.origin) == ("sub", ("sub",))


def test_the_variable_turns_it_on() -> None:
    program = (
        "import retrograd as rg\n"
        "from retrograd.backends.native import scalar_ops\n"
        "scalar_ops._EMITTERS['sign'] = lambda f, dtype, a: a\n"
        "rg.ones(3).mul(2).sign().numpy()\n"
    )
    environment = {**os.environ, "RETROGRAD_CHECK": "1", "RETROGRAD_CACHE": "0"}
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert done.returncode == 1
    assert "DifferenceError: native backend: node " in done.stderr and "sign(float32[3])" in done.stderr


# -- compare ----------------------------------------------------------------------------------------------------------


def test_what_compare_takes() -> None:
    x = rg.ones(3) + 1
    assert rg.diagnostics.compare(x).programs == 1
    assert str(rg.diagnostics.compare(x)).startswith("0 programs")
    with pytest.raises(OptionError, match="a tensor or a function"):
        rg.diagnostics.compare(3)
    with rg.use_backend("reference"), pytest.raises(OptionError, match="nothing to hold it against"):
        rg.diagnostics.compare(x)
