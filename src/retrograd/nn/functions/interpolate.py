"""Resampling as a function, under PyTorch's name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

import numpy as np

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import DTYPES, DType, float32, float64, from_numpy_dtype
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record
from retrograd.core.types import Shape, tensor_type
from retrograd.nn.functions import samples
from retrograd.ops.adaptive_pooling import ADAPTIVE_AVG_POOL
from retrograd.ops.interpolation import INTERPOLATE, INTERPOLATE_NEAREST
from retrograd.tensor.base import wrap

_Factors = tuple[float | None, ...]
# The modes that weigh neighbours, and for how many spatial axes they are.
_WEIGHTED = {"linear": 1, "bilinear": 2, "trilinear": 3, "bicubic": 2, "lanczos": 2}
_PICKING = ("nearest", "nearest-exact", "area")


def interpolate(
    input: Any,
    size: int | Sequence[int] | None = None,
    scale_factor: float | Sequence[float] | None = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """The input with other spatial extents.

    Args:
        input: (batch, channels, *spatial), with one to three spatial axes.
        size: the extents, or one for all axes; or
        scale_factor: by what to multiply them (rounded down).
        mode: 'nearest', 'nearest-exact' (by centres, as image libraries do), 'linear' for one spatial axis, 'bilinear'
            and 'bicubic' for two, 'trilinear' for three, 'area' (adaptive average pooling), 'lanczos' with antialias.
        align_corners: whether the centres of the outermost elements coincide, rather than their edges. For the modes
            that interpolate.
        recompute_scale_factor: whether to use new extent / old extent in place of the scale_factor that was given.
        antialias: whether samples that are larger than elements average over all below them; for two spatial axes.

    Returns:
        (batch, channels, *size).

    Raises:
        OptionError: neither or both of size and scale_factor, a mode that is not known or not for this number of
            axes, or options that do not go with it. ShapeError: an extent that is not positive.
        DTypeError: numbers that are not floating-point, in a mode that interpolates.

    Source: torch.nn.functional.interpolate. Deviation: 'nearest' goes by scale_factor always, where PyTorch leaves it
    aside for small images whose extents stay or double.

    >>> import retrograd as rg
    >>> rg.nn.functional.interpolate(rg.tensor([[[1.0, 3.0]]]), scale_factor=2, mode="linear").tolist()
    [[[1.0, 1.5, 2.5, 3.0]]]
    """
    extents: Shape = input._type_shape()[2:]
    _check(mode, len(extents), align_corners, antialias)
    sizes, factors = _sizes(extents, size, scale_factor)
    if recompute_scale_factor and scale_factor is None:
        raise OptionError("interpolate: recompute_scale_factor goes with scale_factor, and size was given")
    if recompute_scale_factor:
        factors = (None,) * len(extents)
    if min(sizes) < 1 or min(extents) < 1:
        raise ShapeError(f"interpolate: from extents {extents} to {sizes}; all must be positive")
    x = input._read()
    if mode == "area":
        return wrap(record(ADAPTIVE_AVG_POOL, (x,), (sizes,)))
    precision = float64 if input.dtype is float64 else float32
    along = tuple(zip(extents, sizes, factors, strict=True))
    if mode in _PICKING:
        places = tuple(_nearest(n, m, factor, mode == "nearest-exact", precision.name) for n, m, factor in along)
        return wrap(record(INTERPOLATE_NEAREST, (x, *places)))
    _require_floats(mode, input.dtype)
    kind = ("antialiased", mode) if antialias else ("cubic",) if mode == "bicubic" else ("linear",)
    taps = (_taps(kind, n, m, factor, bool(align_corners), precision.name) for n, m, factor in along)
    return wrap(record(INTERPOLATE, (x, *(node for pair in taps for node in pair))))


def _check(mode: str, axes: int, align_corners: bool | None, antialias: bool) -> None:
    if mode not in _WEIGHTED and mode not in _PICKING:
        raise OptionError(
            f"interpolate: mode {mode!r} is not known; choose one of {', '.join([*_PICKING, *_WEIGHTED])}"
        )
    if not 1 <= axes <= 3 or axes != _WEIGHTED.get(mode, axes):
        raise OptionError(
            f"interpolate: mode {mode!r} is not for an input with {axes} spatial axes after (batch, channels); it "
            f"takes {_WEIGHTED.get(mode, '1 to 3')}"
        )
    if mode in _PICKING and align_corners is not None:
        raise OptionError(f"interpolate: mode {mode!r} has no corners to align; leave align_corners out")
    if antialias and (mode not in _WEIGHTED or axes != 2):
        raise OptionError(f"interpolate: antialias goes with bilinear, bicubic and lanczos, not with {mode!r}")
    if mode == "lanczos" and (not antialias or align_corners):
        raise OptionError("interpolate: mode 'lanczos' needs antialias=True, and aligns no corners")


def _sizes(extents: Shape, size: Any, scale_factor: Any) -> tuple[Shape, _Factors]:
    """The extents of the result, and the factors that were given."""
    if (size is None) == (scale_factor is None):
        raise OptionError("interpolate: give one of size and scale_factor")
    given = size if size is not None else scale_factor
    values = tuple(given) if isinstance(given, (tuple, list)) else (given,) * len(extents)
    if len(values) != len(extents):
        raise OptionError(f"interpolate: {given} must hold one number for each of the {len(extents)} spatial axes")
    if size is not None:
        return tuple(int(n) for n in values), (None,) * len(extents)
    factors = tuple(float(v) for v in values)
    return tuple(samples.output_size(n, f) for n, f in zip(extents, factors, strict=True)), factors


def _require_floats(mode: str, dtype: DType) -> None:
    if not dtype.is_floating_point:
        raise DTypeError(
            f"interpolate: mode {mode!r} takes floating-point numbers, and received {dtype.name}; use .float() first"
        )


def _constant(array: np.ndarray[Any, Any]) -> Node:
    dtype = from_numpy_dtype(array.dtype)
    assert dtype is not None
    type_ = tensor_type(array.shape, dtype)
    return input_node(type_, Buffer.copy_of(array, type_))


@lru_cache(maxsize=256)
def _nearest(extent: int, size: int, factor: float | None, exact: bool, dtype: str) -> Node:
    return _constant(samples.nearest(extent, size, factor, exact, DTYPES[dtype].numpy.type))


@lru_cache(maxsize=256)
def _taps(
    kind: tuple[str, ...], extent: int, size: int, factor: float | None, align_corners: bool, dtype: str
) -> tuple[Node, Node]:
    compute = getattr(samples, kind[0])
    index, weight = compute(*kind[1:], extent, size, factor, align_corners, DTYPES[dtype].numpy.type)
    return _constant(index), _constant(weight)


def upsample(
    input: Any, size: Any = None, scale_factor: Any = None, mode: str = "nearest", align_corners: bool | None = None
) -> Any:
    """`interpolate` by its old name. Source: torch.nn.functional.upsample."""
    return interpolate(input, size, scale_factor, mode, align_corners)


def upsample_nearest(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """`interpolate` with mode 'nearest'. Source: torch.nn.functional.upsample_nearest."""
    return interpolate(input, size, scale_factor)


def upsample_bilinear(input: Any, size: Any = None, scale_factor: Any = None) -> Any:
    """`interpolate` with mode 'bilinear' and corners aligned. Source: torch.nn.functional.upsample_bilinear."""
    return interpolate(input, size, scale_factor, "bilinear", True)
