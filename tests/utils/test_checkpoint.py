"""Checkpoints: the same bits, less memory, and everything that a function may do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd import nn
from retrograd.core.errors import OptionError
from retrograd.runtime.evaluate import observed
from retrograd.utils.checkpoint import checkpoint, checkpoint_sequential
from tests.support.lazy import bits, new_structures, primitives_run

ROWS, WIDTH = 64, 128


def _blocks(count: int = 4, dropout: float = 0.25) -> nn.Sequential:
    rg.manual_seed(3)
    blocks = [
        nn.Sequential(nn.Linear(8, WIDTH), nn.GELU(), nn.Dropout(dropout), nn.Linear(WIDTH, WIDTH), nn.Tanh(),
                      nn.Linear(WIDTH, 8))
        for _ in range(count)
    ]  # fmt: skip
    return nn.Sequential(*blocks)


def _plain(block: Callable[..., Any], x: Any) -> Any:
    return block(x)


def _checkpointed(block: Callable[..., Any], x: Any) -> Any:
    return checkpoint(block, x, use_reentrant=False)


def _loss(blocks: nn.Sequential, call: Callable[..., Any]) -> Any:
    rg.manual_seed(5)
    x = rg.randn(ROWS, 8)
    for block in blocks:
        x = call(block, x)
    return (x * x).mean()


def _gradients(blocks: nn.Sequential, call: Callable[..., Any], look: bool = False) -> list[bytes]:
    loss = _loss(blocks, call)
    if look:
        loss.item()
    return bits([loss, *rg.autograd.grad(loss, list(blocks.parameters()))])


@pytest.mark.parametrize("look", [False, True])
@pytest.mark.parametrize("reentrant", [False, True, None])
def test_gradients_are_the_same_to_the_bit(look: bool, reentrant: bool | None) -> None:
    blocks = _blocks()
    expected = _gradients(blocks, _plain)
    assert _gradients(blocks, lambda f, x: checkpoint(f, x, use_reentrant=reentrant), look) == expected


def _arena(call: Callable[..., Any]) -> int:
    """Memory of its own that the program of a whole step takes."""
    blocks = _blocks()
    return max(program.arena_bytes for program in rg.explain(lambda: _gradients(blocks, call)).programs)


def _saved(call: Callable[..., Any]) -> int:
    """Bytes that are kept when a loss has been looked at and its backward pass is to come."""
    blocks = _blocks()
    bits(blocks.parameters())
    with observed() as seen:
        _loss(blocks, call).item()
    return sum(buffer.array().nbytes for buffer in seen[-1].outputs)


def test_less_is_kept_for_the_backward_pass() -> None:
    activations = ROWS * WIDTH * 4
    assert _saved(_plain) > 4 * 2 * activations
    assert _saved(_checkpointed) < activations
    assert _arena(_checkpointed) < 0.5 * _arena(_plain)


def test_the_forward_part_is_computed_again() -> None:
    counts = []
    for call in (_plain, _checkpointed):
        with primitives_run() as names:
            _gradients(_blocks(dropout=0.0), call)
        counts.append(names["tanh"])
    assert counts == [4, 8]


def test_every_step_has_the_same_structure() -> None:
    blocks = _blocks()
    _gradients(blocks, _checkpointed)
    with new_structures() as count:
        _gradients(blocks, _checkpointed)
        assert count() == 0


def test_checkpoints_in_checkpoints() -> None:
    blocks = _blocks(2)
    expected = _gradients(blocks, _plain)
    inner = [nn.Sequential(*list(block)[:3]) for block in blocks]
    rest = [nn.Sequential(*list(block)[3:]) for block in blocks]

    def nested(block: Any, x: Any) -> Any:
        place = list(blocks).index(block)
        return checkpoint(lambda y: rest[place](checkpoint(inner[place], y)), x)

    assert _gradients(blocks, nested) == expected


def test_gradients_of_gradients() -> None:
    block, x = _blocks(1, 0.0)[0].double(), rg.linspace(-1, 1, 8, dtype=rg.float64).reshape(1, 8)
    found = []
    for call in (_plain, _checkpointed):
        y = x.clone().requires_grad_()
        (first,) = rg.autograd.grad(call(block, y).square().sum(), y, create_graph=True)
        found.append(rg.autograd.grad(first.square().sum(), [y, *block.parameters()], allow_unused=True))
    for a, b in zip(*found, strict=True):
        assert (a is None) == (b is None)
        assert a is None or rg.allclose(a, b, rtol=1e-12, atol=1e-13)


def test_running_statistics_change_once() -> None:
    found = []
    for call in (_plain, _checkpointed):
        layer = nn.Sequential(nn.Linear(8, 8), nn.BatchNorm1d(8), nn.ReLU())
        rg.manual_seed(2)
        layer[0].weight.data.normal_()
        layer[0].bias.data.zero_()
        call(layer, rg.randn(16, 8)).sum().backward()
        found.append(bits([layer[1].running_mean, layer[1].running_var, layer[0].weight.grad]))
    assert found[0] == found[1]


def test_what_a_function_reads_from_outside_gets_a_gradient() -> None:
    w, shift = rg.ones(3, requires_grad=True), rg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    checkpoint(lambda x: (x * w).exp() + shift.sin(), rg.ones(3)).sum().backward()
    assert w.grad.tolist() == pytest.approx([2.718281828] * 3)
    assert shift.grad.tolist() == pytest.approx(shift.detach().cos().tolist())


def test_no_gradient_flows_through_what_was_recorded_without() -> None:
    def function(x: Any) -> Any:
        with rg.no_grad():
            factor = x.exp()
        return factor * x * x.detach().cos()

    x = rg.tensor([0.5, 1.5], requires_grad=True)
    found = rg.autograd.grad(checkpoint(function, x).sum(), x)[0]
    assert found.tolist() == pytest.approx((x.exp() * x.cos()).tolist())


def test_a_function_may_look_at_values_and_change_them_in_place() -> None:
    def function(x: Any) -> Any:
        y = x.sin()
        if y.sum().item() > 0:
            y = y * 2
        y[0] = x[1] * x[1]
        return {"y": y, "count": 3, "rest": (x.cos(), None)}

    found = []
    for call in (_plain, _checkpointed):
        x = rg.tensor([0.5, 1.0, 1.5], requires_grad=True)
        result = call(function, x)
        assert (result["count"], result["rest"][1]) == (3, None)
        (result["y"].sum() + result["rest"][0].prod()).backward()
        found.append(x.grad.tolist())
    assert found[0] == pytest.approx(found[1], rel=1e-6)


def test_hooks_inside_are_called() -> None:
    calls = []

    def function(x: Any) -> Any:
        y = x.exp()
        y.register_hook(lambda g: calls.append(1) or g * 10)
        return y.sin()

    x = rg.tensor([0.5], requires_grad=True)
    checkpoint(function, x).sum().backward()
    assert calls == [1]
    assert x.grad.item() == pytest.approx((10 * x.exp().cos() * x.exp()).item())


class Cube(rg.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Any) -> Any:
        ctx.save_for_backward(x)
        return x**3

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return grads[0] * 3 * ctx.saved_tensors[0] ** 2


def test_functions_of_the_user_inside() -> None:
    x = rg.tensor([0.5, 2.0], requires_grad=True)
    checkpoint(lambda x: Cube.apply(x.exp()).log(), x).sum().backward()
    assert x.grad.tolist() == pytest.approx([3.0, 3.0])


def test_in_16_bits_each_operation_still_rounds() -> None:
    with rg.autocast("cpu"):
        assert _gradients(_blocks(), _checkpointed) == _gradients(_blocks(), _plain)


def test_batched_and_functional() -> None:
    w = rg.linspace(-1, 1, 6).reshape(2, 3)
    function = rg.func.grad(lambda w, x: checkpoint(lambda w, x: (w @ x).tanh().exp(), w, x).sum())
    plain = rg.func.grad(lambda w, x: (w @ x).tanh().exp().sum())
    xs = rg.linspace(0, 1, 12).reshape(4, 3)
    found, expected = (rg.vmap(f, in_dims=(None, 0))(w, xs) for f in (function, plain))
    assert rg.allclose(found, expected)


def test_without_gradients_nothing_changes() -> None:
    block = _blocks(1)[0].eval()
    with rg.no_grad():
        assert not _checkpointed(block, rg.ones(2, 8)).requires_grad
    x = rg.ones(3, requires_grad=True)
    assert checkpoint(lambda x: x, x) is not None
    assert rg.autograd.grad(checkpoint(lambda x: x, x).sum(), x)[0].tolist() == [1.0, 1.0, 1.0]


def test_sequences_in_segments() -> None:
    blocks = _blocks(5)
    expected = _gradients(blocks, _plain)
    for segments in (1, 2, 3, 5):
        rg.manual_seed(5)
        x = rg.randn(ROWS, 8)
        y = checkpoint_sequential(blocks, segments, x, use_reentrant=False)
        loss = (y * y).mean()
        assert bits([loss, *rg.autograd.grad(loss, list(blocks.parameters()))]) == expected
    with pytest.raises(OptionError, match="6 segments of 5 functions"):
        checkpoint_sequential(blocks, 6, rg.ones(1, 8))


def test_a_second_context_is_refused() -> None:
    with pytest.raises(OptionError, match="context_fn must be left out"):
        checkpoint(lambda x: x, rg.ones(1), context_fn=lambda: (None, None))


def test_captured_loops_compute_again_too() -> None:
    found = []
    for call in (_plain, _checkpointed):
        blocks = _blocks(2)
        optimizer = rg.optim.SGD(blocks.parameters(), lr=0.1)
        generator = rg.Generator().manual_seed(1)
        x, y = rg.randn(256, 8, generator=generator), rg.randn(256, 8, generator=generator)

        def step(x: Any, y: Any, blocks: Any = blocks, optimizer: Any = optimizer, call: Any = call) -> Any:
            optimizer.zero_grad()
            out = x
            for block in blocks:
                out = call(block, out)
            loss = ((out - y) ** 2).mean()
            loss.backward()
            optimizer.step()
            return loss

        rg.manual_seed(7)
        loop = rg.compile_loop(step, (x, y), batch_size=32)
        losses = loop.run(epochs=3)
        assert loop.captured
        found.append([losses.tobytes(), *bits(blocks.parameters())])
    assert found[0] == found[1]
