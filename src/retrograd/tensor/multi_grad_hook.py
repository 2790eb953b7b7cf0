"""A hook of several tensors."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.tensor.base import TensorBase
from retrograd.tensor.ends import at_end
from retrograd.tensor.hooks import RemovableHandle, SeveralHandles


def register_multi_grad_hook(
    tensors: Sequence[TensorBase], fn: Callable[..., Any], *, mode: str = "all"
) -> RemovableHandle:
    """Call a function with the gradients of several tensors, once a backward pass.

    Args:
        tensors: the tensors, which require gradients.
        fn: "all": takes the list of their gradients, None for those that the pass does not reach. "any": takes the
            gradient that comes first. What it returns is not looked at.
        mode: "all" or "any".

    Returns:
        A handle whose `remove()` takes the hook away.

    Raises:
        OptionError: another mode. GraphError: a tensor does not require a gradient.

    Source: torch.autograd.graph.register_multi_grad_hook. Deviation: "all" is called at the end of the backward pass,
    and not as soon as the last of the gradients is there; the gradients of leaves come after those of results.

    >>> import retrograd as rg
    >>> a, b = rg.ones(1, requires_grad=True), rg.ones(1, requires_grad=True)
    >>> handle = rg.autograd.graph.register_multi_grad_hook([a, b], lambda gradients: print(gradients))
    >>> (a * 2 + b * 3).sum().backward()
    [tensor([2.]), tensor([3.])]
    """
    if mode not in ("all", "any"):
        raise OptionError(f'register_multi_grad_hook: mode must be "all" or "any", and is {mode!r}')
    collected = _Collected(fn, len(tensors), mode == "all")
    return SeveralHandles(
        [
            x.register_hook(partial(collected.take, place))  # type: ignore[attr-defined]
            for place, x in enumerate(tensors)
        ]
    )


class _Collected:
    """The gradients of one backward pass, until it ends."""

    def __init__(self, fn: Callable[..., Any], count: int, waits: bool) -> None:
        self._fn, self._count, self._waits = fn, count, waits
        self._found: list[Any] | None = None

    def take(self, place: int, gradient: Any) -> None:
        first = self._found is None
        if self._found is None:
            self._found = [None] * self._count
            at_end(self._end, self._forget)
        self._found[place] = gradient
        if first and not self._waits:
            self._fn(gradient)

    def _end(self) -> None:
        found, self._found = self._found, None
        if self._waits:
            self._fn(found)

    def _forget(self) -> None:
        self._found = None
