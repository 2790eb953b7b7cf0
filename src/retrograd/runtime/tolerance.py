"""How far a result may lie from its NumPy definition, both computed from the same inputs.

    sums of products    |a - b| <= c eps sum|terms|,  c = 4 + the number of terms: rounding, in any order of summation,
                        on either side. The operation itself tells both numbers: of the magnitudes of its inputs it
                        makes sum|terms|, and of ones the number of terms. A convolution may be computed by transforms
                        of whole tiles: for it, the greatest sum|terms| of an image counts.
    products            |a - b| <= c eps |b|,  c = 4 + 2 * the number of factors
    exp, log, tanh, ... as many units in the last place as `backends/native/vmath.py` states, and 4 for NumPy
    all else            the same: arithmetic of two numbers, comparisons, movements, integers, booleans

A NaN must be a NaN in both. What has no meaning, as an integer cast from what is beyond its range, may be anything.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import Any, Final

import numpy as np

from retrograd.core.dtype import DTYPES
from retrograd.core.graph import Step
from retrograd.core.operation import Primitive

Array = np.ndarray[Any, Any]

# Rounding of what is done beside adding up, and of a last cast.
_ROUNDINGS: Final = 4
# What NumPy's own functions may be off by, in units in the last place.
_NUMPY_ULP: Final = 4
# Operations that add products, and the operands that they are linear in.
_SUMS: Final[dict[str, tuple[int, ...]]] = {
    "convolution": (0, 1),
    "cumsum": (0,),
    "matmul": (0, 1),
    "max_pool_scatter": (0,),
    "recurrence": (0, 1),
    "scatter add": (0, 2),
    "sum": (0,),
    "sum_pool": (0,),
    "take_add": (0,),
}


def allowed_difference(step: Step, args: Sequence[Array], expected: Array) -> Array | float:
    """The bound for each element of a primitive's result, or one for all of them; infinity where anything will do.

    Args:
        step: a primitive.
        args: its operands.
        expected: what its definition makes of them.
    """
    name, type_ = step.signature.operation.name, step.signature.type
    if name == "cast":
        return _undefined(args[0], step.signature.attributes[0])
    if type_.dtype.name not in ("float32", "float64"):
        return 0.0
    eps = float(np.finfo(expected.dtype).eps)
    if name == "scatter":
        name = f"scatter {step.signature.attributes[1]}"
    with np.errstate(all="ignore"):
        if name in _SUMS:
            return _of_sum(step, args, _SUMS[name]) * eps
        if name in ("prod", "scatter mul"):
            factors = args[0].size // max(expected.size, 1) if name == "prod" else 1 + args[1].size
            return np.asarray((_ROUNDINGS + 2 * factors) * eps * np.abs(expected))
        ulps = _stated_ulps().get(name)
        if ulps is not None:
            return np.asarray((ulps[type_.dtype.name == "float64"] + _NUMPY_ULP) * np.abs(np.spacing(expected)))
    return 0.0


def exceeds(made: Array, expected: Array, allowed: Array | float) -> Array:
    """Where a result lies farther from the expected one than is allowed."""
    if made.dtype.kind not in "fV":
        return np.asarray((made != expected) & np.isfinite(allowed))
    with np.errstate(all="ignore"):
        wide = np.float64 if made.dtype.itemsize < 8 else made.dtype
        a, b = made.astype(wide), expected.astype(wide)
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        near = np.isfinite(b) & (np.abs(a - b) <= allowed)
        return np.asarray(~(same | near | (np.isinf(allowed) & ~np.isnan(a))))


def _of_sum(step: Step, args: Sequence[Array], linear: tuple[int, ...]) -> Array:
    """c sum|terms| of each element."""
    sums = _applied(step, [np.abs(x) if i in linear else x for i, x in enumerate(args)])
    count = _applied(step, [np.ones_like(x) if i in linear else x for i, x in enumerate(args)])
    if step.signature.operation.name == "convolution":
        space = tuple(range(2, sums.ndim))
        sums, count = sums.max(space, keepdims=True, initial=0), count.max(space, keepdims=True, initial=0)
    return np.asarray((_ROUNDINGS + count) * sums)


def _applied(step: Step, args: list[Array]) -> Array:
    operation = step.signature.operation
    assert isinstance(operation, Primitive)
    return np.asarray(operation.reference(*args, *step.signature.attributes))


def _undefined(x: Array, dtype: str) -> Array | float:
    """Infinity where a cast has no meaning: a number that is not finite, or beyond the range of integers."""
    target = DTYPES[dtype]
    if target.kind != 1 or x.dtype.kind in "iub":
        return 0.0
    wide = x.astype(np.float64)
    with np.errstate(all="ignore"):
        inside = (wide > target.lowest - 1) & (wide < target.highest + 1)
    return np.where(inside, 0.0, np.inf)


@functools.cache
def _stated_ulps() -> dict[str, tuple[float, float]]:
    from retrograd.backends.native.vmath import MAX_ULP  # noqa: PLC0415 -- heavy: only when something is checked

    return MAX_ULP
