"""Winograd's minimal filtering F(2x2, 3x3): four outputs of a 3 x 3 convolution from 16 products instead of 36.

With tiles d of 4 x 4 inputs, which overlap by two, kernels g and tiles y of 2 x 2 outputs,

    y = A^T [(G g G^T) * (B^T d B)] A,        * element by element, summed over input channels,

as in Lavin and Gray, "Fast algorithms for convolutional neural networks". The gradient of g is the transpose of that:

    G^T [(B^T d B) * (A y' A^T)] G,           y' the gradient of y, summed over all tiles.

All coefficients are 0, 1, -1 and 1/2, so the transforms round as additions do. The bound of the error is that of a sum
of products of |d| and |g| over whole tiles: about twice that of a direct sum in practice.

Each function below applies one matrix along both axes of a square of values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrograd.backends.native.ir import Value

# Extents of a tile of inputs and of products, of outputs, of kernels.
TILE, OUTPUTS, KERNEL = 4, 2, 3
POSITIONS = TILE * TILE

Square = list[list[Value]]
_Line = Callable[[Sequence[Value]], list[Value]]


def transformed_input(d: Square) -> Square:
    """B^T d B of 4 x 4 values."""
    return _along_both(d, _input_line)


def transformed_kernel(g: Square) -> Square:
    """G g G^T, 4 x 4 from 3 x 3."""
    return _along_both(g, _kernel_line)


def outputs(m: Square) -> Square:
    """A^T m A, 2 x 2 from 4 x 4."""
    return _along_both(m, _output_line)


def transformed_gradient(y: Square) -> Square:
    """A y A^T, 4 x 4 from 2 x 2."""
    return _along_both(y, _gradient_line)


def kernel_gradient(m: Square) -> Square:
    """G^T m G, 3 x 3 from 4 x 4."""
    return _along_both(m, _kernel_gradient_line)


def _along_both(square: Square, line: _Line) -> Square:
    """First down the columns, then along the rows."""
    columns = [line(column) for column in zip(*square, strict=True)]
    return [line(row) for row in zip(*columns, strict=True)]


def _input_line(d: Sequence[Value]) -> list[Value]:
    return [d[0] - d[2], d[1] + d[2], d[2] - d[1], d[1] - d[3]]


def _kernel_line(g: Sequence[Value]) -> list[Value]:
    ends = g[0] + g[2]
    return [g[0], (ends + g[1]) * 0.5, (ends - g[1]) * 0.5, g[2]]


def _output_line(m: Sequence[Value]) -> list[Value]:
    return [(m[0] + m[1]) + m[2], (m[1] - m[2]) - m[3]]


def _gradient_line(y: Sequence[Value]) -> list[Value]:
    return [y[0], y[0] + y[1], y[0] - y[1], -1.0 * y[1]]


def _kernel_gradient_line(m: Sequence[Value]) -> list[Value]:
    ends = (m[1] + m[2]) * 0.5
    return [m[0] + ends, (m[1] - m[2]) * 0.5, ends + m[3]]
