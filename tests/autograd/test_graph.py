"""The backward graph as users see it: hooks of nodes, edges, hooks of several tensors, hooks of saved tensors."""

from __future__ import annotations

from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, GraphError, OptionError
from tests.support.parity import needs_torch, torch


def _libraries() -> list[Any]:
    return [rg, torch]


def _cubed(lib: Any) -> Any:
    class Cube(lib.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any, scale: Any) -> Any:
            y = x * x
            ctx.save_for_backward(x, y, None, scale)
            return y * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            x, y, nothing, scale = ctx.saved_tensors
            assert nothing is None and not scale.requires_grad
            return g * (y + 2 * x * x), None

    return Cube


class TestHooksOfNodes:
    @needs_torch
    def test_what_they_receive_and_replace(self) -> None:
        seen: list[Any] = []
        for lib in _libraries():
            w = lib.tensor([1.0, 2.0], requires_grad=True)
            y = w * 3.0
            log: list[Any] = []

            def before(gradients: Any, log: Any = log) -> Any:
                log.append(("before", [g.tolist() for g in gradients]))
                return tuple(g * 2 for g in gradients)

            def after(to_inputs: Any, from_outputs: Any, log: Any = log) -> Any:
                log.append(("after", [None if g is None else g.tolist() for g in to_inputs]))
                log.append(("of", [g.tolist() for g in from_outputs]))
                return tuple(None if g is None else g + 1 for g in to_inputs)

            y.grad_fn.register_hook(after)
            handle = y.grad_fn.register_hook(lambda *_, log=log: log.append("never"))
            y.grad_fn.register_prehook(before)
            handle.remove()
            y.sum().backward()
            seen.append((log, w.grad.tolist()))
        assert seen[0] == seen[1]
        assert seen[0][1] == [7.0, 7.0]

    @needs_torch
    def test_of_a_function_of_the_user_and_of_several_outputs(self) -> None:
        seen = []
        for lib in _libraries():
            x = lib.tensor([2.0], requires_grad=True)
            y = _cubed(lib).apply(x, lib.tensor(1.0))
            log: list[Any] = []
            y.grad_fn.register_hook(
                lambda i, o, log=log: log.append(([g if g is None else g.tolist() for g in i], o[0].tolist()))
            )
            count = len(y.grad_fn.next_functions)
            y.backward()
            z = lib.tensor([[3.0, 1.0, 2.0]], requires_grad=True)
            found = z.split([1, 2], 1)[1]
            found.grad_fn.register_prehook(lambda g, log=log: log.append([x is None for x in g]))
            found.sum().backward()
            seen.append((log, x.grad.tolist(), z.grad.tolist(), count))
        assert seen[0] == seen[1]

    @needs_torch
    def test_of_leaves(self) -> None:
        seen = []
        for lib in _libraries():
            w = lib.tensor([1.0], requires_grad=True)
            accumulator = w.expand_as(w).grad_fn.next_functions[0][0]
            log: list[Any] = []
            accumulator.register_prehook(lambda g: (g[0] * 5,))
            handle = accumulator.register_hook(lambda i, o, log=log, w=w: log.append((i, w.grad.tolist())))
            (w * 2).sum().backward()
            (w * 3).sum().backward()
            handle.remove()
            (w * 4).sum().backward()
            seen.append((log, w.grad.tolist()))
        assert seen[0] == seen[1]

    def test_a_graph_of_gradients_goes_through_them(self) -> None:
        w = rg.tensor([3.0], requires_grad=True)
        y = w * w
        y.grad_fn.register_hook(lambda i, o: (i[0] * w, i[1] * w))
        (first,) = rg.autograd.grad(y.sum(), w, create_graph=True)
        (second,) = rg.autograd.grad(first.sum(), w)
        assert (first.item(), second.item()) == (18.0, 12.0)

    def test_refusals(self) -> None:
        w = rg.ones(2, requires_grad=True)
        for returned, error, message in (
            (3.0, TypeError, "must return a tuple of tensors"),
            ((rg.ones(2), rg.ones(2), rg.ones(2)), GraphError, "3 gradients; it received 2"),
            ((rg.ones(3), None), GraphError, r"shape \(3,\)"),
            ((rg.ones(2).double(), None), DTypeError, "float64"),
        ):
            y = w * 2
            y.grad_fn.register_hook(lambda i, o, returned=returned: returned)
            with pytest.raises(error, match=message):
                y.sum().backward()


class TestEdges:
    @needs_torch
    def test_gradients_at_places(self) -> None:
        seen = []
        for lib in _libraries():
            edge_of = lib.autograd.graph.get_gradient_edge
            w = lib.tensor([[1.0, 2.0], [4.0, 3.0]], requires_grad=True)
            y = w * w
            values = y.max(1).values
            places = [edge_of(x) for x in (w, y, values)]
            loss = (values * lib.tensor([1.0, 10.0])).sum() + (y * 3).sum()
            names = [type(places[0].node).__name__, places[1].node.name()]
            found = lib.autograd.grad(loss, places, retain_graph=True)
            by_hand = lib.autograd.grad(loss, lib.autograd.graph.GradientEdge(y.grad_fn, 0), retain_graph=True)
            (from_place,) = lib.autograd.grad(edge_of(loss), w, retain_graph=True)
            lib.autograd.backward(edge_of(y), lib.ones(2, 2), inputs=[edge_of(w)])
            seen.append([names, [g.tolist() for g in (*found, *by_hand, from_place, w.grad)], places[2].output_nr])
        assert seen[0] == seen[1]

    def test_refusals(self) -> None:
        edge_of = rg.autograd.graph.get_gradient_edge
        with pytest.raises(GraphError, match="does not require a gradient"):
            edge_of(rg.ones(2))
        y = rg.ones(2, requires_grad=True) * 2
        with pytest.raises(GraphError, match=r"there is no \.grad at <MulBackward0>"):
            rg.autograd.backward(y.sum(), inputs=[edge_of(y)])


class TestHooksOfSeveralTensors:
    @needs_torch
    @pytest.mark.parametrize("mode", ["all", "any"])
    def test_when_they_are_called(self, mode: str) -> None:
        seen = []
        for lib in _libraries():
            a, b, c = (lib.tensor([x], requires_grad=True) for x in (1.0, 2.0, 3.0))
            y = a * b
            log: list[Any] = []

            def note(found: Any, log: Any = log) -> None:
                many = found if isinstance(found, (list, tuple)) else [found]
                log.append([None if g is None else g.tolist() for g in many])

            handle = lib.autograd.graph.register_multi_grad_hook(
                [y, a, c] if mode == "all" else [y, a], note, mode=mode
            )
            (y * 2).sum().backward(retain_graph=True)
            (y * 3 + c).sum().backward(retain_graph=True)
            lib.autograd.grad(y.sum(), b, retain_graph=True)
            handle.remove()
            y.sum().backward()
            seen.append(log)
        assert seen[0] == seen[1]

    def test_a_pass_within_a_pass(self) -> None:
        a, log = rg.tensor([1.0], requires_grad=True), []
        y, other = a * 2, rg.tensor([5.0], requires_grad=True)
        rg.autograd.graph.register_multi_grad_hook([y, a], lambda found: log.append([g.item() for g in found]))
        loss = (other * 3).sum()
        y.register_hook(lambda g: loss.backward())
        y.sum().backward()
        assert log == [[1.0, 2.0]]
        assert other.grad.item() == 3.0

    def test_a_pass_that_failed_leaves_nothing(self) -> None:
        a, log, fails = rg.tensor([1.0], requires_grad=True), [], [True]
        y = a * 2

        def failing(_: Any) -> None:
            if fails:
                raise RuntimeError("no")

        rg.autograd.graph.register_multi_grad_hook([y], lambda found: log.append(found[0].item()))
        y.register_hook(failing)
        with pytest.raises(RuntimeError, match="no"):
            y.sum().backward(retain_graph=True)
        assert log == []
        fails.clear()
        y.sum().backward()
        assert log == [1.0]

    def test_refusals(self) -> None:
        with pytest.raises(OptionError, match='"all" or "any"'):
            rg.autograd.graph.register_multi_grad_hook([], print, mode="some")
        with pytest.raises(GraphError, match="does not require a gradient"):
            rg.autograd.graph.register_multi_grad_hook([rg.ones(2)], print)


class TestHooksOfSavedTensors:
    @needs_torch
    def test_what_is_saved_goes_through_them(self) -> None:
        seen = []
        for lib in _libraries():
            x = lib.tensor([2.0, 3.0], dtype=lib.float64, requires_grad=True)
            log: list[Any] = []

            def pack(saved: Any, log: Any = log) -> Any:
                log.append(("pack", saved.tolist()))
                return saved.tolist()

            def unpack(kept: Any, log: Any = log, lib: Any = lib) -> Any:
                log.append(("unpack", kept))
                return lib.tensor(kept, dtype=lib.float64)

            cube = _cubed(lib)
            with lib.autograd.graph.saved_tensors_hooks(pack, unpack):
                # PyTorch's own operations save too; what they save is not of this test.
                first = len(log)
                y = cube.apply(x, lib.tensor(1.0, dtype=lib.float64))
            (g,) = lib.autograd.grad(y, x, lib.ones(2, dtype=lib.float64), create_graph=True)
            seen.append((log[first:], g.tolist()))
        assert seen[0] == seen[1]

    def test_gradients_of_gradients_go_where_they_would_have_gone(self) -> None:
        x = rg.tensor([2.0, -3.0], dtype=rg.float64, requires_grad=True)
        results = []
        for hooks in (True, False):

            class Square(rg.autograd.Function):
                @staticmethod
                def forward(ctx: Any, x: Any) -> Any:
                    y = x.exp()
                    ctx.save_for_backward(x, y)
                    return y

                @staticmethod
                def backward(ctx: Any, g: Any) -> Any:
                    x, y = ctx.saved_tensors
                    return g * y + 0 * x

            if hooks:
                with rg.autograd.graph.saved_tensors_hooks(lambda t: t.numpy().copy(), rg.from_numpy):
                    y = Square.apply(x)
            else:
                y = Square.apply(x)
            (first,) = rg.autograd.grad(y.sum(), x, create_graph=True)
            (second,) = rg.autograd.grad(first.sum(), x, create_graph=True)
            results.append((first.tolist(), second.tolist()))
        assert results[0] == results[1]

    def test_the_innermost_pair_is_called_and_own_operations_save_nothing(self) -> None:
        log: list[str] = []

        def pair(name: str) -> Any:
            return rg.autograd.graph.saved_tensors_hooks(lambda t: (log.append(name), t)[1], lambda t: t)

        x = rg.ones(2, requires_grad=True)
        with pair("outer"):
            with pair("inner"):
                _cubed(rg).apply(x, rg.tensor(1.0))
            assert set(log) == {"inner"}
            log.clear()
            (x.exp() * x).sum().backward()
        assert log == []

    def test_kept_on_the_cpu(self) -> None:
        x = rg.tensor([2.0], requires_grad=True)
        with rg.autograd.graph.save_on_cpu(pin_memory=True):
            y = _cubed(rg).apply(x, rg.tensor(1.0))
        y.backward()
        assert x.grad.item() == 12.0

    def test_refusals(self) -> None:
        graph = rg.autograd.graph
        with graph.disable_saved_tensors_hooks("not here"), pytest.raises(GraphError, match="not here"):
            graph.saved_tensors_hooks(lambda t: t, lambda t: t).__enter__()
        with (
            graph.saved_tensors_hooks(lambda t: t, lambda t: t),
            pytest.raises(GraphError, match="not there"),
            graph.disable_saved_tensors_hooks("not there"),
        ):
            pass
        x = rg.ones(1, requires_grad=True)
        with graph.saved_tensors_hooks(lambda t: 3, lambda kept: kept):
            y = _cubed(rg).apply(x, rg.tensor(1.0))
        with pytest.raises(TypeError, match="unpack_hook must return a tensor, and returned int"):
            y.backward()
