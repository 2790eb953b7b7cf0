"""What is to be done when a backward pass ends."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

_Arguments = ParamSpec("_Arguments")
_Result = TypeVar("_Result")


class _Waiting(threading.local):
    """What the passes that are under way in a thread have been asked for: what to call at the end, and on failure."""

    def __init__(self) -> None:
        self.asked: tuple[tuple[Callable[[], None], Callable[[], None]], ...] = ()


_waiting = _Waiting()


def backward_pass(function: Callable[_Arguments, _Result]) -> Callable[_Arguments, _Result]:
    """Decorator of what walks backward: at its end, what was asked for meanwhile is done."""

    @functools.wraps(function)
    def walk(*args: _Arguments.args, **kwargs: _Arguments.kwargs) -> _Result:
        before = _waiting.asked
        try:
            found = function(*args, **kwargs)
        except BaseException:
            _settle(before, ended=False)
            raise
        if _waiting.asked is not before:
            _settle(before, ended=True)
        return found

    return walk


def at_end(ended: Callable[[], None], failed: Callable[[], None]) -> None:
    """Call a function at the end of the innermost pass that is under way; another one if the pass fails."""
    _waiting.asked = (*_waiting.asked, (ended, failed))


def _settle(before: tuple[object, ...], *, ended: bool) -> None:
    asked, _waiting.asked = _waiting.asked[len(before) :], _waiting.asked[: len(before)]
    for call, failed in asked:
        (call if ended else failed)()
