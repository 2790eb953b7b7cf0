"""Modules without the draws of their first values."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError
from retrograd.nn.module import Module
from retrograd.tensor.generator import get_rng_state, set_rng_state


def skip_init(module_cls: type[Module], *args: Any, **kwargs: Any) -> Any:
    """A module whose parameters are to be set by the program: the generator's state is as if nothing had been drawn.

    Args:
        module_cls: a class of modules.
        args, kwargs: of the module.

    Raises:
        OptionError: no class of modules.

    Source: torch.nn.utils.skip_init. Deviation: the values are those of the usual beginning.

    >>> import retrograd as rg
    >>> rg.nn.utils.skip_init(rg.nn.Linear, 2, 3).weight.shape
    retrograd.Size([3, 2])
    """
    if not (isinstance(module_cls, type) and issubclass(module_cls, Module)):
        raise OptionError(f"skip_init: {module_cls!r} is no class of modules")
    state = get_rng_state()
    try:
        return module_cls(*args, **kwargs)
    finally:
        set_rng_state(state)
