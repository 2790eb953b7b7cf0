"""Powers of numbers as a matrix."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.tensor.dispatch import operand
from retrograd.tensor.linalg import matrix_functions

__all__ = ["vander"]


def vander(x: Any, N: int | None = None, increasing: bool = False) -> Any:
    """Vandermonde's matrix: the powers of each element.

    Args:
        x: (n,).
        N: how many powers, from 0; n if left out.
        increasing: whether the highest power stands last, not first.

    Returns:
        (n, N).

    Raises:
        ShapeError: x has another number of axes. OptionError: N is negative.

    Source: torch.vander.

    >>> import retrograd as rg
    >>> rg.vander(rg.tensor([1, 2, 3]), 3)
    tensor([[1, 1, 1],
            [4, 2, 1],
            [9, 3, 1]])
    """
    operand("vander", x)
    if x.ndim != 1:
        raise ShapeError(f"vander: expected one axis, received shape {tuple(x.shape)}")
    count = x.shape[0] if N is None else N
    if count < 0:
        raise OptionError(f"vander: N must not be negative, and is {N}")
    if not count:
        return x.new_ones((x.shape[0], 0))
    powers = matrix_functions.vander(x, count)
    return powers if increasing else powers.flip(1)
