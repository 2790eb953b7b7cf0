"""Functions that are methods too: one definition, known under both names.

A function whose first argument is a tensor is a method as it stands. `method` enters it here, and the Tensor takes all
that is entered; where PyTorch has the form with a trailing underscore, that is made from the function as well.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeVar

from retrograd.core.errors import InternalError
from retrograd.tensor.dispatch import require_castable

METHODS: Final[dict[str, Callable[..., Any]]] = {}

_Function = TypeVar("_Function", bound=Callable[..., Any])


def method(*aliases: str, in_place: bool = False) -> Callable[[_Function], _Function]:
    """Decorator: enter a function as a method of tensors.

    Args:
        aliases: other names of the method.
        in_place: whether there are forms that write the result over the tensor, `name_`.
    """

    def enter(function: _Function) -> _Function:
        for name in (function.__name__, *aliases):
            _enter(name, function)
            if in_place:
                _enter(name + "_", _in_place(name + "_", function))
        return function

    return enter


def _enter(name: str, function: Callable[..., Any]) -> None:
    if name in METHODS:
        raise InternalError(f"the method {name!r} is entered twice")
    METHODS[name] = function


def _in_place(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def write(self: Any, *args: Any, **kwargs: Any) -> Any:
        value = function(self, *args, **kwargs)._read()
        require_castable(name, value.type.dtype, self.dtype)
        return self._assign(name, value)

    write.__name__ = write.__qualname__ = name
    write.__doc__ = f"`{function.__name__}`, the result written over the tensor itself."
    return write
