"""Attention and transformers against PyTorch: values, gradients, first weights, masks."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError

torch = pytest.importorskip("torch")
pytestmark = [pytest.mark.parity, pytest.mark.filterwarnings("ignore")]
Array = np.ndarray[Any, Any]


def both(make: Any) -> tuple[Any, Any]:
    """The same module in both libraries, from one seed, in float64."""
    modules = []
    for library in (rg, torch):
        library.manual_seed(3)
        modules.append(make(library).double())
    for (name, ours), (other, theirs) in zip(
        modules[0].state_dict().items(), modules[1].state_dict().items(), strict=True
    ):
        assert name == other
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy(), err_msg=name)
    return modules[0], modules[1]


def numbers(*shape: int, seed: int = 0) -> Array:
    return np.random.default_rng(seed).standard_normal(shape)


def compare(modules: tuple[Any, Any], call: Any, *arrays: Array) -> None:
    """Outputs, and gradients of inputs and parameters of their sum of squares."""
    found = []
    for library, module in zip((rg, torch), modules, strict=True):
        inputs = [library.tensor(array, requires_grad=array.dtype == np.float64) for array in arrays]
        outputs = call(library, module, *inputs)
        outputs = [y for y in (outputs if isinstance(outputs, tuple) else (outputs,)) if y is not None]
        sum((y * y).sum() for y in outputs).backward()
        gradients = [x.grad for x in inputs if x.requires_grad] + [p.grad for p in module.parameters()]
        found.append([x.detach().numpy() for x in [*outputs, *gradients]])
    assert len(found[0]) == len(found[1])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("average", [True, False])
def test_self_attention(batch_first: bool, need_weights: bool, average: bool) -> None:
    modules = both(lambda library: library.nn.MultiheadAttention(8, 2, batch_first=batch_first))
    compare(
        modules,
        lambda _, m, x: m(x, x, x, need_weights=need_weights, average_attn_weights=average),
        numbers(3, 5, 8),
    )


@pytest.mark.parametrize("options", [{}, {"add_bias_kv": True}, {"add_zero_attn": True}, {"bias": False}])
def test_widths_and_extra_rows(options: dict[str, bool]) -> None:
    modules = both(lambda library: library.nn.MultiheadAttention(8, 4, kdim=5, vdim=7, **options))
    compare(modules, lambda _, m, q, k, v: m(q, k, v), numbers(3, 2, 8), numbers(6, 2, 5), numbers(6, 2, 7))


def test_without_a_batch() -> None:
    modules = both(lambda library: library.nn.MultiheadAttention(8, 2))
    compare(modules, lambda _, m, q, k: m(q, k, k), numbers(3, 8), numbers(6, 8, seed=1))


@pytest.mark.parametrize("kind", ["bool", "float", "heads"])
def test_masks(kind: str) -> None:
    modules = both(lambda library: library.nn.MultiheadAttention(8, 2, batch_first=True))
    forbidden = np.triu(np.ones((5, 5), bool), 1)
    padding = np.zeros((3, 5), bool)
    padding[1, 3:] = True

    def call(library: Any, module: Any, x: Any) -> Any:
        mask = library.tensor(forbidden)
        if kind == "float":
            mask = library.tensor(np.where(forbidden, -2.5, 0.25))
        elif kind == "heads":
            mask = library.tensor(np.broadcast_to(forbidden, (6, 5, 5)).copy())
        pad = library.tensor(np.where(padding, -np.inf, 0.0)) if kind == "float" else library.tensor(padding)
        return module(x, x, x, key_padding_mask=pad, attn_mask=mask)

    compare(modules, call, numbers(3, 5, 8))


def test_what_attention_refuses() -> None:
    with pytest.raises(OptionError, match="positive multiple"):
        rg.nn.MultiheadAttention(8, 3)
    attention = rg.nn.MultiheadAttention(8, 2, batch_first=True)
    x = rg.zeros(2, 5, 8)
    with pytest.raises(OptionError, match="give that mask too"):
        attention(x, x, x, is_causal=True)
    with pytest.raises(ShapeError, match="attn_mask has shape"):
        attention(x, x, x, attn_mask=rg.zeros(4, 4))
    with pytest.raises(ShapeError, match="key_padding_mask has shape"):
        attention(x, x, x, key_padding_mask=rg.zeros(2, 4))
    with pytest.raises(ShapeError, match="must all have 3 axes"):
        attention(x, x[0], x)


@pytest.mark.parametrize("norm_first", [True, False])
@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_encoder_layer(norm_first: bool, activation: str) -> None:
    modules = both(
        lambda library: library.nn.TransformerEncoderLayer(
            8, 2, 16, dropout=0.0, activation=activation, norm_first=norm_first
        )
    )
    compare(modules, lambda _, m, x: m(x), numbers(5, 3, 8))


def test_transformer_with_masks() -> None:
    modules = both(lambda library: library.nn.Transformer(8, 2, 2, 2, 16, dropout=0.0, batch_first=True))

    def call(library: Any, module: Any, source: Any, target: Any) -> Any:
        causal = module.generate_square_subsequent_mask(4, dtype=library.float64)
        padding = library.tensor(np.array([[False] * 6, [False] * 4 + [True] * 2]))
        return module(source, target, tgt_mask=causal, src_key_padding_mask=padding, memory_key_padding_mask=padding)

    compare(modules, call, numbers(2, 6, 8), numbers(2, 4, 8, seed=1))


def test_layers_of_a_stack_are_copies() -> None:
    layer = rg.nn.TransformerEncoderLayer(8, 2, 16)
    stack = rg.nn.TransformerEncoder(layer, 2)
    first, second = (part.linear1.weight for part in stack.layers)
    assert first is not second and first is not layer.linear1.weight
    np.testing.assert_array_equal(first.detach().numpy(), second.detach().numpy())


def test_an_unknown_activation() -> None:
    with pytest.raises(OptionError, match="'relu', 'gelu' or a function"):
        rg.nn.TransformerEncoderLayer(8, 2, activation="step")


@pytest.mark.parametrize("causal", [True, False])
def test_scaled_dot_product_attention(causal: bool) -> None:
    def call(library: Any, _: Any, q: Any, k: Any, v: Any) -> Any:
        attend = library.nn.functional.scaled_dot_product_attention
        return attend(q, k, v, is_causal=causal, scale=0.3), attend(q, k, v, enable_gqa=True)

    class Nothing:
        def parameters(self) -> list[Any]:
            return []

    arrays = (numbers(2, 4, 5, 3), numbers(2, 4, 6, 3, seed=1), numbers(2, 4, 6, 3, seed=2))
    compare((Nothing(), Nothing()), call, *arrays)
    grouped = (arrays[0], arrays[1][:, :2], arrays[2][:, :2])
    compare(
        (Nothing(), Nothing()),
        lambda library, _, q, k, v: library.nn.functional.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        *grouped,
    )


def test_dropout_of_attention_drops_weights() -> None:
    rg.manual_seed(0)
    q = k = rg.zeros(1, 64, 8)
    v = rg.ones(1, 64, 8)
    y = rg.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=0.5).numpy()
    assert abs(y.mean() - 1) < 0.05 and y.std() > 0.05
    with pytest.raises(OptionError, match="between 0 and 1"):
        rg.nn.functional.scaled_dot_product_attention(q, k, v, dropout_p=1.5)
