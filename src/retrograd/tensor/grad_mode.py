"""Switches of the gradient mode: context managers and decorators, for functions and generators."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Generator
from types import TracebackType
from typing import Any, Self

from retrograd.core import mode


class _Switch:
    """Sets the mode on entry and puts back what was there on exit; can be entered again while it is entered."""

    # The modes to put back, and those of the entry before: ((grad_enabled, inference), ...).
    _before: Any = None

    def _modes(self) -> tuple[bool, bool]:
        """Whether gradients are followed, and whether `inference_mode` is on, within."""
        raise NotImplementedError

    def _again(self) -> _Switch:
        """A switch of the same kind for one call of a decorated function."""
        return type(self)()

    def __enter__(self) -> Self:
        state = mode.state
        self._before = (state.grad_enabled, state.inference), self._before
        state.grad_enabled, state.inference = self._modes()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        state = mode.state
        (state.grad_enabled, state.inference), self._before = self._before

    def __call__(self, function: Callable[..., Any]) -> Any:
        """The function, each call of which runs in this mode; of a generator, each step."""
        if inspect.isclass(function):
            type.__setattr__(function, "__init__", self(function.__init__))
            return function
        if inspect.isgeneratorfunction(function):
            return self._wrapped_generator(function)

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self._again():
                return function(*args, **kwargs)

        return wrapped

    def _wrapped_generator(self, function: Callable[..., Generator[Any, Any, Any]]) -> Callable[..., Any]:
        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Generator[Any, Any, Any]:
            switch = self._again()
            with switch:
                generator = function(*args, **kwargs)
            resume = functools.partial(next, generator)
            while True:
                try:
                    with switch:
                        item = resume()
                except StopIteration as end:
                    return end.value
                try:
                    sent = yield item
                except GeneratorExit:
                    with switch:
                        generator.close()
                    raise
                except BaseException as error:
                    resume = functools.partial(generator.throw, error)
                else:
                    resume = functools.partial(generator.send, sent)

        return wrapped


class _Plain(_Switch):
    """A switch without arguments, which decorates with or without parentheses."""

    def __new__(cls, function: Callable[..., Any] | None = None) -> Any:
        switch = object.__new__(cls)
        return switch if function is None else switch(function)


class no_grad(_Plain):
    """Record without following gradients. Source: torch.no_grad.

    >>> import retrograd as rg
    >>> w = rg.ones(2, requires_grad=True)
    >>> with rg.no_grad():
    ...     (w * 2).requires_grad
    False
    >>> @rg.no_grad()
    ... def double(x):
    ...     return x * 2
    >>> double(w).requires_grad
    False
    """

    def _modes(self) -> tuple[bool, bool]:
        return False, mode.state.inference


class enable_grad(_Plain):
    """Follow gradients, also within `no_grad`. Source: torch.enable_grad.

    >>> import retrograd as rg
    >>> w = rg.ones(2, requires_grad=True)
    >>> with rg.no_grad(), rg.enable_grad():
    ...     (w * 2).requires_grad
    True
    """

    def _modes(self) -> tuple[bool, bool]:
        return True, mode.state.inference


class inference_mode(_Switch):
    """As `no_grad`; and tensors that are made within say so, and are for use without gradients.

    Outside, such a tensor cannot be changed in place, nor require a gradient, and no backward pass may read it. A
    `clone()` of it is as any other tensor.

    Args:
        mode: False follows gradients again.

    Source: torch.inference_mode. Deviation: that a backward pass would read such a tensor is told when the pass is
    recorded, not by the operation.

    >>> import retrograd as rg
    >>> with rg.inference_mode():
    ...     (rg.ones(2, requires_grad=True) * 2).requires_grad, rg.is_inference_mode_enabled()
    (False, True)
    """

    def __new__(cls, mode: Any = True) -> Any:
        """A switch; or, written as `@inference_mode` without parentheses, the decorated function."""
        if isinstance(mode, bool):
            return super().__new__(cls)
        return cls()(mode)

    def __init__(self, mode: bool = True) -> None:
        self._enabled = mode

    def __enter__(self) -> Self:
        mode.inferring.places += self._enabled
        return super().__enter__()

    def __exit__(self, *error: Any) -> None:
        mode.inferring.places -= self._enabled
        super().__exit__(*error)

    def _modes(self) -> tuple[bool, bool]:
        return not self._enabled, self._enabled

    def _again(self) -> inference_mode:
        return type(self)(self._enabled)


class set_grad_enabled(_Switch):
    """Follow gradients or not, by a flag; takes effect at once, and as a context manager for a while.

    Args:
        mode: whether gradients are followed.

    Source: torch.set_grad_enabled.

    >>> import retrograd as rg
    >>> with rg.set_grad_enabled(False):
    ...     rg.is_grad_enabled()
    False
    >>> rg.is_grad_enabled()
    True
    """

    def __init__(self, mode: bool) -> None:
        self._enabled = bool(mode)
        self._first: tuple[bool, bool] | None = _switch_on(self._enabled)

    def _modes(self) -> tuple[bool, bool]:
        return self._enabled, mode.state.inference

    def _again(self) -> set_grad_enabled:
        return type(self)(self._enabled)

    def __enter__(self) -> Self:
        super().__enter__()
        if self._first is not None:
            self._before, self._first = (self._first, self._before[1]), None
        return self

    def __call__(self, function: Callable[..., Any]) -> Any:
        """Decorates: the mode that was switched on at once is undone."""
        if self._first is not None:
            (mode.state.grad_enabled, mode.state.inference), self._first = self._first, None
        return super().__call__(function)


def _switch_on(enabled: bool) -> tuple[bool, bool]:
    before = mode.state.grad_enabled, mode.state.inference
    mode.state.grad_enabled = enabled
    return before


def is_grad_enabled() -> bool:
    """Whether recording follows gradients now. Source: torch.is_grad_enabled."""
    return mode.state.grad_enabled


def is_inference_mode_enabled() -> bool:
    """Whether `inference_mode` is on. Source: torch.is_inference_mode_enabled."""
    return mode.state.inference
