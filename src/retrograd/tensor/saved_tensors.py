"""Hooks of what a `Function` saves for its backward pass."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any

from retrograd.core import mode
from retrograd.core.errors import GraphError
from retrograd.tensor.base import TensorBase

Hook = Callable[[Any], Any]


class _State(threading.local):
    """What is in force in a thread.

    Attributes:
        pairs: pairs of hooks, the innermost last.
        refused: why none may be entered, if so.
    """

    def __init__(self) -> None:
        self.pairs: list[tuple[Hook, Hook]] = []
        self.refused: str | None = None


_state = _State()


class saved_tensors_hooks:
    """Context: what `ctx.save_for_backward` is given goes through a pair of functions.

    Args:
        pack_hook: takes each tensor as it is saved, out of the graph, and gives anything to keep in its place.
        unpack_hook: takes that in the backward pass, each time `ctx.saved_tensors` is looked at, and gives the tensor.

    Only the innermost pair is called. The gradient that a second backward pass sends to a saved tensor goes where it
    would have gone.

    Raises:
        GraphError: inside of `disable_saved_tensors_hooks`. TypeError, in the backward pass: what was unpacked is no
            tensor.

    Source: torch.autograd.graph.saved_tensors_hooks. Deviation: the library's own operations save nothing by
    themselves, as what their gradients read is found out when a backward pass is recorded; so hooks are called for
    what a `Function` of the user saves, and for nothing else. Inputs of the function stay in the graph until the
    backward pass, packed or not.

    >>> import retrograd as rg
    >>> class Square(rg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x * x
    ...     @staticmethod
    ...     def backward(ctx, g):
    ...         (x,) = ctx.saved_tensors
    ...         return 2 * x * g
    >>> x = rg.tensor([1.0, 2.0], requires_grad=True)
    >>> with rg.autograd.graph.saved_tensors_hooks(lambda x: x.numpy(), lambda array: rg.from_numpy(array * 10)):
    ...     y = Square.apply(x)
    >>> y.sum().backward()
    >>> x.grad
    tensor([20., 40.])
    """

    def __init__(self, pack_hook: Hook, unpack_hook: Hook) -> None:
        self.pack_hook, self.unpack_hook = pack_hook, unpack_hook

    def __enter__(self) -> None:
        if _state.refused is not None:
            raise GraphError(f"saved_tensors_hooks: {_state.refused}")
        _state.pairs.append((self.pack_hook, self.unpack_hook))

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _state.pairs.pop()


class save_on_cpu(saved_tensors_hooks):
    """Context: what a `Function` saves is kept in the memory of the CPU.

    Args:
        pin_memory, device_type: accepted for PyTorch's sake.

    Source: torch.autograd.graph.save_on_cpu. All tensors are there already, so that nothing is moved. See
    `saved_tensors_hooks`.

    >>> import retrograd as rg
    >>> with rg.autograd.graph.save_on_cpu():
    ...     y = rg.ones(2, requires_grad=True).exp()
    """

    def __init__(self, pin_memory: bool = False, device_type: str = "cuda") -> None:
        super().__init__(lambda x: (x.device, x.cpu()), lambda kept: kept[1].to(kept[0]))


@contextmanager
def disable_saved_tensors_hooks(error_message: str) -> Iterator[None]:
    """Context or decorator: entering `saved_tensors_hooks` is an error with this message.

    Raises:
        GraphError: hooks are in force already.

    Source: torch.autograd.graph.disable_saved_tensors_hooks.
    """
    if _state.pairs:
        raise GraphError(f"disable_saved_tensors_hooks: {error_message}")
    before, _state.refused = _state.refused, error_message
    try:
        yield
    finally:
        _state.refused = before


class _AllowMutation:
    """What `allow_mutation_on_saved_tensors` gives. Nothing is kept."""

    def clear(self) -> None:
        """Accepted for PyTorch's sake."""


@contextmanager
def allow_mutation_on_saved_tensors() -> Iterator[_AllowMutation]:
    """Context: tensors may be changed in place after an operation has saved them.

    Source: torch.autograd.graph.allow_mutation_on_saved_tensors. Here they always may: a backward pass finds the values
    that there were.

    >>> import retrograd as rg
    >>> x = rg.tensor([2.0], requires_grad=True)
    >>> with rg.autograd.graph.allow_mutation_on_saved_tensors():
    ...     y = x * 1
    ...     z = (y * y).sum()
    ...     _ = y.zero_()
    >>> rg.autograd.grad(z, x)
    (tensor([4.]),)
    """
    yield _AllowMutation()


class Packed:
    """What a pair of hooks keeps in the place of a tensor."""

    def __init__(self, unpack: Hook, kept: Any) -> None:
        self._unpack, self._kept = unpack, kept

    def unpacked(self) -> Any:
        """The tensor, as the hook gives it."""
        with mode.no_grad():
            found = self._unpack(self._kept)
        if not isinstance(found, TensorBase):
            raise TypeError(
                f"saved_tensors_hooks: unpack_hook must return a tensor, and returned {type(found).__name__}"
            )
        return found


def packed(x: Any) -> Packed | None:
    """What the hooks in force make of a tensor that is saved; None where there are none."""
    if not _state.pairs:
        return None
    pack, unpack = _state.pairs[-1]
    with mode.no_grad():
        return Packed(unpack, pack(x))
