"""Jacobians, Hessians and their products, against PyTorch and against finite differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import GraphError, OptionError, ShapeError

torch = pytest.importorskip("torch")

from tests.support.both import check_same  # noqa: E402 -- it needs PyTorch

pytestmark = pytest.mark.parity

_random = np.random.default_rng(0)
X, W = _random.standard_normal(3), _random.standard_normal((5, 3))
DX, DW, DY = _random.standard_normal(3), _random.standard_normal((5, 3)), _random.standard_normal(5)


def of(lib: Any, *arrays: Any) -> tuple[Any, ...]:
    return tuple(lib.tensor(array) for array in arrays)


def one(lib: Any) -> Callable[..., Any]:
    """One output of two inputs."""
    return lambda x, w: lib.tanh(x @ w.t()).softmax(-1)


def two(lib: Any) -> Callable[..., Any]:
    """Two outputs, one of which depends on one input only."""
    return lambda x, w: (lib.tanh(x @ w.t()), (x * x).sum())


def number(lib: Any) -> Callable[..., Any]:
    return lambda x, w: (lib.tanh(x @ w.t()) ** 3).sum() + (x**3).sum()


def functional(lib: Any, name: str) -> Any:
    return getattr(lib.autograd.functional, name)


@pytest.mark.parametrize("vectorize", [False, True])
@pytest.mark.parametrize("function", [one, two, number])
def test_jacobian(function: Any, vectorize: bool) -> None:
    check_same(lambda lib: functional(lib, "jacobian")(function(lib), of(lib, X, W), vectorize=vectorize))
    check_same(lambda lib: functional(lib, "jacobian")(lambda x: function(lib)(x, *of(lib, W)), *of(lib, X)))


def test_jacobian_by_columns() -> None:
    """PyTorch 2.13 fails here for a scalar output, and where a batch meets a vector."""
    jacobian = rg.autograd.functional.jacobian
    found = jacobian(two(rg), of(rg, X, W), vectorize=True, strategy="forward-mode")
    expected = jacobian(two(rg), of(rg, X, W))
    for ours, theirs in zip([*found[0], *found[1]], [*expected[0], *expected[1]], strict=True):
        np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("vectorize", [False, True])
def test_hessian(vectorize: bool) -> None:
    check_same(lambda lib: functional(lib, "hessian")(number(lib), of(lib, X, W), vectorize=vectorize))
    check_same(lambda lib: functional(lib, "hessian")(lambda x: (x**3).sum(), *of(lib, X), vectorize=vectorize))


@pytest.mark.parametrize("function", [one, two])
def test_vjp_and_jvp(function: Any) -> None:
    def weights(lib: Any) -> Any:
        y = of(lib, DY)[0]
        return (y, lib.tensor(2.0, dtype=lib.float64)) if function is two else y

    check_same(lambda lib: functional(lib, "vjp")(function(lib), of(lib, X, W), weights(lib)))
    check_same(lambda lib: functional(lib, "jvp")(function(lib), of(lib, X, W), of(lib, DX, DW)))


def test_products_with_the_hessian() -> None:
    for name in ("vhp", "hvp"):
        check_same(lambda lib, name=name: functional(lib, name)(number(lib), of(lib, X, W), of(lib, DX, DW)))


def test_v_may_be_left_out_for_a_single_element() -> None:
    check_same(lambda lib: functional(lib, "vjp")(number(lib), of(lib, X, W)))
    check_same(lambda lib: functional(lib, "jvp")(lambda t: t * of(lib, X)[0], lib.tensor(2.0, dtype=lib.float64)))
    check_same(lambda lib: functional(lib, "vjp")(one(lib), of(lib, X, W)))
    check_same(lambda lib: functional(lib, "jvp")(one(lib), of(lib, X, W)))


def test_results_can_be_differentiated_with_create_graph() -> None:
    def program(lib: Any, create_graph: bool) -> Any:
        x, w = (lib.tensor(array, requires_grad=True) for array in (X, W))
        found = functional(lib, "jacobian")(one(lib), (x, w), create_graph=create_graph)
        if not create_graph:
            return [part.requires_grad for part in found]
        (found[0] ** 2).sum().backward()
        return x.grad, w.grad

    check_same(lambda lib: program(lib, True))
    check_same(lambda lib: program(lib, False))


def test_create_graph_reaches_tensors_from_outside() -> None:
    def program(lib: Any) -> Any:
        scale = lib.tensor(3.0, dtype=lib.float64, requires_grad=True)
        found = functional(lib, "hessian")(lambda x: (x**3 * scale).sum(), *of(lib, X), create_graph=True)
        found.sum().backward()
        return scale.grad

    check_same(program)


def test_strict() -> None:
    def constant(lib: Any) -> Any:
        return lambda x, w: lib.ones(2, dtype=lib.float64)

    for name in ("jacobian", "vjp"):
        check_same(lambda lib, n=name: functional(lib, n)(constant(lib), of(lib, X, W), strict=True))
    check_same(lambda lib: functional(lib, "jacobian")(two(lib), of(lib, X, W), strict=True))
    check_same(lambda lib: functional(lib, "jacobian")(one(lib), of(lib, X, W), strict=True))
    check_same(lambda lib: functional(lib, "jacobian")(constant(lib), of(lib, X, W)))
    with pytest.raises(GraphError, match="output 0 depends on no input"):
        rg.autograd.functional.jacobian(constant(rg), of(rg, X, W), strict=True)
    with pytest.raises(GraphError, match="no output depends on input 1"):
        rg.autograd.functional.jacobian(lambda x, w: x * 2.0, of(rg, X, W), strict=True)


REFUSALS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: functional(rg, "jacobian")(one(rg), (1, 2)), TypeError, "input 0 must be a tensor"),
    (lambda: functional(rg, "jacobian")(lambda x: 3, *of(rg, X)), TypeError, "output 0 is int"),
    (lambda: functional(rg, "jacobian")(one(rg), of(rg, X, W), strategy="both"), OptionError, "'reverse-mode' or"),
    (lambda: functional(rg, "jacobian")(one(rg), of(rg, X, W), strategy="forward-mode"), OptionError, "vectorize=True"),
    (lambda: functional(rg, "jacobian")(lambda x: x, rg.tensor([1, 2])), OptionError, "floating-point .*, not int64"),
    (lambda: functional(rg, "hessian")(one(rg), of(rg, X, W)), GraphError, "one tensor of one element"),
    (lambda: functional(rg, "vhp")(two(rg), of(rg, X, W)), GraphError, "one tensor of one element"),
    (lambda: functional(rg, "vjp")(one(rg), of(rg, X, W), rg.ones(4)), ShapeError, r"shape \(4,\), not \(5,\)"),
    (lambda: functional(rg, "jvp")(one(rg), of(rg, X, W), of(rg, DX)), GraphError, "1 parts for 2 tensors"),
    (lambda: functional(rg, "jvp")(one(rg), of(rg, X, W)), GraphError, "v can be left out only"),
]


@pytest.mark.parametrize(("use", "error", "message"), REFUSALS)
def test_refusals(use: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        use()
