"""The operations that drive pairs of tensors. Each takes the world and three small numbers that say which and where.

Deviations from PyTorch, beside the one in `saved_values_kept`:

2. Where PyTorch refuses a second backward pass because a saved value is gone, retrograd may have kept it: what it keeps
   are numbers (`x * 2.0`), and values written by assignment.
3. A write through an expanded tensor is refused always; PyTorch allows fills, and parts that do not overlap.
4. What is written into a detached tensor carries no gradient; in PyTorch the alias has a history of its own then,
   apart from that of the tensor whose memory it shares. The operations detach what they write there.
5. A leaf that nobody holds any more gets no gradient, so its hooks are not called (see `World.kept`).
6. Results of operations are row-major; PyTorch's keep the order of a permuted operand (see `World.make`).
7. After `x.data = y`, PyTorch still takes earlier views of x for views of it, and counts changes of its earlier
   aliases as changes of x, though they share no memory any more.
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
from tests.support.twins import Pair, World

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


def has_elements(theirs: torch.Tensor) -> bool:
    return theirs.ndim > 0 and theirs.numel() > 0


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
