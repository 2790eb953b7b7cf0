"""Attention over long contexts: what it computes is the same, and the matrix of scores is nowhere."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import retrograd as rg
import retrograd.nn.functional as F
from retrograd.runtime.evaluate import observed

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


@pytest.mark.parametrize("is_causal", [False, True])
def test_the_matrix_of_scores_is_nowhere(is_causal: bool) -> None:
    rows = 6000
    q, k, v = (rg.from_numpy(numbers(rows, seed)).requires_grad_() for seed in range(3))
    with observed() as evaluations, rg.use_backend("native"):
        F.scaled_dot_product_attention(q, k, v, is_causal=is_causal).sum().backward()
        assert k.grad is not None
        k.grad.tolist()
    most = max(evaluation.program.plan.arena_bytes for evaluation in evaluations)  # type: ignore[attr-defined]
    assert most < 4 * rows * rows / 3


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
