"""Attention over long contexts: what it computes is the same, and the matrix of scores is nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import retrograd as rg
import retrograd.nn.functional as F
from retrograd.backends.native import lower_loop
from retrograd.backends.native.loop_rows import RowBody, on_rows
from retrograd.core.generator import default_generator
from retrograd.core.stream import stream_node
from retrograd.nn.functions.dropout import probability_node
from retrograd.ops.attention import attention
from retrograd.runtime.evaluate import forget_programs, observed
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import number_node

ROWS, WIDTH = 2100, 8
Array = NDArray[np.float64]


def numbers(rows: int, seed: int) -> NDArray[np.float32]:
    return np.random.default_rng(seed).standard_normal((rows, WIDTH)).astype(np.float32)


def expected(q: Array, k: Array, v: Array, g: Array, scores: Array) -> tuple[Array, ...]:
    """The result and the gradients of query, key, value and of what was added to the scores."""
    scores = q @ k.T / np.sqrt(WIDTH) + scores
    p = np.exp(scores - scores.max(1, keepdims=True))
    p /= p.sum(1, keepdims=True)
    y, dp = p @ v, g @ v.T
    ds = p * (dp - (g * y).sum(1, keepdims=True))
    return y, ds @ k / np.sqrt(WIDTH), ds.T @ q / np.sqrt(WIDTH), p.T @ g, ds


@pytest.mark.parametrize("kind", ["plain", "causal", "bool mask", "added mask"])
def test_values_and_gradients(kind: str) -> None:
    arrays = [numbers(ROWS, seed) for seed in range(4)]
    q, k, v = (rg.from_numpy(x).requires_grad_() for x in arrays[:3])
    added: Array = np.zeros((ROWS, ROWS))
    options: dict[str, Any] = {}
    if kind == "causal":
        added[np.triu_indices(ROWS, 1)] = -np.inf
        options = {"is_causal": True}
    elif kind == "bool mask":
        seen = np.random.default_rng(5).random((ROWS, ROWS)) < 0.5
        added[~seen] = -np.inf
        options = {"attn_mask": rg.from_numpy(seen)}
    elif kind == "added mask":
        added = np.random.default_rng(5).standard_normal((ROWS, ROWS))
        options = {"attn_mask": rg.from_numpy(added.astype(np.float32)).requires_grad_()}
    y = F.scaled_dot_product_attention(q, k, v, **options)
    (y * rg.from_numpy(arrays[3])).sum().backward()
    found = [y.detach(), q.grad, k.grad, v.grad]
    if kind == "added mask":
        found.append(options["attn_mask"].grad)
    exact = expected(*(x.astype(np.float64) for x in arrays), added)
    for ours, theirs in zip(found, exact, strict=False):
        assert ours is not None
        np.testing.assert_allclose(ours.numpy(), theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("rate", [0.0, 0.1])
@pytest.mark.parametrize("is_causal", [False, True])
def test_the_matrix_of_scores_is_nowhere(is_causal: bool, rate: float) -> None:
    rows = 6000
    q, k, v = (rg.from_numpy(numbers(rows, seed)).requires_grad_() for seed in range(3))
    with observed() as evaluations, rg.use_backend("native"):
        F.scaled_dot_product_attention(q, k, v, is_causal=is_causal, dropout_p=rate).sum().backward()
        assert k.grad is not None
        k.grad.tolist()
    most = max(evaluation.program.plan.arena_bytes for evaluation in evaluations)  # type: ignore[attr-defined]
    assert most < 4 * rows * rows / 6


# Heads in axes that do and do not become one, extents that blocks do and do not divide, fewer and more keys than rows.
_SHAPES = {
    "even": ((2, 3, 8), (2, 3, 8), None),
    "uneven": ((5, 11), (5, 9), None),
    "more keys": ((6, 7), (6, 18), None),
    "more rows": ((2, 2, 19), (2, 2, 6), None),
    "shared keys": ((3, 2, 9), (1, 2, 9), None),
    "padding": ((2, 4, 10), (2, 4, 10), (2, 1, 1, 10)),
    "mask of examples": ((2, 4, 10), (2, 4, 10), (2, 1, 10, 10)),
    "mask of all": ((4, 10), (4, 12), (10, 12)),
    "heads": ((2, 3, 21), (2, 3, 21), (21, 21)),
}


def _leaves(name: str, dtype: str, masks: str) -> tuple[list[rg.Tensor], list[rg.Tensor]]:
    """Query, key, value, and a mask of numbers if there is one, which require gradients; all masks."""
    rng = np.random.default_rng(7)
    (*lead, rows), (*others, keys), mask = _SHAPES[name]
    shapes = [(*lead, rows, 4), (*others, keys, 4), (*others, keys, 3)]
    leaves = [rg.from_numpy(rng.standard_normal(shape).astype(dtype)).requires_grad_() for shape in shapes]
    if mask is None:
        return leaves, []
    if masks == "bool":
        return leaves, [rg.from_numpy(rng.random(mask) < 0.7)]
    added = rg.from_numpy(rng.standard_normal(mask).astype(dtype)).requires_grad_()
    return [*leaves, added], [added]


def _whole(q: rg.Tensor, k: rg.Tensor, v: rg.Tensor, mask: list[rg.Tensor], is_causal: bool, rate: float) -> rg.Tensor:
    return F.scaled_dot_product_attention(q, k, v, *mask, dropout_p=rate, is_causal=is_causal)


def _by_blocks(
    q: rg.Tensor, k: rg.Tensor, v: rg.Tensor, mask: list[rg.Tensor], is_causal: bool, rate: float
) -> rg.Tensor:
    drop = (probability_node(rate), stream_node(default_generator)) if rate else ()
    scale = number_node(0.5, q.dtype)
    nodes = [x._read() for x in (q, k, v)]
    return wrap(attention((*nodes, scale, *(x._read() for x in mask)), is_causal, 4, drop))


@pytest.mark.parametrize("rate", [0.0, 0.3])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("kind", ["causal", "bool", "added"])
@pytest.mark.parametrize("name", _SHAPES)
def test_blocks_give_what_the_whole_matrix_gives(name: str, kind: str, dtype: str, rate: float) -> None:
    """Results, gradients and second gradients; with dropout, of the same elements."""
    if (kind == "causal") == (_SHAPES[name][2] is not None):
        kind = "bool" if kind == "causal" else "none"
    found = []
    for function in (_whole, _by_blocks):
        rg.manual_seed(5)
        leaves, mask = _leaves(name, dtype, kind)
        y = function(*leaves[:3], mask, kind == "causal", rate)  # type: ignore[arg-type]
        first = rg.autograd.grad(y.cos().sum(), leaves, create_graph=True)
        second = rg.autograd.grad(sum(g.sin().sum() for g in first), leaves)
        found.append([x.detach().numpy() for x in (y, *first, *second)])
    tolerance = 2e-5 if dtype == "float32" else 1e-12
    for whole, blocks in zip(*found, strict=True):
        assert whole.dtype == blocks.dtype == np.dtype(dtype)
        np.testing.assert_allclose(blocks, whole, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("is_causal", [False, True])
def test_dropout_takes_the_elements_that_it_takes_of_the_whole_matrix(is_causal: bool) -> None:
    """Values that are unit vectors show the probabilities themselves."""
    rows, keys = 20, 13
    q, k = rg.zeros(3, rows, 2), rg.zeros(3, keys, 2)
    v = rg.eye(keys).expand(3, keys, keys)
    kept = []
    for function in (_whole, _by_blocks):
        rg.manual_seed(11)
        kept.append(function(q, k, v, [], is_causal, 0.5).numpy() != 0)
    np.testing.assert_array_equal(*kept)
    assert 0.4 < kept[0][:, -1].mean() < 0.6


def test_second_gradients() -> None:
    """Of a long and narrow query, against those of its rows, which are short."""
    keys, rows = 6, 700_000
    q = rg.from_numpy(np.random.default_rng(0).standard_normal((rows, 2)).astype(np.float32)).requires_grad_()
    k = rg.from_numpy(np.random.default_rng(1).standard_normal((keys, 2)).astype(np.float32)).requires_grad_()

    def second(x: rg.Tensor) -> NDArray[np.float32]:
        y = F.scaled_dot_product_attention(x, k, k).pow(2).sum()
        (g,) = rg.autograd.grad(y, x, create_graph=True)
        (h,) = rg.autograd.grad(g.pow(2).sum(), x)
        return h[:50].numpy()

    np.testing.assert_allclose(second(q), second(q[:50].detach().requires_grad_()), rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("is_causal", [False, True])
def test_bits_do_not_depend_on_which_heads_a_thread_takes(is_causal: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nor on the number of threads; a mask is the same for all heads."""

    def step() -> list[NDArray[np.float32]]:
        forget_programs()
        rg.manual_seed(2)
        leaves, mask = _leaves("heads", "float32", "bool")
        _by_blocks(leaves[0], leaves[1], leaves[2], [] if is_causal else mask, is_causal, 0.2).sum().backward()
        return [x.grad.numpy() for x in leaves if x.grad is not None]

    taken_apart: list[bool] = []

    def observed_rows(*args: Any) -> RowBody | None:
        found = on_rows(*args)
        taken_apart.append(found is not None)
        return found

    before = rg.get_num_threads()
    monkeypatch.setattr(lower_loop, "on_rows", observed_rows)
    with rg.use_backend("native", 1):
        expected = step()
        assert len(expected) == 3
        assert any(taken_apart)
        for sizes in ([6], [1] * 6, [4, 2]):
            monkeypatch.setattr(lower_loop, "matrix_block_sizes", lambda rows, sizes=sizes: sizes)
            for threads in (1, 2, 4):
                rg.set_num_threads(threads)
                for ours, theirs in zip(step(), expected, strict=True):
                    np.testing.assert_array_equal(ours, theirs)
    rg.set_num_threads(before)
    forget_programs()
