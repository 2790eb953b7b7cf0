"""Plans: data that says all of a program, and finds its way to later processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import retrograd as rg
from retrograd.backends.native import backend, cache, plan_store
from retrograd.backends.native.backend import plan_segment
from retrograd.backends.native.cache import KernelCache
from retrograd.backends.native.compiler import host
from retrograd.backends.native.plan import Plan
from retrograd.backends.native.plan_store import PlanStore
from retrograd.core.digest import digest_of
from retrograd.core.graph import Graph
from retrograd.runtime.evaluate import Evaluation, forget_programs, observed

_SIZE = 1 << 24


def train(steps: int = 3) -> list[float]:
    """Losses of a small network with a loop, a convolution, random numbers and a clipped gradient."""
    rg.manual_seed(0)
    net = rg.nn.Sequential(
        rg.nn.Conv1d(2, 5, 3),
        rg.nn.MaxPool1d(2),
        rg.nn.ReLU(),
        rg.nn.Dropout(0.2),
        rg.nn.Flatten(),
        rg.nn.Linear(20, 3),
    )
    recurrent = rg.nn.LSTM(10, 2, batch_first=True)
    parameters = [*net.parameters(), *recurrent.parameters()]
    optimizer = rg.optim.AdamW(parameters, lr=0.01)
    x, y = rg.randn(4, 2, 10), rg.tensor([0, 2, 1, 1])
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = rg.nn.functional.cross_entropy(net(x), y) + recurrent(x)[0].square().mean()
        loss.backward()
        rg.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Plans and kernels in a directory of the test; calling it is like a new process."""

    def renew() -> None:
        kept, kernels = PlanStore(tmp_path, _SIZE), KernelCache(tmp_path)
        monkeypatch.setattr(backend, "plan_store", lambda: kept)
        monkeypatch.setattr("retrograd.backends.native.program.kernel_cache", lambda: kernels)
        forget_programs()

    renew()
    yield renew
    forget_programs()


def plans(directory: Path) -> list[Path]:
    return sorted(directory.glob("*.plan"))


def evaluations() -> list[Evaluation]:
    forget_programs()
    with observed() as seen:
        train()
    return seen


def test_a_plan_is_the_same_after_it_was_bytes() -> None:
    for evaluation in evaluations():
        graph = evaluation.graph
        plan = Plan.of(*plan_segment(graph, [-1] * len(graph.outputs), 1, host().target))
        assert plan.phases and plan.relocations
        assert Plan.from_bytes(plan.to_bytes()) == plan


@pytest.mark.parametrize("content", [b"", b"x", b"\x78\x01", Plan.to_bytes.__doc__.encode()])
def test_what_is_no_plan_is_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="no plan"):
        Plan.from_bytes(content)


def test_a_later_process_plans_nothing(
    store: Callable[[], None], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = train()
    assert plans(tmp_path)
    store()
    planned: list[int] = []

    def counting(graph: Graph, *rest: Any) -> Any:
        planned.append(len(graph.steps))
        return plan_segment(graph, *rest)

    monkeypatch.setattr(backend, "plan_segment", counting)
    assert train() == first
    assert max(planned, default=0) < 12, "what is met only once, such as the first weights"


def test_without_a_plan_there_is_one_as_before(store: Callable[[], None], tmp_path: Path) -> None:
    first = train()
    for damage in (lambda content: b"", lambda content: content[:-3], lambda content: content[:60] + content[61:]):
        for path in plans(tmp_path):
            path.write_bytes(damage(path.read_bytes()))
        store()
        assert train() == first
    # Whole and well named, but not a plan.
    kept = PlanStore(tmp_path, _SIZE)
    for evaluation in evaluations():
        structure = evaluation.entry.structure
        assert kept._disk is not None
        kept._disk.write(plan_store._identity(str(structure.digest), structure.aliases), b"no plan")
        assert kept.recall(str(structure.digest), structure.aliases) is None
    store()
    assert train() == first


def test_kernels_that_are_gone_are_compiled_again(store: Callable[[], None], tmp_path: Path) -> None:
    first = train()
    for path in tmp_path.glob("*.kernel"):
        path.unlink()
    store()
    assert train() == first


def test_a_found_program_is_explained_as_a_made_one(store: Callable[[], None]) -> None:
    def rows(explanation: Any) -> list[Any]:
        return [(k.sources, k.operations, k.kernel, k.shape, k.phase, k.tiles) for k in explanation.kernels]

    x = rg.randn(20, 30, requires_grad=True)

    def step() -> None:
        x.grad = None
        (x.softmax(-1).log() * x).sum().backward()
        assert x.grad is not None
        x.grad.numpy()

    made = rows(rg.explain(step))
    store()
    assert rows(rg.explain(step)) == made


def test_a_program_in_segments_is_not_kept(store: Callable[[], None], tmp_path: Path) -> None:
    a = rg.eye(3) * 2
    for _ in range(2):
        assert rg.linalg.det((a * 1.5 + 1 - 1).exp().log()).item() == pytest.approx(27)
    before = plans(tmp_path)
    store()
    assert rg.linalg.det((a * 1.5 + 1 - 1).exp().log()).item() == pytest.approx(27)
    assert plans(tmp_path) == before


def test_the_process_has_the_store_that_the_environment_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[Any] = []
    monkeypatch.setattr(plan_store, "PlanStore", lambda *given: made.append(given))
    monkeypatch.setenv("RETROGRAD_CACHE_DIR", str(tmp_path))
    monkeypatch.setenv("RETROGRAD_CACHE_SIZE", "8M")
    for name, value, directory in (
        ("RETROGRAD_PLANS", "1", tmp_path),
        ("RETROGRAD_PLANS", "0", None),
        ("RETROGRAD_CACHE", "0", None),
    ):
        monkeypatch.setenv(name, value)
        plan_store.plan_store.__wrapped__()
        assert made.pop() == (directory, 1 << 20)


@pytest.mark.parametrize("part", ["kernels", "planners"])
def test_all_that_a_plan_depends_on_is_in_its_identity(part: str, monkeypatch: pytest.MonkeyPatch) -> None:
    before = plan_store._identity("digest", [1])
    assert before == plan_store._identity("digest", [1])
    assert before not in (plan_store._identity("other", [1]), plan_store._identity("digest", [2]))
    monkeypatch.setattr(plan_store, "environment" if part == "kernels" else "_planners", lambda: "another")
    assert plan_store._identity("digest", [1]) != before
    assert cache.environment() in before


_DIGESTS = """
import json, sys
sys.path[:0] = json.loads(sys.argv[1])
from tests.backends.native.test_plan import digests
print(json.dumps(digests()))
"""


def digests() -> list[str]:
    """What the structures of training are called, and their plans, in bytes."""
    found = []
    for evaluation in evaluations():
        graph = evaluation.graph
        plan = Plan.of(*plan_segment(graph, [-1] * len(graph.outputs), 1, host().target))
        found += [str(evaluation.entry.structure.digest), plan.to_bytes().hex()]
    return found


@pytest.mark.parametrize("seed", ["1", "2"])
def test_another_process_comes_to_the_same_digests_and_plans(seed: str) -> None:
    environment = {**os.environ, "PYTHONHASHSEED": seed}
    command = [sys.executable, "-c", _DIGESTS, json.dumps([str(Path(__file__).parents[3]), *sys.path])]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout.splitlines()[-1]) == digests()


def test_graphs_that_differ_have_digests_that_differ() -> None:
    x, y = rg.ones(3, 4), rg.ones(3, 4)
    makers: list[Callable[[], Any]] = [
        lambda: x + y,
        lambda: x - y,
        lambda: y - x.exp(),
        lambda: x.exp() - y,
        lambda: x.exp().reshape(4, 3) + 1,
        lambda: x.exp().reshape(2, 6) + 1,
        lambda: x.softmax(0),
        lambda: x.softmax(1),
        lambda: x.double().softmax(1),
        lambda: rg.ones(3, 5).mul(2).softmax(1),
        lambda: rg.cumsum(x, 0),
        lambda: rg.cumsum(x, 1),
    ]
    found = []
    for make in makers:
        with observed() as seen:
            make().numpy()
        found.append(seen[0].entry.structure.digest)
    assert None not in found
    assert len(set(found)) == len(makers)


def test_an_attribute_of_this_process_alone_has_no_digest() -> None:
    with observed() as seen:
        (rg.ones(3) + 1).numpy()
    graph = seen[0].entry.structure.recorded
    (step,) = graph.steps
    signature = type(step.signature)(
        step.signature.operation, (object(),), step.signature.inputs, step.signature.outputs, None
    )
    assert digest_of(graph) is not None
    assert digest_of(type(graph)(graph.inputs, (type(step)(signature, step.args),), graph.outputs)) is None
