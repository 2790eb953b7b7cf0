"""What optimizers share: parameter groups, state, and closing the step.

`step()` records one node for each group: a composite that takes parameters, gradients, state and numbers, and gives
their next values. That node and everything else pending are computed by one program, which writes the next values
over the old ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.optim.closing import Closings
from retrograd.optim.state_hooks import StateHooks
from retrograd.tensor.autograd import clear_gradients
from retrograd.tensor.base import TensorBase
from retrograd.tensor.grad_mode import enable_grad, no_grad
from retrograd.tensor.hooks import RemovableHandle, add_hook
from retrograd.tensor.reading import Reading
from retrograd.tensor.storage import flush

ParameterGroup = dict[str, Any]
Hooks = dict[int, Callable[..., Any]]


class Optimizer(StateHooks):
    """Base of every optimizer.

    Args:
        params: parameters, or dictionaries of a group's "params" and its own options.
        defaults: options of groups that do not set their own.

    Attributes:
        param_groups: the groups; options such as `lr` may be changed at any time.
        state: for each parameter, what is remembered of it.
        steps_called: how often `step` was called.

    Raises:
        OptionError: no parameters, or one that is no tensor, no leaf, or listed twice.

    Source: torch.optim.Optimizer.
    """

    def __init__(self, params: Iterable[Any], defaults: dict[str, Any]) -> None:
        if isinstance(params, TensorBase):
            raise OptionError("an optimizer takes a list of parameters; write [parameter] for one")
        if not isinstance(params, Iterable):
            raise OptionError(f"an optimizer takes a list of parameters, not {params!r}; pass model.parameters()")
        super().__init__()
        self.defaults = defaults
        self.state: dict[Any, dict[str, Any]] = defaultdict(dict)
        self.param_groups: list[ParameterGroup] = []
        self.steps_called = 0
        self._closings = Closings()
        self._before_step: Hooks = {}
        self._after_step: Hooks = {}
        listed = list(params)
        if not listed:
            raise OptionError("an optimizer got an empty list of parameters; pass model.parameters()")
        groups = listed if isinstance(listed[0], dict) else [{"params": listed}]
        for group in groups:
            self.add_param_group(group)
        # Initial weights and statistics, drawn or loaded, are no part of the first step: it is like all others then.
        flush()

    def add_param_group(self, param_group: ParameterGroup) -> None:
        """Add parameters with options of their own.

        Args:
            param_group: "params", which may be pairs of names and parameters, and options.

        Raises:
            OptionError: there is no "params", or in it one that is no tensor, no leaf, or listed twice.
        """
        if not isinstance(param_group, dict) or "params" not in param_group:
            raise OptionError(f"a parameter group is a dictionary with 'params', and this one is {param_group!r}")
        group, params = dict(param_group), param_group["params"]
        listed: list[Any] = [params] if isinstance(params, TensorBase) else list(params)
        if listed and all(isinstance(x, tuple) for x in listed):
            group["param_names"] = [name for name, _ in listed]
            listed = [parameter for _, parameter in listed]
        known = {id(p) for other in self.param_groups for p in other["params"]}
        for parameter in listed:
            if not isinstance(parameter, TensorBase):
                raise OptionError(f"an optimizer takes tensors, and received {type(parameter).__name__}")
            if not parameter.is_leaf:
                raise OptionError("an optimizer takes leaves: this tensor is the result of an operation")
            if id(parameter) in known:
                raise OptionError("a parameter stands in more than one place of the optimizer's groups")
            known.add(id(parameter))
        self.param_groups.append({**self.defaults, **group, "params": listed})

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for group in self.param_groups:
            clear_gradients(group["params"], set_to_none)

    def step(self, closure: Any = None) -> Any:
        """Update every parameter that has a gradient, and compute everything that is pending.

        Args:
            closure: computes the loss anew and returns it, for algorithms that ask for it more than once.
        """
        self.steps_called += 1
        if self._before_step:
            closure = self._closure_after_hooks(closure)
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        with no_grad():
            for group in self.param_groups:
                params = [p for p in group["params"] if p._grad is not None]
                if params:
                    self._update(group, params)
        if self._after_step:
            self._run_hooks(self._after_step, closure)
        return loss

    def register_step_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) before each step, with the arguments of `step`; it may return others, as a
        tuple and a dictionary."""
        return add_hook(self._before_step, hook)

    def register_step_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(optimizer, args, kwargs) after each step, with the arguments of `step`."""
        return add_hook(self._after_step, hook)

    def _closure_after_hooks(self, closure: Any) -> Any:
        """The argument of `step`, which hooks may replace.

        Raises:
            TypeError: one returned something else than arguments and keyword arguments.
        """
        args = self._step_arguments(closure)
        kwargs: dict[str, Any] = {}
        for hook in list(self._before_step.values()):
            returned = hook(self, args, kwargs)
            if returned is None:
                continue
            if not isinstance(returned, tuple) or len(returned) != 2:
                raise TypeError(f"step: a hook must return None or (args, kwargs), and returned {returned!r}")
            args, kwargs = returned
        return args[1] if len(args) > 1 else kwargs.get("closure")

    def _step_arguments(self, closure: Any) -> tuple[Any, ...]:
        """What hooks see, as in PyTorch: the optimizer comes first."""
        return (self,) if closure is None else (self, closure)

    def _run_hooks(self, hooks: Hooks, closure: Any) -> None:
        for hook in list(hooks.values()):
            hook(self, self._step_arguments(closure), {})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        """Record the update of a group and close the step with it (`close`)."""
        raise NotImplementedError

    # -- state --------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """State and options, with parameters numbered in order. Source: torch.optim.Optimizer.state_dict."""
        self._about_to_save()
        numbers: dict[int, int] = {}
        groups = []
        for group in self.param_groups:
            for parameter in group["params"]:
                numbers[id(parameter)] = len(numbers)
            options = {key: value for key, value in group.items() if key != "params"}
            groups.append({**options, "params": [numbers[id(p)] for p in group["params"]]})
        state = {numbers[id(p)]: dict(entry) for p, entry in self.state.items()}
        return self._saved({"state": state, "param_groups": groups})

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take over what `state_dict` gave.

        Raises:
            OptionError: the groups do not have the same numbers of parameters.
        """
        state = self._about_to_load(state)
        sizes = [len(group["params"]) for group in self.param_groups]
        loaded = [len(group["params"]) for group in state["param_groups"]]
        if sizes != loaded:
            raise OptionError(f"load_state_dict: groups of {loaded} parameters do not fit groups of {sizes}")
        by_number: dict[int, Any] = {}
        for group, other in zip(self.param_groups, state["param_groups"], strict=True):
            by_number.update(zip(other["params"], group["params"], strict=True))
            group.update({key: value for key, value in other.items() if key != "params"})
        self.state = defaultdict(dict)
        for number, entry in state["state"].items():
            parameter = by_number[number]
            self.state[parameter] = {key: _taken_over(key, value, parameter) for key, value in entry.items()}
        self._loaded()

    def __repr__(self) -> str:
        lines = [f"{type(self).__name__} ("]
        for i, group in enumerate(self.param_groups):
            lines.append(f"Parameter Group {i}")
            lines += [f"    {key}: {value}" for key, value in sorted(group.items()) if key != "params"]
        return "\n".join([*lines, ")"])


def _taken_over(key: str, value: Any, parameter: Any) -> Any:
    """A copy of what a state dict has for a parameter: numbers as numbers, floating-point tensors in its dtype."""
    if isinstance(value, list):
        return [_taken_over(key, x, parameter) for x in value]
    if not isinstance(value, Reading):
        return value
    if not value.ndim:
        return int(value.item()) if key == "step" else value.item()
    copied = value.detach().clone()
    return copied.to(parameter.dtype) if copied.dtype.is_floating_point else copied
