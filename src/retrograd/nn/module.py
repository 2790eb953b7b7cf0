"""Module: a network, or a part of one, that knows its parameters, buffers and children."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain
from typing import Any, Self

from retrograd.core.errors import OptionError, RetrogradError
from retrograd.nn.buffer import Buffer
from retrograd.nn.module_conversion import ModuleConversion
from retrograd.nn.module_hooks import ModuleHooks
from retrograd.nn.module_state import IncompatibleKeys, ModuleState, StateDictError
from retrograd.nn.parameter import Parameter
from retrograd.tensor.autograd import clear_gradients
from retrograd.tensor.base import TensorBase

__all__ = ["IncompatibleKeys", "Module", "StateDictError"]


class Module(ModuleHooks, ModuleState, ModuleConversion):
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
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent: set[str]

    def __init__(self) -> None:
        fields = self.__dict__
        fields["training"] = True
        fields["_parameters"] = {}
        fields["_buffers"] = {}
        fields["_modules"] = {}
        fields["_non_persistent"] = set()
        self._set_up_hooks()
        self._set_up_state()

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """What the module computes."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    # -- attributes ---------------------------------------------------------------------------------------------------
    # Parameters, buffers and children also stand in the instance's own dictionary: reading one costs no more than
    # reading any attribute.

    def __setattr__(self, name: str, value: Any) -> None:
        fields = self.__dict__
        if "_parameters" not in fields:
            if isinstance(value, (Parameter, Module, Buffer)):
                raise RetrogradError(f"{type(self).__name__}: call super().__init__() before setting {name!r}")
            object.__setattr__(self, name, value)
            return
        if isinstance(getattr(type(self), name, None), property):
            object.__setattr__(self, name, value)
            return
        registry = self._registry_for(name, value)
        for other in (fields["_parameters"], fields["_modules"], fields["_buffers"]):
            if other is not registry:
                other.pop(name, None)
        if registry is not None:
            registry[name] = value
        if isinstance(value, Buffer):
            (self._non_persistent.discard if value.persistent else self._non_persistent.add)(name)
        object.__setattr__(self, name, value)

    def _registry_for(self, name: str, value: Any) -> dict[str, Any] | None:
        """Where a value belongs that is set as an attribute; None: nowhere but the attribute itself."""
        if isinstance(value, Parameter):
            return self._parameters
        if isinstance(value, Module):
            return self._modules
        if isinstance(value, Buffer):
            return self._buffers
        kinds = (
            (self._parameters, "parameter", "a Parameter"),
            (self._modules, "child module", "a Module"),
            (self._buffers, "buffer", "a tensor"),
        )
        for registry, what, expected in kinds:
            if name in registry:
                if value is None or (registry is self._buffers and isinstance(value, TensorBase)):
                    return registry
                raise TypeError(
                    f"{type(self).__name__}: {name!r} is a {what}, and cannot become a {type(value).__name__}; it must "
                    f"be {expected} or None: delete it first to put something else there"
                )
        return None

    def __delattr__(self, name: str) -> None:
        for registry in (self._parameters, self._buffers, self._modules):
            registry.pop(name, None)
        self._non_persistent.discard(name)
        object.__delattr__(self, name)

    def register_parameter(self, name: str, param: Parameter | None) -> None:
        """Enter a parameter, or None for one that this instance does without.

        Raises:
            KeyError: a name that is no attribute's, or is taken. TypeError: no parameter.

        Source: torch.nn.Module.register_parameter.
        """
        self._check_name("register_parameter", name, self._parameters)
        if param is not None and not isinstance(param, Parameter):
            raise TypeError(
                f"register_parameter: {name!r} is a {type(param).__name__}; it must be a Parameter or None: write "
                "Parameter(tensor)"
            )
        self._enter(self._parameters, name, param)

    def register_buffer(self, name: str, tensor: Any, persistent: bool = True) -> None:
        """Enter a tensor that belongs to the state and is not trained.

        Args:
            name: of the attribute.
            tensor: or None, for a buffer that this instance does without.
            persistent: whether it is saved.

        Raises:
            KeyError: a name that is no attribute's, or is taken. TypeError: no tensor.

        Source: torch.nn.Module.register_buffer.
        """
        self._check_name("register_buffer", name, self._buffers)
        if tensor is not None and not isinstance(tensor, TensorBase):
            raise TypeError(f"register_buffer: {name!r} is a {type(tensor).__name__}; it must be a tensor or None")
        if persistent:
            self._non_persistent.discard(name)
        else:
            self._non_persistent.add(name)
        self._enter(self._buffers, name, tensor)

    def add_module(self, name: str, module: Module | None) -> None:
        """Enter a child.

        Raises:
            KeyError: a name that is no attribute's, or is taken. TypeError: no module.

        Source: torch.nn.Module.add_module.
        """
        self._check_name("add_module", name, self._modules)
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"add_module: {name!r} is a {type(module).__name__}; it must be a Module or None")
        self._enter(self._modules, name, module)

    register_module = add_module

    def _check_name(self, operation: str, name: str, registry: dict[str, Any]) -> None:
        if "_parameters" not in self.__dict__:
            raise RetrogradError(f"{type(self).__name__}: call super().__init__() before {operation}()")
        if not isinstance(name, str):
            raise TypeError(f"{operation}: a name must be a string, and is a {type(name).__name__}")
        if not name or "." in name:
            raise KeyError(f"{operation}: {name!r} cannot be a name: it must not be empty, nor have a dot in it")
        if name not in registry and hasattr(self, name):
            raise KeyError(f"{operation}: {type(self).__name__} has an attribute {name!r} already; choose another name")

    def _enter(self, registry: dict[str, Any], name: str, value: Any) -> None:
        registry[name] = value
        object.__setattr__(self, name, value)

    # -- walking ------------------------------------------------------------------------------------------------------

    def children(self) -> Iterator[Module]:
        """The modules that stand directly in this one, each once."""
        return (module for _, module in self.named_children())

    def named_children(self) -> Iterator[tuple[str, Module]]:
        """The modules that stand directly in this one, with their names, each once."""
        seen: set[int] = set()
        for name, module in self._modules.items():
            if module is not None and id(module) not in seen:
                seen.add(id(module))
                yield name, module

    def named_modules(
        self, memo: set[Module] | None = None, prefix: str = "", remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Module]]:
        """This module and all below it, with their dotted names; each once, unless duplicates are asked for."""
        memo = set() if memo is None else memo
        if self in memo:
            return
        if remove_duplicate:
            memo.add(self)
        yield prefix, self
        for name, child in self._modules.items():
            if child is not None:
                yield from child.named_modules(memo, f"{prefix}.{name}" if prefix else name, remove_duplicate)

    def modules(self) -> Iterator[Module]:
        """This module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def _named(self, registry: str, prefix: str, recurse: bool, remove_duplicate: bool) -> Iterator[tuple[str, Any]]:
        seen: set[int] = set()
        modules = self.named_modules(None, prefix, remove_duplicate) if recurse else [(prefix, self)]
        for path, module in modules:
            for name, value in module.__dict__[registry].items():
                if value is None or id(value) in seen:
                    continue
                if remove_duplicate:
                    seen.add(id(value))
                yield (f"{path}.{name}" if path else name), value

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Parameters with their dotted names.

        Args:
            prefix: what stands before each name.
            recurse: whether to look into children.
            remove_duplicate: whether to give what is shared once only.
        """
        return self._named("_parameters", prefix, recurse, remove_duplicate)

    def parameters(self, recurse: bool = True) -> Iterator[Parameter]:
        """Parameters, each once."""
        if type(self).named_parameters is not Module.named_parameters:
            return (parameter for _, parameter in self.named_parameters(recurse=recurse))
        # Training loops ask for them at every step: their names are left out.
        below: dict[Module, None] = {}
        if recurse:
            self._enter_below(below)
        found = dict.fromkeys(chain.from_iterable([module._parameters.values() for module in below or (self,)]))
        found.pop(None, None)
        return iter(found)

    def _enter_below(self, found: dict[Module, None]) -> None:
        """Enter this module and all below it, in the order of `named_modules`, each once."""
        found[self] = None
        for child in self._modules.values():
            if child is None or child in found:
                continue
            if child._modules:
                child._enter_below(found)
            else:
                found[child] = None

    def named_buffers(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Any]]:
        """Buffers with their dotted names; the arguments are those of `named_parameters`."""
        return self._named("_buffers", prefix, recurse, remove_duplicate)

    def buffers(self, recurse: bool = True) -> Iterator[Any]:
        """Buffers, each once."""
        return (buffer for _, buffer in self.named_buffers(recurse=recurse))

    def apply(self, fn: Callable[[Module], None]) -> Self:
        """Call a function on every module below, children first, and on this one."""
        for child in self.children():
            child.apply(fn)
        fn(self)
        return self

    def get_submodule(self, target: str) -> Module:
        """The module with a dotted name; this one for "".

        Raises:
            AttributeError: there is none.
        """
        module: Any = self
        for name in target.split(".") if target else ():
            if not isinstance(getattr(module, name, None), Module):
                raise AttributeError(f"{type(module).__name__} has no module {name!r} (looking for {target!r})")
            module = getattr(module, name)
        return module  # type: ignore[no-any-return]

    def set_submodule(self, target: str, module: Module, strict: bool = False) -> None:
        """Put a module in the place with a dotted name.

        Raises:
            ValueError: an empty name. TypeError: no module. AttributeError: there is no such place.
        """
        if not target:
            raise ValueError("set_submodule: the target is empty; a module cannot take its own place")
        if not isinstance(module, Module):
            raise TypeError(f"set_submodule: {target!r} is to be a {type(module).__name__}; it must be a Module")
        path, _, name = target.rpartition(".")
        parent = self.get_submodule(path)
        if strict and not isinstance(getattr(parent, name, None), Module):
            raise AttributeError(f"{type(parent).__name__} has no module {name!r} (looking for {target!r})")
        setattr(parent, name, module)

    def get_parameter(self, target: str) -> Parameter:
        """The parameter with a dotted name. Raises AttributeError if there is none."""
        return self._found(target, "_parameters", "parameter")  # type: ignore[no-any-return]

    def get_buffer(self, target: str) -> Any:
        """The buffer with a dotted name. Raises AttributeError if there is none."""
        return self._found(target, "_buffers", "buffer")

    def _found(self, target: str, registry: str, what: str) -> Any:
        path, _, name = target.rpartition(".")
        module = self.get_submodule(path)
        found = module.__dict__[registry].get(name)
        if found is None:
            raise AttributeError(f"{type(module).__name__} has no {what} {name!r} (looking for {target!r})")
        return found

    # -- training -----------------------------------------------------------------------------------------------------

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
        """Ask for gradients of all parameters, or no longer."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients, or set them to zero."""
        clear_gradients(self.parameters(), set_to_none)

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Nothing is left to do: every step is compiled as it is. Source: torch.nn.Module.compile."""

    def extra_repr(self) -> str:
        """What stands between the parentheses of the module's line."""
        return ""

    def _get_name(self) -> str:
        return type(self).__name__

    def __repr__(self) -> str:
        own = self.extra_repr()
        lines = own.split("\n") if own else []
        children = [f"({name}): " + repr(child).replace("\n", "\n  ") for name, child in self._modules.items()]
        if not children and len(lines) < 2:
            return f"{self._get_name()}({own})"
        return f"{self._get_name()}(\n  " + "\n  ".join([*lines, *children]) + "\n)"

    def __dir__(self) -> list[str]:
        return sorted(name for name in super().__dir__() if not name[:1].isdigit())
