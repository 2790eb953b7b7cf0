"""Initial weights with a structure: identities, orthogonal matrices, sparse columns, cut-off normal numbers."""

from __future__ import annotations

import math
import warnings
from typing import Any

import numpy as np

from retrograd.core import generator as random
from retrograd.core.errors import OptionError, ShapeError
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.tensor import from_array

Array = np.ndarray[Any, Any]


def _fill(tensor: Any, values: Array) -> Any:
    with no_grad():
        return tensor.copy_(from_array(np.ascontiguousarray(values).astype(tensor.dtype.numpy, copy=False)))


def _source(generator: random.Generator | None) -> random.Generator:
    return generator or random.default_generator


def _require_matrix(name: str, tensor: Any) -> None:
    if tensor.ndim != 2:
        raise ShapeError(f"{name}: takes a tensor with 2 axes, and this has shape {tuple(tensor.shape)}")


def eye_(tensor: Any) -> Any:
    """The identity matrix: as much of the input as fits comes out again. Source: torch.nn.init.eye_."""
    _require_matrix("eye_", tensor)
    return _fill(tensor, np.eye(*tensor.shape))


def dirac_(tensor: Any, groups: int = 1) -> Any:
    """A convolution kernel that hands its channels through: 1 at the centre of (i, i, ...), group by group.

    Args:
        tensor: (out channels, in channels, extents of the kernel ...), with 3 to 5 axes.
        groups: of the convolution.

    Raises:
        ShapeError: another number of axes, or out channels that do not divide into the groups.

    Source: torch.nn.init.dirac_.
    """
    shape = tuple(tensor.shape)
    if len(shape) not in (3, 4, 5):
        raise ShapeError(f"dirac_: takes a kernel with 3, 4 or 5 axes, and this has shape {shape}")
    if shape[0] % groups:
        raise ShapeError(f"dirac_: {shape[0]} output channels do not divide into {groups} equal groups")
    values = np.zeros(shape)
    each = shape[0] // groups
    for group in range(groups):
        for channel in range(min(each, shape[1])):
            values[(group * each + channel, channel, *(extent // 2 for extent in shape[2:]))] = 1
    return _fill(tensor, values)


def orthogonal_(tensor: Any, gain: float = 1, generator: Any = None) -> Any:
    """Rows or columns (those that are fewer) that are orthogonal to each other, of length `gain`.

    The tensor counts as a matrix (first extent, all others). Q of the QR decomposition of normal numbers, with signs
    such that the diagonal of R is positive, is uniform among the orthogonal matrices.

    Raises:
        ShapeError: fewer than 2 axes.

    Source: torch.nn.init.orthogonal_ (equal to rounding); Saxe et al. (2014).
    """
    if tensor.ndim < 2:
        raise ShapeError(f"orthogonal_: takes a tensor with 2 axes or more, and this has shape {tuple(tensor.shape)}")
    if tensor.numel() == 0:
        return tensor
    rows = tensor.shape[0]
    normal = _source(generator).normal((rows, tensor.numel() // rows), 0.0, 1.0, tensor.dtype.numpy)
    wide = normal.shape[0] < normal.shape[1]
    q, r = np.linalg.qr(normal.T if wide else normal)
    q = q * np.sign(np.diag(r))
    return _fill(tensor, (q.T if wide else q).reshape(tensor.shape) * tensor.dtype.numpy.type(gain))


def sparse_(tensor: Any, sparsity: float, std: float = 0.01, generator: Any = None) -> Any:
    """Normal numbers, a part of each column zero.

    Args:
        tensor: (rows, columns).
        sparsity: the part of the rows, in [0, 1], that is zero in each column.
        std: standard deviation of the others.

    Raises:
        ShapeError: not 2 axes.

    Source: torch.nn.init.sparse_; Martens (2010).
    """
    _require_matrix("sparse_", tensor)
    source = _source(generator)
    rows, columns = tensor.shape
    values = source.normal((rows, columns), 0.0, std, tensor.dtype.numpy)
    for column in range(columns):
        # PyTorch draws the order from its default generator, whatever generator is given.
        values[random.default_generator.randperm(rows)[: math.ceil(sparsity * rows)], column] = 0
    return _fill(tensor, values)


def trunc_normal_(
    tensor: Any, mean: float = 0.0, std: float = 1.0, a: float = -2.0, b: float = 2.0, generator: Any = None
) -> Any:
    """Normal numbers between a and b: those outside are drawn anew.

    Where less than 0.3 of the normal distribution lies between the bounds, candidates are uniform there, and taken
    with a probability in proportion to the density.

    Args:
        tensor: any shape, float32 or float64.
        mean, std: of the distribution before it is cut.
        a, b: the bounds.

    Raises:
        OptionError: std is not positive, or a is not below b.

    Source: torch.nn.init.trunc_normal_ (of PyTorch 2.13: earlier versions draw otherwise); Robert (1995).
    """
    if not (std > 0 and a < b):
        raise OptionError(f"trunc_normal_: std must be above 0 and a below b, and they are {std}, {a}, {b}")
    if mean < a - 2 * std or mean > b + 2 * std:
        warnings.warn(
            "trunc_normal_: the mean is more than 2 std from [a, b]; the distribution may be incorrect", stacklevel=2
        )
    source, dtype, shape = _source(generator), tensor.dtype.numpy, tuple(tensor.shape)
    if _normal_below((b - mean) / std) - _normal_below((a - mean) / std) > 0.3:
        return _fill(tensor, _drawn_again(source, shape, mean, std, dtype.type(a), dtype.type(b), dtype))
    return _fill(tensor, _accepted(source, shape, mean, std, a, b, dtype))


def _normal_below(x: float) -> float:
    return (1.0 + math.erf(x / math.sqrt(2.0))) / 2.0


def _drawn_again(
    source: random.Generator, shape: tuple[int, ...], mean: float, std: float, a: Any, b: Any, dtype: Any
) -> Array:
    result = source.normal(shape, mean, std, dtype)
    while True:
        outside = (result < a) | (result > b)
        if not outside.any():
            return result
        result = np.where(outside, source.normal(shape, mean, std, dtype), result)


def _accepted(
    source: random.Generator, shape: tuple[int, ...], mean: float, std: float, a: float, b: float, dtype: Any
) -> Array:
    one = dtype.type
    log_peak = one(-0.5 * ((max(a, min(mean, b)) - mean) / std) ** 2)
    result, pending = np.zeros(shape, dtype), np.ones(shape, bool)
    while pending.any():
        candidates = source.uniform(shape, a, b, dtype)
        result = np.where(pending, candidates, result)
        deviation = (candidates - one(mean)) / one(std)
        with np.errstate(divide="ignore"):
            threshold = np.log(source.uniform(shape, 0.0, 1.0, dtype))
        pending &= threshold > deviation * deviation * one(-0.5) - log_peak
    return result
