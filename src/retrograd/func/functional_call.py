"""functional_call: a module as a function of its parameters."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.nn.module import Module

State = Mapping[str, Any]


def functional_call(
    module: Module,
    parameter_and_buffer_dicts: State | Sequence[State],
    args: Any = None,
    kwargs: dict[str, Any] | None = None,
    *,
    tie_weights: bool = True,
    strict: bool = False,
) -> Any:
    """Call a module with other tensors in the places of its parameters and buffers.

    Args:
        module: it is as before when the call is over.
        parameter_and_buffer_dicts: tensors by the names of `named_parameters` and `named_buffers`, or several such
            dictionaries with different names.
        args: the module's argument, or a tuple of them.
        kwargs: its keyword arguments.
        tie_weights: a tensor given for one of several names of the same parameter stands at all of them.
        strict: refuse to leave out any parameter or buffer.

    Raises:
        OptionError: a name is unknown, or given twice; or missing with `strict`.

    Source: torch.func.functional_call.

    >>> import retrograd as rg
    >>> layer = rg.nn.Linear(2, 1, bias=False)
    >>> rg.func.functional_call(layer, {"weight": rg.ones(1, 2)}, rg.tensor([3.0, 4.0]))
    tensor([7.])
    """
    given = _merged(parameter_and_buffer_dicts)
    arguments = () if args is None else args if isinstance(args, tuple) else (args,)
    with _replaced(module, given, tie_weights, strict):
        return module(*arguments, **(kwargs or {}))


def _merged(dicts: State | Sequence[State]) -> dict[str, Any]:
    if isinstance(dicts, Mapping):
        return dict(dicts)
    merged: dict[str, Any] = {}
    for part in dicts:
        twice = merged.keys() & part.keys()
        if twice:
            raise OptionError(f"functional_call: {', '.join(sorted(twice))} stands in more than one dictionary")
        merged.update(part)
    return merged


Place = tuple[dict[str, Any], Module, str]


def _places(module: Module, prefix: str = "") -> dict[str, Place]:
    """Where each parameter and buffer stands: its registry, its module, its name there. What is shared stands twice."""
    found: dict[str, Place] = {
        prefix + name: (registry, module, name)
        for registry in (module._parameters, module._buffers)
        for name, tensor in registry.items()
        if tensor is not None
    }
    for name, child in module._modules.items():
        if child is not None:
            found.update(_places(child, f"{prefix}{name}."))
    return found


@contextmanager
def _replaced(module: Module, given: dict[str, Any], tie_weights: bool, strict: bool) -> Iterator[None]:
    places = _places(module)
    unknown = given.keys() - places.keys()
    if unknown:
        raise OptionError(
            f"functional_call: {type(module).__name__} has no parameter or buffer {', '.join(sorted(unknown))}"
        )
    if tie_weights:
        given = _tied(places, given)
    missing = places.keys() - given.keys()
    if strict and missing:
        raise OptionError(f"functional_call: no tensor is given for {', '.join(sorted(missing))}, and strict=True")
    before = {name: places[name][0][places[name][2]] for name in given}
    try:
        for name, tensor in given.items():
            _put(places[name], tensor)
        yield
    finally:
        for name, tensor in before.items():
            _put(places[name], tensor)


def _tied(places: dict[str, Place], given: dict[str, Any]) -> dict[str, Any]:
    """What is given, also under the other names of the same parameter."""
    names: dict[int, list[str]] = {}
    for name, (registry, _, short) in places.items():
        names.setdefault(id(registry[short]), []).append(name)
    result = dict(given)
    for same in names.values():
        chosen = {id(given[name]): given[name] for name in same if name in given}
        if len(chosen) > 1:
            raise OptionError(
                f"functional_call: {', '.join(same)} are one parameter, and are given different tensors; give one, or "
                "tie_weights=False"
            )
        result.update((name, tensor) for tensor in chosen.values() for name in same)
    return result


def _put(place: Place, tensor: Any) -> None:
    registry, module, name = place
    registry[name] = tensor
    object.__setattr__(module, name, tensor)
