"""Transform: an invertible function and how much it stretches."""

from __future__ import annotations

from typing import Any, Self

from retrograd.core.errors import OptionError, ShapeError
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.tensor.base import TensorBase
from retrograd.tensor.joining import broadcast_shapes
from retrograd.tensor.size import Size


class Transform:
    """y = f(x), with its inverse and log |det dy/dx|, for each element, vector or matrix.

    Attributes:
        domain, codomain: what x and y satisfy; their `event_dim` says how many axes one x, and one y, has.
        bijective: whether f and its inverse undo one another both ways round.
        sign: 1 where f grows, -1 where it falls, of functions of numbers.

    Args:
        cache_size: 1 keeps the last pair (x, y): the inverse of a y that was just computed is the very x. 0 keeps
            nothing.

    Raises:
        OptionError: another `cache_size`.

    Source: torch.distributions.Transform.

    >>> import retrograd as rg
    >>> exp = rg.distributions.ExpTransform()
    >>> exp(rg.tensor(0.0)), exp.inv(rg.tensor(1.0)), exp.inv.inv is exp
    (tensor(1.), tensor(0.), True)
    """

    domain: Constraint = constraints.real
    codomain: Constraint = constraints.real
    bijective: bool = False

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise OptionError(f"{type(self).__name__}: cache_size must be 0 or 1, and is {cache_size}")
        self._cache_size = cache_size
        self._last: tuple[Any, Any] | None = None

    @property
    def sign(self) -> Any:
        raise NotImplementedError(f"{type(self).__name__} neither grows nor falls everywhere")

    @property
    def event_dim(self) -> int:
        """How many axes one x has, if one y has as many.

        Raises:
            ShapeError: it does not.
        """
        if self.domain.event_dim != self.codomain.event_dim:
            raise ShapeError(
                f"{type(self).__name__}: an x has {self.domain.event_dim} axes and a y {self.codomain.event_dim}; ask "
                "for domain.event_dim or codomain.event_dim"
            )
        return self.domain.event_dim

    @property
    def inv(self) -> Transform:
        """The inverse, as a transform."""
        return InverseTransform(self)

    def with_cache(self, cache_size: int = 1) -> Self:
        """The same transform with another `cache_size`."""
        if self._cache_size == cache_size:
            return self
        made = type(self).__new__(type(self))
        made.__dict__.update({**self.__dict__, "_cache_size": cache_size, "_last": None})
        return made

    def __call__(self, x: Any) -> Any:
        if self._last is not None and self._last[0] is x:
            return self._last[1]
        y = self._call(x)
        self._last = (x, y) if self._cache_size else None
        return y

    def _inv_call(self, y: Any) -> Any:
        """The x with f(x) = y."""
        if self._last is not None and self._last[1] is y:
            return self._last[0]
        x = self._inverse(y)
        self._last = (x, y) if self._cache_size else None
        return x

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        """log |det dy/dx| of each element, vector or matrix."""
        raise NotImplementedError(f"{type(self).__name__} has no log_abs_det_jacobian")

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        """The shape of f(x) for an x of a given shape."""
        return Size(shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        """The shape of x for a y = f(x) of a given shape."""
        return Size(shape)

    def _call(self, x: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no _call")

    def _inverse(self, y: Any) -> Any:
        raise NotImplementedError(f"{type(self).__name__} has no _inverse")

    def _parts(self) -> tuple[Any, ...]:
        """What tells two transforms of a kind apart."""
        return ()

    def __eq__(self, other: object) -> bool:
        if type(other) is not type(self):
            return False
        return all(_same(a, b) for a, b in zip(self._parts(), other._parts(), strict=True))

    def __hash__(self) -> int:
        return hash(type(self))

    def __repr__(self) -> str:
        return f"{type(self).__name__}()"


class InverseTransform(Transform):
    """x = f^-1(y) of another transform, which keeps the last pair for both."""

    def __init__(self, transform: Transform) -> None:
        super().__init__(transform._cache_size)
        self._inv = transform
        self.domain, self.codomain, self.bijective = transform.codomain, transform.domain, transform.bijective

    @property
    def sign(self) -> Any:
        return self._inv.sign

    @property
    def inv(self) -> Transform:
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Any:
        return self._inv.with_cache(cache_size).inv

    def __call__(self, x: Any) -> Any:
        return self._inv._inv_call(x)

    def _inv_call(self, y: Any) -> Any:
        return self._inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return -self._inv.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        return self._inv.inverse_shape(shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        return self._inv.forward_shape(shape)

    def _parts(self) -> tuple[Any, ...]:
        return (self._inv,)

    def __repr__(self) -> str:
        return f"InverseTransform({self._inv})"


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, TensorBase) or isinstance(b, TensorBase):
        return a is b or bool((a == b).all())
    return bool(a == b)


def with_shapes_of(shape: tuple[int, ...], *parameters: Any) -> Size:
    """A shape, broadcast with those of parameters that are tensors."""
    return broadcast_shapes(shape, *(tuple(p.shape) for p in parameters if isinstance(p, TensorBase)))
