"""Loops in native programs: values against the definition, bits against threads, tiers and blocks of rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.base import Program
from retrograd.backends.native import cache as kernels, loop_rows
from retrograd.backends.native.program import NativeProgram
from retrograd.backends.native.work import BlockWork
from retrograd.runtime.evaluate import forget_programs, observed
from tests.support.backends import needs_native

pytestmark = needs_native

Array = np.ndarray[Any, Any]
KINDS = ("RNN", "LSTM", "GRU")


@pytest.fixture(autouse=True)
def _threads() -> Iterator[None]:
    before = rg.get_num_threads()
    yield
    rg.set_num_threads(before)


def _array(*shape: int, seed: int = 0, dtype: Any = np.float32) -> Array:
    return np.random.default_rng(seed).standard_normal(shape).astype(dtype)


def _training_step(kind: str, batch: int, steps: int = 6, dtype: Any = np.float32, **options: Any) -> list[Array]:
    """What one step of a layer gives: its outputs, and its parameters after two updates."""
    rg.manual_seed(1)
    layer = getattr(rg.nn, kind)(5, 7, **options).to(rg.float64 if dtype is np.float64 else rg.float32)
    optimizer = rg.optim.SGD(layer.parameters(), lr=0.1)
    x = rg.tensor(_array(steps, batch, 5, dtype=dtype))
    for _ in range(2):
        optimizer.zero_grad()
        y, _ = layer(x)
        (y * y).sum().backward()
        optimizer.step()
    return [y.detach().numpy().copy(), *(p.detach().numpy().copy() for p in layer.parameters())]


def _equal(found: Sequence[Array], expected: Sequence[Array]) -> None:
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a, b)


# -- bits -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}])
@pytest.mark.parametrize("kind", KINDS)
def test_bits_depend_on_neither_threads_nor_tiers(kind: str, options: dict[str, Any]) -> None:
    expected: list[Array] | None = None
    for tier in (0, 1):
        for threads in (1, 2, 4):
            rg.set_num_threads(threads)
            with rg.use_backend("native", tier):
                found = _training_step(kind, 19, **options)
            expected = expected or found
            _equal(found, expected)


@pytest.mark.parametrize("kind", KINDS)
def test_bits_do_not_depend_on_blocks_of_rows(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with rg.use_backend("native", 1):
        forget_programs()
        expected = _training_step(kind, 37)
        for sizes in ([37], [10, 9, 9, 9], [30, 7]):
            monkeypatch.setattr("retrograd.backends.native.lower_loop.block_sizes", lambda rows, sizes=sizes: sizes)
            forget_programs()
            _equal(_training_step(kind, 37), expected)
    forget_programs()


@pytest.mark.parametrize("batch", [1, 8, 16, 33])
@pytest.mark.parametrize("kind", KINDS)
def test_values_equal_the_definition(kind: str, batch: int) -> None:
    with rg.use_backend("reference"):
        expected = _training_step(kind, batch, dtype=np.float64)
    with rg.use_backend("native"):
        found = _training_step(kind, batch, dtype=np.float64)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-11, atol=1e-13)


# -- programs ---------------------------------------------------------------------------------------------------------


def _program(make: Callable[[], Any]) -> Program:
    """The one program that computes a tensor."""
    with observed() as seen:
        make().numpy()
    (evaluation,) = seen
    return evaluation.program


def test_another_length_needs_no_new_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    with rg.use_backend("native", 1):
        # One short and one long: the gradients of biases are sums over all rows, and long sums are cut in two.
        expected = [_training_step("LSTM", 19, steps) for steps in (5, 100)]

        def refuse(builds: dict[str, object], finished: object) -> None:
            raise AssertionError(f"compiled: {list(builds)}")

        monkeypatch.setattr(kernels, "compile_all", refuse)
        before = set(kernels.kernel_cache()._loaded)
        found = [_training_step("LSTM", 19, steps) for steps in (5, 100)]
        for steps in (9, 2, 230):
            _training_step("LSTM", 19, steps)
        assert set(kernels.kernel_cache()._loaded) == before
    for a, b in zip(found, expected, strict=True):
        _equal(a, b)


def test_rows_go_through_the_loop_by_themselves() -> None:
    with rg.use_backend("native", 1):
        program = _program(lambda: rg.nn.LSTM(5, 7).requires_grad_(False)(rg.zeros(4, 32, 5))[0])
    assert isinstance(program, NativeProgram)
    blocks = [w for phase in program.schedule.phases for w in phase if isinstance(w, BlockWork)]
    assert [len(work.instances) for work in blocks] == [4]
    assert loop_rows.block_sizes(32) == [8, 8, 8, 8]
    assert loop_rows.block_sizes(19) == [10, 9]
    assert loop_rows.block_sizes(7) == [7]


def test_both_directions_run_side_by_side() -> None:
    with rg.use_backend("native", 1):
        layer = rg.nn.GRU(5, 7, bidirectional=True).requires_grad_(False)
        few = _program(lambda: layer(rg.zeros(4, 3, 5))[0])
        many = _program(lambda: layer(rg.zeros(4, 32, 5))[0])
    assert isinstance(few, NativeProgram) and isinstance(many, NativeProgram)
    assert len(few.schedule.loops) == 1, "one loop whose phases hold the work of both"
    phases = [[w for w in phase if isinstance(w, BlockWork)] for phase in many.schedule.phases]
    assert [len(works) for works in phases if works] == [2]


def test_a_captured_loop_repeats_a_step_with_a_scan() -> None:
    def losses(native: bool) -> tuple[Array, bool]:
        rg.manual_seed(0)
        layer, linear = rg.nn.GRU(3, 4, batch_first=True), rg.nn.Linear(4, 1)
        optimizer = rg.optim.Adam([*layer.parameters(), *linear.parameters()], lr=0.01)
        x, y = rg.tensor(_array(40, 6, 3)), rg.tensor(_array(40, 1, seed=1))

        def step(x: Any, y: Any) -> Any:
            optimizer.zero_grad()
            loss = ((linear(layer(x)[0][:, -1]) - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        if native:
            loop = rg.compile_loop(step, (x, y), batch_size=20)
            return loop.run(epochs=8), loop.captured
        return np.array([step(x[i : i + 20], y[i : i + 20]).item() for _ in range(8) for i in (0, 20)]), False

    with rg.use_backend("native"):
        found, captured = losses(native=True)
        expected, _ = losses(native=False)
    assert captured
    np.testing.assert_array_equal(found, expected)


# -- loops of all kinds -----------------------------------------------------------------------------------------------


def _both(function: Callable[..., Any], *arrays: Array) -> None:
    """Values and gradients of a function on the native backend, against the definition."""
    found = []
    for backend in ("reference", "native"):
        with rg.use_backend(backend):
            tensors = [rg.tensor(x, requires_grad=x.dtype.kind == "f") for x in arrays]
            results = function(*tensors)
            total = sum((r * r).sum() for r in results if r.dtype.is_floating_point)
            total.backward()
            grads = [t.grad.numpy() for t in tensors if t.requires_grad]
            found.append([*(r.detach().numpy().copy() for r in results), *grads])
    for expected, ours in zip(*found, strict=True):
        np.testing.assert_allclose(ours, expected, rtol=1e-11, atol=1e-12)


@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("length", [1, 2, 3, 4])
def test_carries_that_nobody_stacks_take_turns(length: int, reverse: bool) -> None:
    def function(a: Any, b: Any, x: Any) -> Any:
        (a, b), y = rg.scan(lambda c, x: ((c[1] + x, c[0].sin() * c[1]), x * 2), (a, b), x, reverse=reverse)
        return a, b, y

    _both(function, *(_array(*shape, dtype=np.float64) for shape in ((2, 3), (2, 3), (length, 2, 3))))


@pytest.mark.parametrize("reverse", [False, True])
def test_histories_as_they_went_in_and_came_out(reverse: bool) -> None:
    def function(h: Any, x: Any) -> Any:
        last, (before, after, twice) = rg.scan(
            lambda h, x: ((h * x).tanh(), (h, (h * x).tanh(), (h * x).tanh() * 2)), h, x, reverse=reverse
        )
        return last, before, after, twice

    _both(function, _array(2, 3, dtype=np.float64), _array(5, 2, 3, dtype=np.float64))


@pytest.mark.parametrize("tier", [0, 1])
def test_a_carry_that_nobody_reads_among_images(tier: int) -> None:
    """The last state of the cell is for the loop alone, and the layouts of images are chosen around it."""
    x, weight = rg.tensor(_array(4, 2, 6, 3)), rg.tensor(_array(5, 2, 3, 3))
    rg.manual_seed(0)
    layer = rg.nn.LSTM(5, 6, batch_first=True)

    def features() -> Any:
        return layer(rg.nn.functional.conv2d(x, weight, padding=1).mean(3).transpose(1, 2))[0]

    with rg.use_backend("native", tier):
        found = features().detach().numpy()
    with rg.use_backend("reference"):
        expected = features().detach().numpy()
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


def test_a_loop_inside_of_a_loop() -> None:
    def function(h: Any, xs: Any, w: Any) -> Any:
        def outer(h: Any, x: Any) -> Any:
            inner, ys = rg.scan(lambda c, z: ((c @ w + z).tanh(), c * z), h, x)
            return inner, (ys.sum(0), h)

        last, (sums, before) = rg.scan(outer, h, xs)
        return last, sums, before

    for batch in (2, 18):
        arrays = (_array(batch, 3), _array(4, 5, batch, 3, seed=1), 0.3 * _array(3, 3, seed=2))
        _both(function, *(x.astype(np.float64) for x in arrays))


def test_streams_and_constants_that_are_not_dense() -> None:
    def function(h: Any, xs: Any, w: Any) -> Any:
        last, ys = rg.scan(lambda h, x: ((h @ w.T + x).tanh(), h[:, ::2]), h.T, xs.permute(1, 2, 0).flip(0))
        return last, ys

    for batch in (2, 17):
        arrays = (_array(3, batch), _array(3, 5, batch, seed=1), 0.3 * _array(3, 3, seed=2))
        _both(function, *(x.astype(np.float64) for x in arrays))


def test_rows_that_depend_on_one_another() -> None:
    def function(h: Any, xs: Any) -> Any:
        def step(h: Any, x: Any) -> Any:
            h = (h - h.mean(0, keepdim=True) + x).tanh()
            return h, h.cumsum(0)

        last, ys = rg.scan(step, h, xs)
        return last, ys

    _both(function, _array(20, 3, dtype=np.float64), _array(4, 20, 3, seed=1, dtype=np.float64))


def test_a_constant_with_a_row_for_each_sequence() -> None:
    def function(h: Any, xs: Any, context: Any, scale: Any) -> Any:
        last, ys = rg.scan(lambda h, x: ((h * context + x * scale).tanh(), h), h, xs)
        return last, ys

    shapes = ((20, 3), (4, 20, 3), (20, 3), (3,))
    _both(function, *(_array(*shape, seed=i, dtype=np.float64) for i, shape in enumerate(shapes)))


def test_slices_whose_place_is_known_at_run_time_only() -> None:
    table, h = rg.tensor(_array(6, 3)), rg.tensor(_array(2, 3, seed=1))
    with rg.use_backend("native", 1):
        programs = set()
        for start in range(4):
            rows = table[start : start + 2]
            with observed() as seen:
                last, _ = rg.scan(lambda h, x, rows=rows: ((h + rows) * x, None), h, rg.ones(3), reverse=True)
                found = last.numpy()
            programs.add(id(seen[0].program))
            expected = h.numpy() + 3 * table.numpy()[start : start + 2]
            np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert len(programs) == 1


def test_integers_and_booleans_are_carried() -> None:
    def function(x: Any) -> Any:
        start = (rg.zeros(2, dtype=rg.int64), rg.ones(2, dtype=rg.bool))
        (count, alive), ys = rg.scan(lambda c, x: ((c[0] + (x > 0), c[1] & (x < 1)), x * c[1]), start, x)
        return count, alive, ys

    _both(function, _array(7, 2, dtype=np.float64))


def test_a_body_without_a_kernel_runs_by_its_definition() -> None:
    def function(h: Any, xs: Any) -> Any:
        last, ys = rg.scan(lambda h, x: (h + x, rg.linalg.inv(h.T @ h + 1.0 * rg.eye(2, dtype=rg.float64))), h, xs)
        return last, ys

    if not hasattr(rg, "linalg"):
        pytest.skip("there is no operation without a kernel to try")
    _both(function, _array(3, 2, dtype=np.float64), _array(4, 3, 2, seed=1, dtype=np.float64))
