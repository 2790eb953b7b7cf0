"""The rules of the lazy graph, one test or more for each (docs/architecture.md lists them)."""

from __future__ import annotations

import gc
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import GraphError
from retrograd.runtime import evaluate as runtime
from retrograd.runtime.devices import use_backend
from retrograd.tensor import storage as storages
from tests.support.backends import BACKENDS, needs_native


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


@contextmanager
def new_structures() -> Iterator[Callable[[], int]]:
    """How many structures have been met for the first time within."""
    before = set(runtime._programs)
    yield lambda: len(set(runtime._programs) - before)


@contextmanager
def primitives_run() -> Iterator[Counter[str]]:
    """How often each primitive stands in the programs that ran within."""
    counts: Counter[str] = Counter()
    with runtime.observed() as seen:
        yield counts
    graphs = {id(entry.program): entry.graph for entry in runtime._programs.values()}
    for evaluation in seen:
        counts.update(step.signature.operation.name for step in graphs[id(evaluation.program)].steps)


def model(seed: int = 3) -> Any:
    rg.manual_seed(seed)
    return rg.nn.Sequential(rg.nn.Linear(5, 8), rg.nn.Tanh(), rg.nn.Linear(8, 3))


def data(rows: int = 6) -> tuple[Any, Any]:
    generator = np.random.default_rng(1)
    x = generator.uniform(-1, 1, (rows, 5)).astype(np.float32)
    return rg.tensor(x), rg.tensor(generator.integers(0, 3, rows))


def train(network: Any, optimizer: Any, steps: int, look: Callable[[Any], None] = lambda loss: None) -> list[float]:
    criterion, (x, y) = rg.nn.CrossEntropyLoss(), data()
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = criterion(network(x), y)
        look(loss)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return losses


def bits(tensors: Any) -> list[bytes]:
    return [x.detach().numpy().tobytes() for x in tensors]


# -- values are never structure ---------------------------------------------------------------------------------------


def test_a_thousand_learning_rates_are_one_structure() -> None:
    w = rg.ones(4, requires_grad=True)
    optimizer = rg.optim.SGD([w], lr=0.1)

    def step(lr: float) -> None:
        optimizer.param_groups[0]["lr"] = lr
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()

    step(0.5)
    with new_structures() as count:
        for i in range(1000):
            step(1 / (i + 2))
        assert count() == 0


def test_a_thousand_offsets_are_one_structure() -> None:
    x = rg.arange(1003, dtype=rg.float64)
    assert (x[0:3] * 2.0).tolist() == [0, 2, 4]
    with new_structures() as count:
        for i in range(1, 1001):
            assert (x[i : i + 3] * 2.0).sum().item() == pytest.approx(6 * i + 6) or count() == 1
        assert count() == 1, "the slices with a sum beneath are one new structure"


def test_a_thousand_numbers_are_one_structure() -> None:
    x = rg.ones(3)
    assert (x * 0.25).clamp(-2.0, 1.5).tolist() == [0.25] * 3
    with new_structures() as count:
        for i in range(1000):
            assert (x * float(i)).clamp(-2.0, i + 0.5).tolist() == [float(i)] * 3
        assert count() == 0


# -- arithmetic is canonical ------------------------------------------------------------------------------------------


def test_an_unrelated_output_changes_no_bit() -> None:
    alone = model()
    train(alone, rg.optim.Adam(alone.parameters(), lr=0.01), 5)
    beside = model()
    kept: list[Any] = []
    train(beside, rg.optim.Adam(beside.parameters(), lr=0.01), 5, lambda loss: kept.append(loss.exp() * 3.0))
    assert bits(alone.parameters()) == bits(beside.parameters())


@needs_native
@pytest.mark.parametrize("tier", [0, 1])
def test_tiers_have_the_same_bits(tier: int) -> None:
    with use_backend("native"):
        expected = model()
        losses = train(expected, rg.optim.Adam(expected.parameters(), lr=0.01), 5)
    with use_backend("native", tier):
        network = model()
        assert train(network, rg.optim.Adam(network.parameters(), lr=0.01), 5) == losses
        assert bits(network.parameters()) == bits(expected.parameters())


@needs_native
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_numbers_of_threads_have_the_same_bits(threads: int) -> None:
    before = rg.get_num_threads()
    with use_backend("native"):
        expected = model()
        train(expected, rg.optim.Adam(expected.parameters(), lr=0.01), 5)
        rg.set_num_threads(threads)
        try:
            network = model()
            train(network, rg.optim.Adam(network.parameters(), lr=0.01), 5)
        finally:
            rg.set_num_threads(before)
        assert bits(network.parameters()) == bits(expected.parameters())


# -- what is live does not hang on the garbage collector --------------------------------------------------------------


@pytest.fixture
def collector() -> Iterator[None]:
    gc.collect()
    threshold = gc.get_threshold()
    yield
    gc.set_threshold(*threshold)
    gc.enable()


def test_the_collector_changes_no_bit(collector: None) -> None:
    results = []
    for prepare in (gc.disable, lambda: (gc.enable(), gc.set_threshold(1))):
        prepare()
        network = model()
        results.append((train(network, rg.optim.SGD(network.parameters(), lr=0.1), 4), bits(network.parameters())))
    assert results[0] == results[1]


def test_steps_leave_no_cycles(collector: None) -> None:
    network = model()
    optimizer = rg.optim.Adam(network.parameters(), lr=0.01)

    def look(loss: Any) -> None:
        loss.register_hook(lambda g: g * 2.0)

    for _ in range(2):  # compiling may leave some; data that is newer than the optimizer's state is a new structure
        gc.disable()
    found = []
    for _ in range(4):
        train(network, optimizer, 3, look)
        found.append(gc.collect())
    # Compiling a program leaves cycles, steps do not.
    assert min(found) == 0, found


def test_graphs_that_are_dropped_leave_no_cycles(collector: None) -> None:
    w = rg.ones(3, requires_grad=True)
    gc.disable()
    gc.collect()
    for _ in range(3):
        y = (w[1:].t() * 2.0).reshape(-1).exp()
        y.retain_grad()
        y.register_hook(lambda g: g)
        rg.autograd.grad(y.sum(), w, create_graph=True)
        y.detach().add_(1.0)
        del y
    assert gc.collect() == 0


def test_what_is_dropped_is_not_computed() -> None:
    x = rg.ones(3)
    y = x * 2.0
    x.exp().sin()
    with primitives_run() as counts:
        assert y.tolist() == [2, 2, 2]
    assert counts["mul"] == 1
    assert counts["exp"] == counts["sin"] == 0


def test_a_growing_graph_is_flushed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(storages, "FLUSH_LIMIT", 50)
    storages.take_pending()
    total = rg.zeros(())
    one = rg.ones(())
    with runtime.observed() as seen:
        for _ in range(500):
            total = total + one
    assert len(seen) == 9
    assert total.item() == 500


# -- steps ------------------------------------------------------------------------------------------------------------


def test_the_optimizer_closes_the_step_with_one_program() -> None:
    network, (x, y) = model(), data()
    optimizer = rg.optim.Adam(network.parameters(), lr=0.01)
    loss = rg.nn.CrossEntropyLoss()(network(x), y)
    also = x.sum()
    loss.backward()
    with runtime.observed() as seen:
        optimizer.step()
        assert len(seen) == 1
        loss.item()
        also.item()
        bits(network.parameters())
        bits(p.grad for p in network.parameters())
        assert len(seen) == 1


def test_reading_a_loss_first_does_not_run_the_forward_pass_twice() -> None:
    programs = []
    for look in (lambda loss: None, lambda loss: loss.item()):
        network = model()
        optimizer = rg.optim.SGD(network.parameters(), lr=0.1)
        with primitives_run() as counts:
            train(network, optimizer, 1, look)
        programs.append((counts["matmul"], counts["tanh"]))
    # Two products forward; backward one for each weight, and one for the hidden layer.
    assert programs == [(5, 1), (5, 1)]


def test_a_released_graph_is_an_error() -> None:
    w = rg.ones(3, requires_grad=True)
    loss = (w * w).sum()
    loss.backward(retain_graph=True)
    loss.backward()
    assert w.grad.tolist() == [4, 4, 4]
    with pytest.raises(GraphError, match=r"released by an earlier backward pass.*retain_graph=True"):
        loss.backward()


# -- hooks and threads ------------------------------------------------------------------------------------------------


def test_hooks_run_while_the_backward_pass_is_recorded() -> None:
    w = rg.ones(3, requires_grad=True)
    y = w * 2.0
    seen: list[Any] = []

    def halve(g: Any) -> Any:
        seen.append(g)
        return g * 0.5

    y.register_hook(halve)
    with runtime.observed() as evaluations:
        y.sum().backward()
        assert len(seen) == 1
        assert not evaluations
    assert seen[0].tolist() == [1, 1, 1]
    assert w.grad.tolist() == [1, 1, 1]


def test_threads_record_independently() -> None:
    results: dict[int, list[float]] = {}
    barrier = threading.Barrier(4)

    def work(seed: int) -> None:
        network = networks[seed]
        barrier.wait()
        results[seed] = train(network, rg.optim.SGD(network.parameters(), lr=0.1), 10)

    networks = [model(seed) for seed in range(4)]
    threads = [threading.Thread(target=work, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for seed in range(4):
        network = model(seed)
        assert results[seed] == train(network, rg.optim.SGD(network.parameters(), lr=0.1), 10)


def test_a_mode_belongs_to_a_thread() -> None:
    seen = []
    with rg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(rg.is_grad_enabled()))
        thread.start()
        thread.join()
        seen.append(rg.is_grad_enabled())
    assert seen == [True, False]


# -- storage ----------------------------------------------------------------------------------------------------------


def test_exported_memory_keeps_its_address() -> None:
    w = rg.ones(3, requires_grad=True)
    array = w.detach().numpy()
    address = array.__array_interface__["data"][0]
    optimizer = rg.optim.SGD([w], lr=0.5)
    for expected in (0.0, 0.0):
        optimizer.zero_grad()
        (w * w).sum().backward()
        optimizer.step()
        assert array.tolist() == [expected] * 3
    with rg.no_grad():
        w[1] = 4.0
        w.add_(1.0)
    assert array.tolist() == [1, 5, 1]
    assert w.detach().numpy().__array_interface__["data"][0] == w.data_ptr() == address


def test_what_was_read_before_an_export_does_not_see_later_writes() -> None:
    x = rg.ones(3)
    y = x * 2.0
    array = x.numpy()
    array[:] = 7.0
    assert y.tolist() == [2, 2, 2]
    assert (x * 2.0).tolist() == [14, 14, 14]
    del array
    assert (x * 2.0).tolist() == [14, 14, 14]


def test_foreign_memory_is_read_when_an_operation_is_recorded() -> None:
    batch = np.zeros((2, 3))
    x = rg.from_numpy(batch)
    sums = []
    for i in range(5):
        batch[...] = i
        sums.append(x[0:1].sum())
    assert [s.item() for s in sums] == [0, 3, 6, 9, 12]
    x.add_(1.0)
    assert batch.tolist() == [[5.0] * 3] * 2


def test_a_slice_of_foreign_memory_copies_only_itself() -> None:
    big = np.zeros((1000, 1000))
    x = rg.from_numpy(big)
    part = x[10:12]
    node = part._read()
    assert node.buffer.type.shape == (2, 1000)


@pytest.mark.parametrize("alias", [lambda x: x.detach(), lambda x: x.data, lambda x: x.detach()[:]])
def test_writes_through_an_alias_are_seen(alias: Callable[[Any], Any]) -> None:
    w = rg.ones(3, requires_grad=True)
    view = w[1:]
    loss = (w * w).sum()
    alias(w).mul_(3.0)
    assert w.tolist() == [3, 3, 3]
    assert view.tolist() == [3, 3]
    loss.backward()
    assert w.grad.tolist() == [2, 2, 2], "the backward pass reads the values of the forward pass"


def test_the_step_does_not_overwrite_what_a_backward_pass_will_read() -> None:
    w = rg.tensor([2.0, 3.0], requires_grad=True)
    kept = (w * w).sum()
    kept.item()
    optimizer = rg.optim.SGD([w], lr=1.0)
    w.sum().backward()
    optimizer.step()
    assert w.tolist() == [1, 2]
    optimizer.zero_grad()
    kept.backward()
    assert w.grad.tolist() == [4, 6]


def test_inference_does_not_pile_up_what_is_retained() -> None:
    network, (x, _) = model(), data()
    for _ in range(500):
        network(x).sum().item()
    assert len(storages._retained.storages) <= 200
