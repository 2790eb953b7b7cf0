"""Sliding blocks as functions, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.types import Shape
from retrograd.nn.functions.conv import extents
from retrograd.ops.fold import FOLD, UNFOLD
from retrograd.tensor.dispatch import unary


def _blocks(name: str, kernel_size: Any, dilation: Any, padding: Any, stride: Any) -> tuple[Shape, ...]:
    given = (("kernel_size", kernel_size), ("dilation", dilation), ("padding", padding), ("stride", stride))
    return tuple(extents(name, what, value, 2) for what, value in given)


def unfold(input: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """Every block that a kernel meets, as a column.

    Args:
        input: (batch, channels, height, width) or (channels, height, width).
        kernel_size: height and width of a block; an integer for both, as in what follows.
        dilation: how far apart the elements of a block are.
        padding: zeros on each side.
        stride: how far one block is from the next.

    Returns:
        (batch, channels * elements of a block, blocks); the blocks in row-major order.

    Raises:
        ShapeError: another number of axes, or not one block fits.

    Source: torch.nn.functional.unfold.

    >>> import retrograd as rg
    >>> rg.nn.functional.unfold(rg.arange(6.0).reshape(1, 2, 3), (2, 2)).tolist()
    [[0.0, 1.0], [1.0, 2.0], [3.0, 4.0], [4.0, 5.0]]
    """
    return unary(UNFOLD, input, _blocks("unfold", kernel_size, dilation, padding, stride))


def fold(input: Any, output_size: Any, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1) -> Any:
    """The sum of blocks, each where `unfold` would find it.

    Args:
        input: (batch, channels * elements of a block, blocks), or without the batch.
        output_size: height and width of the result.
        kernel_size, dilation, padding, stride: as for `unfold`.

    Returns:
        (batch, channels, *output_size).

    Raises:
        ShapeError: the number of columns is not the number of blocks in output_size, or rows do not divide into blocks.

    Source: torch.nn.functional.fold.

    >>> import retrograd as rg
    >>> rg.nn.functional.fold(rg.ones(4, 2), (2, 3), (2, 2)).tolist()
    [[[1.0, 2.0, 1.0], [1.0, 2.0, 1.0]]]
    """
    size = extents("fold", "output_size", output_size, 2)
    return unary(FOLD, input, (size, *_blocks("fold", kernel_size, dilation, padding, stride)))
