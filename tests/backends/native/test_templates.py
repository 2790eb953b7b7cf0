"""Plans for changing extents: programs of templates give the bits of programs that were planned for their extents."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.native.plan import Plan
from retrograd.backends.native.program import NativeProgram
from retrograd.backends.native.templates import Templates
from retrograd.core.extent import extents_in
from retrograd.core.family import Fitter
from retrograd.passes.structure import Structure
from retrograd.runtime.evaluate import forget_programs, observed

F = rg.nn.functional
# A step: makes what does it; that takes an extent and a generator of numbers, and gives arrays.
Step = Callable[[int, np.random.Generator], list[Any]]


class Counted:
    """How many programs came from templates, and whether any may."""

    def __init__(self) -> None:
        self.instances = 0
        self.allowed = True


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counted]:
    count = Counted()
    instance = Templates.instance

    def told(self: Templates, structure: Any) -> Any:
        program = instance(self, structure) if count.allowed else None
        count.instances += program is not None
        return program

    monkeypatch.setattr(Templates, "instance", told)
    forget_programs()
    yield count
    forget_programs()


def _array(numbers: np.random.Generator, *shape: int) -> rg.Tensor:
    return rg.from_numpy(numbers.standard_normal(shape, dtype=np.float32))


def _gradients(module: rg.nn.Module) -> list[Any]:
    return [p.grad.numpy().copy() for p in module.parameters() if p.grad is not None]


def _mlp() -> Step:
    net = rg.nn.Sequential(rg.nn.Linear(5, 24), rg.nn.ReLU(), rg.nn.Linear(24, 3))
    optimizer = rg.optim.Adam(net.parameters(), lr=0.01)

    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        target = rg.from_numpy(numbers.integers(0, 3, n))
        losses = F.cross_entropy(net(_array(numbers, n, 5)), target, reduction="none")
        loss = (losses * _array(numbers, n)).sum()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return [loss.item(), *(p.detach().numpy().copy() for p in net.parameters())]

    return step


def _classifier() -> Step:
    net = rg.nn.Sequential(rg.nn.Linear(5, 24), rg.nn.LayerNorm(24), rg.nn.GELU(), rg.nn.Linear(24, 3))
    optimizer = rg.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)

    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        loss = F.cross_entropy(net(_array(numbers, n, 5)), rg.from_numpy(numbers.integers(0, 3, n)))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return [loss.item(), *(p.detach().numpy().copy() for p in net.parameters())]

    return step


def _attention() -> Step:
    module = rg.nn.MultiheadAttention(16, 4, batch_first=True)

    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        x = _array(numbers, 2, n, 16)
        module.zero_grad()
        y, _ = module(x, x, x, need_weights=False)
        y.square().sum().backward()
        return [y.detach().numpy(), *_gradients(module)]

    return step


def _convolution() -> Step:
    net = rg.nn.Sequential(
        rg.nn.Conv2d(3, 16, 3, padding=1), rg.nn.ReLU(), rg.nn.MaxPool2d(2), rg.nn.Conv2d(16, 8, 3), rg.nn.Flatten()
    )

    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        with rg.no_grad():
            return [net(_array(numbers, n, 3, 12, 12)).numpy()]

    return step


def _trained_convolution() -> Step:
    net = rg.nn.Sequential(
        rg.nn.Conv2d(3, 16, 3, padding=1), rg.nn.BatchNorm2d(16), rg.nn.ReLU(), rg.nn.MaxPool2d(2),
        rg.nn.Conv2d(16, 16, 3, padding=1), rg.nn.ReLU(), rg.nn.Conv2d(16, 4, 3, 2), rg.nn.Flatten()
    )  # fmt: skip

    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        net.zero_grad()
        y = net(_array(numbers, n, 3, 20, 20))
        y.square().sum().backward()
        return [y.detach().numpy(), *_gradients(net)]

    return step


def _convolutions_of_all_kinds() -> Step:
    """Direct ones whose tiles are parts of images or many images, with steps, groups and large kernels; depthwise."""
    net = rg.nn.Sequential(
        rg.nn.Conv2d(3, 40, 5, padding=2), rg.nn.ReLU(), rg.nn.Conv2d(40, 16, 3, 2, groups=2), rg.nn.ReLU(),
        rg.nn.Conv2d(16, 16, 3, groups=16), rg.nn.ConvTranspose2d(16, 8, 2, 2), rg.nn.Conv2d(8, 10, 1)
    )  # fmt: skip

    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        net.zero_grad()
        y = net(_array(numbers, n, 3, 14, 14))
        y.square().sum().backward()
        return [y.detach().numpy(), *_gradients(net)]

    return step


def _recurrent(module: Any, shape: Callable[[int], tuple[int, ...]]) -> Step:
    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        module.zero_grad()
        y, _ = module(_array(numbers, *shape(n)))
        y.square().sum().backward()
        return [y.detach().numpy(), *_gradients(module)]

    return step


def _recurrent_length() -> Step:
    return _recurrent(rg.nn.LSTM(6, 8), lambda n: (n, 3, 6))


def _recurrent_batch() -> Step:
    return _recurrent(rg.nn.GRU(6, 8), lambda n: (7, n, 6))


def _sums() -> Step:
    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        x = _array(numbers, n, 3)
        line = _array(numbers, n)
        found = [x.sum(0), x.softmax(0), line.sum(), x.max(0).values, line.softmax(0), (line * line).sum(), x.sum()]
        return [rg.cat([y.reshape(-1) for y in found]).numpy()]

    return step


def _means() -> Step:
    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        x = _array(numbers, n, 3).requires_grad_()
        y = x.mean(0).sum() + x.var(0).sum() + (x - x.mean()).square().mean()
        y.backward()
        assert x.grad is not None
        return [y.item(), x.grad.numpy()]

    return step


def _slices() -> Step:
    def step(n: int, numbers: np.random.Generator) -> list[Any]:
        x = _array(numbers, n, 4)
        parts = [x[1:], x[:-1], x.flip(0)[: n // 2], F.pad(x, (1, 2)), x.T.reshape(-1), x.repeat(2, 1), x[::2]]
        return [rg.cat([(y * 2).reshape(-1) for y in parts]).numpy()]

    return step


STEPS = {
    "mlp": (_mlp, [30, 40, 50, 60, 31, 100, 33, 12, 200, 1, 2, 3, 4, 5, 24, 300, 1000, 1023, 1024, 1025, 1100, 2100]),
    "classifier": (_classifier, [30, 40, 50, 60, 31, 100, 33, 12, 200, 1, 2, 3, 4, 5, 24]),
    "attention": (_attention, [10, 20, 30, 25, 40, 33, 7, 64, 100, 1, 2, 3]),
    "convolution": (_convolution, [4, 5, 6, 7, 8, 9, 3, 16, 32, 1, 2]),
    "trained convolution": (_trained_convolution, [20, 22, 24, 28, 16, 32, 18, 40, 64, 3, 5, 1, 100]),
    "convolutions": (_convolutions_of_all_kinds, [20, 22, 24, 28, 16, 10, 8, 3, 40, 5, 150, 2, 1]),
    "recurrent": (_recurrent_length, [5, 6, 7, 8, 9, 20, 1, 2, 3, 4, 50]),
    "recurrent batch": (_recurrent_batch, [5, 6, 7, 8, 9, 20, 1, 2, 3, 4, 50]),
    "sums": (_sums, [700, 800, 900, 1000, 1024, 1025, 1500, 2048, 3000, 4099, 32768, 32769, 40000, 1, 2, 3]),
    "long sums": (_sums, [40000, 50000, 60000, 65536, 65537, 100_000, 99_991, 99_989, 99_971, 33_000, 16_385, 44_444]),
    "means": (_means, [30, 40, 50, 60, 31, 100, 33, 12, 200, 1025, 1100, 2, 3]),
    "slices": (_slices, [30, 40, 50, 60, 31, 100, 33, 12, 200, 0, 1, 2, 3, 4, 5]),
}


@pytest.mark.parametrize("name", STEPS)
def test_programs_of_templates_give_the_bits_of_programs_planned_for_their_extents(name: str, counted: Counted) -> None:
    make, extents = STEPS[name]

    def run() -> list[list[Any]]:
        forget_programs()
        rg.manual_seed(0)
        numbers = np.random.default_rng(0)
        with np.errstate(all="ignore"):
            step = make()
            return [step(n, numbers) for n in extents]

    found = run()
    assert counted.instances >= 3
    counted.allowed = False
    with rg.use_backend("native", tier=1):
        expected = run()
    for extent, ours, theirs in zip(extents, found, expected, strict=True):
        for place, (mine, other) in enumerate(zip(ours, theirs, strict=True)):
            np.testing.assert_array_equal(mine, other, err_msg=f"{name} at {extent}, result {place}")


def _templates(made: pytest.MonkeyPatch) -> list[Structure]:
    """The structures whose forms are planned over extents from now on."""
    found: list[Structure] = []
    plan = Templates._template

    def told(self: Templates, structure: Structure, fitter: Fitter) -> Any:
        found.append(structure)
        return plan(self, structure, fitter)

    made.setattr(Templates, "_template", told)
    return found


def test_one_plan_serves_a_wide_range_and_extents_that_equal_others_by_chance(
    counted: Counted, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Numbers of features that no other test has: forms outlive tests.
    net = rg.nn.Sequential(rg.nn.Linear(7, 37), rg.nn.ReLU(), rg.nn.Linear(37, 11))
    optimizer = rg.optim.Adam(net.parameters())
    templates = _templates(monkeypatch)
    numbers = np.random.default_rng(0)
    for n in (20, 21, 22, 23, 24, 37, 11, 7, 3, 2, 64, 300):
        optimizer.zero_grad()
        with rg.use_backend("native", tier=1):
            F.cross_entropy(net(_array(numbers, n, 7)), rg.from_numpy(numbers.integers(0, 11, n))).backward()
            optimizer.step()
    assert len(templates) == 1
    # The first two are planned by themselves.
    assert counted.instances == 10


# -- what is around them ----------------------------------------------------------------------------------------------


def _two_sums(n: int, m: int) -> float:
    """Two inputs whose extents have something to do with one another, or nothing."""
    return ((rg.arange(n).float() / 50).exp().sum() + rg.arange(m).float().cos().sum()).item()


def test_an_extent_that_was_a_multiple_of_another_one_by_chance_is_not_taken_for_it(counted: Counted) -> None:
    pairs = [(5, 10), (6, 12), (7, 14), (8, 16), (8, 17), (9, 4), (10, 10), (8, 17)]
    found = [_two_sums(*pair) for pair in pairs]
    assert counted.instances >= 2
    counted.allowed = False
    forget_programs()
    assert found == [_two_sums(*pair) for pair in pairs]


def test_where_guards_fail_a_structure_is_planned_by_itself(counted: Counted) -> None:
    x = np.ones(40_000, np.float32)

    def total(n: int) -> float:
        with rg.use_backend("native", tier=1):
            return (rg.from_numpy(x[:n]) * 2).sum().item()

    for n in (100, 110, 120, 130):
        total(n)
    before = counted.instances
    assert before >= 1
    # There is nothing to add up.
    assert total(1) == 2
    assert counted.instances == before
    assert total(140) == 280
    assert counted.instances == before + 1


def test_a_program_of_a_template_tells_its_plan_and_its_stages(counted: Counted) -> None:
    for n in (20, 30, 40, 50):
        x = rg.randn(n, 3)
        with observed() as seen:
            (x.softmax(0) * 2).numpy()
    assert counted.instances >= 1
    program = seen[-1].program
    assert isinstance(program, NativeProgram)
    assert Plan.from_bytes(program.plan.to_bytes()) == program.plan
    assert not list(extents_in(program.plan))
    assert [len(phase) for phase in program.schedule.phases] == [len(phase) for phase in program.plan.phases]
    assert "softmax" in str(rg.explain(rg.randn(60, 3).softmax(0) * 2))


def test_captured_loops_repeat_programs_of_templates(counted: Counted) -> None:
    def train(sizes: list[int]) -> list[list[float]]:
        rg.manual_seed(0)
        net = rg.nn.Linear(4, 2)
        optimizer = rg.optim.SGD(net.parameters(), lr=0.1)
        x, y = rg.randn(240, 4), rg.randint(0, 2, (240,))

        def step(inputs: rg.Tensor, targets: rg.Tensor) -> rg.Tensor:
            optimizer.zero_grad()
            loss = F.cross_entropy(net(inputs), targets)
            loss.backward()
            optimizer.step()
            return loss

        loops = [rg.compile_loop(step, (x, y), batch_size=size) for size in sizes]
        return [loop.run(epochs=2).tolist() for loop in loops]

    sizes = [20, 24, 30, 40, 48, 60]
    found = train(sizes)
    assert counted.instances >= 1
    counted.allowed = False
    forget_programs()
    assert found == train(sizes)


def test_threads_that_meet_new_extents_at_once_get_the_right_results() -> None:
    forget_programs()
    numbers = np.random.default_rng(0)
    arrays = {n: numbers.standard_normal((n, 6), dtype=np.float32) for n in range(3, 60)}

    def work(order: list[int]) -> dict[int, list[float]]:
        weight = rg.from_numpy(np.full((6, 2), 0.5, np.float32)).requires_grad_()
        found = {}
        for n in order:
            weight.grad = None
            (rg.from_numpy(arrays[n]) @ weight).tanh().sum().backward()
            assert weight.grad is not None
            found[n] = weight.grad.numpy().ravel().tolist()
        return found

    orders = [numbers.permutation(list(arrays)).tolist() for _ in range(4)]
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(work, orders))
    assert all(result == results[0] for result in results)
