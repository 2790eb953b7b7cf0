"""stack_module_state: the parameters of several modules of one kind, side by side."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.nn.module import Module
from retrograd.tensor.joining import stack


def stack_module_state(models: Sequence[Module]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Parameters and buffers by name, those of all models along a new first axis: for `vmap` over an ensemble.

    Args:
        models: of one class, all in training mode or all in evaluation mode.

    Returns:
        The parameters, which are leaves that require a gradient if those of the models do, and the buffers.

    Raises:
        OptionError: there are no models, or they are of different kinds or modes.

    Source: torch.func.stack_module_state.

    >>> import retrograd as rg
    >>> models = [rg.nn.Linear(3, 2) for _ in range(5)]
    >>> params, buffers = rg.func.stack_module_state(models)
    >>> run = lambda p, x: rg.func.functional_call(models[0], p, x)
    >>> rg.func.vmap(run, in_dims=(0, None))(params, rg.zeros(4, 3)).shape
    retrograd.Size([5, 4, 2])
    """
    if not models:
        raise OptionError("stack_module_state: the sequence of models is empty")
    if len({type(model) for model in models}) > 1:
        raise OptionError("stack_module_state: the models must all be of one class")
    if len({model.training for model in models}) > 1:
        raise OptionError("stack_module_state: the models must all be in training mode, or all in evaluation mode")
    parameters = _stacked([dict(model.named_parameters()) for model in models])
    return parameters, _stacked([dict(model.named_buffers()) for model in models])


def _stacked(states: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        name: stack([state[name].detach() for state in states]).requires_grad_(first.requires_grad)
        for name, first in states[0].items()
    }
