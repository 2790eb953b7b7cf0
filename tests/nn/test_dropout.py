"""Dropout: what is kept, what gradients see, where masks come from, and that every backend has the same ones."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
import retrograd.nn.functional as F
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.runtime.devices import use_backend
from retrograd.runtime.evaluate import observed
from tests.support.backends import BACKENDS, needs_native
from tests.support.parity import needs_torch, torch
from tests.support.rows_random import kept

RUNS = [(name, tier) for name in BACKENDS for tier in ((None,) if name == "reference" else (0, 1))]
LAYERS = ("Dropout", "Dropout1d", "Dropout2d", "Dropout3d", "AlphaDropout", "FeatureAlphaDropout")


def mask(number: int, p: float, shape: tuple[int, ...], seed: int = 0) -> np.ndarray[Any, Any]:
    return kept(np.array([seed, number]), p, shape)


def test_masks_follow_seed_and_order_of_calls() -> None:
    rg.manual_seed(0)
    x = rg.ones(6, 50)
    for number in range(3):
        np.testing.assert_array_equal(F.dropout(x, 0.25).numpy() != 0, mask(number, 0.25, (6, 50)))
        rg.rand(3)  # other draws do not disturb the streams
    assert rg.rand(1).item() == _fourth_draw()


def _fourth_draw() -> float:
    """Dropout takes no words of the generator."""
    rg.manual_seed(0)
    for _ in range(3):
        rg.rand(3)
    return rg.rand(1).item()


def test_state_of_the_generator_has_the_streams() -> None:
    rg.manual_seed(5)
    F.dropout(rg.ones(3))
    state = rg.get_rng_state()
    first = F.dropout(rg.ones(100)).numpy().copy()
    assert (F.dropout(rg.ones(100)).numpy() != first).any()
    rg.set_rng_state(state)
    np.testing.assert_array_equal(F.dropout(rg.ones(100)).numpy(), first)


@settings(deadline=None, max_examples=25)
@given(
    shape=st.lists(st.sampled_from([1, 2, 3, 5, 17]), min_size=1, max_size=4).map(tuple),
    p=st.floats(0.01, 0.99),
    order=st.randoms(use_true_random=False),
)
def test_every_backend_and_layout_has_the_same_bits(shape: tuple[int, ...], p: float, order: Any) -> None:
    axes = list(range(len(shape)))
    order.shuffle(axes)
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    expected = None
    for name, tier in RUNS:
        with use_backend(name, tier):
            rg.manual_seed(1)
            inverse = np.argsort(axes).tolist()
            x = rg.tensor(np.ascontiguousarray(values.transpose(axes))).permute(*inverse)
            y = F.dropout(x, p).numpy()
            if expected is None:
                expected = y
                np.testing.assert_array_equal(y != 0, mask(0, p, shape, seed=1))
            np.testing.assert_array_equal(y, expected)


@needs_native
def test_inside_of_every_kind_of_kernel() -> None:
    """Behind a product, in front of one, behind a convolution, in rows that are reduced, and along the other axis."""
    found = []
    for name, tier in RUNS:
        with use_backend(name, tier):
            rg.manual_seed(2)
            a, b = rg.randn(40, 24, requires_grad=True), rg.randn(24, 56, requires_grad=True)
            image, weight = rg.randn(2, 3, 9, 9, requires_grad=True), rg.randn(8, 3, 3, 3, requires_grad=True)
            product = F.dropout(F.dropout(a, 0.2) @ b, 0.3)
            features = F.dropout(rg.conv2d(image, weight), 0.4)
            masks = [(x != 0).numpy() for x in (product, features)]
            rows, columns = F.dropout(product.softmax(1), 0.1), F.dropout(product, 0.1).sum(0)
            total = (rows * rows).sum() + (columns * columns).sum() + features.mean((0, 2, 3)).square().sum()
            total.backward()
            found.append([*masks, *(x.grad.numpy() for x in (a, b, image, weight))])
    for other in found[1:]:
        np.testing.assert_array_equal(other[0], found[0][0])
        np.testing.assert_array_equal(other[1], found[0][1])
        for ours, theirs in zip(other[2:], found[0][2:], strict=True):
            np.testing.assert_allclose(ours, theirs, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("name", BACKENDS)
def test_gradient_sees_the_same_mask(name: str) -> None:
    with use_backend(name):
        for look_first in (False, True):
            x = rg.ones(1000, requires_grad=True)
            y = F.dropout(x, 0.3)
            if look_first:
                y.sum().item()
            y.backward(rg.ones(1000))
            np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())


@pytest.mark.parametrize("p", [0.01, 0.5, 0.9])
def test_share_and_mean(p: float) -> None:
    rg.manual_seed(0)
    count = 200_000
    y = F.dropout(rg.ones(count), p).numpy()
    deviation = np.sqrt(p * (1 - p) / count)
    assert abs((y == 0).mean() - p) < 4 * deviation
    assert abs(y.mean() - 1) < 4 * deviation / (1 - p)


def test_alpha_dropout_keeps_mean_and_variance() -> None:
    rg.manual_seed(0)
    y = F.alpha_dropout(rg.randn(200_000), 0.3, training=True).numpy()
    assert abs(y.mean()) < 0.01
    assert abs(y.std() - 1) < 0.01


def test_whole_channels() -> None:
    for layer, shape in (("Dropout1d", (4, 6, 5)), ("Dropout2d", (4, 6, 5, 2)), ("Dropout3d", (4, 6, 5, 2, 3))):
        y = getattr(rg.nn, layer)(0.5)(rg.ones(*shape)).numpy().reshape(4, 6, -1)
        assert set(np.unique(y)) == {0.0, 2.0}
        assert (y == y[..., :1]).all()
    assert (F.dropout1d(rg.ones(6, 50)) == F.dropout1d(rg.ones(6, 50))).shape == (6, 50)


def test_nothing_to_do_gives_the_input_itself() -> None:
    x = rg.ones(3)
    assert F.dropout(x, 0.5, training=False) is x
    assert F.dropout(x, 0.0) is x
    layer = rg.nn.Dropout(0.5).eval()
    assert layer(x) is x


def test_all_is_dropped_at_one() -> None:
    assert F.dropout(rg.ones(5), 1.0).tolist() == [0.0] * 5
    assert F.alpha_dropout(rg.ones(5), 1.0, training=True).tolist() == [0.0] * 5


def test_in_place() -> None:
    rg.manual_seed(0)
    x = rg.ones(4, 25)
    assert F.dropout(x, 0.5, inplace=True) is x
    np.testing.assert_array_equal(x.numpy() != 0, mask(0, 0.5, (4, 25)))
    x = rg.ones(6, 3, 2)[1:3, :, 0]
    F.dropout1d(x, 0.5, inplace=True)
    assert set(np.unique(x.numpy())) <= {0.0, 2.0}


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: F.dropout(rg.ones(3), 1.5), OptionError, r"must lie in \[0, 1\], and is 1.5"),
        (lambda: rg.nn.Dropout(-0.1), OptionError, r"must lie in \[0, 1\]"),
        (lambda: F.dropout(rg.arange(3), 0.5), DTypeError, "takes floating-point numbers, and received int64"),
        (lambda: F.dropout1d(rg.ones(3), 0.5), ShapeError, "must have 2 or 3 axes"),
        (lambda: F.feature_alpha_dropout(rg.ones(3), 0.5, True), ShapeError, "it needs two axes"),
    ],
)
def test_refusals(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


def test_modules_print_and_copy() -> None:
    layer = copy.deepcopy(rg.nn.Dropout2d(0.25, inplace=True))
    assert repr(layer) == "Dropout2d(p=0.25, inplace=True)"


def test_one_structure_for_all_probabilities_and_streams() -> None:
    x = rg.ones(8, 8)
    keys = set()
    for step in range(1, 20):
        with observed() as seen:
            F.dropout(x, 0.5 / step).numpy()
        keys.update(id(evaluation.program) for evaluation in seen if evaluation.settled)
    assert len(keys) == 1


# -- captured loops ---------------------------------------------------------------------------------------------------


def _training(optimizer: str, options: dict[str, float]) -> tuple[Any, Any, Any]:
    rg.manual_seed(0)
    model = rg.nn.Sequential(
        rg.nn.Linear(3, 64), rg.nn.Dropout(0.2), rg.nn.Tanh(), rg.nn.Dropout(0.5), rg.nn.Linear(64, 1)
    )
    updates = getattr(rg.optim, optimizer)(model.parameters(), **options)
    x, y = rg.randn(8, 3), rg.randn(8, 1)

    def step(a: Any, b: Any) -> Any:
        updates.zero_grad()
        loss = ((model(a) - b) ** 2).mean()
        loss.backward()
        updates.step()
        return loss

    return step, x, y


@needs_native
@pytest.mark.parametrize("batch_size", [2, 3])
def test_captured_loops_advance_the_streams(batch_size: int) -> None:
    step, x, y = _training("SGD", {"lr": 0.1})
    loop = rg.compile_loop(step, (x, y), batch_size=batch_size)
    losses = [*loop.run(epochs=6), *loop.run(epochs=3)]
    assert loop.captured
    after = F.dropout(rg.ones(50)).tolist()

    step, x, y = _training("SGD", {"lr": 0.1})
    starts = [i for _ in range(9) for i in range(0, 8, batch_size)]
    expected = [step(x[i : i + batch_size], y[i : i + batch_size]).item() for i in starts]
    np.testing.assert_array_equal(losses, expected)
    assert F.dropout(rg.ones(50)).tolist() == after


# -- PyTorch's masks --------------------------------------------------------------------------------------------------


@pytest.fixture
def torch_stream(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROGRAD_RNG", "torch")


@needs_torch
@pytest.mark.parametrize("layer", LAYERS)
@pytest.mark.parametrize("p", [0.0, 0.3, 1.0])
def test_masks_of_pytorch(layer: str, p: float, torch_stream: None) -> None:
    if _uses_mkl():
        pytest.skip("on this processor PyTorch draws masks from a stream of MKL")
    ours, theirs = getattr(rg.nn, layer)(p), getattr(torch.nn, layer)(p)
    shape = {"Dropout1d": (3, 4, 5), "Dropout2d": (3, 4, 5, 2), "Dropout3d": (3, 4, 5, 2, 2)}.get(layer, (3, 4, 5))
    values = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    rg.manual_seed(9)
    torch.manual_seed(9)
    for _ in range(2):
        found, expected = ours(rg.tensor(values)), theirs(torch.tensor(values))
        np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-6, atol=1e-7)
    assert rg.rand(1).item() == torch.rand(1).item()


def _uses_mkl() -> bool:
    """Whether `dropout` does not read the generator's own words."""
    torch.manual_seed(0)
    torch.nn.functional.dropout(torch.ones(8))
    taken = torch.rand(1).item()
    torch.manual_seed(0)
    torch.empty(16, dtype=torch.int32).random_()
    return bool(taken != torch.rand(1).item())


def test_unknown_streams_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RETROGRAD_RNG", "numpy")
    with pytest.raises(OptionError, match="expected counter or torch"):
        F.dropout(rg.ones(2))
