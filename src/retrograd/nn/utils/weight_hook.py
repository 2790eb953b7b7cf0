"""Hooks that compute a weight before each forward: how they are found among a module's hooks, and taken away."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError
from retrograd.nn.module import Module


def hook_number(module: Module, kind: type[Any], name: str, attribute: str = "name") -> int | None:
    """The number of the hook of a kind that computes a weight; None where there is none.

    Args:
        module: whose weight it is.
        kind: the class of the hook.
        name: of the weight.
        attribute: where the hook keeps that name.
    """
    for number, hook in module._forward_pre_hooks.items():
        if isinstance(hook, kind) and getattr(hook, attribute) == name:
            return number
    return None


def remove_hook(operation: str, lacks: str, module: Module, kind: type[Any], name: str, attribute: str = "name") -> Any:
    """Take a hook away, and have it make the weight a parameter again.

    Args:
        operation: the name of what is being done, and `lacks`, what is said of a weight without such a hook: for the
            message.
        module, kind, name, attribute: as for `hook_number`.

    Returns:
        The module.

    Raises:
        OptionError: there is no such hook.
    """
    number = hook_number(module, kind, name, attribute)
    if number is None:
        raise OptionError(f"{operation}: {name!r} of {type(module).__name__} {lacks}")
    hook: Any = module._forward_pre_hooks.pop(number)
    hook.remove(module)
    return module
