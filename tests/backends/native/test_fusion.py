"""What fused programs read and write: how many kernels pass over large arrays."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.backends.native.kernel import EpilogueLayout
from retrograd.runtime.evaluate import observed

F = rg.nn.functional
SHAPE = (8, 32, 16, 16)
SIZE = 8 * 32 * 16 * 16


def _image(seed: int, requires_grad: bool = False) -> Any:
    """Random numbers that are made channels last."""
    values = np.random.default_rng(seed).standard_normal((8, 16, 16, 32), np.float32)
    return rg.tensor(values).permute(0, 3, 1, 2).requires_grad_(requires_grad)


def _passes(program: Any) -> list[tuple[int, int]]:
    """For each kernel that touches large arrays, how many it reads and writes, in order."""
    types = program.lowering.types
    counted = [
        (sum(types[root].size >= SIZE for root in work.reads), sum(types[root].size >= SIZE for root in work.writes))
        for phase in program.schedule.phases
        for work in phase
    ]
    return [pair for pair in counted if any(pair)]


def test_batch_normalisation_takes_two_passes() -> None:
    """One for the statistics, one that normalises and does what follows."""
    x = _image(0)
    with rg.use_backend("native", 1), observed() as seen:
        F.max_pool2d(F.batch_norm(x, None, None, rg.ones(32), rg.zeros(32), training=True).relu(), 2).sum().item()
    # The last one pools.
    assert _passes(seen[-1].program) == [(1, 0), (1, 1), (1, 0)]


def test_the_gradient_of_batch_normalisation_takes_two_passes() -> None:
    """Two sums in one pass, then the gradient of the input; what both need is made again from the input."""
    x, g = _image(0, requires_grad=True), _image(1)
    weight, bias = (rg.ones(32, requires_grad=True) for _ in range(2))
    with rg.use_backend("native", 1), observed() as seen:
        y = F.batch_norm(x, None, None, weight, bias, training=True)
        gradients = rg.autograd.grad(y, (x, weight, bias), g)
        total = F.max_pool2d(gradients[0], 2).sum() + gradients[1].sum() + gradients[2].sum()
        del y, gradients
        total.item()
    # The statistics, sums over g and x, the gradient of x; the last one pools.
    assert _passes(seen[-1].program) == [(1, 0), (2, 0), (2, 1), (1, 0)]


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_made_again_has_the_same_bits(threads: int) -> None:
    def train(tier: int) -> list[bytes]:
        with rg.use_backend("native", tier):
            x, weight = _image(0, requires_grad=True), rg.full((32,), 1.5, requires_grad=True)
            y = F.batch_norm(x * 1.25 - 0.5, None, None, weight, None, training=True).relu()
            (y * _image(1) + (x - 3.0).abs()).sum().backward()
            return [x.grad.numpy().tobytes(), weight.grad.numpy().tobytes()]

    before = rg.get_num_threads()
    rg.set_num_threads(threads)
    try:
        assert train(0) == train(1)
    finally:
        rg.set_num_threads(before)


def test_sums_of_one_array_are_one_pass() -> None:
    x, y = _image(0), _image(1)
    with rg.use_backend("native", 1), observed() as seen:
        (x.sum((0, 2, 3)) + (x * y).sum((0, 2, 3)) + x.abs().sum((0, 2, 3))).tolist()
    assert _passes(seen[-1].program) == [(2, 0)]


def test_parameters_are_read_before_the_same_kernel_updates_them() -> None:
    """A batch normalisation right before the loss: its forward pass, its gradient and the update are one kernel."""

    def train(tier: int) -> list[bytes]:
        x = rg.tensor(np.random.default_rng(0).standard_normal((1, 3, 7, 6), np.float32))
        kernel = rg.full((3, 1, 3, 3), 0.5, requires_grad=True)
        weight, bias = rg.ones(3, requires_grad=True), rg.zeros(3, requires_grad=True)
        optimizer = rg.optim.SGD([kernel, weight, bias], lr=0.5)
        with rg.use_backend("native", tier):
            y = F.batch_norm(F.conv2d(x, kernel, padding=1, groups=3), None, None, weight, bias, training=True)
            y.exp().mean().backward()
            optimizer.step()
            return [value.detach().numpy().tobytes() for value in (y, kernel, weight, bias)]

    assert train(0) == train(1)


def test_kernels_with_a_constant_in_common_stay_apart() -> None:
    """The gradient of a slice is put into zeros in memory, which dropout's choices need as a number alone."""
    x, y = rg.tensor(np.ones((64, 48), np.float32)), rg.tensor(np.ones((64, 48), np.float32))
    w = rg.ones(64, 48, requires_grad=True)
    with rg.use_backend("native", 1), observed() as seen:
        dropped = F.dropout(x), F.dropout(y)
        (gradient,) = rg.autograd.grad(w[:, 3].sum(), (w,))
        found = [value.numpy() for value in dropped]
    kernels = [kernel for kernel in _kernels_that_read(seen[-1].program, 64 * 48) if "random_bits" in kernel]
    assert len(kernels) == 2 and len(set(kernels)) == 1, "one kernel, twice"
    assert all(set(np.unique(value)) == {0.0, 2.0} for value in found)
    np.testing.assert_array_equal(gradient.numpy(), np.arange(48) == np.full((64, 1), 3))


def test_a_slice_is_put_into_zeros_that_nobody_reads() -> None:
    w = rg.ones(64, 48, requires_grad=True)
    with rg.use_backend("native", 1), observed() as seen:
        (gradient,) = rg.autograd.grad(w[:, 3].sum(), (w,))
        found = gradient.numpy()
    assert _kernels_that_read(seen[-1].program, 64 * 48) == []
    np.testing.assert_array_equal(found, np.arange(48) == np.full((64, 1), 3))


@pytest.mark.parametrize("batch", [(), (3,)])
def test_an_epilogue_of_whole_rows_is_one_loop(batch: tuple[int, ...]) -> None:
    """The ends of short rows cost as much as the rows."""
    rng = np.random.default_rng(0)
    a, b, c = (rg.tensor(rng.standard_normal((*batch, 50, n), np.float32)) for n in (20, 50, 20))
    found = []
    for tier in (0, 1):
        with rg.use_backend("native", tier), observed() as seen:
            found.append((b @ a + c).tanh().numpy())
    (work,) = (work for phase in seen[-1].program.schedule.phases for work in phase)
    assert work.words[EpilogueLayout(3).rows] == 1
    np.testing.assert_array_equal(*found)


def test_kernels_with_a_number_in_common_stay_apart() -> None:
    """They would be code of their own for each combination, and save nothing."""
    values = [np.random.default_rng(seed).random((64, 48), np.float32) for seed in range(3)]
    tensors, rate = [rg.tensor(value) for value in values], rg.tensor(0.5)
    with rg.use_backend("native", 1), observed() as seen:
        scaled = [x.sum(0) * (rate + 1) for x in tensors]
        found = [x.numpy() for x in scaled]
    kernels = _kernels_that_read(seen[-1].program, 64 * 48)
    assert len(kernels) == 3 and len(set(kernels)) == 1, "one kernel, three times"
    for total, value in zip(found, values, strict=True):
        np.testing.assert_allclose(total, 1.5 * value.sum(0), rtol=1e-5)


def _kernels_that_read(program: Any, size: int) -> list[str]:
    """The kernels of all launches that read an array of so many elements."""
    types = program.lowering.types
    works = [work for phase in program.schedule.phases for work in phase]
    return [work.kernel for work in works if any(types[root].size == size for root in work.reads)]
