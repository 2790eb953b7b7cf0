"""Rows of the composites behind convolutions, padding and sliding blocks; see `tests/support/table.py`.

The NumPy definitions go element by element.
"""

from __future__ import annotations

import itertools
import math
from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.parity import torch
from tests.support.primitive_rows_conv import convolved
from tests.support.table import Array, Case, Refusal, Row, numbers, whole


def torch_function(name: str, *places: Any, **options: Any) -> Any:
    return lambda *inputs: getattr(torch.nn.functional, name)(*inputs, *places, **options)


# -- convolutions -----------------------------------------------------------------------------------------------------


def _conv(x: Array, w: Array, *rest: Any) -> Array:
    *bias, stride, padding, dilation, groups = rest
    batch = x if x.ndim == w.ndim else x[None]
    y = convolved(batch, w, stride, padding, (1,) * len(stride), dilation, groups)
    for b in bias:
        y = y + b.reshape(1, -1, *[1] * len(stride))
    return y if x.ndim == w.ndim else y[0]


def _conv_transpose(x: Array, w: Array, *rest: Any) -> Array:
    """Each element of the input, times the kernel, is added to the output."""
    *bias, stride, padding, more, dilation, groups = rest
    batch = x if x.ndim == w.ndim else x[None]
    given = zip(batch.shape[2:], stride, padding, more, w.shape[2:], dilation, strict=True)
    extents = [(n - 1) * s - 2 * p + d * (k - 1) + m + 1 for n, s, p, m, k, d in given]
    per_group = batch.shape[1] // groups
    y = np.zeros((len(batch), w.shape[1] * groups, *extents))
    for n, c, *i in np.ndindex(*batch.shape):
        for o, *k in np.ndindex(*w.shape[1:]):
            at = [a * s + b * d - p for a, b, s, d, p in zip(i, k, stride, dilation, padding, strict=True)]
            if all(0 <= a < m for a, m in zip(at, extents, strict=True)):
                y[(n, c // per_group * w.shape[1] + o, *at)] += batch[(n, c, *i)] * w[(c, o, *k)]
    for b in bias:
        y = y + b.reshape(1, -1, *[1] * len(stride))
    return y if x.ndim == w.ndim else y[0]


_PLAIN = ((1,), ((0, 0),), (1,), 1)
_PLAIN_TRANSPOSE = ((1,), (0,), (0,), (1,), 1)
_CONV_ROWS = (
    Row(
        "conv",
        (
            Case(
                (numbers((2, 2, 5)), numbers((3, 2, 3), 1), numbers((3,), 2)), _PLAIN, _conv, torch_function("conv1d")
            ),
            Case((numbers((2, 5)), numbers((3, 2, 3), 1)), ((2,), ((1, 1),), (1,), 1), _conv),
            Case((numbers((2, 5)), numbers((3, 2, 3), 1), numbers((3,), 2)), _PLAIN, _conv, torch_function("conv1d")),
            Case(
                (numbers((1, 4, 4, 5)), numbers((2, 2, 2, 2), 1), numbers((2,), 2)),
                ((1, 2), ((1, 0), (0, 1)), (2, 1), 2),
                _conv,
            ),
            Case((numbers((0, 2, 5)), numbers((3, 2, 3), 1), numbers((3,), 2)), _PLAIN, _conv),
        ),
        (
            Refusal((numbers((5,)), numbers((3, 2, 3))), _PLAIN, ShapeError, "with 1 spatial axes"),
            Refusal((numbers((2, 5)), numbers((3, 2, 3)), numbers((2,))), _PLAIN, ShapeError, "one number a channel"),
            Refusal((numbers((2, 5)), numbers((3, 2, 3)), numbers((3, 1))), _PLAIN, ShapeError, r"\(out_channels,\)"),
            Refusal((numbers((2, 5)), numbers((3, 2, 3)), whole((3,))), _PLAIN, DTypeError, "cast one"),
        ),
    ),
    Row(
        "conv_transpose",
        (
            Case(
                (numbers((2, 2, 3)), numbers((2, 3, 3), 1), numbers((3,), 2)),
                _PLAIN_TRANSPOSE,
                _conv_transpose,
                torch_function("conv_transpose1d"),
            ),
            Case((numbers((2, 3)), numbers((2, 3, 2), 1)), ((3,), (0,), (2,), (1,), 1), _conv_transpose),
            Case((numbers((1, 2, 4)), numbers((2, 1, 3), 1)), ((2,), (2,), (1,), (2,), 2), _conv_transpose),
            Case(
                (numbers((1, 4, 2, 3)), numbers((4, 1, 3, 2), 1), numbers((2,), 2)),
                ((2, 1), (1, 0), (1, 0), (1, 2), 2),
                _conv_transpose,
                torch_function(
                    "conv_transpose2d", stride=(2, 1), padding=(1, 0), output_padding=(1, 0), dilation=(1, 2), groups=2
                ),
            ),
        ),
        (
            Refusal((numbers((1, 3, 4)), numbers((2, 1, 3))), _PLAIN_TRANSPOSE, ShapeError, "has 3 channels"),
            Refusal(
                (numbers((1, 2, 4)), numbers((2, 1, 3))), ((2,), (0,), (2,), (1,), 1), ShapeError, "must be smaller"
            ),
            Refusal((numbers((1, 2, 1)), numbers((2, 1, 2))), ((1,), (1,), (0,), (1,), 1), ShapeError, "less padding"),
        ),
    ),
)

# -- padding ----------------------------------------------------------------------------------------------------------


def _cropped(x: Array, low: Any, high: Any) -> Array:
    for axis, (a, b) in enumerate(zip(low, high, strict=True)):
        x = np.take(x, range(max(-a, 0), x.shape[axis] - max(-b, 0)), axis)
    return x


def _around(mode: str) -> Any:
    def run(x: Array, *rest: Any) -> Array:
        """By NumPy; what is cropped is cropped before it wraps around, and after it was a mirror."""
        *value, low, high = rest
        if mode != "reflect":
            x = _cropped(x, low, high)
        widths = [(max(a, 0), max(b, 0)) for a, b in zip(low, high, strict=True)]
        options = {"constant_values": value[0]} if value else {}
        y = np.pad(x, widths, mode, **options)  # type: ignore[call-overload]
        return _cropped(y, low, high) if mode == "reflect" else y

    return run


def _pad_row(name: str, mode: str, value: tuple[Array, ...] = (), refusals: tuple[Refusal, ...] = ()) -> Row:
    cases = [
        Case((numbers(shape), *value), (low, high), _around(mode))
        for shape, low, high in (
            ((5,), (2,), (0,)),
            ((2, 4), (0, 2), (0, 3)),
            ((2, 3, 4), (0, 1, 1), (0, 2, 0)),
            ((2, 5), (0, -2), (0, 2)),
            ((3, 5), (0, 1), (0, -1)),
            ((2, 5), (0, -1), (0, -2)),
            ((0, 4), (0, 1), (0, 2)),
            ((2, 3), (0, 0), (0, 0)),
        )
    ]
    cases.append(
        Case((whole((2, 4)), *(np.asarray(v, np.int64) for v in value)), ((0, 1), (0, 2)), _around(mode), None, False)
    )
    return Row(name, tuple(cases), refusals)


_PAD_ROWS = (
    _pad_row(
        "pad.zeros",
        "constant",
        refusals=(Refusal((numbers((2, 3)),), ((0, -2), (0, -2)), ShapeError, "take more away"),),
    ),
    _pad_row("pad.constant", "constant", (np.array(2.0),)),
    _pad_row(
        "pad.reflect",
        "reflect",
        refusals=(Refusal((numbers((2, 3)),), ((0, 3), (0, 0)), ShapeError, "smaller than its extent 3"),),
    ),
    Row(
        "pad.replicate",
        (
            *_pad_row("", "edge").cases,
            Case((numbers((2, 3)),), ((0, -3), (0, 2)), lambda x, *_: np.repeat(x[:, -1:], 2, 1)),
            Case((numbers((2, 3)),), ((0, 4), (0, -5)), lambda x, *_: np.repeat(x[:, :1], 2, 1)),
            Case((numbers((2, 3)),), ((0, 1), (0, -4)), lambda x, *_: x[:, :0]),
        ),
        (Refusal((numbers((2, 0)),), ((0, 1), (0, 0)), ShapeError, "must not be empty"),),
    ),
    _pad_row(
        "pad.circular",
        "wrap",
        refusals=(
            Refusal((numbers((2, 3)),), ((0, 4), (0, 0)), ShapeError, "larger than its extent"),
            Refusal((numbers((2, 3)),), ((0, 3), (0, -1)), ShapeError, "go around once"),
        ),
    ),
)

# -- sliding blocks ---------------------------------------------------------------------------------------------------


def _block_places(size: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> Any:
    """Row, column, and where its value stands in the columns, for each element of each block."""
    counts = [
        (n + 2 * p - d * (k - 1) - 1) // s + 1
        for n, k, d, p, s in zip(size, kernel, dilation, padding, stride, strict=True)
    ]
    for (i, j), (a, b) in itertools.product(np.ndindex(*kernel), np.ndindex(*counts)):
        row, column = a * stride[0] + i * dilation[0] - padding[0], b * stride[1] + j * dilation[1] - padding[1]
        if 0 <= row < size[0] and 0 <= column < size[1]:
            yield row, column, i * kernel[1] + j, a * counts[1] + b


def _block_count(size: Any, kernel: Any, dilation: Any, padding: Any, stride: Any) -> int:
    given = zip(size, kernel, dilation, padding, stride, strict=True)
    return math.prod((n + 2 * p - d * (k - 1) - 1) // s + 1 for n, k, d, p, s in given)


def _unfold(x: Array, *attributes: Any) -> Array:
    size, kernel = x.shape[-2:], attributes[0]
    columns = np.zeros((*x.shape[:-2], math.prod(kernel), _block_count(size, *attributes)))
    for row, column, element, block in _block_places(size, *attributes):
        columns[..., element, block] = x[..., row, column]
    return (
        columns.reshape(*x.shape[:-3], -1, columns.shape[-1])
        if x.size
        else np.zeros((0, columns.shape[-3] * columns.shape[-2], columns.shape[-1]))
    )


def _fold(x: Array, size: Any, *attributes: Any) -> Array:
    kernel = attributes[0]
    columns = x.reshape(*x.shape[:-2], x.shape[-2] // math.prod(kernel), math.prod(kernel), x.shape[-1])
    image = np.zeros((*columns.shape[:-2], *size))
    for row, column, element, block in _block_places(size, *attributes):
        image[..., row, column] += columns[..., element, block]
    return image


_BLOCKS = (
    ((2, 2), (1, 1), (0, 0), (1, 1)),
    ((2, 3), (1, 1), (1, 2), (2, 1)),
    ((2, 2), (2, 1), (1, 0), (1, 3)),
)
_FOLD_ROWS = (
    Row(
        "im2col",
        (
            *(Case((numbers((2, 2, 3, 4)),), b, _unfold, torch_function("unfold", *b)) for b in _BLOCKS),
            Case((numbers((2, 3, 3)),), _BLOCKS[0], _unfold),
            Case((numbers((0, 2, 3, 3)),), _BLOCKS[0], _unfold),
        ),
        (
            Refusal((numbers((3, 3)),), _BLOCKS[0], ShapeError, "must be"),
            Refusal((numbers((1, 3, 3)),), ((4, 1), *_BLOCKS[0][1:]), ShapeError, "does not fit"),
            Refusal((numbers((1, 3, 3)),), ((0, 1), *_BLOCKS[0][1:]), ShapeError, "kernel is"),
        ),
    ),
    Row(
        "col2im",
        (
            *(
                Case(
                    (numbers((2, 2 * math.prod(b[0]), _block_count((3, 4), *b))),),
                    ((3, 4), *b),
                    _fold,
                    torch_function("fold", (3, 4), *b),
                )
                for b in _BLOCKS
            ),
            Case((numbers((4, 4)),), ((3, 3), *_BLOCKS[0]), _fold),
        ),
        (
            Refusal((numbers((4, 5)),), ((3, 3), *_BLOCKS[0]), ShapeError, "has 4 blocks"),
            Refusal((numbers((5, 4)),), ((3, 3), *_BLOCKS[0]), ShapeError, "has 4 elements"),
        ),
    ),
)

CONV_LAYER_ROWS = (*_CONV_ROWS, *_PAD_ROWS, *_FOLD_ROWS)
