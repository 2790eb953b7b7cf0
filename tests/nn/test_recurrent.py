"""Recurrent layers and cells against PyTorch, and against finite differences."""

from __future__ import annotations

import itertools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.backends import BACKENDS
from tests.support.evaluate import slopes

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.parity

Array = np.ndarray[Any, Any]
LAYERS = ("RNN", "LSTM", "GRU")
STEPS, BATCH, FEATURES, HIDDEN = 5, 3, 4, 6


def _twins(kind: str, *args: Any, **options: Any) -> tuple[Any, Any]:
    """The same layer in both libraries, in float64, with the same parameters."""
    theirs = getattr(torch.nn, kind)(*args, **options).double()
    ours = getattr(rg.nn, kind)(*args, **options).double()
    ours.load_state_dict({name: rg.tensor(value.numpy()) for name, value in theirs.state_dict().items()})
    return ours, theirs


def _flat(result: Any) -> list[Any]:
    return [x for part in result for x in _flat(part)] if isinstance(result, tuple) else [result]


def _same(ours: Any, theirs: Any) -> None:
    assert tuple(ours.shape) == tuple(theirs.shape)
    np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), rtol=1e-10, atol=1e-12)


def _compare(ours: Any, theirs: Any, inputs: list[Array], call: Callable[[Any, Any, list[Any]], Any]) -> None:
    """Results, and the gradients of inputs and parameters of a sum that weighs every result."""
    losses, given = [], []
    results = []
    for lib, layer in ((rg, ours), (torch, theirs)):
        tensors = [lib.tensor(x, requires_grad=x.dtype == np.float64) for x in inputs]
        found = _flat(call(lib, layer, tensors))
        losses.append(sum((x * lib.tensor(np.cos(np.arange(x.numel())).reshape(tuple(x.shape)))).sum() for x in found))
        results.append(found)
        given.append(tensors)
    for a, b in zip(*results, strict=True):
        _same(a, b)
    for loss in losses:
        loss.backward()
    for a, b in zip(*given, strict=True):
        if b.requires_grad:
            _same(a.grad, b.grad)
    expected = dict(theirs.named_parameters())
    for name, parameter in ours.named_parameters():
        _same(parameter.grad, expected[name].grad)


def _sample(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


# -- layers -----------------------------------------------------------------------------------------------------------

_OPTIONS: list[dict[str, Any]] = [
    {},
    {"bias": False},
    {"num_layers": 2},
    {"batch_first": True, "bidirectional": True},
    {"num_layers": 2, "bidirectional": True, "bias": False},
]
_CASES = [
    *itertools.product(LAYERS, _OPTIONS),
    ("RNN", {"nonlinearity": "relu", "num_layers": 2}),
    ("LSTM", {"proj_size": 2, "num_layers": 2, "bidirectional": True}),
    ("LSTM", {"proj_size": 3, "bias": False}),
]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(("kind", "options"), _CASES)
def test_sequences(kind: str, options: dict[str, Any], backend: str) -> None:
    shape = (BATCH, STEPS, FEATURES) if options.get("batch_first") else (STEPS, BATCH, FEATURES)
    with rg.use_backend(backend):
        _compare(*_twins(kind, FEATURES, HIDDEN, **options), [_sample(*shape)], lambda lib, layer, x: layer(x[0]))


@pytest.mark.parametrize(("kind", "options"), _CASES)
def test_first_states(kind: str, options: dict[str, Any]) -> None:
    shape = (BATCH, STEPS, FEATURES) if options.get("batch_first") else (STEPS, BATCH, FEATURES)
    layers = options.get("num_layers", 1) * (2 if options.get("bidirectional") else 1)
    h = _sample(layers, BATCH, options.get("proj_size") or HIDDEN, seed=1)
    c = _sample(layers, BATCH, HIDDEN, seed=2)

    def call(lib: Any, layer: Any, x: list[Any]) -> Any:
        return layer(x[0], (x[1], x[2]) if kind == "LSTM" else x[1])

    inputs = [_sample(*shape), h, c] if kind == "LSTM" else [_sample(*shape), h]
    _compare(*_twins(kind, FEATURES, HIDDEN, **options), inputs, call)


@pytest.mark.parametrize("batch_first", [False, True])
@pytest.mark.parametrize("kind", LAYERS)
def test_one_sequence_without_a_batch(kind: str, batch_first: bool) -> None:
    ours, theirs = _twins(kind, FEATURES, HIDDEN, 2, bidirectional=True, batch_first=batch_first)
    _compare(ours, theirs, [_sample(STEPS, FEATURES)], lambda lib, layer, x: layer(x[0]))
    states = [_sample(4, HIDDEN, seed=i) for i in (1, 2)]
    inputs = [_sample(STEPS, FEATURES), *(states if kind == "LSTM" else states[:1])]
    call = lambda lib, layer, x: layer(x[0], tuple(x[1:]) if kind == "LSTM" else x[1])  # noqa: E731
    _compare(*_twins(kind, FEATURES, HIDDEN, 2, bidirectional=True, batch_first=batch_first), inputs, call)


@pytest.mark.parametrize("kind", LAYERS)
@pytest.mark.parametrize("shape", [(1, BATCH, FEATURES), (STEPS, 1, FEATURES), (STEPS, 0, FEATURES)])
def test_extents_of_one_and_none(kind: str, shape: tuple[int, ...]) -> None:
    ours, theirs = _twins(kind, FEATURES, HIDDEN, bidirectional=True)
    _compare(ours, theirs, [_sample(*shape)], lambda lib, layer, x: layer(x[0]))


@pytest.mark.parametrize("kind", LAYERS)
def test_only_the_last_state_is_used(kind: str) -> None:
    def call(lib: Any, layer: Any, x: list[Any]) -> Any:
        _, last = layer(x[0])
        return last

    _compare(*_twins(kind, FEATURES, HIDDEN, 2), [_sample(STEPS, BATCH, FEATURES)], call)


@pytest.mark.parametrize("kind", LAYERS)
def test_two_hundred_steps_and_more(kind: str) -> None:
    ours, theirs = _twins(kind, FEATURES, HIDDEN)
    _compare(ours, theirs, [_sample(230, 2, FEATURES)], lambda lib, layer, x: layer(x[0])[0][-1])


@pytest.mark.parametrize("kind", LAYERS)
def test_gradients_of_all_parameters_equal_finite_differences(kind: str) -> None:
    layer = getattr(rg.nn, kind)(2, 2).double()
    x = _sample(3, 2, 2)
    parameters = [p.detach().numpy().copy() for p in layer.parameters()]

    def loss(arrays: Any) -> Any:
        for parameter, array in zip(layer.parameters(), arrays, strict=True):
            parameter.data = rg.tensor(array)
        y, _ = layer(rg.tensor(x))
        return (y * y).sum()

    loss(parameters).backward()
    for place, parameter in enumerate(layer.parameters()):
        found = parameter.grad.numpy().copy()
        expected = slopes(lambda arrays: loss(arrays).item(), parameters, place)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("kind", LAYERS)
def test_second_gradients(kind: str) -> None:
    ours, theirs = _twins(kind, FEATURES, HIDDEN)
    found = []
    for lib, layer in ((rg, ours), (torch, theirs)):
        x = lib.tensor(_sample(STEPS, BATCH, FEATURES), requires_grad=True)
        y, _ = layer(x)
        (g,) = lib.autograd.grad((y * y).sum(), [x], create_graph=True)
        found.append(lib.autograd.grad((g * g).sum(), [x, *layer.parameters()]))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("options", [{}, {"num_layers": 2, "bidirectional": True}, {"bias": False}])
@pytest.mark.parametrize("kind", LAYERS)
def test_parameters_are_drawn_as_pytorch_draws_them(kind: str, options: dict[str, Any]) -> None:
    rg.manual_seed(3)
    torch.manual_seed(3)
    ours, theirs = getattr(rg.nn, kind)(4, 5, **options), getattr(torch.nn, kind)(4, 5, **options)
    expected = theirs.state_dict()
    assert list(ours.state_dict()) == list(expected)
    for name, value in ours.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), expected[name].numpy())
    assert repr(ours) == repr(theirs)
    shapes = [[tuple(p.shape) for p in ps] for ps in theirs.all_weights]
    assert [[p.shape for p in ps] for ps in ours.all_weights] == shapes
    ours.flatten_parameters()


def test_projected_parameters_have_pytorchs_names_and_order() -> None:
    options = {"proj_size": 2, "num_layers": 2, "bidirectional": True}
    ours, theirs = rg.nn.LSTM(4, 5, **options), torch.nn.LSTM(4, 5, **options)
    assert [(n, tuple(p.shape)) for n, p in ours.named_parameters()] == [
        (n, tuple(p.shape)) for n, p in theirs.named_parameters()
    ]
    assert repr(ours) == repr(theirs)


def test_dropout_between_layers_in_training_alone() -> None:
    layer = rg.nn.GRU(3, 200, 2, dropout=0.5)
    x = rg.randn(4, 2, 3)
    first, second = layer(x)[0], layer(x)[0]
    assert not np.array_equal(first.detach().numpy(), second.detach().numpy())
    layer.eval()
    first, second = layer(x)[0], layer(x)[0]
    np.testing.assert_array_equal(first.detach().numpy(), second.detach().numpy())
    undropped = rg.nn.GRU(3, 200, 2)
    undropped.load_state_dict(layer.state_dict())
    np.testing.assert_array_equal(first.detach().numpy(), undropped(x)[0].detach().numpy())


def test_dropout_needs_a_second_layer() -> None:
    with pytest.warns(UserWarning, match="there is only one"):
        rg.nn.LSTM(3, 4, dropout=0.2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        rg.nn.LSTM(3, 4, 2, dropout=0.2)


# -- packed sequences -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("lengths", [[5, 3, 1], [2, 5, 3], [4, 4, 4]])
@pytest.mark.parametrize(("kind", "options"), [(kind, options) for kind, options in _CASES if len(options) != 2])
def test_packed_sequences(kind: str, options: dict[str, Any], lengths: list[int], backend: str) -> None:
    batch_first = bool(options.get("batch_first"))
    shape = (BATCH, max(lengths), FEATURES) if batch_first else (max(lengths), BATCH, FEATURES)

    def call(lib: Any, layer: Any, x: list[Any]) -> Any:
        rnn = lib.nn.utils.rnn
        packed = rnn.pack_padded_sequence(x[0], lengths, batch_first=batch_first, enforce_sorted=False)
        output, states = layer(packed)
        padded, found = rnn.pad_packed_sequence(output, batch_first=batch_first, padding_value=0.5)
        assert found.tolist() == lengths
        return padded, states

    with rg.use_backend(backend):
        _compare(*_twins(kind, FEATURES, HIDDEN, **options), [_sample(*shape)], call)


@pytest.mark.parametrize("kind", LAYERS)
def test_packed_sequences_with_first_states(kind: str) -> None:
    lengths = [2, 5, 3]
    states = [_sample(2, BATCH, HIDDEN, seed=i) for i in (1, 2)][: 2 if kind == "LSTM" else 1]

    def call(lib: Any, layer: Any, x: list[Any]) -> Any:
        packed = lib.nn.utils.rnn.pack_padded_sequence(x[0], lengths, enforce_sorted=False)
        output, last = layer(packed, tuple(x[1:]) if kind == "LSTM" else x[1])
        return output.data, last

    inputs = [_sample(5, BATCH, FEATURES), *states]
    _compare(*_twins(kind, FEATURES, HIDDEN, bidirectional=True), inputs, call)


# -- cells ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("given", [False, True])
@pytest.mark.parametrize("batched", [False, True])
@pytest.mark.parametrize(
    ("kind", "options"),
    [("RNNCell", {}), ("RNNCell", {"nonlinearity": "relu", "bias": False}),
     ("LSTMCell", {}), ("LSTMCell", {"bias": False}),
     ("GRUCell", {}), ("GRUCell", {"bias": False})],
)  # fmt: skip
def test_cells(kind: str, options: dict[str, Any], batched: bool, given: bool) -> None:
    leading = (BATCH,) if batched else ()
    states = [_sample(*leading, HIDDEN, seed=i) for i in (1, 2)][: (2 if kind == "LSTMCell" else 1) * given]

    def call(lib: Any, cell: Any, x: list[Any]) -> Any:
        if not given:
            return cell(x[0])
        return cell(x[0], tuple(x[1:]) if kind == "LSTMCell" else x[1])

    _compare(*_twins(kind, FEATURES, HIDDEN, **options), [_sample(*leading, FEATURES), *states], call)


@pytest.mark.parametrize("kind", ["RNNCell", "LSTMCell", "GRUCell"])
def test_cells_are_drawn_and_shown_as_pytorchs(kind: str) -> None:
    rg.manual_seed(4)
    torch.manual_seed(4)
    ours, theirs = getattr(rg.nn, kind)(3, 2), getattr(torch.nn, kind)(3, 2)
    for (name, a), (other, b) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
        assert name == other
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
    assert repr(ours) == repr(theirs)
    assert repr(getattr(rg.nn, kind)(3, 2, bias=False)) == repr(getattr(torch.nn, kind)(3, 2, bias=False))


def test_a_cell_taken_step_by_step_is_the_layer() -> None:
    layer, cell = rg.nn.LSTM(3, 4).double(), rg.nn.LSTMCell(3, 4).double()
    cell.load_state_dict({name.removesuffix("_l0"): value for name, value in layer.state_dict().items()})
    x = rg.tensor(_sample(STEPS, 2, 3))
    expected, (_, c_n) = layer(x)
    h = c = rg.zeros(2, 4, dtype=rg.float64)
    for t in range(STEPS):
        h, c = cell(x[t], (h, c))
        np.testing.assert_allclose(h.detach().numpy(), expected[t].detach().numpy(), rtol=1e-12)
    np.testing.assert_allclose(c.detach().numpy(), c_n[0].detach().numpy(), rtol=1e-12)


# -- wrong uses -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "error", "message"),
    [
        (lambda: rg.nn.RNN(3, 4, nonlinearity="sin"), OptionError, "'tanh' or 'relu'"),
        (lambda: rg.nn.RNNCell(3, 4, nonlinearity="sin"), OptionError, "'tanh' or 'relu'"),
        (lambda: rg.nn.GRU(3, 4, proj_size=2), OptionError, "LSTM alone"),
        (lambda: rg.nn.LSTM(3, 4, proj_size=4), OptionError, "below hidden_size=4"),
        (lambda: rg.nn.LSTM(3, 0), OptionError, "must be positive"),
        (lambda: rg.nn.LSTM(3, 4, 0), OptionError, "must be positive"),
        (lambda: rg.nn.LSTM(3, 4.0), TypeError, "must be an int"),
        (lambda: rg.nn.LSTM(3, 4, 2, dropout=1.5), OptionError, "from 0 to 1"),
        (lambda: rg.nn.LSTM(3, 4, 2, dropout=True), OptionError, "from 0 to 1"),
        (lambda: rg.nn.GRU(3, 4)(rg.zeros(5, 2, 2)), ShapeError, "input_size is 3"),
        (lambda: rg.nn.GRU(3, 4)(rg.zeros(3)), ShapeError, "2 axes, or 3"),
        (lambda: rg.nn.GRU(3, 4)(rg.zeros(0, 2, 3)), ShapeError, "at least one"),
        (lambda: rg.nn.GRU(3, 4)(rg.zeros(5, 2, 3), rg.zeros(2, 4)), ShapeError, "layers \\* directions, B, H"),
        (lambda: rg.nn.GRU(3, 4)(rg.zeros(5, 3), rg.zeros(1, 1, 4)), ShapeError, "no batch axis"),
        (lambda: rg.nn.GRU(3, 4)(rg.zeros(5, 2, 3), rg.zeros(1, 3, 4)), ShapeError, r"it must be \(1, 2, 4\)"),
        (lambda: rg.nn.LSTM(3, 4)(rg.zeros(5, 2, 3), rg.zeros(1, 2, 4)), OptionError, "a pair"),
        (lambda: rg.nn.GRUCell(3, 4)(rg.zeros(2, 2)), ShapeError, "input_size=3"),
        (lambda: rg.nn.GRUCell(3, 4)(rg.zeros(2, 2, 3)), ShapeError, "for one example"),
        (lambda: rg.nn.GRUCell(3, 4)(rg.zeros(2, 3), rg.zeros(3, 4)), ShapeError, r"it must be \(2, 4\)"),
    ],
)
def test_wrong_uses(make: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        make()
