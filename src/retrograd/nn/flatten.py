"""Layers that only arrange: what goes in comes out, in the same or another shape."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.nn.module import Module


class Identity(Module):
    """What comes in goes out, whatever the arguments are. Source: torch.nn.Identity."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__()

    def forward(self, input: Any) -> Any:
        return input


class Flatten(Module):
    """Axes start_dim..end_dim as one.

    Args:
        start_dim, end_dim: the first and the last of them.

    Source: torch.nn.Flatten.

    >>> import retrograd as rg
    >>> rg.nn.Flatten()(rg.zeros(5, 2, 3)).shape
    retrograd.Size([5, 6])
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim, self.end_dim = start_dim, end_dim

    def forward(self, input: Any) -> Any:
        return input.flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Unflatten(Module):
    """One axis as several.

    Args:
        dim: the axis.
        unflattened_size: the extents that take its place; one may be -1, and is found from the others.

    Raises:
        OptionError: a name for an axis, or extents that are no integers. ShapeError: extents that do not fit.

    Source: torch.nn.Unflatten. Deviation: axes have no names.

    >>> import retrograd as rg
    >>> rg.nn.Unflatten(1, (2, 3))(rg.zeros(5, 6)).shape
    retrograd.Size([5, 2, 3])
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        sizes = tuple(unflattened_size)
        if not isinstance(dim, int) or not all(isinstance(size, int) for size in sizes):
            raise OptionError(f"Unflatten: dim and unflattened_size must be integers, and are {dim!r} and {sizes}")
        self.dim = dim
        self.unflattened_size = sizes

    def forward(self, input: Any) -> Any:
        return input.unflatten(self.dim, self.unflattened_size)

    def extra_repr(self) -> str:
        return f"dim={self.dim}, unflattened_size={self.unflattened_size}"
