"""The rules of the lazy graph. Each is a known failure of lazy frameworks, and each has tests that fail without it.

They stand here, in test_steps.py, test_hooks_and_threads.py, test_storage.py and test_failures.py beside it, and where
another file is named.

Values are never structure.
    test_a_thousand_learning_rates_are_one_structure, test_a_thousand_offsets_are_one_structure,
    test_a_thousand_numbers_are_one_structure; every function and optimizer that takes numbers:
    test_numbers_are_no_structure.py.
Extents are data.
    test_another_length_needs_no_new_code.
Arithmetic is canonical.
    test_an_unrelated_output_changes_no_bit, test_tiers_have_the_same_bits, test_numbers_of_threads_have_the_same_bits,
    test_the_layout_of_an_operand_changes_no_bit, test_merging_what_is_equal_changes_no_bit; random programs for tiers
    and threads: backends/native/test_random_programs.py.
`optimizer.step()` closes the step; what is live does not hang on the garbage collector; a growing graph is flushed.
    test_the_optimizer_closes_the_step_with_one_program, test_the_collector_changes_no_bit,
    test_steps_leave_no_cycles, test_graphs_that_are_dropped_leave_no_cycles, test_what_is_dropped_is_not_computed,
    test_a_growing_graph_is_flushed, test_the_size_at_which_a_graph_is_flushed_is_4096_operations.
Python stays off the clock.
    test_a_layer_the_backward_pass_and_the_optimizer_are_one_node_each; what a step costs: `make gates`
    (benchmarks/overhead.py), an operation: benchmarks/recording.py.
Reading a loss before `backward()` does not run the forward pass twice, and what is kept for it goes with the graph.
    test_reading_a_loss_first_does_not_run_the_forward_pass_twice, test_what_is_kept_for_backward_goes_with_the_graph,
    test_a_released_graph_is_an_error.
Nothing freezes.
    test_a_model_may_change_its_mind_in_every_step, test_settings_are_looked_up_afresh; loops that cannot be repeated:
    train/test_loop.py.
State is found, not declared.
    test_state_of_every_kind_goes_in_and_out.
Randomness comes in the order of recording.
    test_random_numbers_are_drawn_when_they_are_recorded; PyTorch's stream: core/test_generator_torch.py.
Keys are compared in full on a hit; what is on disk is made again if damaged.
    test_structures_with_equal_hashes_are_told_apart; on disk: backends/native/test_cache.py
    (test_a_file_of_another_key_is_not_taken, test_a_damaged_file_is_made_again,
    test_another_environment_has_files_of_its_own, test_processes_that_race), and as a whole
    test_a_damaged_cache_on_disk_changes_nothing.
Hooks and `autograd.Function` run at recording time, on lazy tensors; a hook splits the one-node backward, turns capture
off.
    test_hooks_run_while_the_backward_pass_is_recorded, test_functions_run_while_they_are_recorded,
    test_a_hook_splits_the_backward_node, test_a_step_with_a_hook_is_not_captured.
Threads of the user record independently; flushes take turns; the pool is rebuilt after a fork.
    test_threads_record_independently, test_a_mode_belongs_to_a_thread, test_flushes_of_threads_take_turns,
    test_a_child_process_computes; the pool alone: backends/native/test_workers.py.
Storage: exported memory keeps its address, foreign memory is read when an operation is recorded, only pending nodes and
values saved for backward pin an old version.
    test_exported_memory_keeps_its_address, test_what_was_read_before_an_export_does_not_see_later_writes,
    test_foreign_memory_is_read_when_an_operation_is_recorded, test_a_slice_of_foreign_memory_copies_only_itself,
    test_writes_through_an_alias_are_seen, test_the_step_does_not_overwrite_what_a_backward_pass_will_read,
    test_the_step_does_not_overwrite_what_pending_gradients_read, test_a_step_reuses_the_memory_of_its_parameters,
    test_inference_does_not_pile_up_what_is_retained; every order of it all: tensor/test_state_machine.py.
A failure stays with what failed.
    test_a_failed_value_keeps_its_error_and_is_in_nobodys_way, test_an_interrupt_loses_nothing,
    test_a_value_for_which_there_was_no_memory_may_be_tried_again,
    test_a_program_that_fails_as_a_whole_is_computed_by_parts, test_a_failed_step_leaves_other_values_alone.
What is remembered is bounded.
    test_remembered_programs_and_backward_passes_are_bounded; signatures and types: core/test_cache.py.
"""

from __future__ import annotations

import gc
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.autodiff import backward
from retrograd.backends.native.cache import kernel_cache
from retrograd.runtime import evaluate as runtime
from retrograd.runtime.devices import use_backend
from retrograd.tensor import storage as storages
from retrograd.tensor.pending import take_pending
from tests.support.backends import needs_native
from tests.support.lazy import bits, convolutional, model, new_structures, primitives_run, train

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


every_network = pytest.mark.parametrize("make", [model, convolutional])


@every_network
def test_an_unrelated_output_changes_no_bit(make: Callable[[], Any]) -> None:
    alone = make()
    train(alone, rg.optim.Adam(alone.parameters(), lr=0.01), 5)
    beside = make()
    kept: list[Any] = []
    train(beside, rg.optim.Adam(beside.parameters(), lr=0.01), 5, lambda loss: kept.append(loss.exp() * 3.0))
    assert bits(alone.parameters()) == bits(beside.parameters())


@needs_native
@every_network
@pytest.mark.parametrize("tier", [-1, 0, 1])
def test_tiers_have_the_same_bits(tier: int, make: Callable[[], Any]) -> None:
    with use_backend("native"):
        expected = make()
        losses = train(expected, rg.optim.Adam(expected.parameters(), lr=0.01), 5)
    with use_backend("native", tier):
        network = make()
        assert train(network, rg.optim.Adam(network.parameters(), lr=0.01), 5) == losses
        assert bits(network.parameters()) == bits(expected.parameters())


@needs_native
@every_network
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_numbers_of_threads_have_the_same_bits(threads: int, make: Callable[[], Any]) -> None:
    before = rg.get_num_threads()
    with use_backend("native"):
        expected = make()
        train(expected, rg.optim.Adam(expected.parameters(), lr=0.01), 5)
        rg.set_num_threads(threads)
        try:
            network = make()
            train(network, rg.optim.Adam(network.parameters(), lr=0.01), 5)
        finally:
            rg.set_num_threads(before)
        assert bits(network.parameters()) == bits(expected.parameters())


def test_the_layout_of_an_operand_changes_no_bit() -> None:
    generator = np.random.default_rng(0)
    x, y = (rg.tensor(generator.standard_normal((37, 53))) for _ in range(2))
    seen, copied = x.t(), x.t().contiguous()
    copied.tolist()
    for function in (
        lambda v: v.sum(0),
        lambda v: v.sum(),
        lambda v: v @ y,
        lambda v: y @ v,
        lambda v: v.exp().mean(1),
        lambda v: v.softmax(0),
    ):
        assert bits([function(seen)]) == bits([function(copied)])


def test_merging_what_is_equal_changes_no_bit() -> None:
    x = rg.tensor(np.random.default_rng(0).standard_normal((7, 11)).astype(np.float32))
    both = bits([(x.softmax(1).log().sum(0) + x.softmax(1).log().sum(0)) * x.softmax(1).sum()])
    parts = [x.softmax(1) for _ in range(3)]
    for part in parts:
        part.tolist()
    apart = bits([(parts[0].log().sum(0) + parts[1].log().sum(0)) * parts[2].sum()])
    assert both == apart


# -- extents are data -------------------------------------------------------------------------------------------------


@needs_native
def test_another_length_needs_no_new_code() -> None:
    network = rg.nn.Sequential(rg.nn.Linear(40, 64), rg.nn.ReLU(), rg.nn.LayerNorm(64), rg.nn.Linear(64, 10))

    def step(rows: int) -> None:
        network.zero_grad()
        x, y = rg.ones(rows, 40), rg.zeros(rows, dtype=rg.int64)
        rg.nn.functional.cross_entropy(network(x), y, reduction="sum").backward()
        bits(p.grad for p in network.parameters())

    # A tiny program is code as a whole: these are larger. Long and short batches may be cut up differently.
    with use_backend("native", 0):
        step(300)
        step(600)
        kernels = kernel_cache()
        before = set(kernels._loaded)
        for rows in (299, 511, 700):
            step(rows)
        assert set(kernels._loaded) == before


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
    take_pending()
    total = rg.zeros(())
    one = rg.ones(())
    with runtime.observed() as seen:
        for _ in range(500):
            total = total + one
    assert len(seen) == 9
    assert total.item() == 500


def test_the_size_at_which_a_graph_is_flushed_is_4096_operations(backend: str) -> None:
    if backend != "reference":
        pytest.skip("the same code, and programs of 4,096 steps take a while to compile")
    take_pending()
    total, one = rg.zeros(()), rg.ones(())
    with runtime.observed() as seen:
        for _ in range(10_000):
            total = total + one
    assert [len(evaluation.graph.steps) for evaluation in seen] == [4097, 4097]
    assert total.item() == 10_000


# -- keys -------------------------------------------------------------------------------------------------------------


def test_structures_with_equal_hashes_are_told_apart() -> None:
    """hash(-1) == hash(-2), and inputs stand in keys as -1, -2, ...: these two keys differ, and their hashes do not."""
    x, y = rg.tensor([5.0]), rg.tensor([2.0])

    def key(z: Any) -> tuple[Any, ...]:
        return tuple(runtime.Trace([z._read()]).key)

    first, second = (x - y) * x, (x - y) * y
    assert key(first) != key(second) and hash(key(first)) == hash(key(second))
    assert first.tolist() == [15] and second.tolist() == [6]
    for _ in range(3):
        assert ((x - y) * x).tolist() == [15] and ((x - y) * y).tolist() == [6]


@needs_native
def test_a_damaged_cache_on_disk_changes_nothing(tmp_path: Any, backend: str) -> None:
    if backend == "reference":
        pytest.skip("it keeps nothing")
    program = "import retrograd as rg; print((rg.arange(3000.0).exp() * 2.0).log().sum().item())"
    chosen = {"RETROGRAD_CACHE_DIR": str(tmp_path), "RETROGRAD_BACKEND": "native", "PYTHONWARNINGS": "error"}
    environment = {**os.environ, **chosen}

    def run() -> str:
        command = [sys.executable, "-c", program]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout

    expected = run()
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    for i, path in enumerate(files):
        content = path.read_bytes()
        path.write_bytes((content[: len(content) // 2], b"", content[:-1] + bytes([content[-1] ^ 1]))[i % 3])
    assert run() == expected
    assert run() == expected


def test_remembered_programs_and_backward_passes_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    for cache in (runtime._programs, backward._remembered):
        monkeypatch.setattr(cache, "limit", 20)
        cache.clear()
    w = rg.ones(1, requires_grad=True)
    usual: list[float] = []
    for n in range(1, 120):
        (w * rg.ones(n)).sum().backward()
        w.grad.item()
        w.grad = None
        if n % 5 == 0:
            with new_structures() as count:
                usual.append((w * 2.0).exp().item())
                assert count() <= (n == 5), "what is used stays"
    assert len(set(usual)) == 1
    for cache in (runtime._programs, backward._remembered):
        assert 0 < len(cache.young) <= 20 and len(cache.old) <= 20
