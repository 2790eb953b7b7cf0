"""Hooks of what an optimizer saves and loads."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from retrograd.tensor.hooks import RemovableHandle, add_hook

Hook = Callable[..., Any]


class StateHooks:
    """Code of the user around `state_dict` and `load_state_dict`. Hooks run in the order of their registration."""

    def __init__(self) -> None:
        self._before_saving: OrderedDict[int, Hook] = OrderedDict()
        self._after_saving: OrderedDict[int, Hook] = OrderedDict()
        self._before_loading: OrderedDict[int, Hook] = OrderedDict()
        self._after_loading: OrderedDict[int, Hook] = OrderedDict()

    def register_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer) before each `state_dict`.

        Args:
            hook: what it returns is not looked at.
            prepend: before the hooks that are there.

        Returns:
            A handle whose `remove()` takes the hook away.

        Source: torch.optim.Optimizer.register_state_dict_pre_hook.
        """
        return _entered(self._before_saving, hook, prepend)

    def register_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer, state_dict) after each `state_dict`; what it returns, if anything, takes its place.

        Args:
            hook: it may change the dictionary too.
            prepend: before the hooks that are there.

        Returns:
            A handle whose `remove()` takes the hook away.

        Source: torch.optim.Optimizer.register_state_dict_post_hook.

        >>> import retrograd as rg
        >>> optimizer = rg.optim.SGD([rg.zeros(1, requires_grad=True)], lr=0.1)
        >>> handle = optimizer.register_state_dict_post_hook(lambda _, state: {**state, "epoch": 3})
        >>> optimizer.state_dict()["epoch"]
        3
        """
        return _entered(self._after_saving, hook, prepend)

    def register_load_state_dict_pre_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer, state_dict) before each `load_state_dict`; what it returns, if anything, is loaded.

        Args:
            hook: it gets a copy of the dictionary, which it may change.
            prepend: before the hooks that are there.

        Returns:
            A handle whose `remove()` takes the hook away.

        Source: torch.optim.Optimizer.register_load_state_dict_pre_hook.
        """
        return _entered(self._before_loading, hook, prepend)

    def register_load_state_dict_post_hook(self, hook: Hook, prepend: bool = False) -> RemovableHandle:
        """Call hook(optimizer) after each `load_state_dict`.

        Args:
            hook: what it returns is not looked at.
            prepend: before the hooks that are there.

        Returns:
            A handle whose `remove()` takes the hook away.

        Source: torch.optim.Optimizer.register_load_state_dict_post_hook.
        """
        return _entered(self._after_loading, hook, prepend)

    def _about_to_save(self) -> None:
        for hook in list(self._before_saving.values()):
            hook(self)

    def _saved(self, state: dict[str, Any]) -> dict[str, Any]:
        return _passed_on(self._after_saving, self, state)

    def _about_to_load(self, state: dict[str, Any]) -> dict[str, Any]:
        return _passed_on(self._before_loading, self, dict(state)) if self._before_loading else state

    def _loaded(self) -> None:
        for hook in list(self._after_loading.values()):
            hook(self)


def _entered(hooks: OrderedDict[int, Hook], hook: Hook, prepend: bool) -> RemovableHandle:
    handle = add_hook(hooks, hook)
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def _passed_on(hooks: OrderedDict[int, Hook], optimizer: StateHooks, state: dict[str, Any]) -> dict[str, Any]:
    for hook in list(hooks.values()):
        returned = hook(optimizer, state)
        state = state if returned is None else returned
    return state
