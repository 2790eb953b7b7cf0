"""Operations on pairs of tensors around gradients: backward passes, hooks, optimizers. See `twin_operations`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import retrograd as rg
from tests.support.twin_operations import operation, values
from tests.support.twin_writes import is_expanded, share_memory
from tests.support.twins import Difference, Pair, World, history


def requires_grad(theirs: torch.Tensor) -> bool:
    return theirs.requires_grad


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
    """Whether a node behind a tensor has lost the values that it saved, so that PyTorch refuses to walk it (and
    retrograd may: deviation 2). A write through a view has lost what it saved when it was walked once."""
    return any(_has_lost_values(node) or any(node is gone for gone in world.released) for node in history(theirs))


def _has_lost_values(node: Any) -> bool:
    saved = [name.removeprefix("_raw") for name in dir(node) if name.startswith("_raw_saved_")]
    try:
        for name in saved:
            getattr(node, name)
    except RuntimeError:
        return True
    return False


@operation
def backward(world: World, a: int, b: int, c: int) -> None:
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
        return
    keep = c % 2 == 0
    ours.backward(retain_graph=keep)
    theirs.backward(retain_graph=keep)
    if not keep:
        world.released.extend(node for node in history(theirs) if type(node).__name__ == "CopySlices")


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
    if chosen and not share_memory(chosen):
        maker = _MAKERS[c % len(_MAKERS)]
        world.optimizers[:] = [Pair(maker(rg, [p.ours for p in chosen]), maker(torch, [p.theirs for p in chosen]))]


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
