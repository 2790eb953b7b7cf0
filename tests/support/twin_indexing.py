"""Operations on pairs of tensors that choose, order and write elements by position. See `twin_operations`.

Deviations from PyTorch:

12. Windows that overlap (`unfold`) cannot be written to; PyTorch writes them in an order of its own.
13. Where several elements are equal, `topk` and `kthvalue` take the first of them, PyTorch any: they are compared
    without gradients.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

import retrograd as rg
from tests.support.twin_operations import has_elements, number, operation
from tests.support.twin_writes import write_to
from tests.support.twins import Pair, World


def _index(lib: Any, t: Any, axis: int, *positions: int) -> Any:
    """Positions that are there, pending on our side."""
    extent = max(t.shape[axis], 1)
    return lib.tensor([p % extent for p in positions]) * 1


def _indexable(lib: Any, t: Any, b: int) -> Any:
    """An index for `gather` and its like: along the first axis, of the shape of t in the others."""
    lines = lib.tensor([(b + i) % max(t.shape[0], 1) for i in range(2)])
    return lines.reshape(2, *(1 for _ in t.shape[1:])).expand(2, *t.shape[1:])


SELECTIONS: tuple[Callable[[Any, Any, int], Any], ...] = (
    lambda lib, t, b: t[_index(lib, t, 0, b, 0, b)],
    lambda lib, t, b: t[..., _index(lib, t, -1, b, 1)],
    lambda lib, t, b: t[_index(lib, t, 0, b, 1), ..., 0],
    lambda lib, t, b: t[_index(lib, t, 0, b, 1), _index(lib, t, 1, 0, b)],
    lambda lib, t, b: t[_index(lib, t, 0, b, 1), None, [0, -1]],
    lambda lib, t, b: t[[bool((b + i) % 2) for i in range(t.shape[0])]],
    lambda lib, t, b: t[(t > number(b)).sum(-1) > 0],
    lambda lib, t, b: t.gather(0, _indexable(lib, t, b)),
    lambda lib, t, b: t.index_select(0, _index(lib, t, 0, b, b, 0)),
    lambda lib, t, b: t.take(_index(lib, t.reshape(-1), 0, b, -1, 2)),
    lambda lib, t, b: t.masked_select(t > number(b)),
    lambda lib, t, b: t.take_along_dim(t.argmax(b % 2, keepdim=True), b % 2),
    lambda lib, t, b: t.where(t > number(b), t * 0.5),
    lambda lib, t, b: t.masked_fill(t > number(b), 0.5),
    lambda lib, t, b: lib.repeat_interleave(t, 1 + b % 2, b % 2),
    lambda lib, t, b: t.flip(-1).roll(b % 4 - 1, 0),
)

ORDERS: tuple[Callable[[Any, Any, int], Any], ...] = (
    lambda lib, t, b: t.sort(dim=b % 2, stable=True).values,
    lambda lib, t, b: t.sort(dim=-1, descending=True, stable=True)[0],
    lambda lib, t, b: t.cumsum(b % 2),
    lambda lib, t, b: t.cumprod(-1),
    lambda lib, t, b: t.logcumsumexp(b % 2),
    lambda lib, t, b: t.cummax(0).values,
    lambda lib, t, b: t.cummin(-1)[0],
    lambda lib, t, b: t.detach().topk(1, largest=bool(b % 2)).values,
    lambda lib, t, b: t.detach().kthvalue(1).values,
    lambda lib, t, b: t.diff(dim=b % 2),
    lambda lib, t, b: t.tril(b % 3 - 1),
    lambda lib, t, b: t.triu(b % 3 - 1),
    lambda lib, t, b: t.diag_embed(b % 3 - 1),
    lambda lib, t, b: t.unfold(-1, 2, 1).sum(-1),
    lambda lib, t, b: t.reshape(-1).scatter_add(0, _index(lib, t.reshape(-1), 0, b, 0, b), t.reshape(-1)[:3]),
    lambda lib, t, b: t.index_add(0, _index(lib, t, 0, b, b), t[:2], alpha=0.5),
)


@operation
def selection(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a, has_elements)
    if x is not None:
        world.make(lambda lib, t: SELECTIONS[c % len(SELECTIONS)](lib, t, b), x)


@operation
def order(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a, has_elements)
    if x is not None:
        world.make(lambda lib, t: ORDERS[c % len(ORDERS)](lib, t, b), x)


@operation
def sliding_view(world: World, a: int, b: int, c: int) -> None:
    """Views along diagonals, and through windows."""
    x = world.pick(a)
    forms: tuple[Callable[[Any], Any], ...] = (
        lambda t: t.diagonal(),
        lambda t: t.diagonal(b % 3 - 1, -1, 0),
        lambda t: t.diagonal(b % 4 - 2, 0, 1),
        lambda t: t.unfold(b % 2, 2, 1),
        lambda t: t.unfold(-1, 1, 2),
        lambda t: t.unfold(0, 1 + b % 3, 3),
        lambda t: t.movedim(0, -1),
        lambda t: t.tensor_split(2, b % 2)[0],
    )
    if x is not None:
        world.add(world.run(lambda lib, t: forms[c % len(forms)](t), x))


def _assign(t: Any, index: Any, value: Any) -> None:
    t[index] = value


def _assign_more(t: Any, index: Any, value: Any) -> None:
    t[index] += value


def _like(part: Any, s: Any) -> Any:
    """A value of the shape of some part, made of a source of any shape."""
    return part.detach() * 0.5 + (s.sum() if hasattr(s, "sum") else s)


PLACED_WRITES: tuple[Callable[[Any, Any, Any, int], Any], ...] = (
    lambda lib, t, s, b: _assign(t, _index(lib, t, 0, b), s),
    lambda lib, t, s, b: _assign(t, (_index(lib, t, 0, b), _index(lib, t, 1, b + 1)), _like(t[:1, 0], s)),
    lambda lib, t, s, b: _assign(t, (..., _index(lib, t, -1, b)), _like(t[..., :1], s)),
    lambda lib, t, s, b: _assign(t, t > number(b), 0.25),
    lambda lib, t, s, b: _assign(t, (t > number(b)).sum(-1) > 0, _like(t[:1], s)),
    lambda lib, t, s, b: _assign_more(t, _index(lib, t, 0, b), _like(t[:1], s)),
    lambda lib, t, s, b: t.index_put_((_index(lib, t, 0, b, b),), _like(t[:1], s), accumulate=True),
    lambda lib, t, s, b: t.scatter_(0, _indexable(lib, t, b)[:1], _like(t[:1], s)),
    lambda lib, t, s, b: t.scatter_(0, _indexable(lib, t, b)[:1], 0.5),
    lambda lib, t, s, b: t.scatter_add_(0, _indexable(lib, t, b), _like(lib.cat([t[:1], t[:1]]), s)),
    lambda lib, t, s, b: t.masked_fill_(t > number(b), -0.25),
    lambda lib, t, s, b: t.masked_scatter_(t > number(b), _like(t, s)),
    lambda lib, t, s, b: t.index_add_(0, _index(lib, t, 0, b, b), _like(lib.cat([t[:1], t[:1]]), s)),
    lambda lib, t, s, b: t.index_copy_(0, _index(lib, t, 0, b), _like(t[:1], s)),
    lambda lib, t, s, b: t.index_fill_(-1, _index(lib, t, -1, b), 0.75),
    lambda lib, t, s, b: t.diagonal().copy_(_like(t.diagonal(), s)),
)


def _library(t: Any) -> Any:
    return torch if isinstance(t, torch.Tensor) else rg


@operation
def write_placed(world: World, a: int, b: int, c: int) -> None:
    """At positions, with gradients followed."""
    x, source = world.pick(a, has_elements), world.pick(b)
    if x is None or source is None:
        return
    if x.ours._detached:
        source = Pair(source.ours.detach(), source.theirs.detach())
    write_to(world, x, source, lambda t, s: PLACED_WRITES[c % len(PLACED_WRITES)](_library(t), t, s, b))


@operation
def write_placed_silently(world: World, a: int, b: int, c: int) -> None:
    """At positions, under no_grad."""
    x, source = world.pick(a, has_elements), world.pick(b)
    if x is None or source is None:
        return

    def silently(t: Any, s: Any) -> None:
        library = _library(t)
        with library.no_grad():
            PLACED_WRITES[c % len(PLACED_WRITES)](library, t, s.detach() if hasattr(s, "detach") else s, b)

    write_to(world, x, source, silently)


@operation
def write_placed_number(world: World, a: int, b: int, c: int) -> None:
    x = world.pick(a, has_elements)
    if x is not None:
        one = Pair(rg.tensor(number(b)).double(), torch.tensor(number(b)).double())
        write_to(world, x, one, lambda t, s: PLACED_WRITES[c % len(PLACED_WRITES)](_library(t), t, s, b))
