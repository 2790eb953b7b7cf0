"""Linear algebra: gradients of symmetric matrices, singular ones, errors that depend on values, parity with PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from tests.support.parity import assert_same, needs_torch, torch
from tests.support.rows_linalg import SINGULAR, definite, regular
from tests.support.table import numbers

Array = np.ndarray[Any, Any]
STEP = 1e-6


def symmetric_slopes(f: Callable[[Array], float], a: Array) -> Array:
    """Central differences that move an element and its mirror image together, by half each."""
    out = np.zeros_like(a)
    for i, j in np.ndindex(*a.shape):
        move = np.zeros_like(a)
        move[i, j] += STEP / 2
        move[j, i] += STEP / 2
        out[i, j] = (f(a + move) - f(a - move)) / (2 * STEP)
    return out


def weighted(x: Any, seed: int) -> Any:
    return (x * rg.tensor(numbers(tuple(x.shape), seed))).sum()


SYMMETRIC: dict[str, Callable[[Any], Any]] = {
    "cholesky": lambda a: weighted(rg.linalg.cholesky(a), 1),
    "cholesky upper": lambda a: weighted(rg.linalg.cholesky(a, upper=True), 1),
    "eigvalsh": lambda a: weighted(rg.linalg.eigvalsh(a), 1),
    # The sign of an eigenvector is free, so it is looked at through a square.
    "eigh": lambda a: weighted(rg.linalg.eigh(a).eigenvectors ** 2, 2) + weighted(rg.linalg.eigh(a, "U")[0], 3),
    "pinv hermitian": lambda a: weighted(rg.linalg.pinv(a, hermitian=True), 4),
}


@pytest.mark.parametrize("name", SYMMETRIC)
def test_gradients_on_symmetric_matrices(name: str) -> None:
    a = definite()
    x = rg.tensor(a, requires_grad=True)
    SYMMETRIC[name](x).backward()
    found = x.grad.numpy()
    if name == "pinv hermitian":
        # As in PyTorch, what it gives to an element and to its mirror image may differ.
        found = (found + found.T) / 2
    expected = symmetric_slopes(lambda m: SYMMETRIC[name](rg.tensor(m)).item(), a)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-7)


def test_equal_eigenvalues_have_a_gradient_where_the_function_has_one() -> None:
    x = rg.eye(3, dtype=rg.float64, requires_grad=True)
    (rg.linalg.eigvalsh(x) ** 2).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.eye(3), atol=1e-14)


def test_singular_matrices_have_the_gradient_of_a_determinant() -> None:
    x = rg.tensor(SINGULAR, requires_grad=True)
    rg.linalg.det(x).backward()
    expected = np.zeros((3, 3))
    for i, j in np.ndindex(3, 3):
        minor = np.delete(np.delete(SINGULAR, i, 0), j, 1)
        expected[i, j] = (-1) ** (i + j) * np.linalg.det(minor)
    np.testing.assert_allclose(x.grad.numpy(), expected, atol=1e-13)


@pytest.mark.parametrize("name", ["inv", "solve", "cholesky"])
def test_errors_are_raised_where_the_function_is_called(name: str) -> None:
    bad = rg.tensor(np.stack([np.eye(3), SINGULAR if name != "cholesky" else -np.eye(3)]))
    arguments = (bad, rg.ones(2, 3, 1, dtype=rg.float64)) if name == "solve" else (bad,)
    with pytest.raises(rg.linalg.LinAlgError, match=r"batch element \(1,\)"):
        getattr(rg.linalg, name)(*arguments)


def test_forms_with_info_raise_nothing() -> None:
    bad = rg.tensor(np.stack([np.eye(3), SINGULAR]))
    inverse, info = rg.linalg.inv_ex(bad)
    assert info.tolist() == [0, 1] and inverse.isnan().any(dim=(1, 2)).tolist() == [False, True]
    factor, info = rg.linalg.cholesky_ex(-bad)
    assert info.tolist() == [1, 1] and factor.isnan().all()
    assert rg.linalg.lu_factor_ex(bad).info.tolist() == [0, 3]
    assert rg.linalg.cholesky_ex(rg.zeros(0, 0)).info.item() == 0


def test_nan_is_no_error() -> None:
    assert rg.linalg.inv(rg.full((2, 2), float("nan"))).isnan().all()


@pytest.mark.parametrize(("m", "n"), [(3, 3), (4, 2), (2, 4)])
def test_factors_multiply_to_the_matrix(m: int, n: int) -> None:
    a = rg.tensor(numbers((2, m, n), 3))
    u, s, vh = rg.linalg.svd(a, full_matrices=False)
    q, r = rg.linalg.qr(a)
    p, low, up = rg.linalg.lu(a)
    for product in (u @ rg.diag_embed(s) @ vh, q @ r, p @ low @ up):
        np.testing.assert_allclose(product.numpy(), a.numpy(), atol=1e-13)
    assert rg.allclose(q.mT @ q, rg.eye(q.shape[-1], dtype=rg.float64), atol=1e-12)
    full = rg.linalg.svd(a)
    assert full.U.shape == (2, m, m) and full.Vh.shape == (2, n, n)


@pytest.mark.parametrize("left", [True, False])
@pytest.mark.parametrize("adjoint", [True, False])
def test_lu_solve_solves(left: bool, adjoint: bool) -> None:
    a, b = numbers((2, 3, 3), 5) + 2 * np.eye(3), numbers((2, 3, 3), 6)
    x = rg.linalg.lu_solve(*rg.linalg.lu_factor(rg.tensor(a)), rg.tensor(b), left=left, adjoint=adjoint).numpy()
    m = np.swapaxes(a, -1, -2) if adjoint else a
    np.testing.assert_allclose(m @ x if left else x @ m, b, atol=1e-12)


def test_least_squares() -> None:
    a, b = numbers((5, 3), 1), numbers((5, 2), 2)
    expected, residuals, rank, values = np.linalg.lstsq(a, b)
    found = rg.linalg.lstsq(rg.tensor(a), rg.tensor(b), driver="gelsd")
    np.testing.assert_allclose(found.solution.numpy(), expected, atol=1e-12)
    np.testing.assert_allclose(found.residuals.numpy(), residuals, atol=1e-12)
    np.testing.assert_allclose(found.singular_values.numpy(), values, atol=1e-12)
    assert found.rank.item() == rank
    vector = rg.linalg.lstsq(rg.tensor(a), rg.tensor(b[:, 0])).solution
    np.testing.assert_allclose(vector.numpy(), expected[:, 0], atol=1e-12)


@needs_torch
@pytest.mark.parametrize("driver", ["gels", "gelsd", "gelss"])
def test_residuals_have_a_gradient(driver: str) -> None:
    assert_same(
        lambda a, b: rg.linalg.lstsq(a, b, driver=driver).residuals,
        lambda a, b: torch.linalg.lstsq(a, b, driver=driver).residuals,
        [numbers((5, 3), 1), numbers((5, 2), 2)],
        rtol=1e-9,
    )


def test_tensors_as_matrices() -> None:
    a = rg.tensor(regular(n=6).reshape(2, 3, 6))
    inverse = rg.linalg.tensorinv(a)
    np.testing.assert_allclose(rg.tensordot(inverse, a, 2).numpy(), np.eye(6), atol=1e-12)
    x = rg.linalg.tensorsolve(a, rg.ones(2, 3, dtype=rg.float64))
    np.testing.assert_allclose(rg.tensordot(a, x, 1).numpy(), np.ones((2, 3)), atol=1e-12)


def test_norms_of_both_kinds() -> None:
    a = numbers((3, 3), 2)
    for order in (None, "fro", "nuc", 1, -1, 2, -2, np.inf, -np.inf):
        np.testing.assert_allclose(rg.linalg.norm(rg.tensor(a), order).item(), np.linalg.norm(a, order), rtol=1e-12)
    for order in (0, 1, 2, 3.5, np.inf, -np.inf):
        expected = np.linalg.norm(a, order, 1)
        np.testing.assert_allclose(rg.linalg.norm(rg.tensor(a), order, dim=1).numpy(), expected, rtol=1e-12)
    np.testing.assert_allclose(rg.norm(rg.tensor(a), "nuc").item(), np.linalg.norm(a, "nuc"), rtol=1e-12)
    for p in (None, 1, -1, 2, -2, "fro", np.inf):
        np.testing.assert_allclose(rg.linalg.cond(rg.tensor(a), p).item(), np.linalg.cond(a, p), rtol=1e-10)


def test_decompositions_within_a_mapped_function() -> None:
    a = regular(4)
    found = rg.func.vmap(lambda m: rg.linalg.inv(m) @ rg.linalg.svdvals(m))(rg.tensor(a))
    expected = np.stack([np.linalg.inv(m) @ np.linalg.svd(m, compute_uv=False) for m in a])
    np.testing.assert_allclose(found.numpy(), expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rg.linalg.inv(rg.ones(2, 3)), "square"),
        (lambda: rg.linalg.inv(rg.ones(2, 2, dtype=rg.int64)), "floating-point"),
        (lambda: rg.linalg.solve(rg.eye(2), rg.ones(3)), "do not fit"),
        (lambda: rg.linalg.qr(rg.eye(2), "all"), "mode must be"),
        (lambda: rg.linalg.eigh(rg.eye(2), "M"), "UPLO must be"),
        (lambda: rg.linalg.matrix_norm(rg.eye(2), 3), "the order must be"),
        (lambda: rg.linalg.matrix_norm(rg.eye(2), dim=(0, 0)), "must name two axes"),
        (lambda: rg.linalg.multi_dot([rg.eye(2)]), "at least two"),
        (lambda: rg.linalg.tensorinv(rg.ones(2, 3), 0), "must be positive"),
        (lambda: rg.linalg.lstsq(rg.eye(2), rg.ones(3, 1)), "as many rows"),
        (lambda: rg.linalg.householder_product(rg.ones(2, 2), rg.ones(3)), "do not fit"),
    ],
)
def test_wrong_uses(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(RuntimeError, match=message):
        call()
