"""Backward hooks of modules, against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import GraphError

torch = pytest.importorskip("torch")

from tests.support.both import check_same  # noqa: E402 -- it needs PyTorch

pytestmark = pytest.mark.parity


def _numbers(gradients: Any) -> list[Any]:
    return [None if g is None else g.tolist() for g in gradients]


def _two_inputs(lib: Any) -> Any:
    class Product(lib.nn.Module):
        def forward(self, x: Any, n: int, y: Any) -> Any:
            return x * y * n, "text", y * 1.0

    return Product()


def _x(lib: Any, *numbers: float, needs: bool = True) -> Any:
    return lib.tensor(numbers or (1.0, 2.0), dtype=lib.float64, requires_grad=needs)


def _sees_all(lib: Any) -> Any:
    seen: list[Any] = []
    module = _two_inputs(lib)
    module.register_full_backward_hook(lambda m, gi, go: seen.append((m is module, _numbers(gi), _numbers(go))))
    module.register_full_backward_pre_hook(lambda m, go: seen.append((m is module, _numbers(go))))
    x, y = _x(lib), _x(lib, 3.0, 4.0)
    a, text, b = module(x, 5, y)
    (a.sum() + b.sum() * 2.0).backward()
    return seen, text, x.grad, y.grad


def _one_output_unused(lib: Any) -> Any:
    seen: list[Any] = []
    module = _two_inputs(lib)
    # For x PyTorch has zeros here and retrograd has None.
    module.register_full_backward_hook(lambda m, gi, go: seen.append((_numbers(gi[1:]), _numbers(go))))
    module(_x(lib), 5, _x(lib, 3.0, 4.0))[2].sum().backward()
    return seen


def _replaces(lib: Any) -> Any:
    module = lib.nn.ReLU()
    module.register_full_backward_pre_hook(lambda m, go: (go[0] * 2.0,))
    module.register_full_backward_pre_hook(lambda m, go: (go[0] + 1.0,))
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] * 10.0,))
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] + go[0],))
    x = _x(lib)
    module(x).sum().backward()
    return x.grad


def _order_and_removal(lib: Any) -> Any:
    seen: list[int] = []
    module = lib.nn.ReLU()
    module.register_full_backward_hook(lambda m, gi, go: seen.append(1))
    gone = module.register_full_backward_hook(lambda m, gi, go: seen.append(2))
    module.register_full_backward_hook(lambda m, gi, go: seen.append(3), prepend=True)
    module.register_full_backward_pre_hook(lambda m, go: seen.append(4))
    module.register_full_backward_pre_hook(lambda m, go: seen.append(5), prepend=True)
    gone.remove()
    module(_x(lib)).sum().backward()
    return seen


def _no_input_requires_a_gradient(lib: Any) -> Any:
    seen: list[Any] = []
    lib.manual_seed(0)
    module = lib.nn.Linear(2, 1).double()
    module.register_full_backward_hook(lambda m, gi, go: seen.append((_numbers(gi), _numbers(go))))
    module(_x(lib, needs=False)).sum().backward()
    return seen, module.weight.grad


def _shared_and_nested(lib: Any) -> Any:
    seen: list[Any] = []
    inner = lib.nn.Tanh()
    outer = lib.nn.Sequential(inner, lib.nn.ReLU(), inner)
    for name, module in (("inner", inner), ("outer", outer)):
        module.register_full_backward_hook(lambda m, gi, go, n=name: seen.append((n, _numbers(gi), _numbers(go))))
    outer(_x(lib)).sum().backward()
    return seen


def _second_order(lib: Any) -> Any:
    module = lib.nn.Tanh()
    module.register_full_backward_hook(lambda m, gi, go: (gi[0] * gi[0],))
    x = _x(lib)
    (g,) = lib.autograd.grad(module(x).sum(), x, create_graph=True)
    return g, lib.autograd.grad(g.sum(), x)


def _under_no_grad(lib: Any) -> Any:
    module = lib.nn.Tanh()
    module.register_full_backward_hook(lambda m, gi, go: None)
    with lib.no_grad():
        return module(_x(lib))


def _with_forward_hooks(lib: Any) -> Any:
    seen: list[Any] = []
    module = lib.nn.Tanh()
    module.register_forward_pre_hook(lambda m, args: (args[0] * 2.0,))
    module.register_forward_hook(lambda m, args, out: out * 3.0)
    module.register_full_backward_hook(lambda m, gi, go: seen.append((_numbers(gi), _numbers(go))))
    x = _x(lib)
    module(x).sum().backward()
    return seen, x.grad


def _too_few(lib: Any) -> Any:
    module = _two_inputs(lib)
    module.register_full_backward_hook(lambda m, gi, go: (gi[0],))
    module(_x(lib), 5, _x(lib))[0].sum().backward()


def _for_no_input(lib: Any) -> Any:
    module = lib.nn.Linear(2, 1).double()
    module.register_full_backward_hook(lambda m, gi, go: (go[0],))
    module(_x(lib, needs=False)).sum().backward()


@pytest.mark.parametrize(
    "program",
    [
        _sees_all,
        _one_output_unused,
        _replaces,
        _order_and_removal,
        _no_input_requires_a_gradient,
        _shared_and_nested,
        _second_order,
        _under_no_grad,
        _with_forward_hooks,
        _too_few,
        _for_no_input,
    ],
)
def test_as_pytorch(program: Callable[[Any], Any]) -> None:
    check_same(program, rtol=1e-7)


def test_the_messages() -> None:
    with pytest.raises(GraphError, match=r"returned 1 gradients in the place of 3.*grad_input"):
        _too_few(rg)
    with pytest.raises(GraphError, match=r"Linear returned gradients for inputs of which none requires one"):
        _for_no_input(rg)
