"""Module: a network, or a part of one, that knows its parameters, buffers and children."""

from __future__ import annotations

import itertools
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Self

from retrograd.core.dtype import DType, float32, float64
from retrograd.core.errors import OptionError, RetrogradError
from retrograd.nn.parameter import Parameter
from retrograd.tensor.autograd import RemovableHandle, no_grad
from retrograd.tensor.base import TensorBase, wrap

_hook_number = itertools.count().__next__


class StateDictError(RetrogradError, RuntimeError):
    """A state dict that does not fit the module."""


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and did not expect."""

    missing_keys: list[str]
    unexpected_keys: list[str]


class Module:
    """Base of every layer. Subclasses define `forward`.

    Attributes:
        training: whether layers such as dropout behave as in training.

    Source: torch.nn.Module.

    >>> import retrograd as rg
    >>> class Net(rg.nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.fc = rg.nn.Linear(2, 1)
    ...     def forward(self, x):
    ...         return self.fc(x)
    >>> [name for name, _ in Net().named_parameters()]
    ['fc.weight', 'fc.bias']
    """

    training: bool
    _parameters: dict[str, Parameter | None]
    _buffers: dict[str, Any]
    _modules: dict[str, Module | None]
    _non_persistent: set[str]
    _forward_hooks: dict[int, Callable[..., Any]]
    _forward_pre_hooks: dict[int, Callable[..., Any]]

    def __init__(self) -> None:
        fields = self.__dict__
        fields["training"] = True
        fields["_parameters"] = {}
        fields["_buffers"] = {}
        fields["_modules"] = {}
        fields["_non_persistent"] = set()
        fields["_forward_hooks"] = {}
        fields["_forward_pre_hooks"] = {}

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self._forward_hooks or self._forward_pre_hooks:
            return self._call_with_hooks(args, kwargs)
        return self.forward(*args, **kwargs)

    def _call_with_hooks(self, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        for hook in list(self._forward_pre_hooks.values()):
            replaced = hook(self, args)
            if replaced is not None:
                args = replaced if isinstance(replaced, tuple) else (replaced,)
        result = self.forward(*args, **kwargs)
        for hook in list(self._forward_hooks.values()):
            replaced = hook(self, args, result)
            result = result if replaced is None else replaced
        return result

    # -- attributes ---------------------------------------------------------------------------------------------------
    # Parameters, buffers and children also stand in the instance's own dictionary: reading one costs no more than
    # reading any attribute.

    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        if "_parameters" not in fields:
            if isinstance(value, (Parameter, Module)):
                raise RetrogradError(f"{type(self).__name__}: call super().__init__() before setting {name!r}")
            object.__setattr__(self, name, value)
            return
        known = fields["_buffers"] if name in fields["_buffers"] and isinstance(value, TensorBase) else None
        for registry, kind in ((fields["_parameters"], Parameter), (fields["_modules"], Module)):
            if isinstance(value, kind) or (value is None and name in registry):
                known = registry
            else:
                registry.pop(name, None)
        if known is not None:
            known[name] = value
        elif name in fields["_buffers"]:
            fields["_buffers"].pop(name)
        object.__setattr__(self, name, value)

    def __delattr__(self, name: str) -> None:
        for registry in (self._parameters, self._buffers, self._modules):
            registry.pop(name, None)
        object.__delattr__(self, name)

    def register_parameter(self, name: str, parameter: Parameter | None) -> None:
        """Enter a parameter, or None for one that this instance does without."""
        self._parameters[name] = parameter
        object.__setattr__(self, name, parameter)

    def register_buffer(self, name: str, tensor: TensorBase | None, persistent: bool = True) -> None:
        """Enter a tensor that belongs to the state and is not trained."""
        self._buffers[name] = tensor
        if not persistent:
            self._non_persistent.add(name)
        object.__setattr__(self, name, tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """Enter a child."""
        self._modules[name] = module
        object.__setattr__(self, name, module)

    register_module = add_module

    # -- walking ------------------------------------------------------------------------------------------------------

    def children(self) -> Iterator[Module]:
        return (module for module in self._modules.values() if module is not None)

    def named_children(self) -> Iterator[tuple[str, Module]]:
        return ((name, module) for name, module in self._modules.items() if module is not None)

    def named_modules(self, memo: set[Module] | None = None, prefix: str = "") -> Iterator[tuple[str, Module]]:
        """This module and all below it, each once, with their dotted names."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        memo.add(self)
        yield prefix, self
        for name, child in self.named_children():
            yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name)

    def modules(self) -> Iterator[Module]:
        return (module for _, module in self.named_modules())

    def _named(self, registry: str, recurse: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules() if recurse else [("", self)]:
            for name, value in module.__dict__[registry].items():
                if value is not None and id(value) not in seen:
                    seen.add(id(value))
                    yield (f"{prefix}.{name}" if prefix else name), value

    def named_parameters(self, recurse: bool = True) -> Iterator[tuple[str, Parameter]]:
        return self._named("_parameters", recurse)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        return (parameter for _, parameter in self.named_parameters(recurse))

    def named_buffers(self, recurse: bool = True) -> Iterator[tuple[str, Any]]:
        return self._named("_buffers", recurse)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        return (buffer for _, buffer in self.named_buffers(recurse))

    def apply(self, function: Callable[[Module], None]) -> Self:
        """Call a function on every module below, children first, and on this one."""
        for child in self.children():
            child.apply(function)
        function(self)
        return self

    # -- state --------------------------------------------------------------------------------------------------------

    def state_dict(self) -> dict[str, Any]:
        """Parameters and persistent buffers by their dotted names, detached, sharing memory."""
        state: dict[str, Any] = OrderedDict()
        for prefix, module in self.named_modules():
            for registry in (module._parameters, module._buffers):
                for name, value in registry.items():
                    if value is not None and name not in module._non_persistent:
                        state[f"{prefix}.{name}" if prefix else name] = value.detach()
        return state

    def load_state_dict(self, state: Mapping[str, Any], strict: bool = True) -> IncompatibleKeys:
        """Copy values into parameters and buffers.

        Raises:
            StateDictError: a shape differs, or (if `strict`) keys are missing or unknown. Nothing is changed then.
        """
        own = self.state_dict()
        missing = [key for key in own if key not in state]
        unexpected = [key for key in state if key not in own]
        problems = [
            f"{key}: the file has shape {tuple(state[key].shape)}, the module {tuple(own[key].shape)}"
            for key in own
            if key in state and tuple(state[key].shape) != tuple(own[key].shape)
        ]
        if strict and missing:
            problems.append(f"missing keys: {', '.join(missing)}")
        if strict and unexpected:
            problems.append(f"unexpected keys: {', '.join(unexpected)}")
        if problems:
            raise StateDictError(f"load_state_dict of {type(self).__name__}: " + "; ".join(problems))
        with no_grad():
            for key, tensor in own.items():
                if key in state:
                    tensor.copy_(state[key])
        return IncompatibleKeys(missing, unexpected)

    def train(self, mode: bool = True) -> Self:
        """Put this module and all below it in training mode."""
        if not isinstance(mode, bool):
            raise OptionError(f"train: the mode must be True or False, not {mode!r}")
        for module in self.modules():
            module.training = mode
        return self

    def eval(self) -> Self:
        """Put this module and all below it in evaluation mode."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        for parameter in self.parameters():
            if set_to_none:
                parameter.grad = None
            elif parameter.grad is not None:
                parameter.grad.zero_()

    def to(self, *args: Any, dtype: DType | None = None, device: Any = None) -> Self:
        """Cast floating-point parameters and buffers. Devices: everything is on the CPU."""
        for arg in args:
            if isinstance(arg, DType):
                dtype = arg
            elif str(arg) != "cpu":
                raise OptionError(f"to: device {arg!r} is not there; this build computes on 'cpu'")
        if dtype is not None:
            self._cast(dtype)
        return self

    def _cast(self, dtype: DType) -> None:
        for module in self.modules():
            for parameter in module._parameters.values():
                if parameter is not None and parameter.dtype.is_floating_point:
                    parameter.data = parameter.detach().to(dtype)
            for name, buffer in list(module._buffers.items()):
                if buffer is not None and buffer.dtype.is_floating_point:
                    module.register_buffer(name, wrap(buffer.to(dtype)._read()), name not in module._non_persistent)

    def double(self) -> Self:
        return self.to(float64)

    def float(self) -> Self:
        return self.to(float32)

    def cpu(self) -> Self:
        return self

    # -- hooks --------------------------------------------------------------------------------------------------------

    def register_forward_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, args, output) after each forward; what it returns, if anything, is the output."""
        number = _hook_number()
        self._forward_hooks[number] = hook
        return RemovableHandle(self._forward_hooks, number)

    def register_forward_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, args) before each forward; what it returns, if anything, are the arguments."""
        number = _hook_number()
        self._forward_pre_hooks[number] = hook
        return RemovableHandle(self._forward_pre_hooks, number)

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's line."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self.named_children()]
        if not lines:
            return f"{type(self).__name__}({self.extra_repr()})"
        return f"{type(self).__name__}(\n  " + "\n  ".join(lines) + "\n)"
