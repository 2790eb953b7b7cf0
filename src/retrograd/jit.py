"""script and trace, PyTorch's older requests to make a program of a model. Source: torch.jit.

Here whatever runs is compiled, so each gives back what it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

from retrograd.core.errors import OptionError
from retrograd.nn.module import Module

_Anything = TypeVar("_Anything")


def script(obj: _Anything, *args: Any, **kwargs: Any) -> _Anything:
    """The module, function or class itself. Source: torch.jit.script.

    >>> import retrograd as rg
    >>> rg.jit.script(abs)(-1)
    1
    """
    return obj


def trace(
    func: Callable[..., Any] | None = None, example_inputs: Any = None, *args: Any, **kwargs: Any
) -> Callable[..., Any]:
    """The module or function itself, after it was called once on the examples.

    Raises:
        OptionError: there is no function.

    Source: torch.jit.trace.
    """
    if not callable(func):
        raise OptionError(f"jit.trace: expected a module or a function, received {type(func).__name__}")
    if example_inputs is not None:
        func(*example_inputs) if isinstance(example_inputs, tuple) else func(example_inputs)
    return func


def _same(function: _Anything) -> _Anything:
    """The function itself."""
    return function


export = ignore = unused = script_method = interface = _same
ScriptModule = Module


def is_scripting() -> bool:
    """False. Source: torch.jit.is_scripting."""
    return False


def is_tracing() -> bool:
    """False. Source: torch.jit.is_tracing."""
    return False


def save(m: Any, f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Refused: code is not saved. Source: torch.jit.save."""
    raise OptionError("jit.save: modules are saved by their numbers; write retrograd.save(module.state_dict(), path)")


def load(f: Any, *args: Any, **kwargs: Any) -> NoReturn:
    """Refused: code is not loaded. Source: torch.jit.load."""
    raise OptionError("jit.load: files with code are not read; make the module and load its state_dict()")
