"""What modules save and load: parameters and persistent buffers by their dotted names."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar, NamedTuple

from retrograd.core.buffer import Buffer
from retrograd.core.errors import RetrogradError
from retrograd.core.node import input_node
from retrograd.nn.module_hooks import Hooks, registered
from retrograd.nn.parameter import Parameter
from retrograd.nn.uninitialized import is_lazy
from retrograd.tensor.base import TensorBase
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.hooks import RemovableHandle

EXTRA_STATE = "_extra_state"
# Where, in the metadata of a load, the values stand that are taken over once everything has been found to fit.
_DEFERRED = "deferred"


class StateDictError(RetrogradError, RuntimeError):
    """A state dict that does not fit the module."""


class IncompatibleKeys(NamedTuple):
    """What `load_state_dict` did not find, and did not expect."""

    missing_keys: list[str]
    unexpected_keys: list[str]

    def __repr__(self) -> str:
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return f"IncompatibleKeys(missing_keys={self.missing_keys}, unexpected_keys={self.unexpected_keys})"


class ModuleState:
    """The part of Module that saves and loads.

    Attributes:
        _version: of what a module saves; layers that change it raise it, and find the old one in `local_metadata`.
    """

    _version: ClassVar[int] = 1
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]
    _modules: dict[str, Any]
    _non_persistent: set[str]
    _save_pre_hooks: Hooks
    _save_hooks: Hooks
    _load_pre_hooks: Hooks
    _load_post_hooks: Hooks

    def _set_up_state(self) -> None:
        fields = self.__dict__
        for name in ("_save_pre_hooks", "_save_hooks", "_load_pre_hooks", "_load_post_hooks"):
            fields[name] = {}

    # -- saving -------------------------------------------------------------------------------------------------------

    def state_dict(self, *, destination: Any = None, prefix: str = "", keep_vars: bool = False) -> Any:
        """Parameters and persistent buffers by their dotted names, detached, sharing memory.

        Args:
            destination: a mapping to add to; a new OrderedDict if left out.
            prefix: what stands before each name.
            keep_vars: give the parameters themselves.

        Source: torch.nn.Module.state_dict.

        >>> import retrograd as rg
        >>> list(rg.nn.Linear(2, 1).state_dict(prefix="head."))
        ['head.weight', 'head.bias']
        """
        state: Any = OrderedDict() if destination is None else destination
        if destination is None:
            state._metadata = OrderedDict()
        metadata = {"version": self._version}
        if hasattr(state, "_metadata"):
            state._metadata[prefix[:-1]] = metadata
        for hook in list(self._save_pre_hooks.values()):
            hook(self, prefix, keep_vars)
        self._save_to_state_dict(state, prefix, keep_vars)
        for name, child in self._modules.items():
            if child is not None:
                child.state_dict(destination=state, prefix=f"{prefix}{name}.", keep_vars=keep_vars)
        for hook in list(self._save_hooks.values()):
            replaced = hook(self, state, prefix, metadata)
            state = state if replaced is None else replaced
        return state

    def _own_state(self) -> Iterator[tuple[str, Any]]:
        for name, parameter in self._parameters.items():
            if parameter is not None:
                yield name, parameter
        for name, buffer in self._buffers.items():
            if buffer is not None and name not in self._non_persistent:
                yield name, buffer

    def _save_to_state_dict(self, destination: Any, prefix: str, keep_vars: bool) -> None:
        """Add what this module itself holds, without its children."""
        for name, tensor in self._own_state():
            destination[prefix + name] = tensor if keep_vars else tensor.detach()
        if self._has_extra_state():
            destination[prefix + EXTRA_STATE] = self.get_extra_state()

    def _has_extra_state(self) -> bool:
        return type(self).get_extra_state is not ModuleState.get_extra_state

    def get_extra_state(self) -> Any:
        """What else a module saves; subclasses that have something define this and `set_extra_state`."""
        raise NotImplementedError(f"{type(self).__name__} does not define get_extra_state()")

    def set_extra_state(self, state: Any) -> None:
        """Take over what `get_extra_state` gave."""
        raise NotImplementedError(
            f"{type(self).__name__} does not define set_extra_state(), and the state dict has an extra state for it"
        )

    # -- loading ------------------------------------------------------------------------------------------------------

    def load_state_dict(
        self, state_dict: Mapping[str, Any], strict: bool = True, assign: bool = False
    ) -> IncompatibleKeys:
        """Copy values into parameters and buffers.

        Args:
            state_dict: tensors by their dotted names.
            strict: whether every key must be there, and no other.
            assign: take the tensors themselves in place of copies of their elements.

        Returns:
            The keys that were missing, and those that were not expected.

        Raises:
            StateDictError: a shape differs, or (if `strict`) keys are missing or unknown. Nothing is changed then.

        Source: torch.nn.Module.load_state_dict.
        """
        given: Any = OrderedDict(state_dict)
        metadata = getattr(state_dict, "_metadata", {})
        missing: list[str] = []
        unexpected: list[str] = []
        problems: list[str] = []
        deferred: list[Callable[[], None]] = []

        def load(module: Any, local: Any, prefix: str) -> None:
            own = {**metadata.get(prefix[:-1], {}), "assign_to_params_buffers": assign, _DEFERRED: deferred}
            module._load_from_state_dict(local, prefix, own, True, missing, unexpected, problems)
            for name, child in module._modules.items():
                if child is not None:
                    below = f"{prefix}{name}."
                    load(child, {key: value for key, value in local.items() if key.startswith(below)}, below)
            incompatible = IncompatibleKeys(missing, unexpected)
            for hook in list(module._load_post_hooks.values()):
                hook(module, incompatible)

        load(self, given, "")
        if strict and missing:
            problems.append(f"missing keys: {', '.join(missing)}")
        if strict and unexpected:
            problems.append(f"unexpected keys: {', '.join(unexpected)}")
        if problems:
            raise StateDictError(f"load_state_dict of {type(self).__name__}: " + "; ".join(problems))
        with no_grad():
            for take_over in deferred:
                take_over()
        return IncompatibleKeys(missing, unexpected)

    def _load_from_state_dict(
        self,
        state_dict: Any,
        prefix: str,
        local_metadata: dict[str, Any],
        strict: bool,
        missing_keys: list[str],
        unexpected_keys: list[str],
        error_msgs: list[str],
    ) -> None:
        """Find what this module itself holds, without its children; it is taken over when all else fits too."""
        for hook in list(self._load_pre_hooks.values()):
            hook(state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys, error_msgs)
        assign = local_metadata.get("assign_to_params_buffers", False)
        deferred: list[Callable[[], None]] = local_metadata.setdefault(_DEFERRED, [])
        own = dict(self._own_state())
        for name, tensor in own.items():
            key = prefix + name
            if key not in state_dict:
                if strict:
                    missing_keys.append(key)
                continue
            problem = _misfit(key, tensor, state_dict[key])
            if problem is not None:
                error_msgs.append(problem)
            else:
                deferred.append(_Taking(self, name, state_dict[key], assign))
        self._load_extra_state(state_dict, prefix + EXTRA_STATE, strict, missing_keys, unexpected_keys, deferred)
        if strict:
            known = {*own, *self._modules, EXTRA_STATE}
            rest = (key[len(prefix) :] for key in state_dict if key.startswith(prefix))
            unexpected_keys.extend(prefix + key for key in rest if not _is_known(key, known, self._modules))

    def _load_extra_state(
        self,
        state_dict: Any,
        key: str,
        strict: bool,
        missing: list[str],
        unexpected: list[str],
        deferred: list[Callable[[], None]],
    ) -> None:
        if type(self).set_extra_state is not ModuleState.set_extra_state:
            if key in state_dict:
                value = state_dict[key]
                deferred.append(lambda: self.set_extra_state(value))
            elif strict:
                missing.append(key)
        elif strict and key in state_dict:
            unexpected.append(key)

    # -- hooks --------------------------------------------------------------------------------------------------------

    def register_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, prefix, keep_vars) before the module is saved."""
        return registered(self._save_pre_hooks, hook)

    def register_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, state_dict, prefix, local_metadata) when the module and all below it are saved."""
        return registered(self._save_hooks, hook)

    _register_state_dict_hook = register_state_dict_post_hook

    def register_load_state_dict_pre_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call a hook before the module is loaded; it may change the state dict.

        It is called as hook(module, state_dict, prefix, local_metadata, strict, missing_keys, unexpected_keys,
        error_msgs). Source: torch.nn.Module.register_load_state_dict_pre_hook.
        """
        return self._register_load_state_dict_pre_hook(hook, with_module=True)

    def _register_load_state_dict_pre_hook(
        self, hook: Callable[..., Any], with_module: bool = False
    ) -> RemovableHandle:
        return registered(self._load_pre_hooks, _WithModule(hook, self) if with_module else hook)

    def register_load_state_dict_post_hook(self, hook: Callable[..., Any]) -> RemovableHandle:
        """Call hook(module, incompatible_keys) when all keys have been looked at; it may take keys off the lists."""
        return registered(self._load_post_hooks, hook)


class _WithModule:
    """A hook that gets the module as its first argument. A copy of the module has a hook of its own."""

    def __init__(self, hook: Callable[..., Any], module: Any) -> None:
        self.hook, self.module = hook, module

    def __call__(self, *args: Any) -> Any:
        return self.hook(self.module, *args)


class _Taking:
    """A value that a module will take over."""

    def __init__(self, module: Any, name: str, value: Any, assign: bool) -> None:
        self.module, self.name, self.value, self.assign = module, name, value, assign

    def __call__(self) -> None:
        module, name, value = self.module, self.name, self.value
        own = module._parameters.get(name)
        tensor = module._buffers[name] if own is None else own
        if is_lazy(value):
            return
        if self.assign:
            if own is not None and not isinstance(value, Parameter):
                value = Parameter(value, requires_grad=own.requires_grad)
            setattr(module, name, value)
            return
        if is_lazy(tensor):
            tensor.materialize(value.shape)
        _copy(tensor.detach(), value)


def _copy(tensor: Any, value: Any) -> None:
    """`tensor.copy_(value)`, at once where the elements are in memory: a program that copies would have to be made."""
    storage = value._storage
    type_, buffer = storage.node.type, storage.memory or storage.node.buffer
    is_whole = not value._view and type_.shape == tuple(tensor.shape) and type_.dtype is tensor.dtype
    if is_whole and isinstance(buffer, Buffer):
        tensor._assign("copy_", input_node(type_, buffer.copy()))
    else:
        tensor.copy_(value)


def _misfit(key: str, tensor: Any, value: Any) -> str | None:
    """Why a value does not fit in the place of a tensor."""
    if not isinstance(value, TensorBase):
        return f"{key}: there is a {type(value).__name__}, and a tensor is expected"
    if is_lazy(tensor) or is_lazy(value) or tuple(value.shape) == tuple(tensor.shape):
        return None
    return f"{key}: the file has shape {tuple(value.shape)}, the module {tuple(tensor.shape)}"


def _is_known(key: str, known: set[str], children: Mapping[str, Any]) -> bool:
    """Whether a key without the prefix is one's own, or belongs to a child."""
    first, *rest = key.split(".", 1)
    return first in children if rest else first in known and first not in children
