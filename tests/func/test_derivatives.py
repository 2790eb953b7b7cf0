"""grad, vjp, jvp, jacobians, hessians: against PyTorch, nested in one another, batched."""

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
X, W, ROWS = _random.standard_normal(3), _random.standard_normal((5, 3)), _random.standard_normal((4, 3))


def t(lib: Any, array: Any) -> Any:
    return lib.tensor(array)


def vector(lib: Any) -> Callable[..., Any]:
    return lambda x, w: lib.tanh(x @ w.t()).softmax(-1)


def number(lib: Any) -> Callable[..., Any]:
    return lambda x, w: (lib.tanh(x @ w.t()) ** 3).sum()


def tree(lib: Any) -> Callable[..., Any]:
    def function(p: Any, x: Any) -> Any:
        hidden = lib.tanh(p["first"] @ x)
        return {"sum": hidden.sum(), "all": (hidden * p["rest"][0], p["rest"][1] * 2.0)}

    return function


def params(lib: Any) -> Any:
    return {"first": t(lib, W), "rest": [t(lib, W[:, 0]), t(lib, X)]}


PROGRAMS: dict[str, Callable[[Any], Any]] = {
    "grad": lambda lib: lib.func.grad(number(lib))(t(lib, X), t(lib, W)),
    "grad of both": lambda lib: lib.func.grad(number(lib), argnums=(0, 1))(t(lib, X), t(lib, W)),
    "grad from the end": lambda lib: lib.func.grad(number(lib), argnums=-1)(t(lib, X), t(lib, W)),
    "grad of a tree": lambda lib: lib.func.grad(lambda p, x: tree(lib)(p, x)["sum"])(params(lib), t(lib, X)),
    "grad with aux": lambda lib: lib.func.grad(lambda x: ((x**2).sum(), {"x": x * 2.0, "y": [x]}), has_aux=True)(
        t(lib, X)
    ),
    "grad and value": lambda lib: lib.func.grad_and_value(number(lib))(t(lib, X), t(lib, W)),
    "grad and value with aux": lambda lib: lib.func.grad_and_value(lambda x: (x.sum(), x), has_aux=True)(t(lib, X)),
    "grad with keywords": lambda lib: lib.func.grad(lambda x, *, w: (x * w).sum())(t(lib, X), w=t(lib, X) * 2.0),
    "grad of what is unused": lambda lib: lib.func.grad(lambda x, y: (x * x).sum(), argnums=1)(t(lib, X), t(lib, W)),
    "third derivative": lambda lib: lib.func.grad(lib.func.grad(lib.func.grad(lambda x: x**5)))(t(lib, 2.0)),
    "perturbations are told apart": lambda lib: lib.func.grad(
        lambda x: (x * lib.func.grad(lambda y: (x * y).sum())(t(lib, X))).sum()
    )(t(lib, X)),
    "inner argument of the outer": lambda lib: lib.func.grad(
        lambda x: lib.func.grad(lambda y: (x * y**2).sum())(x).sum()
    )(t(lib, X)),
    "grad under no_grad": lambda lib: _under_no_grad(lib),
    "no_grad within": lambda lib: lib.func.grad(lambda x: _with_constant(lib, x))(t(lib, X)),
    "detach within": lambda lib: lib.func.grad(lambda x: (x * x.detach()).sum())(t(lib, X)),
    "values looked at within": lambda lib: lib.func.grad(lambda x: x.sum() if x[0].item() > 0 else -x.sum())(t(lib, X)),
    "in place within": lambda lib: lib.func.grad(lambda x: _in_place(x))(t(lib, X)),
    "vjp": lambda lib: _vjp(lib),
    "vjp of a tree": lambda lib: _vjp_of_a_tree(lib),
    "vjp with aux": lambda lib: _vjp_with_aux(lib),
    "jvp": lambda lib: lib.func.jvp(vector(lib), (t(lib, X), t(lib, W)), (t(lib, X) * 2.0, t(lib, W) * 3.0)),
    "jvp of a tree": lambda lib: lib.func.jvp(tree(lib), (params(lib), t(lib, X)), (params(lib), t(lib, X) * 2.0)),
    "jvp of a constant": lambda lib: lib.func.jvp(lambda x: lib.ones(2, dtype=lib.float64), (t(lib, X),), (t(lib, X),)),
    "jvp with aux": lambda lib: lib.func.jvp(lambda x: (x * x, x.sum()), (t(lib, X),), (t(lib, X),), has_aux=True),
    "linearize": lambda lib: _linearize(lib),
    "jacrev": lambda lib: lib.func.jacrev(vector(lib), argnums=(0, 1))(t(lib, X), t(lib, W)),
    "jacrev of a tree": lambda lib: lib.func.jacrev(tree(lib))(params(lib), t(lib, X)),
    "jacrev in chunks": lambda lib: lib.func.jacrev(vector(lib), chunk_size=2)(t(lib, X), t(lib, W)),
    "jacrev with aux": lambda lib: lib.func.jacrev(lambda x: (x * x, x.sum()), has_aux=True)(t(lib, X)),
    "jacfwd": lambda lib: lib.func.jacfwd(vector(lib), argnums=(0, 1))(t(lib, X), t(lib, W)),
    "jacfwd of a tree": lambda lib: lib.func.jacfwd(tree(lib))(params(lib), t(lib, X)),
    "jacfwd with aux": lambda lib: lib.func.jacfwd(lambda x: (x * x, x.sum()), has_aux=True)(t(lib, X)),
    "hessian": lambda lib: lib.func.hessian(number(lib), argnums=(0, 1))(t(lib, X), t(lib, W)),
    "jacrev of jacrev": lambda lib: lib.func.jacrev(lib.func.jacrev(number(lib)))(t(lib, X), t(lib, W)),
    "jacrev of jacfwd": lambda lib: lib.func.jacrev(lib.func.jacfwd(number(lib)))(t(lib, X), t(lib, W)),
    "gradients of each example": lambda lib: _of_each_row(lib, lib.func.grad(number(lib))),
    "hessians of each example": lambda lib: _of_each_row(lib, lib.func.hessian(number(lib))),
    "jacobians of each example": lambda lib: _of_each_row(lib, lib.func.jacfwd(vector(lib))),
    "grad of a mapped function": lambda lib: lib.func.grad(
        lambda w: lib.func.vmap(number(lib), (0, None))(t(lib, ROWS), w).sum()
    )(t(lib, W)),
    "outer leaves": lambda lib: _outer_leaves(lib),
    "leaves as arguments": lambda lib: _leaf_as_argument(lib),
}


def _of_each_row(lib: Any, function: Callable[..., Any]) -> Any:
    return lib.func.vmap(function, (0, None))(t(lib, ROWS), t(lib, W))


def _under_no_grad(lib: Any) -> Any:
    with lib.no_grad():
        return lib.func.grad(number(lib))(t(lib, X), t(lib, W))


def _with_constant(lib: Any, x: Any) -> Any:
    with lib.no_grad():
        constant = x * 3.0
    return (x * constant).sum()


def _in_place(x: Any) -> Any:
    y = x * 2.0
    y[0] = 1.0
    y.mul_(x)
    return y.sum()


def _vjp(lib: Any) -> Any:
    output, pull_back = lib.func.vjp(vector(lib), t(lib, X), t(lib, W))
    return output, pull_back(lib.ones(5, dtype=lib.float64)), pull_back(t(lib, W[:, 0]))


def _vjp_of_a_tree(lib: Any) -> Any:
    output, pull_back = lib.func.vjp(tree(lib), params(lib), t(lib, X))
    return output, pull_back(output)


def _vjp_with_aux(lib: Any) -> Any:
    output, pull_back, aux = lib.func.vjp(lambda x: (x * x, x.sum()), t(lib, X), has_aux=True)
    return output, pull_back(output), aux


def _linearize(lib: Any) -> Any:
    output, along = lib.func.linearize(vector(lib), t(lib, X), t(lib, W))
    return output, along(t(lib, X), t(lib, W)), along(t(lib, X) * 2.0, t(lib, W) * 0.0)


def _outer_leaves(lib: Any) -> Any:
    scale = lib.tensor(2.0, dtype=lib.float64, requires_grad=True)
    found = lib.func.grad(lambda x: (scale * x**3).sum())(t(lib, X))
    found.sum().backward()
    plain = lib.func.grad(lambda x: (x**3).sum())(t(lib, X))
    return found, scale.grad, plain


def _leaf_as_argument(lib: Any) -> Any:
    x = t(lib, X).requires_grad_()
    found = lib.func.grad(lambda x: (x**3).sum())(x)
    found.sum().backward()
    return found, x.grad


@pytest.mark.parametrize("name", PROGRAMS)
def test_as_pytorch(name: str) -> None:
    check_same(PROGRAMS[name])


def test_value_and_grad_is_the_other_order() -> None:
    value, found = rg.func.value_and_grad(number(rg))(t(rg, X), t(rg, W))
    g, v = rg.func.grad_and_value(number(rg))(t(rg, X), t(rg, W))
    assert value.item() == v.item() and found.tolist() == g.tolist()
    (value, aux), found = rg.func.value_and_grad(lambda x: (x.sum(), 3), has_aux=True)(t(rg, X))
    assert aux == 3 and found.tolist() == [1, 1, 1]


def test_forward_derivatives_equal_finite_differences() -> None:
    x, d, eps = t(rg, X), t(rg, ROWS[0]), 1e-6
    function = lambda x: rg.nn.functional.layer_norm(x.exp() * x, (3,)).tanh()  # noqa: E731
    _, found = rg.func.jvp(function, (x,), (d,))
    expected = (function(x + eps * d) - function(x - eps * d)) / (2 * eps)
    np.testing.assert_allclose(found.numpy(), expected.numpy(), rtol=1e-7)


def test_results_need_no_gradient_where_nobody_outside_asks_for_one() -> None:
    x = t(rg, X)
    output, pull_back = rg.func.vjp(lambda x: x * x, x)
    results = [output, *pull_back(x), *rg.func.jvp(lambda x: x * x, (x,), (x,)), rg.func.jacrev(lambda x: x * x)(x)]
    nested = rg.func.grad(lambda y: rg.func.grad(lambda z: (z**3).sum())(y).sum())(x)
    assert not any(result.requires_grad for result in [*results, nested])


REFUSALS: list[tuple[Callable[[], Any], type[Exception], str]] = [
    (lambda: rg.func.grad(lambda x: x)(t(rg, X)), ShapeError, r"returned one of shape \(3,\); reduce it"),
    (lambda: rg.func.grad(lambda x: 3)(t(rg, X)), OptionError, "returned int"),
    (lambda: rg.func.grad(lambda x: x.argmax())(t(rg, X)), OptionError, "not int64"),
    (lambda: rg.func.grad(lambda x: x.sum())(3), OptionError, "this is int"),
    (lambda: rg.func.grad(lambda x: x.sum())(rg.tensor([1])), OptionError, "not int64"),
    (lambda: rg.func.grad(lambda x: x.sum(), argnums=1)(t(rg, X)), OptionError, "argnums=1 names no argument"),
    (lambda: rg.func.grad(lambda x, y: x.sum(), argnums=(0, 0))(t(rg, X), t(rg, X)), OptionError, "each once"),
    (lambda: rg.func.grad(lambda x: x.sum(), has_aux=True)(t(rg, X)), OptionError, "must return a pair"),
    (lambda: rg.func.vjp(lambda x: x, t(rg, X))[1](rg.ones(2)), GraphError, r"shape \(2,\), and its tensor \(3,\)"),
    (lambda: rg.func.vjp(lambda x: x, t(rg, X))[1](rg.ones(3), rg.ones(3)), GraphError, "2 vectors for 1 tensors"),
    (lambda: rg.func.vjp(lambda x: 3, t(rg, X)), OptionError, "returned int"),
    (lambda: rg.func.jvp(lambda x: x, t(rg, X), (t(rg, X),)), TypeError, "primals must be a tuple"),
    (lambda: rg.func.jvp(lambda x: x, (t(rg, X),), (rg.ones(2),)), GraphError, r"shape \(2,\)"),
    (lambda: rg.func.jvp(lambda x: rg.ones(2), (t(rg, X),), (t(rg, X),), strict=True), GraphError, "on no primal"),
]


@pytest.mark.parametrize(("use", "error", "message"), REFUSALS)
def test_refusals(use: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        use()
