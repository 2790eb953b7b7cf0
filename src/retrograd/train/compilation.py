"""compile: PyTorch's request to make a program of a model, which happens here without being asked."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.errors import OptionError


def compile(
    model: Callable[..., Any] | None = None,
    *,
    fullgraph: bool = False,
    dynamic: bool | None = None,
    backend: str | Callable[..., Any] = "inductor",
    mode: str | None = None,
    options: dict[str, Any] | None = None,
    disable: bool = False,
) -> Any:
    """The model or function itself: what it records is compiled whenever it runs.

    Args:
        model: a module or a function; without one, what comes back is a decorator.
        fullgraph, dynamic, backend, mode, options, disable: accepted for PyTorch's sake.

    Raises:
        OptionError: the model cannot be called.

    Source: torch.compile. Deviation: a module comes back as it is, so that keys of its `state_dict` stay.

    >>> import retrograd as rg
    >>> @rg.compile
    ... def double(x):
    ...     return 2 * x
    >>> double(rg.ones(2))
    tensor([2., 2.])
    """
    if model is None:
        return compile
    if not callable(model):
        raise OptionError(f"compile: expected a module or a function, received {type(model).__name__}")
    return model
