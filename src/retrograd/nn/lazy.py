"""What lazy modules have in common: parameters whose shapes come from the first input."""

from __future__ import annotations

import itertools
from typing import Any, ClassVar

from retrograd.core.errors import GraphError
from retrograd.nn.module import Module
from retrograd.nn.uninitialized import is_lazy


class LazyModuleMixin(Module):
    """Beside a module's class: at its first call the module finds the shapes of its parameters from the input, draws
    them, and becomes an ordinary one.

    Subclasses define `initialize_parameters`, which takes the arguments of `forward`.

    Attributes:
        cls_to_become: the class that the module has from then on, or None to keep its own.

    Source: torch.nn.modules.lazy.LazyModuleMixin.
    """

    cls_to_become: ClassVar[type[Module] | None] = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        self.initialize_parameters(*args, **kwargs)
        if self.has_uninitialized_params():
            raise GraphError(f"{type(self).__name__}: initialize_parameters left parameters without a shape")
        if self.cls_to_become is None:
            return super().__call__(*args, **kwargs)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        return self(*args, **kwargs)

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give parameters and buffers that have none a shape, and their first values."""
        raise NotImplementedError(f"{type(self).__name__} does not define initialize_parameters()")

    def has_uninitialized_params(self) -> bool:
        """Whether a parameter or buffer of this module has no shape yet."""
        return any(map(is_lazy, itertools.chain(self._parameters.values(), self._buffers.values())))
