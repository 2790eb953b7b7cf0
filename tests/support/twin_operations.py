"""The operations that drive pairs of tensors. Each takes the world and three small numbers that say which and where.

Deviations from PyTorch, beside the one in `saved_values_kept`:

2. A backward pass without `retain_graph` releases everything it walks. PyTorch releases saved values only, so that a
   second pass succeeds by luck where nothing was saved. The operations tell PyTorch to retain, and expect the refusal.
3. A write through an expanded tensor is refused always; PyTorch allows fills, and parts that do not overlap.
4. What is written into a detached tensor carries no gradient; in PyTorch the alias has a history of its own then,
   apart from that of the tensor whose memory it shares. The operations detach what they write there.
5. A leaf that nobody holds any more gets no gradient, so its hooks are not called (see `World.kept`).
6. Results of operations are row-major; PyTorch's keep the order of a permuted operand (see `World.make`).
7. After `x.data = y`, PyTorch still takes earlier views of x for views of it, though they share no memory any more.
8. Parts made by `split` and `unbind` may be written to; PyTorch refuses where it cannot follow the gradient. The
   operations use `narrow`, which both treat alike.
9. An index out of range is refused also where nothing is read: from a tensor without elements.
10. A gradient made with create_graph says that it requires a gradient also where it is constant.
11. A hook on a view whose memory is changed afterwards sees the gradient of the old value, as a hook on any other
    tensor does; PyTorch calls it only for tensors that are no views.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import retrograd as rg
from retrograd.core.errors import GraphError
from tests.support.twins import Difference, Pair, World, history

SHAPES = ((), (3,), (2, 3), (3, 2), (1, 3), (2, 1, 3), (3, 3), (0, 3), (4,))
NUMBERS = (0.5, -0.5, 1.0, -1.5, 0.0, 2.0)

Operation = Callable[[World, int, int, int], None]
OPERATIONS: dict[str, Operation] = {}


def operation(function: Operation) -> Operation:
    """Enter a function under its name."""
    OPERATIONS[function.__name__] = function
    return function


def number(c: int) -> float:
    return NUMBERS[c % len(NUMBERS)]


def values(shape: tuple[int, ...], seed: int) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).uniform(-1.5, 1.5, shape)


def requires_grad(theirs: torch.Tensor) -> bool:
    return theirs.requires_grad


def has_elements(theirs: torch.Tensor) -> bool:
    return theirs.ndim > 0 and theirs.numel() > 0


def apart(target: Pair, source: Pair) -> Pair:
    """The source, copied if it shares memory with the target: what overlapping writes do is defined nowhere."""
    if target.theirs.untyped_storage().data_ptr() == source.theirs.untyped_storage().data_ptr():
        return Pair(source.ours.clone(), source.theirs.clone())
    return source


# -- creation ---------------------------------------------------------------------------------------------------------


def _new(world: World, a: int, b: int, grad: bool) -> None:
    array = values(SHAPES[a % len(SHAPES)], b)
    ours = rg.tensor(array, requires_grad=grad)
    world.add(Pair(ours, torch.tensor(array, requires_grad=grad)))


@operation
def constant(world: World, a: int, b: int, c: int) -> None:
    _new(world, a, b, False)


@operation
def leaf(world: World, a: int, b: int, c: int) -> None:
    _new(world, a, b, True)


@operation
def foreign(world: World, a: int, b: int, c: int) -> None:
    """A tensor over an array that is filled again later."""
    ours, theirs = (values(SHAPES[a % len(SHAPES)], b) for _ in range(2))
    pair = Pair(rg.from_numpy(ours), torch.from_numpy(theirs))
    if c % 3 == 0:
        pair = Pair(pair.ours.requires_grad_(), pair.theirs.requires_grad_())
    world.add(pair)
    if theirs.size:
        world.arrays.append(Pair(ours, theirs))


# -- values -----------------------------------------------------------------------------------------------------------

UNARY = ("sin", "tanh", "sigmoid", "neg", "relu", "abs", "square", "exp", "clone", "contiguous")


@operation
def unary(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a)
    if x is None:
        return
    name = UNARY[b % len(UNARY)]
    if name == "contiguous":
        if not x.theirs.is_contiguous():
            world.make(lambda lib, t: t.contiguous(), x)
        return
    world.make(lambda lib, t: getattr(t, name)(), x)


@operation
def with_number(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a)
    forms: tuple[Callable[[Any], Any], ...] = (
        lambda t: t * number(c),
        lambda t: number(c) - t,
        lambda t: t + number(c),
        lambda t: t / 2.0,
        lambda t: t**2,
        lambda t: t.clamp(-0.5, number(c)),
    )
    if x is not None:
        world.make(lambda lib, t: forms[b % len(forms)](t), x)


@operation
def binary(world: World, a: int, b: int, c: int) -> None:
    x, y = world.pick(a), world.pick(b)
    forms: tuple[Callable[[Any, Any, Any], Any], ...] = (
        lambda lib, s, t: s + t,
        lambda lib, s, t: s * t,
        lambda lib, s, t: s - t,
        lambda lib, s, t: s / (t * t + 1.0),
        lambda lib, s, t: s.maximum(t),
        lambda lib, s, t: lib.where(s > t, s, t * 0.5),
        lambda lib, s, t: s @ t,
        lambda lib, s, t: lib.cat([s, t]),
        lambda lib, s, t: lib.stack([s, t]),
    )
    if x is not None and y is not None:
        world.make(forms[c % len(forms)], x, y)


@operation
def reduction(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a)
    forms: tuple[Callable[[Any], Any], ...] = (
        lambda t: t.sum(),
        lambda t: t.mean(),
        lambda t: t.sum(b % 3, keepdim=bool(c % 2)),
        lambda t: t.mean(-1 - b % 2),
        lambda t: t.amax(b % 2),
        lambda t: t.max(0).values,
        lambda t: t.softmax(-1),
        lambda t: t.log_softmax(0),
        lambda t: t.prod(b % 2),
        lambda t: t.var(-1),
    )
    form = forms[c % len(forms)]
    # The mean of nothing and the variance of one are NaN in both libraries.
    if x is not None and x.theirs.numel() and not (c % len(forms) == 9 and x.theirs.shape[-1:] in ((), (1,))):
        world.make(lambda lib, t: form(t), x)


@operation
def gather(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a, has_elements)
    if x is None:
        return
    if c % 2:
        world.make(lambda lib, t: t[lib.tensor([0, b % 4, -1])], x)
    else:
        world.make(lambda lib, t: t[t > number(b)], x)


# -- views ------------------------------------------------------------------------------------------------------------


@operation
def view(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a)
    forms: tuple[Callable[[Any], Any], ...] = (
        lambda t: t.view(-1),
        lambda t: t.transpose(0, c % 3),
        lambda t: t.permute(tuple(reversed(range(t.ndim)))),
        lambda t: t.unsqueeze(c % 3),
        lambda t: t.squeeze(),
        lambda t: t.squeeze(c % 3),
        lambda t: t.select(c % 2, b % 3),
        lambda t: t[b % 3 :],
        lambda t: t[:: 1 + c % 2],
        lambda t: t[..., c % 2 : 3 : 2],
        lambda t: t[b % 3],
        lambda t: t[:, -1],
        lambda t: t[None, ..., 0],
        lambda t: t.view(3, -1),
        lambda t: t.narrow(0, c % 2, 1),
        lambda t: t.detach(),
        lambda t: t.data[0:2],
    )
    if x is not None:
        world.add(world.run(lambda lib, t: forms[(b + 5 * c) % len(forms)](t), x))


@operation
def reshaped(world: World, a: int, b: int, c: int) -> None:
    """A view where both libraries see one, else a copy."""
    x = world.pick(a)
    if x is not None:
        shape = ((-1,), (3, -1), (1, -1), (-1, 2))[b % 4]
        world.add(world.run(lambda lib, t: t.reshape(*shape), x))


@operation
def expanded(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a)
    if x is not None:
        shape = ((2, -1), (2, 3), (4, 1, 3), (3, 3))[b % 4]
        world.add(world.run(lambda lib, t: t.expand(*shape), x))


# -- in place ---------------------------------------------------------------------------------------------------------


def _set_row(t: Any, value: Any, b: int) -> None:
    t[b % 3] = value


def _set_part(t: Any, value: Any, b: int) -> None:
    t[b % 3 :: 1 + b % 2] = value


WRITES: tuple[Callable[[Any, Any, int], Any], ...] = (
    lambda t, s, b: t.add_(s),
    lambda t, s, b: t.mul_(s),
    lambda t, s, b: t.sub_(s, alpha=0.5),
    lambda t, s, b: t.copy_(s),
    _set_row,
    _set_part,
    lambda t, s, b: t.zero_(),
    lambda t, s, b: t.fill_(0.25),
    lambda t, s, b: t.tanh_(),
    lambda t, s, b: t.relu_(),
    lambda t, s, b: t.clamp_(-1.0, 1.0),
    lambda t, s, b: t.masked_fill_(t > 0.5, -0.5),
    lambda t, s, b: t[..., :2].add_(1.0),
    lambda t, s, b: t.transpose(0, -1).mul_(0.5),
)


def is_expanded(pair: Pair) -> bool:
    return any(movement.kind == "expand" for movement in pair.ours._view)


def _write(world: World, x: Pair, source: Pair, change: Callable[[Any, Any], Any], versioned: bool = True) -> None:
    """Deviation 3 decides for an expanded target, deviation 11 for one with a view that has a hook."""
    address = x.theirs.untyped_storage().data_ptr()
    if versioned and any(address == hooked.untyped_storage().data_ptr() for hooked in world.hooked_views):
        return
    if not is_expanded(x):
        world.run(lambda lib, t, s: change(t, s), x, apart(x, source))
        return
    try:
        change(x.ours, 0.5)
    except (RuntimeError, IndexError):
        return
    if x.theirs.numel():
        raise Difference("a write through an expanded tensor was not refused")


@operation
def write(world: World, a: int, b: int, c: int) -> None:
    """In place, with gradients followed."""
    x, source = world.pick(a), world.pick(b)
    if x is None or source is None:
        return
    if x.ours._detached:
        source = Pair(source.ours.detach(), source.theirs.detach())
    _write(world, x, source, lambda t, s: WRITES[c % len(WRITES)](t, s, b))


@operation
def write_number(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a)
    if x is not None:
        _write(
            world,
            x,
            Pair(rg.tensor(number(b)).double(), torch.tensor(number(b)).double()),
            lambda t, s: WRITES[c % len(WRITES)](t, number(b) if c % len(WRITES) != 3 else s, b),
        )


@operation
def write_silently(world: World, a: int, b: int, c: int) -> None:
    """In place, without gradients: under no_grad, or through detach() or .data."""
    x, source = world.pick(a), world.pick(b)
    if x is None or source is None:
        return
    change = WRITES[c % len(WRITES)]

    def silently(t: Any, s: Any) -> None:
        library = torch if isinstance(t, torch.Tensor) else rg
        s = s.detach() if hasattr(s, "detach") else s
        if b % 3 == 0:
            with library.no_grad():
                change(t, s, b)
        else:
            change(t.detach() if b % 3 == 1 else t.data, s, b)

    _write(world, x, source, silently, versioned=b % 3 != 2)


@operation
def assign_data(world: World, a: int, b: int, c: int) -> None:
    """Deviation 7 bars tensors with views."""
    x = world.pick(a, lambda t: t.is_leaf and not t._is_view())
    if x is not None and all(pair.theirs._base is not x.theirs for pair in world.pool):
        array = values(tuple(x.theirs.shape), b)
        x.ours.data = rg.tensor(array)
        x.theirs.data = torch.tensor(array)


# -- NumPy ------------------------------------------------------------------------------------------------------------


@operation
def export(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a, lambda t: t.numel() > 0)
    if x is not None:
        pair = world.run(lambda lib, t: (t.detach() if b % 4 else t).numpy(), x)
        if pair is not None and len(world.arrays) < POOL_ARRAYS:
            world.arrays.append(pair)


POOL_ARRAYS = 6


@operation
def write_array(world: World, a: int, b: int, c: int) -> None:
    if not world.arrays:
        return
    pair = world.arrays[a % len(world.arrays)]
    if not pair.theirs.flags.writeable or 0 in pair.theirs.strides:
        return
    for array in (pair.ours, pair.theirs):
        if b % 2 and array.ndim:
            array[c % len(array)] = number(b)
        else:
            array *= 0.5


@operation
def forget_array(world: World, a: int, b: int, c: int) -> None:
    if world.arrays:
        del world.arrays[a % len(world.arrays)]


@operation
def forget_tensor(world: World, a: int, b: int, c: int) -> None:
    if world.pool:
        del world.pool[a % len(world.pool)]


# -- gradients --------------------------------------------------------------------------------------------------------


@operation
def leaf_alias(world: World, a: int, b: int, c: int) -> None:
    """A leaf that shares memory with another tensor."""
    x = world.pick(a)
    if x is not None:
        world.add(world.run(lambda lib, t: t.detach().requires_grad_(), x))


@operation
def hook(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a, requires_grad)
    if x is None:
        return

    def attach(tensor: Any, side: int) -> None:
        def count(g: Any) -> Any:
            world.hook_calls[side] += 1
            return g * 0.5 if b % 2 else None

        tensor.register_hook(count)

    if x.theirs.is_leaf:
        world.kept.append(x)
    elif x.theirs._is_view():
        world.hooked_views.append(x.theirs)
    attach(x.ours, 0)
    attach(x.theirs, 1)


def _is_released(world: World, theirs: torch.Tensor) -> bool:
    return any(node is gone for node in history(theirs) for gone in world.released)


def _expect_refusal(call: Callable[[], Any]) -> None:
    try:
        call()
    except GraphError as error:
        if "released" in str(error):
            return
        raise
    raise Difference("a released history was walked")


@operation
def backward(world: World, a: int, b: int, c: int) -> None:
    """Deviation 2: whether histories are released is told from PyTorch's nodes."""
    x = world.pick(a, requires_grad)
    if x is None:
        return
    weight = values(tuple(x.theirs.shape), b)
    ours, theirs = (x.ours * rg.tensor(weight)).sum(), (x.theirs * torch.tensor(weight)).sum()
    other = world.pick(b, requires_grad)
    if c % 3 == 0 and other is not None:
        ours, theirs = ours + other.ours.sin().sum(), theirs + other.theirs.sin().sum()
    if c % 4 == 0:
        ours.item()
    if _is_released(world, theirs):
        _expect_refusal(ours.backward)
        return
    keep = c % 2 == 0
    ours.backward(retain_graph=keep)
    theirs.backward(retain_graph=True)
    if not keep:
        world.released.extend(history(theirs))


@operation
def grad(world: World, a: int, b: int, c: int) -> None:
    """Gradients that can be differentiated in turn, with respect to leaves and results."""
    y, x = world.pick(a, requires_grad), world.pick(b, requires_grad)
    if y is None or x is None:
        return
    ours, theirs = (y.ours.sin() * y.ours).sum(), (y.theirs.sin() * y.theirs).sum()
    if _is_released(world, theirs):
        return
    create = c % 2 == 0
    found = rg.autograd.grad(ours, x.ours, retain_graph=True, create_graph=create, allow_unused=True)[0]
    expected = torch.autograd.grad(theirs, x.theirs, retain_graph=True, create_graph=create, allow_unused=True)[0]
    if (found is None) != (expected is None):
        raise Difference(f"grad gives {found}, PyTorch {expected}")
    if expected is None or (found.requires_grad and not expected.requires_grad):
        return
    # Deviation 6, and PyTorch may hand out an expanded tensor.
    world.add(Pair(found, expected.clone(memory_format=torch.contiguous_format)))


@operation
def take_grad(world: World, a: int, b: int, c: int) -> None:
    """`.grad` as a tensor of its own right, which later passes add to in place."""
    x = world.pick(a, lambda t: t.is_leaf and t.grad is not None)
    if x is not None:
        if not x.theirs.grad.is_contiguous():
            x.theirs.grad = x.theirs.grad.contiguous()
        world.kept.append(x)
        world.add(Pair(x.ours.grad, x.theirs.grad))


@operation
def clear_grad(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a, lambda t: t.is_leaf and t.grad is not None)
    if x is not None and b % 2:
        x.ours.grad = x.theirs.grad = None
    elif x is not None:
        x.ours.grad.zero_()
        x.theirs.grad.zero_()


# -- optimizers -------------------------------------------------------------------------------------------------------

_MAKERS: tuple[Callable[[Any, list[Any]], Any], ...] = (
    lambda lib, params: lib.optim.SGD(params, lr=0.1),
    lambda lib, params: lib.optim.SGD(params, lr=0.05, momentum=0.9),
    lambda lib, params: lib.optim.Adam(params, lr=0.01),
    lambda lib, params: lib.optim.SGD(params, lr=0.05, momentum=0.5, nesterov=True, weight_decay=0.1),
)


@operation
def optimizer(world: World, a: int, b: int, c: int) -> None:
    leaves = [p for p in world.pool if p.theirs.is_leaf and p.theirs.requires_grad and not is_expanded(p)]
    chosen = list({id(p): p for p in (leaves[a % len(leaves)], leaves[b % len(leaves)])}.values()) if leaves else []
    if chosen and not _share_memory(chosen):
        maker = _MAKERS[c % len(_MAKERS)]
        world.optimizers[:] = [Pair(maker(rg, [p.ours for p in chosen]), maker(torch, [p.theirs for p in chosen]))]


def _share_memory(pairs: list[Pair]) -> bool:
    return len({pair.theirs.untyped_storage().data_ptr() for pair in pairs}) < len(pairs)


@operation
def step(world: World, a: int, b: int, c: int) -> None:
    if world.optimizers:
        world.optimizers[-1].ours.step()
        world.optimizers[-1].theirs.step()


@operation
def zero_grad(world: World, a: int, b: int, c: int) -> None:
    if world.optimizers:
        world.optimizers[-1].ours.zero_grad(set_to_none=bool(a % 2))
        world.optimizers[-1].theirs.zero_grad(set_to_none=bool(a % 2))


# -- looking ----------------------------------------------------------------------------------------------------------


@operation
def look(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a)
    if x is None:
        return
    if b % 4 == 0:
        repr(x.ours)
    elif b % 4 == 1 and x.theirs.numel() == 1:
        ours, theirs = x.ours.item(), x.theirs.item()
        if not np.isclose(ours, theirs, rtol=1e-9, atol=1e-7):
            raise Difference(f"item() is {ours}, PyTorch's {theirs}")
    elif b % 4 == 2:
        x.ours.sum().item()
    else:
        world.check()
