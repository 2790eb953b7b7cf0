"""Parameters and buffers whose shape is not known yet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar, NoReturn, TypeGuard

from retrograd.core.dtype import DType
from retrograd.core.errors import GraphError
from retrograd.nn.parameter import Parameter
from retrograd.tensor.creation import empty
from retrograd.tensor.tensor import Tensor


class Uninitialized(Tensor):
    """A tensor that has a dtype and no shape, until `materialize` gives it one: then it is as any other."""

    cls_to_become: ClassVar[type[Tensor]]

    def materialize(self, shape: Sequence[int], device: Any = None, dtype: DType | None = None) -> None:
        """Become a tensor of this shape, to be filled. Whoever holds it holds the same object still."""
        self._hold(empty(tuple(shape), dtype=dtype or self.dtype))
        self.__class__ = self.cls_to_become  # type: ignore[assignment]

    def to(self, *args: Any, **kwargs: Any) -> Any:
        """With another dtype; it is changed in place, for there are no elements to copy."""
        given = [value for value in (*args, *kwargs.values()) if isinstance(value, DType)]
        if given:
            self._hold(empty(0, dtype=given[0]))
        return self

    def _hold(self, data: Tensor) -> None:
        wanted, self._is_leaf_variable = self._is_leaf_variable, False
        self._adopt(data)
        self.requires_grad_(wanted)

    def detach(self) -> Any:
        """Itself: a state dict shows that there is nothing yet."""
        return self

    def _refuse(self) -> NoReturn:
        raise GraphError(
            f"{type(self).__name__}: its shape and elements are not known before the module that it belongs to has "
            "seen an input; call the module once first"
        )

    @property
    def shape(self) -> Any:
        self._refuse()

    def _type_shape(self) -> Any:
        self._refuse()

    def _read(self) -> Any:
        self._refuse()

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(Uninitialized, Parameter):
    """A parameter whose shape its module finds from the first input.

    Args:
        requires_grad: whether backward passes will give it a gradient.
        dtype: of its elements.

    Raises:
        GraphError: its shape or its elements are asked for.

    Source: torch.nn.UninitializedParameter.

    >>> import retrograd as rg
    >>> weight = rg.nn.UninitializedParameter()
    >>> weight.materialize((2, 3))
    >>> type(weight).__name__, weight.shape
    ('Parameter', retrograd.Size([2, 3]))
    """

    cls_to_become = Parameter

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: DType | None = None) -> None:
        Parameter.__init__(self, empty(0, dtype=dtype), requires_grad)


class UninitializedBuffer(Uninitialized):
    """A buffer whose shape its module finds from the first input.

    Args:
        dtype: of its elements.

    Raises:
        GraphError: its shape or its elements are asked for.

    Source: torch.nn.UninitializedBuffer.

    >>> import retrograd as rg
    >>> mean = rg.nn.UninitializedBuffer()
    >>> mean.materialize((3,))
    >>> mean.shape
    retrograd.Size([3])
    """

    cls_to_become = Tensor

    def __init__(self, requires_grad: bool = False, device: Any = None, dtype: DType | None = None) -> None:
        self._adopt(empty(0, dtype=dtype))
        self.requires_grad_(requires_grad)


def is_lazy(value: Any) -> TypeGuard[Uninitialized]:
    """Whether a parameter or buffer has no shape yet."""
    return isinstance(value, Uninitialized)
