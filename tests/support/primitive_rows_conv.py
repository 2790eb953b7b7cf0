"""The row of convolution; see `tests/support/table.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.errors import DTypeError, ShapeError
from tests.support.parity import torch
from tests.support.table import Array, Case, Refusal, Row, numbers, whole

Pairs = tuple[tuple[int, int], ...]


def convolved(x: Array, w: Array, stride: Any, padding: Pairs, spread: Any, dilation: Any, groups: int) -> Array:
    """The definition, sum by sum: an element that lies between neighbours, or outside, is 0."""
    out, per_group, *kernel = w.shape
    extents = [
        (((n - 1) * d + 1 if n else 0) + low + high - (k - 1) * e - 1) // s + 1
        for n, (low, high), d, k, e, s in zip(x.shape[2:], padding, spread, kernel, dilation, stride, strict=True)
    ]
    y = np.zeros((x.shape[0], out, *extents), x.dtype)
    for n, o, *p in np.ndindex(*y.shape):
        for c, *k in np.ndindex(*w.shape[1:]):
            at = [a * s + b * e - low for a, b, s, e, (low, _) in zip(p, k, stride, dilation, padding, strict=True)]
            inside = all(i % d == 0 and 0 <= i // d < m for i, d, m in zip(at, spread, x.shape[2:], strict=True))
            if inside:
                source = (n, o // (out // groups) * per_group + c, *(i // d for i, d in zip(at, spread, strict=True)))
                y[(n, o, *p)] += x[source] * w[(o, c, *k)]
    return y


def _case(
    x: tuple[int, ...],
    w: tuple[int, ...],
    stride: int | tuple[int, ...] = 1,
    padding: Pairs | int = 0,
    spread: int | tuple[int, ...] = 1,
    dilation: int | tuple[int, ...] = 1,
    groups: int = 1,
    torch: Any = None,
) -> Case:
    spatial = len(x) - 2
    stride, spread, dilation = (v if isinstance(v, tuple) else (v,) * spatial for v in (stride, spread, dilation))
    padding = padding if isinstance(padding, tuple) else ((padding, padding),) * spatial
    attributes = (stride, padding, spread, dilation, groups)
    inputs = (numbers(x, 1), numbers(w, 2))
    return Case(inputs, attributes, convolved, torch)


def _torch(name: str, **options: Any) -> Any:
    def run(x: Any, w: Any) -> Any:
        return getattr(torch.nn.functional, name)(x, w, **options)

    return run


_whole = Case((whole((1, 2, 4)), whole((2, 2, 3))), ((1,), ((1, 0),), (1,), (1,), 1), convolved, None, False)
_PLAIN = ((1,), ((0, 0),), (1,), (1,), 1)

_DEPTHWISE = {"stride": (1, 2), "padding": (1, 0), "groups": 4}
_CASES = (
    _case((2, 2, 5), (3, 2, 3), torch=_torch("conv1d")),
    _case((2, 2, 7), (3, 2, 3), 2, 1, torch=_torch("conv1d", stride=2, padding=1)),
    _case((1, 2, 6), (2, 2, 3), 3, ((2, 1),)),
    _case((1, 2, 6), (2, 2, 2), 2, ((-1, 2),)),
    _case((1, 2, 6), (2, 2, 2), 1, ((3, -4),)),
    _case((1, 2, 4), (2, 2, 2), 2, ((-1, -2),), 3, 2),
    _case((2, 1, 4), (2, 1, 3), 1, 1, 2),
    _case((2, 1, 8), (1, 1, 3), 2, 2, 1, 3, torch=_torch("conv1d", stride=2, padding=2, dilation=3)),
    _case((2, 4, 5), (6, 2, 2), 2, 1, 1, 1, 2, torch=_torch("conv1d", stride=2, padding=1, groups=2)),
    _case((2, 3, 5), (6, 1, 3), 2, 1, 1, 2, 3, torch=_torch("conv1d", stride=2, padding=1, dilation=2, groups=3)),
    _case((2, 2, 3), (2, 2, 1), 2, torch=_torch("conv1d", stride=2)),
    _case((1, 1, 0), (2, 1, 2), 1, ((2, 1),)),
    _case((0, 2, 5), (3, 2, 3), 1, 1, torch=_torch("conv1d", padding=1)),
    _case((2, 0, 4), (3, 0, 3), 1, 1),
    _case((2, 2, 4), (0, 2, 3), 1, 1),
    _case((2, 2, 4, 5), (2, 2, 3, 2), torch=_torch("conv2d")),
    _case((1, 2, 5, 4), (2, 2, 2, 3), (2, 3), ((0, 1), (2, 1)), (1, 2), (2, 1)),
    _case((1, 4, 4, 3), (4, 1, 3, 2), (1, 2), ((1, 1), (0, 0)), 1, 1, 4, _torch("conv2d", **_DEPTHWISE)),
    _case((1, 4, 4, 3), (2, 2, 2, 2), 2, ((1, -1), (-1, 1)), 2, (2, 1), 2),
    _case((1, 2, 3, 2, 4), (2, 2, 2, 2, 2), (1, 2, 2), 1, torch=_torch("conv3d", stride=(1, 2, 2), padding=1)),
    _case((1, 2, 2, 2, 3), (2, 1, 2, 1, 2), 1, ((0, 1), (0, 0), (1, 0)), (1, 2, 1), (1, 1, 2), 2),
    _case((1, 1, 2, 2, 2, 2), (1, 1, 1, 2, 1, 2), (1, 1, 2, 1), ((0, 0), (1, 0), (0, 0), (0, 1))),
    _whole,
)  # fmt: skip

CONV_ROWS = (
    Row(
        "convolution",
        _CASES,
        (
            Refusal((numbers((2, 3, 4)), numbers((2, 2, 3))), _PLAIN, ShapeError, "expects 2 input channels"),
            Refusal((numbers((2, 3, 2)), numbers((2, 3, 3))), _PLAIN, ShapeError, "spans 3, and the padded input has"),
            Refusal((numbers((2, 3, 2)), numbers((2, 3, 0))), _PLAIN, ShapeError, "must span at least 1"),
            Refusal((numbers((2, 3)), numbers((2, 3))), _PLAIN, ShapeError, "at least one"),
            Refusal((numbers((2, 3, 4)), numbers((2, 3, 3, 3))), _PLAIN, ShapeError, "equally many spatial axes"),
            Refusal((numbers((2, 3, 4)), numbers((2, 1, 3))), (*_PLAIN[:-1], 2), ShapeError, "groups is 2"),
            Refusal((numbers((2, 3, 4)), numbers((2, 1, 3))), (*_PLAIN[:-1], 3), ShapeError, "2 output channels"),
            Refusal((numbers((2, 3, 4)), numbers((2, 3, 3))), (*_PLAIN[:-1], 0), ShapeError, "groups is 0"),
            Refusal((numbers((1, 1, 4)), numbers((1, 1, 3))), ((0,), *_PLAIN[1:]), ShapeError, "stride is"),
            Refusal((numbers((1, 1, 4)), numbers((1, 1, 3))), ((1, 1), *_PLAIN[1:]), ShapeError, "1 positive integers"),
            Refusal((numbers((1, 1, 4)), numbers((1, 1, 3))), ((1,), (), (1,), (1,), 1), ShapeError, "1 pairs"),
            Refusal((numbers((1, 1, 4)), whole((1, 1, 3))), _PLAIN, DTypeError, "cast one"),
            Refusal((numbers((1, 1, 4)) > 0, numbers((1, 1, 3)) > 0), _PLAIN, DTypeError, "received bool"),
        ),
    ),
)
