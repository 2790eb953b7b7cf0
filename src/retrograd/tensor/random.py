"""Random tensors: for the same seed they have the values that PyTorch's CPU generator gives.

Numbers are drawn when a function is called, in the order of calls, and enter programs as inputs.
"""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType, int64
from retrograd.tensor.creation import shape_of
from retrograd.tensor.drawing import drawn_like, finished, float_dtype_of, generator_of, normal_like

__all__ = ["rand", "rand_like", "randint", "randint_like", "randn", "randn_like", "randperm"]


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
    return finished(
        generator_of(generator).rand(shape_of(size), float_dtype_of(dtype, out).numpy), device, requires_grad, out
    )


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
    return finished(
        generator_of(generator).randn(shape_of(size), float_dtype_of(dtype, out).numpy), device, requires_grad, out
    )


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
    drawn = generator_of(generator).randint(int(low), int(high), shape_of((size,)), found.numpy)
    return finished(drawn, device, requires_grad, out)


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
    order = generator_of(generator).randperm(n)
    return finished(order.astype((dtype or int64).numpy), device, requires_grad, out)


# -- of the shape of another ------------------------------------------------------------------------------------------


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
    drawn = drawn_like(input, lambda shape: generator_of(generator).rand(shape, kind))
    return finished(drawn, device, requires_grad)


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
    return finished(normal_like(input, 0.0, 1.0, kind, generator), device, requires_grad)


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
    drawn = drawn_like(input, lambda shape: generator_of(generator).randint(low, high, shape, kind))
    return finished(drawn, device, requires_grad)
