"""Functions with a backward pass of their own: all that ctx offers, against PyTorch."""

from __future__ import annotations

import functools
import gc
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import GraphError, ShapeError

torch = pytest.importorskip("torch")

from tests.support.both import check_same  # noqa: E402 -- it needs PyTorch

pytestmark = pytest.mark.parity


def leaf(lib: Any, *numbers: float) -> Any:
    return lib.tensor(numbers or (1.0, 2.0), dtype=lib.float64, requires_grad=True)


@functools.cache
def functions(lib: Any) -> Any:
    """The same classes over either library."""

    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            return g * 3.0 * x * x

    class Exp(lib.autograd.Function):
        """Saves its result."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0]

    class Scaled(lib.autograd.Function):
        """Takes numbers and keywords, saves None, sees what is needed."""

        @staticmethod
        def forward(ctx: Any, x: Any, factor: float, y: Any, name: str) -> Any:
            ctx.save_for_backward(x, None, y)
            ctx.factor, ctx.name = factor, name
            return x * y * factor

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, nothing, y = ctx.saved_tensors
            assert nothing is None and ctx.name == "name"
            needs = ctx.needs_input_grad
            assert needs[1] is False and needs[3] is False
            return g * y * ctx.factor if needs[0] else None, None, g * x * ctx.factor if needs[2] else None, None

    class Two(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, materialize: bool) -> Any:
            ctx.set_materialize_grads(materialize)
            return x * 2.0, x * 3.0

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            parts = [g * f for g, f in ((a, 2.0), (b, 3.0)) if g is not None]
            return parts[0] + parts[1] if len(parts) == 2 else parts[0] * 100.0, None

    class Largest(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            values, indices = x.max(0)
            ctx.mark_non_differentiable(indices)
            ctx.save_for_backward(x, indices)
            return values, indices

        @staticmethod
        def backward(ctx: Any, g: Any, unused: Any) -> Any:
            x, indices = ctx.saved_tensors
            return g * (lib.arange(len(x)) == indices).to(x.dtype)

    class InPlace(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            x.mul_(2.0)
            ctx.mark_dirty(x)
            ctx.save_for_backward(x)
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return g * ctx.saved_tensors[0]

    class Reverse(lib.autograd.Function):
        """Returns its argument as it is."""

        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            return x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return -g

    class SetUp(lib.autograd.Function):
        @staticmethod
        def forward(x: Any, power: float) -> Any:
            return x**power, x * 1.0

        @staticmethod
        def setup_context(ctx: Any, inputs: Any, output: Any) -> None:
            x, ctx.power = inputs
            ctx.save_for_backward(x)
            ctx.kinds = type(output).__name__

        @staticmethod
        def backward(ctx: Any, g: Any, h: Any) -> Any:
            assert ctx.kinds == "tuple"
            (x,) = ctx.saved_tensors
            return g * ctx.power * x ** (ctx.power - 1.0) + h, None

    class Once(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @lib.autograd.function.once_differentiable
        def backward(ctx: Any, g: Any) -> Any:
            (x,) = ctx.saved_tensors
            assert not lib.is_grad_enabled()
            return g * 2.0 * x

    class Wrong(lib.autograd.Function):
        """Returns whatever it is told to."""

        @staticmethod
        def forward(ctx: Any, x: Any, number: Any, returned: Any) -> Any:
            ctx.returned = returned
            return x * 1.0

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return ctx.returned(lib, g)

    return {kind.__name__: kind for kind in (Cube, Exp, Scaled, Two, Largest, InPlace, Reverse, SetUp, Once, Wrong)}


def _first_and_second(name: str) -> Callable[[Any], Any]:
    def program(lib: Any) -> Any:
        x = leaf(lib)
        y = functions(lib)[name].apply(x)
        (first,) = lib.autograd.grad((y * y).sum(), x, create_graph=True)
        (second,) = lib.autograd.grad(first.sum(), x, create_graph=True)
        return y, first, second, lib.autograd.grad(second.sum(), x)

    return program


def _named(lib: Any) -> Any:
    y = functions(lib)["Cube"].apply(leaf(lib))
    return type(y.grad_fn).__name__, y.is_leaf


def _scaled(lib: Any) -> Any:
    x, y = leaf(lib), leaf(lib, 3.0, 4.0)
    scaled = functions(lib)["Scaled"]
    a = scaled.apply(x, 2.0, y, "name")
    b = scaled.apply(x.detach(), 2.0, y, "name")
    c = scaled.apply(x.detach(), 2.0, y.detach(), "name")
    (a.sum() + b.sum()).backward()
    return a, b, c, x.grad, y.grad


def _one_of_two(materialize: bool) -> Callable[[Any], Any]:
    def program(lib: Any) -> Any:
        x = leaf(lib)
        a, b = functions(lib)["Two"].apply(x, materialize)
        b.sum().backward(retain_graph=True)
        only_one = x.grad
        x.grad = None
        (a * b).sum().backward()
        return only_one, x.grad

    return program


def _not_differentiable(lib: Any) -> Any:
    x = leaf(lib, 1.0, 5.0, 2.0)
    values, indices = functions(lib)["Largest"].apply(x)
    (values * 3.0).backward()
    return values, indices, x.grad


def _in_place(lib: Any) -> Any:
    x = leaf(lib)
    y = x * 1.0
    z = functions(lib)["InPlace"].apply(y)
    z.sum().backward()
    return z is y, y, x.grad


def _in_place_on_a_leaf(lib: Any) -> Any:
    return functions(lib)["InPlace"].apply(leaf(lib))


def _argument_returned(lib: Any) -> Any:
    x = leaf(lib)
    y = functions(lib)["Reverse"].apply(x)
    (y * 2.0).sum().backward()
    return y is x, y, x.grad


def _set_up(lib: Any) -> Any:
    x = leaf(lib)
    power, same = functions(lib)["SetUp"].apply(x, 3.0)
    (power.sum() + (same * 10.0).sum()).backward()
    return power, same, x.grad


def _once(lib: Any) -> Any:
    x = leaf(lib)
    y = functions(lib)["Once"].apply(x)
    (first,) = lib.autograd.grad((y * y).sum(), x, create_graph=True)
    return first.detach(), x.requires_grad


def _once_twice(lib: Any) -> Any:
    x = leaf(lib)
    (first,) = lib.autograd.grad(functions(lib)["Once"].apply(x).sum(), x, create_graph=True)
    return lib.autograd.grad(first.sum(), x)


def _second_pass(name: str, retain: bool) -> Callable[[Any], Any]:
    def program(lib: Any) -> Any:
        x = leaf(lib)
        y = functions(lib)[name].apply(x)
        y.sum().backward(retain_graph=retain)
        y.sum().backward()
        return x.grad

    return program


def _saved_then_changed(lib: Any) -> Any:
    x = leaf(lib)
    y = x * 1.0
    z = functions(lib)["Cube"].apply(y)
    z.sum().backward()
    return x.grad


def _without_gradients(lib: Any) -> Any:
    x = leaf(lib)
    with lib.no_grad():
        y = functions(lib)["Cube"].apply(x)
    return y, y.grad_fn


def _wrong(returned: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    def program(lib: Any) -> Any:
        x = leaf(lib)
        functions(lib)["Wrong"].apply(x, 2.0, returned).sum().backward()
        return x.grad

    return program


@pytest.mark.parametrize(
    "program",
    [
        _first_and_second("Cube"),
        _first_and_second("Exp"),
        _named,
        _scaled,
        _one_of_two(True),
        _one_of_two(False),
        _not_differentiable,
        _in_place,
        _in_place_on_a_leaf,
        _argument_returned,
        _set_up,
        _once,
        _once_twice,
        _second_pass("Cube", False),
        _second_pass("Cube", True),
        _second_pass("Exp", False),
        _second_pass("Reverse", False),
        _saved_then_changed,
        _without_gradients,
        _wrong(lambda lib, g: (g * 2.0, None, None)),
        _wrong(lambda lib, g: (g * 2.0, None, None, None, None)),
        _wrong(lambda lib, g: (None, None, None)),
        _wrong(lambda lib, g: (g, None)),
        _wrong(lambda lib, g: (g, g, None)),
        _wrong(lambda lib, g: (g, None, None, g)),
        _wrong(lambda lib, g: (2.0, None, None)),
        _wrong(lambda lib, g: (lib.ones(3, dtype=lib.float64), None, None)),
        _wrong(lambda lib, g: (lib.ones(4, 2, dtype=lib.float64), None, None)),
        _wrong(lambda lib, g: (g.float(), None, None)),
        lambda lib: lib.autograd.Function.apply(leaf(lib)),
    ],
)
def test_as_pytorch(program: Callable[[Any], Any]) -> None:
    check_same(program)


def test_what_is_saved_is_the_version_of_that_moment() -> None:
    """PyTorch refuses the backward pass after the change."""
    x = leaf(rg)
    y = x * 1.0
    z = functions(rg)["Cube"].apply(y)
    y.add_(100.0)
    z.sum().backward()
    assert x.grad.tolist() == [3.0, 12.0]


def test_backward_runs_on_lazy_tensors_and_may_look_at_them() -> None:
    seen: list[Any] = []

    class Looking(rg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            seen.append(x.tolist())
            return rg.tensor(np.sin(x.detach().numpy()))

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            seen.append(g.tolist())
            return rg.tensor(g.numpy() * 2.0)

    x = leaf(rg)
    (Looking.apply(x) * 3.0).sum().backward()
    assert seen == [[1, 2], [3, 3]]
    assert x.grad.tolist() == [6, 6]


def test_gradcheck_of_a_function_with_several_results() -> None:
    x = rg.tensor([0.3, -0.2, 0.9], dtype=rg.float64, requires_grad=True)
    for name in ("Cube", "Exp"):
        assert rg.autograd.gradcheck(functions(rg)[name].apply, x)
        assert rg.autograd.gradgradcheck(functions(rg)[name].apply, x)
    assert rg.autograd.gradcheck(lambda x: functions(rg)["SetUp"].apply(x + 2.0, 3.0), x)


def test_the_messages_name_the_function_and_the_argument() -> None:
    x = leaf(rg)
    with pytest.raises(GraphError, match=r"Wrong: backward returned 2 gradients.*3 arguments"):
        functions(rg)["Wrong"].apply(x, 2.0, lambda lib, g: (g, None)).sum().backward()
    with pytest.raises(ShapeError, match=r"Wrong: .* shape \(3,\) for argument 0, which has shape \(2,\)"):
        functions(rg)["Wrong"].apply(x, 2.0, lambda lib, g: (rg.ones(3), None, None)).sum().backward()
    with pytest.raises(GraphError, match=r"no instances; call Cube.apply"):
        functions(rg)["Cube"]()
    with pytest.raises(TypeError, match="save_for_backward: only tensors"):
        rg.autograd.function.FunctionCtx().save_for_backward(3)


def test_a_graph_with_functions_is_freed_without_the_collector() -> None:
    gc.collect()
    gc.disable()
    try:
        x = leaf(rg)
        for name in ("Cube", "Exp"):
            y = functions(rg)[name].apply(x)
            node = weakref.ref(y._read())
            y.sum().backward(retain_graph=True)
            x.grad.tolist()
            del y
            assert node() is None
        assert gc.collect() == 0
    finally:
        gc.enable()


@pytest.mark.parametrize("name", ["Cube", "Exp", "Once"])
def test_vmap_and_forward_derivatives_follow_from_backward(name: str) -> None:
    function = functions(rg)[name].apply
    x = rg.tensor([[1.0, 2.0], [0.5, -1.0]], dtype=rg.float64)
    found = rg.func.vmap(rg.func.grad(lambda row: function(row).sum()))(x)
    expected = rg.func.grad(lambda x: function(x).sum())(x)
    assert found.tolist() == expected.tolist()
    outer = x.clone().requires_grad_()
    rg.func.vmap(function)(outer).sum().backward()
    assert outer.grad.tolist() == expected.tolist()
    if name != "Once":
        assert rg.func.jvp(function, (x,), (x,))[1].tolist() == (expected * x).tolist()
