"""Samples of distributions whose parameters may be tensors: for the same seed they have PyTorch's values."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.ops.movement import broadcast_shapes
from retrograd.tensor.base import TensorBase
from retrograd.tensor.creation import shape_of
from retrograd.tensor.dispatch import deliver
from retrograd.tensor.drawing import finished, float_dtype_of, generator_of, probabilities_of
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array

__all__ = ["bernoulli", "multinomial", "normal", "poisson"]


def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Any = None,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """Normal with means and standard deviations that are numbers or tensors.

    Args:
        mean, std: numbers (then `size` is needed), or tensors that broadcast to the shape of the result.
        size: the shape. The rest is as in `rand`.

    Raises:
        OptionError: a standard deviation is negative. ShapeError: no shape is given.

    Source: torch.normal, whose values it has.

    >>> import retrograd as rg
    >>> _ = rg.manual_seed(0)
    >>> rg.normal(rg.tensor([0.0, 10.0]), rg.tensor([1.0, 0.0]))
    tensor([ 1.5410, 10.0000])
    """
    if isinstance(std, TensorBase):
        return _finish_normal(_normal_by_tensors(mean, std, generator), requires_grad, out)
    if isinstance(mean, TensorBase):
        drawn = generator_of(generator).normal(mean._type_shape(), 0.0, float(std), mean.dtype.numpy)
        return _finish_normal(from_array(drawn) + mean.detach(), requires_grad, out)
    if size is None and out is None:
        raise ShapeError("normal: with mean and std as numbers, give the shape as size")
    shape = out._type_shape() if size is None else shape_of((size,))
    drawn = generator_of(generator).normal(shape, float(mean), float(std), float_dtype_of(dtype, out).numpy)
    return finished(drawn, device, requires_grad, out)


def _normal_by_tensors(mean: Any, std: Any, generator: Any) -> Any:
    if std.numel() and float(std._value().min()) < 0:
        raise OptionError("normal: each std must be at least 0")
    like = mean if isinstance(mean, TensorBase) else std
    shape = broadcast_shapes("normal", std._type_shape(), like._type_shape())
    deviates = from_array(generator_of(generator).randn(shape, like.dtype.numpy))
    return deviates * std.detach() + (mean.detach() if isinstance(mean, TensorBase) else float(mean))


def _finish_normal(result: Any, requires_grad: bool, out: Any) -> Any:
    made = result if out is None else deliver("normal", result, out)
    return made.requires_grad_() if requires_grad else made


@method()
def bernoulli(input: Any, p: float | None = None, *, generator: Any = None, out: Any = None) -> Any:
    """1 with probability x, else 0, for each element x; or all with one probability `p`.

    Raises:
        OptionError: a probability outside [0, 1]. DTypeError: probabilities that are not floating-point.

    Source: torch.bernoulli, whose values it has.

    >>> import retrograd as rg
    >>> rg.bernoulli(rg.tensor([0.0, 1.0]))
    tensor([0., 1.])
    """
    source = generator_of(generator)
    if p is not None:
        drawn = source.bernoulli(float(p), input._type_shape())
    else:
        drawn = source.bernoulli(probabilities_of("bernoulli", input))
    return deliver("bernoulli", from_array(drawn, input.dtype), out)


@method()
def multinomial(
    input: Any, num_samples: int, replacement: bool = False, *, generator: Any = None, out: Any = None
) -> Any:
    """Indices drawn in proportion to weights.

    Args:
        input: (categories,) or (rows, categories), floating-point; they need not add up to 1.
        num_samples: how many for each row.
        replacement: whether an index may come again.
        generator, out: as in `rand`.

    Returns:
        int64, (num_samples,) or (rows, num_samples).

    Raises:
        OptionError: weights that are negative, not finite or all 0, or too few of them.

    Source: torch.multinomial, whose values it has.

    >>> import retrograd as rg
    >>> rg.multinomial(rg.tensor([0.0, 1.0, 0.0]), 2, replacement=True)
    tensor([1, 1])
    """
    drawn = generator_of(generator).multinomial(probabilities_of("multinomial", input), num_samples, replacement)
    return deliver("multinomial", from_array(drawn), out)


def poisson(input: Any, generator: Any = None) -> Any:
    """Counts of what happens at random x times on average, for each element x, in the dtype of the input.

    Raises:
        OptionError: a rate below 0. DTypeError: rates that are not floating-point.

    Source: torch.poisson, whose values it has.

    >>> import retrograd as rg
    >>> rg.poisson(rg.zeros(2))
    tensor([0., 0.])
    """
    return from_array(generator_of(generator).poisson(probabilities_of("poisson", input)), input.dtype)
