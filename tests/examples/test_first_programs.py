"""The first programs of backpropagation against plain NumPy, after all of their steps."""

from __future__ import annotations

import numpy as np
import pytest

import retrograd as rg
from examples import (
    batch_norm_loader,
    by_hand,
    convnet_digits,
    four_rows,
    gradient_descent,
    xor,
    xor_single_layer,
)
from retrograd.data.digits import load_digits_split
from retrograd.utils.data import DataLoader, TensorDataset
from tests.examples.numpy_networks import (
    Array,
    NormalisedClassifier,
    Update,
    adam,
    convnet_step,
    fit_line,
    sgd,
    sigmoid,
)

LIMIT = 1e-10


def values(parameters: object) -> list[Array]:
    """Copies as NumPy arrays."""
    return [parameter.detach().numpy().copy() for parameter in parameters]  # type: ignore[attr-defined]


def assert_near(ours: list[Array], expected: list[Array]) -> None:
    for a, b in zip(ours, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=LIMIT)


def test_one_step_by_hand() -> None:
    ours, before, after = by_hand.main()
    x, t = by_hand.inputs.numpy(), by_hand.target.numpy()
    w1, b1, w2, b2 = values(by_hand.initial_weights())
    h = sigmoid(x @ w1 + b1)
    p = sigmoid(h @ w2 + b2)
    assert before == pytest.approx(float(((p - t) ** 2).sum() / 2), abs=LIMIT)
    g2 = (p - t) * p * (1 - p)
    g1 = (g2 @ w2.T) * h * (1 - h)
    expected = [w1 - 0.1 * x.T @ g1, b1 - 0.1 * g1[0], w2 - 0.1 * h.T @ g2, b2 - 0.1 * g2[0]]
    assert_near(values(ours), expected)
    assert after < before


def test_a_single_layer_cannot_learn_xor() -> None:
    model, loss = xor_single_layer.main()
    rg.manual_seed(1)
    weight, bias = values(rg.nn.Linear(2, 1, dtype=rg.float64).parameters())
    x, y = xor_single_layer.inputs.numpy(), xor_single_layer.targets.numpy()
    for _ in range(xor_single_layer.STEPS):
        p = sigmoid(x @ weight.T + bias)
        g = 2 * (p - y) / 4 * p * (1 - p)
        weight, bias = weight - 0.1 * g.T @ x, bias - 0.1 * g.sum(axis=0)
    assert_near(values(model.parameters()), [weight, bias])
    assert loss == pytest.approx(0.25, abs=1e-3)


def test_xor_with_two_hidden_units() -> None:
    hidden, out = values(xor.initial_model().parameters())
    assert max(abs(hidden).max(), abs(out).max()) < 1
    model, loss = xor.main()
    x, y = xor.inputs.numpy(), xor.targets.numpy()
    for _ in range(xor.STEPS):
        h = sigmoid(x @ hidden.T)
        p = sigmoid(h @ out.T)
        expected_loss = float(((p - y) ** 2).mean())
        g = 2 * (p - y) / 4 * p * (1 - p)
        g_hidden = (g @ out) * h * (1 - h)
        hidden, out = hidden - 0.1 * g_hidden.T @ x, out - 0.1 * g.T @ h
    assert_near(values(model.parameters()), [hidden, out])
    assert loss == pytest.approx(expected_loss, abs=LIMIT)


def test_four_rows() -> None:
    hidden, out = values(four_rows.initial_weights())
    ours, answers = four_rows.main()
    x, y = four_rows.inputs.numpy(), four_rows.targets.numpy()
    for _ in range(four_rows.STEPS):
        h = sigmoid(x @ hidden)
        p = sigmoid(h @ out)
        g = (p - y) * p * (1 - p)
        hidden, out = hidden - x.T @ ((g @ out.T) * h * (1 - h)), out - h.T @ g
    assert_near(values(ours), [hidden, out])
    np.testing.assert_allclose(answers, p[:, 0], rtol=0, atol=LIMIT)
    assert np.abs(p - y).max() < 0.1, "it is learned"


def test_three_ways_of_gradient_descent() -> None:
    for name, (model, history) in gradient_descent.main().items():
        batch_size, rate = gradient_descent.WAYS[name]
        x, y = gradient_descent.data()
        rg.manual_seed(1)
        weights = values(rg.nn.Linear(2, 1, dtype=rg.float64).parameters())
        loader = DataLoader(TensorDataset(x, y), batch_size=batch_size, shuffle=True)
        epochs = range(gradient_descent.EPOCHS)
        batches = [(a.numpy(), b.numpy()) for _ in epochs for a, b in loader]
        assert_near(values(model.parameters()), fit_line(weights, batches, sgd(rate)))
        assert history[-1] < 0.01


@pytest.mark.parametrize(
    ("name", "update"),
    [
        ("SGD with weight decay", sgd(0.1, weight_decay=1e-3)),
        ("Nesterov momentum", sgd(0.05, momentum=0.9, nesterov=True)),
        ("Adam", adam(0.01)),
    ],
)
def test_batch_norm_from_a_loader(name: str, update: Update) -> None:
    model, losses = batch_norm_loader.train(batch_norm_loader.OPTIMIZERS[name])
    dataset = TensorDataset(*batch_norm_loader.moons())
    rg.manual_seed(1)
    expected = NormalisedClassifier(values(batch_norm_loader.Classifier().parameters()))
    loader = DataLoader(dataset, batch_size=batch_norm_loader.BATCH, shuffle=True)
    expected_losses = [
        expected.step(x.numpy(), y.numpy(), update) for _ in range(batch_norm_loader.EPOCHS) for x, y in loader
    ]
    np.testing.assert_allclose(losses, expected_losses, rtol=0, atol=LIMIT)
    assert_near(values(model.parameters()), expected.parameters)
    assert_near([model.norm.running_mean.numpy(), model.norm.running_var.numpy()], [expected.mean, expected.variance])
    assert losses[-1] < 0.5 * losses[0]


def test_convolutions_on_digits() -> None:
    model, losses, accuracy = convnet_digits.main()
    split = load_digits_split()
    rg.manual_seed(0)
    parameters = values(convnet_digits.build_model().parameters())
    images = rg.tensor(split.train_images, dtype=rg.float64).unsqueeze(1) / 16
    loader = DataLoader(TensorDataset(images, rg.tensor(split.train_labels)), convnet_digits.BATCH, shuffle=True)
    update = sgd(convnet_digits.RATE, convnet_digits.MOMENTUM)
    expected_losses = []
    for _ in range(convnet_digits.EPOCHS):
        for x, y in loader:
            parameters, loss = convnet_step(parameters, x.numpy(), y.numpy(), update)
            expected_losses.append(loss)
    np.testing.assert_allclose(losses, expected_losses, rtol=0, atol=LIMIT)
    assert_near(values(model.parameters()), parameters)
    assert accuracy > 0.8
