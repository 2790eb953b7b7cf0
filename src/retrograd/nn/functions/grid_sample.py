"""Sampling at positions that are data, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.ops.grid_sample import AFFINE_GRID, GRID_SAMPLE
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import unary

_MODES = ("bilinear", "nearest", "bicubic")
_PADDINGS = ("zeros", "border", "reflection")


def grid_sample(
    input: Any, grid: Any, mode: str = "bilinear", padding_mode: str = "zeros", align_corners: bool | None = None
) -> Any:
    """The input at the places that the grid names, by interpolation.

    Args:
        input: (batch, channels, height, width), or with a depth before the height.
        grid: (batch, out_height, out_width, 2), or (batch, out_depth, out_height, out_width, 3): places (x, y) or
            (x, y, z), where -1 and 1 are the ends of the input, x along its width.
        mode: 'bilinear' (trilinear in volumes), 'nearest', or 'bicubic' (images only).
        padding_mode: what lies outside: 'zeros', 'border' (the outermost elements), 'reflection' (mirror images).
        align_corners: whether -1 and 1 are the centres of the outermost elements, or (default) their outer edges.

    Returns:
        (batch, channels, out_height, out_width), or with a depth. Gradients flow to the input and to the grid.

    Raises:
        OptionError: a mode that is not known. ShapeError: shapes that do not fit. DTypeError: dtypes that differ.

    Source: torch.nn.functional.grid_sample; Jaderberg et al. (2015).

    >>> import retrograd as rg
    >>> image = rg.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    >>> rg.nn.functional.grid_sample(image, rg.zeros(1, 1, 1, 2)).tolist()
    [[[[2.5]]]]
    """
    if mode not in _MODES:
        raise OptionError(f"grid_sample: mode {mode!r} is not known; choose one of {', '.join(_MODES)}")
    if padding_mode not in _PADDINGS:
        raise OptionError(
            f"grid_sample: padding_mode {padding_mode!r} is not known; choose one of {', '.join(_PADDINGS)}"
        )
    return wrap(record(GRID_SAMPLE, (input._read(), grid._read()), (mode, padding_mode, bool(align_corners))))


def affine_grid(theta: Any, size: Sequence[int], align_corners: bool | None = None) -> Any:
    """The grid that makes `grid_sample` apply affine maps: place p of the output comes from theta (p, 1).

    Args:
        theta: (batch, 2, 3) for images, (batch, 3, 4) for volumes.
        size: of the output, (batch, channels, height, width) or (batch, channels, depth, height, width).
        align_corners: as for `grid_sample`.

    Returns:
        (batch, height, width, 2) or (batch, depth, height, width, 3).

    Raises:
        ShapeError: theta does not fit size, or size is empty. DTypeError: theta is not of floating-point numbers.

    Source: torch.nn.functional.affine_grid.

    >>> import retrograd as rg
    >>> identity = rg.tensor([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    >>> rg.nn.functional.affine_grid(identity, (1, 1, 1, 2)).tolist()
    [[[[-0.5, 0.0], [0.5, 0.0]]]]
    """
    extents = tuple(int(n) for n in size)
    if len(extents) not in (4, 5) or min(extents) < 1:
        raise ShapeError(
            f"affine_grid: size is {extents}; it must be (batch, channels, height, width), or that with a depth, and "
            "not empty"
        )
    if not theta.is_floating_point():
        raise DTypeError(f"affine_grid: theta has dtype {theta.dtype.name}; it must be of floating-point numbers")
    return unary(AFFINE_GRID, theta, (extents, bool(align_corners)))
