"""Parametrizations: attributes of modules that are computed from other tensors each time they are read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from retrograd.core.errors import OptionError, RetrogradError, ShapeError
from retrograd.nn.container import ModuleList
from retrograd.nn.module import Module
from retrograd.nn.module_dict import ModuleDict
from retrograd.nn.parameter import Parameter
from retrograd.tensor.base import TensorBase
from retrograd.tensor.grad_mode import no_grad

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]


class _Cache:
    """What parametrizations gave inside of `cached()`."""

    def __init__(self) -> None:
        self.depth = 0
        self.found: dict[tuple[int, str], Any] = {}


_cache = _Cache()


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrized tensor once inside of this block, at the first reading.

    Source: torch.nn.utils.parametrize.cached.
    """
    _cache.depth += 1
    try:
        yield
    finally:
        _cache.depth -= 1
        if not _cache.depth:
            _cache.found.clear()


class ParametrizationList(ModuleList):
    """The parametrizations of one tensor, in the order in which they are applied, and what they are applied to.

    Attributes:
        original: the tensor itself; original0, original1, ... if the first parametrization takes several.
        is_tensor: whether it is one tensor.
        unsafe: whether dtype and shape may change.

    Raises:
        OptionError: no parametrization, one that gives no tensor, or one whose inverse gives neither a tensor nor
            several. ShapeError: the shape changes.

    Source: torch.nn.utils.parametrize.ParametrizationList.
    """

    original: Any

    def __init__(self, modules: Sequence[Module], original: Any, unsafe: bool = False) -> None:
        if not modules:
            raise OptionError("ParametrizationList: there is no parametrization; give at least one module")
        super().__init__(modules)
        self.unsafe = unsafe
        first = original.detach()
        with no_grad():
            self._enter_originals(original, _inverted(self, original))
        if not unsafe:
            _require_alike("register_parametrization", "the parametrized tensor", self(), first)

    def _enter_originals(self, original: Any, inverse: Any) -> None:
        self.is_tensor = isinstance(inverse, TensorBase)
        if self.is_tensor:
            if inverse.dtype is not original.dtype:
                raise OptionError(
                    f"register_parametrization: right_inverse gives {inverse.dtype.name} for a tensor of "
                    f"{original.dtype.name}; one tensor must keep its dtype"
                )
            original.data = inverse.detach()
            _enter(self, "original", original)
            return
        self.ntensors = len(_several("register_parametrization", inverse))
        for i, part in enumerate(inverse):
            wanted = original.requires_grad
            kept = Parameter(part, wanted) if isinstance(original, Parameter) else part.requires_grad_(wanted)
            _enter(self, f"original{i}", kept)

    def originals(self) -> list[Any]:
        """What the first parametrization is applied to."""
        return [self.original] if self.is_tensor else [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def forward(self) -> Any:
        value = self[0](*self.originals())
        for parametrization in list(self)[1:]:
            value = parametrization(value)
        return value

    def right_inverse(self, value: Any) -> None:
        """Give the originals the values that make the parametrized tensor `value`.

        Raises:
            RetrogradError: a parametrization has no inverse.
        """
        with no_grad():
            for parametrization in reversed(self):
                if not hasattr(parametrization, "right_inverse"):
                    raise RetrogradError(
                        f"assignment to a parametrized tensor: {type(parametrization).__name__} does not define "
                        "right_inverse(); define it, or assign before the parametrization is registered"
                    )
                value = parametrization.right_inverse(value)
            parts = [value] if self.is_tensor else _several("assignment to a parametrized tensor", value)
            originals = self.originals()
            if len(parts) != len(originals):
                raise OptionError(
                    f"assignment to a parametrized tensor: right_inverse gives {len(parts)} tensors, and there are "
                    f"{len(originals)} originals"
                )
            for own, part in zip(originals, parts, strict=True):
                if part.dtype is not own.dtype:
                    raise OptionError(
                        f"assignment to a parametrized tensor: right_inverse gives {part.dtype.name} for an original "
                        f"of {own.dtype.name}; cast the value with .to(dtype)"
                    )
                own.data = part.detach()


def _inverted(parametrizations: Any, value: Any) -> Any:
    """The inverses of all, last first; those that have none leave the value as it is."""
    for parametrization in reversed(parametrizations):
        if hasattr(parametrization, "right_inverse"):
            try:
                value = parametrization.right_inverse(value)
            except NotImplementedError:
                continue
    return value


def _several(operation: str, value: Any) -> Sequence[Any]:
    if not isinstance(value, (tuple, list)) or not all(isinstance(part, TensorBase) for part in value):
        raise OptionError(f"{operation}: right_inverse must give a tensor or several, not a {type(value).__name__}")
    return value


def _require_alike(operation: str, what: str, found: Any, expected: Any) -> None:
    if not isinstance(found, TensorBase):
        raise OptionError(f"{operation}: {what} must be a tensor, and is a {type(found).__name__}")
    if found.dtype is not expected.dtype:
        raise OptionError(
            f"{operation}: {what} is {found.dtype.name} and was {expected.dtype.name}; pass unsafe=True if it may be"
        )
    if found.shape != expected.shape:
        raise ShapeError(
            f"{operation}: {what} has shape {tuple(found.shape)} and had {tuple(expected.shape)}; pass unsafe=True if "
            "it may have"
        )


def _enter(module: Module, name: str, tensor: Any) -> None:
    register = module.register_parameter if isinstance(tensor, Parameter) else module.register_buffer
    register(name, tensor)


# -- modules with parametrizations ------------------------------------------------------------------------------------


def _parametrized_class(base: type[Module]) -> type[Module]:
    """A subclass for one module alone: its parametrized tensors are properties."""

    def reduce(self: Any, protocol: Any) -> Any:
        return _revived, (base, list(self.parametrizations)), self.__dict__

    return type(f"Parametrized{base.__name__}", (base,), {"__reduce_ex__": reduce})


def _revived(base: type[Module], names: list[str]) -> Module:
    """A module of such a class, before it has its attributes."""
    cls = _parametrized_class(base)
    for name in names:
        _add_property(cls, name)
    return cls.__new__(cls)


def _add_property(cls: type[Module], name: str) -> None:
    def read(self: Any) -> Any:
        if not _cache.depth:
            return self.parametrizations[name]()
        key = (id(self), name)
        if key not in _cache.found:
            _cache.found[key] = self.parametrizations[name]()
        return _cache.found[key]

    def write(self: Any, value: Any) -> None:
        self.parametrizations[name].right_inverse(value)

    setattr(cls, name, property(read, write))


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute a parameter or buffer from now on as `parametrization(original)` each time that it is read.

    The original is `module.parametrizations[tensor_name].original`, with the name of the state dict accordingly. If the
    parametrization defines `right_inverse`, the original is chosen by it, so that the first value is kept, and
    the tensor can be assigned; where that gives several tensors, `forward` takes as many. Further ones are applied one
    after the other.

    Args:
        module: whose tensor it is; the class of the module becomes a subclass of its own.
        tensor_name: the name of a parameter or buffer.
        parametrization: a module.
        unsafe: whether dtype and shape may change.

    Returns:
        The module.

    Raises:
        OptionError: there is no such tensor, or the parametrization changes its dtype. ShapeError: it changes the
        shape.

    Source: torch.nn.utils.parametrize.register_parametrization.

    >>> import retrograd as rg
    >>> class Symmetric(rg.nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).mT
    >>> layer = rg.nn.utils.parametrize.register_parametrization(rg.nn.Linear(3, 3), "weight", Symmetric())
    >>> rg.equal(layer.weight, layer.weight.mT), [name for name, _ in layer.named_parameters()]
    (True, ['bias', 'parametrizations.weight.original'])
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_further(module, tensor_name, parametrization)
        listed: Any = _lists(module)[tensor_name]
        listed.append(parametrization)
        listed.unsafe |= unsafe
        return module
    if tensor_name not in module._parameters and tensor_name not in module._buffers:
        raise OptionError(
            f"register_parametrization: {type(module).__name__} has no parameter or buffer {tensor_name!r}"
        )
    entry = ParametrizationList([parametrization], getattr(module, tensor_name), unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        module.__class__ = _parametrized_class(type(module))
        module.parametrizations = ModuleDict()
    _add_property(type(module), tensor_name)
    _lists(module)[tensor_name] = entry
    return module


def _check_further(module: Module, name: str, parametrization: Module) -> None:
    operation, before = "register_parametrization", getattr(module, name)
    after = parametrization(before)
    _require_alike(operation, "the parametrized tensor", after, before)
    inverse = _inverted([parametrization], after)
    if inverse is not after:
        _require_alike(operation, "what right_inverse gives", inverse, before)


def _lists(module: Any) -> Any:
    return module.parametrizations


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Whether a tensor of a module has parametrizations; without a name, whether any has.

    Source: torch.nn.utils.parametrize.is_parametrized.
    """
    found = getattr(module, "parametrizations", None)
    if not isinstance(found, ModuleDict):
        return False
    return len(found) > 0 if tensor_name is None else tensor_name in found


def remove_parametrizations(module: Module, tensor_name: str, leave_parametrized: bool = True) -> Module:
    """Make a parametrized tensor a parameter or buffer again.

    Args:
        module: whose tensor it is.
        tensor_name: the name of the tensor.
        leave_parametrized: whether it has the value that it has now, or that of the original.

    Returns:
        The module.

    Raises:
        OptionError: it has no parametrization, or the original that is to be left is several tensors.

    Source: torch.nn.utils.parametrize.remove_parametrizations.
    """
    if not is_parametrized(module, tensor_name):
        raise OptionError(f"remove_parametrizations: {tensor_name!r} of {type(module).__name__} has no parametrization")
    entry = _lists(module)[tensor_name]
    if entry.is_tensor:
        tensor = entry.original
        if leave_parametrized:
            with no_grad():
                tensor.data = getattr(module, tensor_name)
    elif leave_parametrized:
        value = getattr(module, tensor_name)
        tensor = Parameter(value.detach()) if value.requires_grad else value
    else:
        raise OptionError(
            f"remove_parametrizations: the original of {tensor_name!r} is {entry.ntensors} tensors, of which none can "
            "take its place; pass leave_parametrized=True"
        )
    delattr(type(module), tensor_name)
    del _lists(module)[tensor_name]
    _enter(module, tensor_name, tensor)
    if not is_parametrized(module):
        delattr(module, "parametrizations")
        module.__class__ = type(module).__bases__[0]
    return module


def type_before_parametrizations(module: Module) -> type:
    """The class of a module without its parametrizations.

    Source: torch.nn.utils.parametrize.type_before_parametrizations.
    """
    return type(module).__bases__[0] if is_parametrized(module) else type(module)


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give a module the parametrizations of another, and share the originals.

    Args:
        from_module: the other.
        to_module: the module; tensors that it lacks are made.
        tensor_name: of the one tensor that is meant; all if left out.

    Returns:
        to_module.

    Source: torch.nn.utils.parametrize.transfer_parametrizations_and_params.
    """
    if not is_parametrized(from_module):
        return to_module
    for name in list(_lists(from_module)) if tensor_name is None else [tensor_name]:
        given = _lists(from_module)[name]
        if not hasattr(to_module, name):
            setattr(to_module, name, Parameter(getattr(from_module, name).detach()))
        for parametrization in given:
            register_parametrization(to_module, name, parametrization)
        taken = _lists(to_module)[name]
        for original in [key for key in (*given._parameters, *given._buffers) if key.startswith("original")]:
            setattr(taken, original, getattr(given, original))
    return to_module
