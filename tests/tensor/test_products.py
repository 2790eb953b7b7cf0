"""Products against NumPy: every rank of matmul, einsum's notation, scaled sums, and what must be refused."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch
from tests.support.table import numbers, whole


@pytest.mark.parametrize("a", [(3,), (2, 3), (4, 2, 3), (1, 4, 2, 3), (0, 3)])
@pytest.mark.parametrize("b", [(3,), (3, 5), (4, 3, 5), (2, 1, 3, 5), (3, 0)])
def test_matmul_of_all_ranks(a: tuple[int, ...], b: tuple[int, ...]) -> None:
    x, y = numbers(a), numbers(b, 1)
    try:
        expected = np.matmul(x, y)
    except ValueError:
        with pytest.raises(ShapeError):
            rg.matmul(rg.tensor(x), rg.tensor(y))
        return
    np.testing.assert_allclose((rg.tensor(x) @ rg.tensor(y)).numpy(), expected, rtol=1e-13, atol=1e-14)


@st.composite
def equations(draw: st.DrawFn) -> tuple[str, list[tuple[int, ...]]]:
    """An equation, and shapes that fit it."""
    letters = string.ascii_lowercase[:4]
    extents = {letter: draw(st.integers(1, 3)) for letter in letters}
    batch = tuple(draw(st.lists(st.integers(1, 3), max_size=2)))
    terms, shapes = [], []
    for _ in range(draw(st.integers(1, 3))):
        term = draw(st.lists(st.sampled_from(letters), max_size=3))
        dots = draw(st.booleans())
        place = draw(st.integers(0, len(term)))
        shape = [extents[letter] for letter in term]
        terms.append("".join(term[:place]) + "..." * dots + "".join(term[place:]))
        shapes.append((*shape[:place], *(batch if dots else ()), *shape[place:]))
    left = ",".join(terms)
    if draw(st.booleans()):
        return left, shapes
    given_letters = sorted(set(left) - set(".,"))
    kept = draw(st.permutations(given_letters))[: draw(st.integers(0, len(given_letters)))]
    return f"{left}->{'...' * ('...' in left)}{''.join(kept)}", shapes


@settings(max_examples=150, deadline=None)
@given(equations())
def test_einsum_of_any_equation(case: tuple[str, list[tuple[int, ...]]]) -> None:
    equation, shapes = case
    arrays = [numbers(shape, i) for i, shape in enumerate(shapes)]
    with rg.use_backend("reference"):
        found = rg.einsum(equation, *map(rg.tensor, arrays)).numpy()
    np.testing.assert_allclose(found, np.einsum(equation, *arrays), rtol=1e-12, atol=1e-13)


@needs_torch
@pytest.mark.parametrize("equation", ["ij,jk->ik", "bij,bkj->bik", "ii->i", "ij,ij->", "i,j,k->kji", "...ij,jk->...ik"])
def test_gradients_of_einsum(equation: str) -> None:
    import torch  # noqa: PLC0415 - may be missing

    terms = equation.split("->")[0].split(",")
    arrays = [numbers((2,) * ("." in term) + (3,) * len(term.strip(".")), i) for i, term in enumerate(terms)]
    assert_same(lambda *x: rg.einsum(equation, *x), lambda *x: torch.einsum(equation, *x), arrays)


def test_einsum_by_lists_of_axes() -> None:
    a, b = numbers((2, 3)), numbers((3, 4), 1)
    for arguments in ((a, [0, 1], b, [1, 2], [0, 2]), (a, [0, 1], b, [1, 2])):
        ours = (rg.tensor(x) if isinstance(x, np.ndarray) else x for x in arguments)
        np.testing.assert_allclose(rg.einsum(*ours).numpy(), a @ b, rtol=1e-13)


@pytest.mark.parametrize("n", [0, 1, 2, 3, 7, -1, -2])
def test_powers_of_matrices(n: int) -> None:
    x = numbers((2, 3, 3)) + 2 * np.eye(3)
    np.testing.assert_allclose(rg.matrix_power(rg.tensor(x), n).numpy(), np.linalg.matrix_power(x, n), rtol=1e-10)


def test_nothing_of_the_input_is_read_where_beta_is_zero() -> None:
    bad = rg.full((2, 2), float("nan"))
    assert rg.addmm(bad, rg.eye(2), rg.eye(2), beta=0).tolist() == [[1.0, 0.0], [0.0, 1.0]]


def test_beta_and_alpha_are_no_structure() -> None:
    x, eye = rg.ones(2, 2), rg.eye(2)
    rg.addmm(x, eye, eye, beta=0.5, alpha=2.0).tolist()
    found = [rg.addmm(x, eye, eye, beta=b, alpha=3 * b).tolist()[0][0] for b in (0.25, 1.0, -2.0)]
    assert found == [1.0, 4.0, -8.0]


def test_integers_multiply_exactly() -> None:
    a, b = whole((3, 4), 1, -(2**40), 2**40), whole((4, 2), 2)
    assert (rg.tensor(a) @ rg.tensor(b)).tolist() == (a @ b).tolist()


@pytest.mark.parametrize("dims", [0, 1, 2, ([0], [2]), ([0, 1], [1, 0])])
def test_tensordot(dims: Any) -> None:
    a, b = numbers((3, 3, 3)), numbers((3, 3, 3), 1)
    np.testing.assert_allclose(
        rg.tensordot(rg.tensor(a), rg.tensor(b), dims).numpy(), np.tensordot(a, b, dims), rtol=1e-12, atol=1e-13
    )


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: rg.mm(rg.ones(2, 3), rg.ones(3)), ShapeError, "takes operands of 2 and 2 axes"),
        (lambda: rg.bmm(rg.ones(2, 3, 4), rg.ones(3, 4, 5)), ShapeError, "different lengths"),
        (lambda: rg.dot(rg.ones(2), rg.ones(3)), ShapeError, "no product"),
        (lambda: rg.mm(rg.ones(2, 2), rg.ones(2, 2, dtype=rg.float64)), DTypeError, "cast one"),
        (lambda: rg.addmm(rg.tensor([1]), rg.tensor([[1]]), rg.tensor([[1]]), alpha=0.5), OptionError, "integers"),
        (lambda: rg.cross(rg.ones(2), rg.ones(2)), ShapeError, "extent 3"),
        (lambda: rg.matrix_power(rg.ones(2, 3), 2), ShapeError, "square"),
        (lambda: rg.tensordot(rg.ones(2, 3), rg.ones(2), 1), ShapeError, "must be equal"),
        (lambda: rg.einsum("ij,jk", rg.ones(2, 2)), OptionError, "names 2 operands"),
        (lambda: rg.einsum("ij->ik", rg.ones(2, 2)), OptionError, "each once"),
        (lambda: rg.einsum("ij", rg.ones(2)), ShapeError, "does not name"),
        (lambda: rg.einsum("i,i", rg.ones(2), rg.ones(3)), ShapeError, "has the extents"),
        (lambda: rg.einsum("i1", rg.ones(2, 2)), OptionError, "must be of letters"),
    ],
)
def test_wrong_uses(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()
