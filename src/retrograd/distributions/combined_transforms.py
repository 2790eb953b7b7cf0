"""Transforms made of others: one after another, side by side, and of many numbers at once.

Source: torch.distributions.transforms.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from retrograd.core.errors import OptionError, ShapeError
from retrograd.distributions import constraints
from retrograd.distributions.constraints import Constraint
from retrograd.distributions.parameters import event_axes_summed
from retrograd.distributions.transform import Transform
from retrograd.tensor.creation import zeros_like
from retrograd.tensor.joining import cat, stack
from retrograd.tensor.size import Size


class ComposeTransform(Transform):
    """Transforms one after another. Source: torch.distributions.ComposeTransform.

    >>> import retrograd as rg
    >>> d = rg.distributions
    >>> both = d.ComposeTransform([d.ExpTransform(), d.AffineTransform(1.0, 2.0)])
    >>> both(rg.tensor(0.0)), both.inv(rg.tensor(3.0)), both.log_abs_det_jacobian(rg.tensor(0.0), rg.tensor(3.0))
    (tensor(3.), tensor(0.), tensor(0.6931))
    """

    def __init__(self, parts: Sequence[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = [part.with_cache() for part in parts] if cache_size else list(parts)
        self.bijective = all(part.bijective for part in self.parts)

    @property
    def domain(self) -> Constraint:  # type: ignore[override]
        if not self.parts:
            return constraints.real
        axes = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            axes = max(axes + part.domain.event_dim - part.codomain.event_dim, part.domain.event_dim)
        return _widened(self.parts[0].domain, axes)

    @property
    def codomain(self) -> Constraint:  # type: ignore[override]
        if not self.parts:
            return constraints.real
        axes = self.parts[0].domain.event_dim
        for part in self.parts:
            axes = max(axes + part.codomain.event_dim - part.domain.event_dim, part.codomain.event_dim)
        return _widened(self.parts[-1].codomain, axes)

    @property
    def sign(self) -> Any:
        sign: Any = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    def with_cache(self, cache_size: int = 1) -> ComposeTransform:
        return self if self._cache_size == cache_size else ComposeTransform(self.parts, cache_size)

    def __call__(self, x: Any) -> Any:
        for part in self.parts:
            x = part(x)
        return x

    def _inv_call(self, y: Any) -> Any:
        for part in reversed(self.parts):
            y = part._inv_call(y)
        return y

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        if not self.parts:
            return zeros_like(x)
        values = [x]
        for part in self.parts[:-1]:
            values.append(part(values[-1]))
        values.append(y)
        total: Any = 0.0
        axes = self.domain.event_dim
        for part, before, after in zip(self.parts, values[:-1], values[1:], strict=True):
            stretched = part.log_abs_det_jacobian(before, after)
            total = total + event_axes_summed(stretched, axes - part.domain.event_dim)
            axes += part.codomain.event_dim - part.domain.event_dim
        return total

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return Size(shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return Size(shape)

    def _parts(self) -> tuple[Any, ...]:
        return (self.parts,)

    def __repr__(self) -> str:
        return f"ComposeTransform({self.parts})"


identity_transform: Final = ComposeTransform([])


class IndependentTransform(Transform):
    """A transform whose last axes belong to one value: their stretches are added.

    Args:
        base_transform: of the single values.
        reinterpreted_batch_ndims: how many axes.
        cache_size: see `Transform`.

    Source: torch.distributions.IndependentTransform.
    """

    def __init__(self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims
        self.domain = constraints.independent(base_transform.domain, reinterpreted_batch_ndims)
        self.codomain = constraints.independent(base_transform.codomain, reinterpreted_batch_ndims)
        self.bijective = base_transform.bijective

    @property
    def sign(self) -> Any:
        return self.base_transform.sign

    def with_cache(self, cache_size: int = 1) -> IndependentTransform:
        if self._cache_size == cache_size:
            return self
        return IndependentTransform(self.base_transform, self.reinterpreted_batch_ndims, cache_size)

    def _call(self, x: Any) -> Any:
        _require_axes("IndependentTransform", x, self.domain.event_dim)
        return self.base_transform(x)

    def _inverse(self, y: Any) -> Any:
        _require_axes("IndependentTransform", y, self.codomain.event_dim)
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        return event_axes_summed(self.base_transform.log_abs_det_jacobian(x, y), self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: tuple[int, ...]) -> Size:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: tuple[int, ...]) -> Size:
        return self.base_transform.inverse_shape(shape)

    def _parts(self) -> tuple[Any, ...]:
        return self.base_transform, self.reinterpreted_batch_ndims

    def __repr__(self) -> str:
        return f"IndependentTransform({self.base_transform}, {self.reinterpreted_batch_ndims})"


class CatTransform(Transform):
    """A transform for each stretch of an axis.

    Args:
        tseq: the transforms.
        dim: the axis.
        lengths: how long their stretches are; 1 each by default.
        cache_size: see `Transform`.

    Raises:
        OptionError: not as many lengths as transforms. ShapeError, when it is called: the axis has another length.

    Source: torch.distributions.CatTransform.

    >>> import retrograd as rg
    >>> d = rg.distributions
    >>> d.CatTransform([d.ExpTransform(), d.transforms.identity_transform], lengths=[1, 2])(rg.zeros(3))
    tensor([1., 0., 0.])
    """

    def __init__(
        self, tseq: Sequence[Transform], dim: int = 0, lengths: Sequence[int] | None = None, cache_size: int = 0
    ) -> None:
        super().__init__(cache_size)
        self.transforms = [part.with_cache(cache_size) for part in tseq]
        self.dim, self.lengths = dim, [1] * len(tseq) if lengths is None else list(lengths)
        if len(self.lengths) != len(self.transforms):
            raise OptionError(f"CatTransform: {len(self.transforms)} transforms and {len(self.lengths)} lengths")
        self.domain = constraints.cat([part.domain for part in self.transforms], dim, self.lengths)
        self.codomain = constraints.cat([part.codomain for part in self.transforms], dim, self.lengths)
        self.bijective = all(part.bijective for part in self.transforms)

    @property
    def length(self) -> int:
        """That of the axis."""
        return sum(self.lengths)

    def with_cache(self, cache_size: int = 1) -> CatTransform:
        if self._cache_size == cache_size:
            return self
        return CatTransform(self.transforms, self.dim, self.lengths, cache_size)

    def _stretches(self, x: Any) -> Any:
        _require_extent("CatTransform", x, self.dim, self.length)
        return x.split(self.lengths, self.dim)

    def _call(self, x: Any) -> Any:
        return cat([part(each) for part, each in zip(self.transforms, self._stretches(x), strict=True)], self.dim)

    def _inverse(self, y: Any) -> Any:
        return cat([part.inv(each) for part, each in zip(self.transforms, self._stretches(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        axes = self.event_dim
        found = [
            event_axes_summed(part.log_abs_det_jacobian(before, after), axes - part.event_dim)
            for part, before, after in zip(self.transforms, self._stretches(x), self._stretches(y), strict=True)
        ]
        # Where the axis belongs to the values, the stretches are of one value.
        place = (self.dim - x.ndim if self.dim >= 0 else self.dim) + axes
        return cat(found, place) if place < 0 else sum(found[1:], found[0])

    def _parts(self) -> tuple[Any, ...]:
        return self.transforms, self.dim, self.lengths


class StackTransform(Transform):
    """A transform for each place along an axis.

    Args:
        tseq: the transforms, as many as the axis is long.
        dim: the axis.
        cache_size: see `Transform`.

    Raises:
        ShapeError, when it is called: the axis has another length.

    Source: torch.distributions.StackTransform.

    >>> import retrograd as rg
    >>> d = rg.distributions
    >>> d.StackTransform([d.ExpTransform(), d.transforms.identity_transform])(rg.zeros(2))
    tensor([1., 0.])
    """

    def __init__(self, tseq: Sequence[Transform], dim: int = 0, cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.transforms, self.dim = [part.with_cache(cache_size) for part in tseq], dim
        self.domain = constraints.stack([part.domain for part in self.transforms], dim)
        self.codomain = constraints.stack([part.codomain for part in self.transforms], dim)
        self.bijective = all(part.bijective for part in self.transforms)

    def with_cache(self, cache_size: int = 1) -> StackTransform:
        return self if self._cache_size == cache_size else StackTransform(self.transforms, self.dim, cache_size)

    def _places(self, x: Any) -> Any:
        _require_extent("StackTransform", x, self.dim, len(self.transforms))
        return x.unbind(self.dim)

    def _call(self, x: Any) -> Any:
        return stack([part(each) for part, each in zip(self.transforms, self._places(x), strict=True)], self.dim)

    def _inverse(self, y: Any) -> Any:
        return stack([part.inv(each) for part, each in zip(self.transforms, self._places(y), strict=True)], self.dim)

    def log_abs_det_jacobian(self, x: Any, y: Any) -> Any:
        found = [
            part.log_abs_det_jacobian(before, after)
            for part, before, after in zip(self.transforms, self._places(x), self._places(y), strict=True)
        ]
        return stack(found, self.dim)

    def _parts(self) -> tuple[Any, ...]:
        return self.transforms, self.dim


def _widened(constraint: Constraint, axes: int) -> Constraint:
    """A condition on values of so many axes."""
    more = axes - constraint.event_dim
    return constraints.independent(constraint, more) if more else constraint


def _require_axes(name: str, x: Any, axes: int) -> None:
    if x.ndim < axes:
        raise ShapeError(f"{name}: a value has {axes} axes, and the tensor has shape {tuple(x.shape)}")


def _require_extent(name: str, x: Any, dim: int, extent: int) -> None:
    if not -x.ndim <= dim < x.ndim or x.shape[dim] != extent:
        raise ShapeError(f"{name}: axis {dim} must be {extent} long, and the tensor has shape {tuple(x.shape)}")
