"""Operations on pairs of tensors that write: in place, through aliases, through arrays. See `twin_operations`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import retrograd as rg
from tests.support.twin_operations import number, operation, values
from tests.support.twins import ERRORS, Difference, Pair, World


def apart(target: Pair, source: Pair) -> Pair:
    """The source, copied if it shares memory with the target: what overlapping writes do is defined nowhere."""
    if target.theirs.untyped_storage().data_ptr() == source.theirs.untyped_storage().data_ptr():
        return Pair(source.ours.clone(), source.theirs.clone())
    return source


def share_memory(pairs: list[Pair]) -> bool:
    return len({pair.theirs.untyped_storage().data_ptr() for pair in pairs}) < len(pairs)


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
    """Whether several elements may be one location: an axis was expanded, or windows overlap."""
    return any(
        movement.kind == "expand" or (movement.kind == "unfold" and movement.shape > movement.steps)
        for movement in pair.ours._view
    )


def write_to(world: World, x: Pair, source: Pair, change: Callable[[Any, Any], Any], versioned: bool = True) -> None:
    """Deviation 3 decides for an expanded target, deviation 11 for one with a view that has a hook."""
    address = x.theirs.untyped_storage().data_ptr()
    if versioned and any(address == hooked.untyped_storage().data_ptr() for hooked in world.hooked_views):
        return
    if not is_expanded(x):
        world.run(lambda lib, t, s: change(t, s), x, apart(x, source))
        return
    try:
        change(x.ours, 0.5)
    except ERRORS:
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
    write_to(world, x, source, lambda t, s: WRITES[c % len(WRITES)](t, s, b))


@operation
def write_number(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a)
    if x is not None:
        write_to(
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

    write_to(world, x, source, silently, versioned=b % 3 != 2)


@operation
def assign_data(world: World, a: int, b: int, c: int) -> None:
    """Deviation 7 bars tensors that share their memory."""
    x = world.pick(a, lambda t: t.is_leaf and not t._is_view())
    if x is None:
        return
    known = [pair.theirs for pair in world.pool]
    known += [p for pair in world.optimizers for p in pair.theirs.param_groups[0]["params"]]
    address = x.theirs.untyped_storage().data_ptr()
    if not any(t is not x.theirs and t.untyped_storage().data_ptr() == address for t in known):
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
