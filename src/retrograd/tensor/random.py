"""Random tensors: for the same seed they have the values that PyTorch's CPU generator gives.

Numbers are drawn when a function is called, in the order of calls, and enter programs as inputs.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core import generator as random
from retrograd.core.device import require_cpu
from retrograd.core.dtype import DType, defaults, int64
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.types import Shape
from retrograd.ops.movement import broadcast_shapes
from retrograd.tensor.base import TensorBase
from retrograd.tensor.creation import shape_of
from retrograd.tensor.dispatch import deliver
from retrograd.tensor.registry import method
from retrograd.tensor.tensor import from_array, over_array

__all__ = [
    "bernoulli", "multinomial", "normal", "poisson", "rand", "rand_like", "randint", "randint_like", "randn",
    "randn_like", "randperm",
]  # fmt: skip

Array = np.ndarray[Any, Any]


def _generator(generator: random.Generator | None) -> random.Generator:
    return random.default_generator if generator is None else generator


def _finished(array: Array, device: Any, requires_grad: bool, out: Any = None) -> Any:
    require_cpu(device)
    made = over_array(array)
    if out is not None:
        return deliver("out", made, out)
    return made.requires_grad_() if requires_grad else made


def _dtype(dtype: DType | None, out: Any) -> DType:
    return dtype if dtype is not None else defaults.float_dtype if out is None else out.dtype


# -- by shape ---------------------------------------------------------------------------------------------------------


def rand(
    *size: Any,
    generator: Any = None,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """Uniform on [0, 1).

    Args:
        size: the shape, as numbers or as a sequence.
        generator: where numbers are drawn from; the default generator if left out.
        dtype: floating-point; the default dtype if left out.
        device: "cpu" or None.
        requires_grad: whether gradients are wanted.
        layout, pin_memory: accepted for PyTorch's sake.
        out: a tensor that the result is written to.

    Raises:
        DTypeError: the dtype is not floating-point.

    Source: torch.rand, whose values it has.

    >>> import retrograd as rg
    >>> _ = rg.manual_seed(0)
    >>> rg.rand(3)
    tensor([0.4963, 0.7682, 0.0885])
    """
    return _finished(_generator(generator).rand(shape_of(size), _dtype(dtype, out).numpy), device, requires_grad, out)


def randn(
    *size: Any,
    generator: Any = None,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """Normal with mean 0 and standard deviation 1; arguments and errors are those of `rand`.

    Source: torch.randn, whose values it has.

    >>> import retrograd as rg
    >>> _ = rg.manual_seed(0)
    >>> rg.randn(3)
    tensor([ 1.5410, -0.2934, -2.1788])
    """
    return _finished(_generator(generator).randn(shape_of(size), _dtype(dtype, out).numpy), device, requires_grad, out)


def randint(
    low: int,
    high: Any,
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
    """Integers from `low` to `high - 1`; `randint(high, size)` begins at 0.

    Args:
        low, high: the range.
        size: the shape, a sequence.
        dtype: int64 if left out. The rest is as in `rand`.

    Raises:
        OptionError: the range is empty, or leaves the dtype.

    Source: torch.randint, whose values it has.

    >>> import retrograd as rg
    >>> _ = rg.manual_seed(0)
    >>> rg.randint(0, 10, (4,))
    tensor([4, 9, 3, 0])
    """
    low, high, size = (0, low, high) if size is None else (low, high, size)
    found = dtype if dtype is not None else int64 if out is None else out.dtype
    drawn = _generator(generator).randint(int(low), int(high), shape_of((size,)), found.numpy)
    return _finished(drawn, device, requires_grad, out)


def randperm(
    n: int,
    *,
    generator: Any = None,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    pin_memory: bool = False,
    out: Any = None,
) -> Any:
    """The numbers from 0 to n - 1 in a random order, int64 if no dtype is given; otherwise as `rand`.

    Source: torch.randperm, whose values it has.

    >>> import retrograd as rg
    >>> _ = rg.manual_seed(0)
    >>> rg.randperm(5)
    tensor([4, 0, 1, 3, 2])
    """
    order = _generator(generator).randperm(n)
    return _finished(order.astype((dtype or int64).numpy), device, requires_grad, out)


# -- of the shape of another ------------------------------------------------------------------------------------------


def _memory_order(x: TensorBase) -> Shape:
    """The axes as they follow one another in memory, outermost first: numbers are drawn in this order."""
    strides = x.stride()
    return tuple(sorted(range(x.ndim), key=lambda axis: -strides[axis]))


def _drawn_like(x: TensorBase, draw: Callable[[Shape], Array]) -> Array:
    """What `draw` gives for the shape that memory has, with the axes where the tensor has them."""
    order = _memory_order(x)
    shape = x._type_shape()
    return np.asarray(draw(tuple(shape[axis] for axis in order)).transpose(np.argsort(order)))


def rand_like(
    input: Any,
    *,
    generator: Any = None,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """`rand`, in the shape and the dtype (unless one is given) of another tensor. Source: torch.rand_like."""
    kind = (dtype or input.dtype).numpy
    drawn = _drawn_like(input, lambda shape: _generator(generator).rand(shape, kind))
    return _finished(drawn, device, requires_grad)


def randn_like(
    input: Any,
    *,
    generator: Any = None,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """`randn`, in the shape and the dtype (unless one is given) of another tensor. Source: torch.randn_like."""
    kind = (dtype or input.dtype).numpy
    return _finished(_normal_like(input, 0.0, 1.0, kind, generator), device, requires_grad)


def _normal_like(x: TensorBase, mean: float, std: float, kind: Any, generator: Any) -> Array:
    scattered = not x.is_contiguous()
    return _drawn_like(x, lambda shape: _generator(generator).normal(shape, mean, std, kind, one_by_one=scattered))


def randint_like(
    input: Any,
    low: int,
    high: int | None = None,
    *,
    generator: Any = None,
    dtype: DType | None = None,
    layout: Any = None,
    device: Any = None,
    requires_grad: bool = False,
    memory_format: Any = None,
) -> Any:
    """`randint`, in the shape and the dtype (unless one is given) of another tensor; one number is `high`.

    Source: torch.randint_like.
    """
    low, high = (0, low) if high is None else (low, high)
    kind = (dtype or input.dtype).numpy
    drawn = _drawn_like(input, lambda shape: _generator(generator).randint(low, high, shape, kind))
    return _finished(drawn, device, requires_grad)


# -- with parameters --------------------------------------------------------------------------------------------------


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
        drawn = _generator(generator).normal(mean._type_shape(), 0.0, float(std), mean.dtype.numpy)
        return _finish_normal(from_array(drawn) + mean.detach(), requires_grad, out)
    if size is None and out is None:
        raise ShapeError("normal: with mean and std as numbers, give the shape as size")
    shape = out._type_shape() if size is None else shape_of((size,))
    drawn = _generator(generator).normal(shape, float(mean), float(std), _dtype(dtype, out).numpy)
    return _finished(drawn, device, requires_grad, out)


def _normal_by_tensors(mean: Any, std: Any, generator: Any) -> Any:
    if std.numel() and float(std._value().min()) < 0:
        raise OptionError("normal: each std must be at least 0")
    like = mean if isinstance(mean, TensorBase) else std
    shape = broadcast_shapes("normal", std._type_shape(), like._type_shape())
    deviates = from_array(_generator(generator).randn(shape, like.dtype.numpy))
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
    source = _generator(generator)
    if p is not None:
        drawn = source.bernoulli(float(p), input._type_shape())
    else:
        drawn = source.bernoulli(_probabilities("bernoulli", input))
    return deliver("bernoulli", from_array(drawn, input.dtype), out)


def _probabilities(name: str, x: TensorBase) -> Array:
    """The elements as an array in which chances can be compared."""
    if not x.dtype.is_floating_point:
        raise DTypeError(f"{name}: takes floating-point numbers, and received {x.dtype.name}; use .float() first")
    values = x._value()
    return values.astype(np.float32) if x.dtype.is_half else np.array(values)


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
    drawn = _generator(generator).multinomial(_probabilities("multinomial", input), num_samples, replacement)
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
    return from_array(_generator(generator).poisson(_probabilities("poisson", input)), input.dtype)


# -- in place ---------------------------------------------------------------------------------------------------------


def _fill(name: str, x: Any, draw: Callable[[Shape], Array]) -> Any:
    """Write what was drawn over the elements of a tensor."""
    drawn = from_array(np.ascontiguousarray(_drawn_like(x, draw)), x.dtype)
    return x._assign(name, drawn._read(), overwrites=True)


@method()
def uniform_(input: Any, from_: float = 0.0, to: float = 1.0, *, generator: Any = None) -> Any:
    """Uniform numbers of [from_, to), in place. Source: torch.Tensor.uniform_.

    >>> import retrograd as rg
    >>> bool((rg.empty(100).uniform_(2, 3) >= 2).all())
    True
    """
    source, kind = _generator(generator), input.dtype.numpy
    return _fill("uniform_", input, lambda shape: source.uniform(shape, float(from_), float(to), kind))


@method()
def normal_(input: Any, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Any:
    """Normal numbers, in place. Source: torch.Tensor.normal_.

    >>> import retrograd as rg
    >>> rg.empty(2).normal_(3.0, 0.0)
    tensor([3., 3.])
    """
    drawn = _normal_like(input, float(mean), float(std), input.dtype.numpy, generator)
    return input._assign("normal_", from_array(np.ascontiguousarray(drawn), input.dtype)._read(), overwrites=True)


@method()
def random_(input: Any, from_: int | None = None, to: int | None = None, *, generator: Any = None) -> Any:
    """Integers, in place: from `from_` to `to - 1`; of one number, below it; of none, all that the dtype holds exactly.

    Source: torch.Tensor.random_.

    >>> import retrograd as rg
    >>> rg.empty(3).random_(4, 5)
    tensor([4., 4., 4.])
    """
    source, kind = _generator(generator), input.dtype.numpy
    if from_ is None and to is None:
        return _fill("random_", input, lambda shape: source.random(shape, kind))
    low, high = (0, from_) if to is None else (from_ or 0, to)
    return _fill("random_", input, lambda shape: source.randint(int(low), int(high or 0), shape, kind))


@method()
def bernoulli_(input: Any, p: Any = 0.5, *, generator: Any = None) -> Any:
    """1 with probability `p`, a number or a tensor that broadcasts, else 0, in place. Source: torch.Tensor.bernoulli_.

    >>> import retrograd as rg
    >>> rg.empty(3).bernoulli_(1.0)
    tensor([1., 1., 1.])
    """
    source = _generator(generator)
    if not isinstance(p, TensorBase):
        return _fill("bernoulli_", input, lambda shape: source.bernoulli(float(p), shape))
    chances = np.broadcast_to(_probabilities("bernoulli_", p), input._type_shape())
    order = _memory_order(input)
    return _fill("bernoulli_", input, lambda shape: source.bernoulli(np.array(chances.transpose(order)), shape))


@method()
def exponential_(input: Any, lambd: float = 1.0, *, generator: Any = None) -> Any:
    """Exponential numbers with rate `lambd`, in place. Source: torch.Tensor.exponential_."""
    source, kind = _generator(generator), input.dtype.numpy
    return _fill("exponential_", input, lambda shape: source.exponential(shape, float(lambd), kind))


@method()
def cauchy_(input: Any, median: float = 0.0, sigma: float = 1.0, *, generator: Any = None) -> Any:
    """Numbers of a Cauchy distribution, in place. Source: torch.Tensor.cauchy_."""
    source, kind = _generator(generator), input.dtype.numpy
    return _fill("cauchy_", input, lambda shape: source.cauchy(shape, float(median), float(sigma), kind))


@method()
def log_normal_(input: Any, mean: float = 1.0, std: float = 2.0, *, generator: Any = None) -> Any:
    """exp of normal numbers with this mean and standard deviation, in place. Source: torch.Tensor.log_normal_."""
    source, kind = _generator(generator), input.dtype.numpy
    return _fill("log_normal_", input, lambda shape: source.log_normal(shape, float(mean), float(std), kind))


@method()
def geometric_(input: Any, p: float, *, generator: Any = None) -> Any:
    """How many trials of probability `p` it takes to succeed, in place. Source: torch.Tensor.geometric_."""
    source, kind = _generator(generator), input.dtype.numpy
    return _fill("geometric_", input, lambda shape: source.geometric(shape, float(p), kind))
