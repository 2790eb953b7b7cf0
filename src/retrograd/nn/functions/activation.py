"""Activations as functions, under PyTorch's names. Each is one node; `inplace` writes the result over the input.

In the formulas x is the input.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.core import generator as random
from retrograd.core.errors import DTypeError, OptionError
from retrograd.core.operation import Composite, record
from retrograd.ops import activation, rectifier, smooth
from retrograd.ops.arithmetic import MUL
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.tensor import from_array


def _apply(operation: Composite, x: TensorBase, numbers: tuple[Any, ...] = (), inplace: bool = False) -> Any:
    """An operation of floating-point numbers and of run-time numbers; `inplace` changes x itself."""
    if not x.dtype.is_floating_point:
        raise DTypeError(
            f"{operation.name} takes floating-point numbers, and received {x.dtype.name}; use .float() first"
        )
    node = x._read()
    node = record(operation, (node, *(node_of(float(value), node.type.dtype) for value in numbers)))
    return x._assign(f"{operation.name}(inplace=True)", node) if inplace else wrap(node)


def relu(input: Any, inplace: bool = False) -> Any:
    """max(x, 0). Source: torch.nn.functional.relu."""
    return input.relu_() if inplace else wrap(record(activation.RELU, (input._read(),)))


def sigmoid(input: Any) -> Any:
    """1 / (1 + exp(-x)). Source: torch.nn.functional.sigmoid."""
    return input.sigmoid()


def tanh(input: Any) -> Any:
    """tanh x. Source: torch.nn.functional.tanh."""
    return input.tanh()


def leaky_relu(input: Any, negative_slope: float = 0.01, inplace: bool = False) -> Any:
    """x where x > 0, else negative_slope * x. Source: torch.nn.functional.leaky_relu.

    >>> import retrograd as rg
    >>> rg.nn.functional.leaky_relu(rg.tensor([-2.0, 3.0]), 0.5)
    tensor([-1.,  3.])
    """
    return _apply(rectifier.LEAKY_RELU, input, (negative_slope,), inplace)


def rrelu(
    input: Any, lower: float = 1.0 / 8, upper: float = 1.0 / 3, training: bool = False, inplace: bool = False
) -> Any:
    """x where x > 0, else a x, a drawn from [lower, upper) for each such element; in evaluation their mean.

    How many numbers are drawn depends on the elements, so these are computed first.

    Raises:
        OptionError: lower is above upper.

    Source: torch.nn.functional.rrelu; Xu et al. (2015).
    """
    if lower > upper:
        raise OptionError(f"rrelu: lower must not be above upper, and they are {lower} and {upper}")
    if not training:
        return leaky_relu(input, (lower + upper) / 2, inplace)
    values = input._value()
    slopes = np.ones(values.shape, values.dtype)
    falling = values <= 0
    slopes[falling] = random.default_generator.uniform((int(falling.sum()),), lower, upper, np.float64)
    node = record(MUL, (input._read(), from_array(slopes)._read()))
    return input._assign("rrelu(inplace=True)", node) if inplace else wrap(node)


def prelu(input: Any, weight: Any) -> Any:
    """x where x > 0, else weight * x; one weight, or one for each channel. Source: torch.nn.functional.prelu."""
    return wrap(record(rectifier.PRELU, (input._read(), weight._read())))


def hardtanh(input: Any, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False) -> Any:
    """min(max(x, min_val), max_val). Source: torch.nn.functional.hardtanh.

    Raises:
        OptionError: min_val is above max_val.
    """
    if min_val > max_val:
        raise OptionError(f"hardtanh: min_val must not be above max_val, and they are {min_val} and {max_val}")
    return _apply(rectifier.HARDTANH, input, (min_val, max_val), inplace)


def relu6(input: Any, inplace: bool = False) -> Any:
    """min(max(x, 0), 6). Source: torch.nn.functional.relu6."""
    return _apply(rectifier.RELU6, input, (), inplace)


def hardsigmoid(input: Any, inplace: bool = False) -> Any:
    """min(max(x + 3, 0), 6) / 6. Source: torch.nn.functional.hardsigmoid; Howard et al. (2019)."""
    return _apply(rectifier.HARDSIGMOID, input, (), inplace)


def hardswish(input: Any, inplace: bool = False) -> Any:
    """x min(max(x + 3, 0), 6) / 6. Source: torch.nn.functional.hardswish; Howard et al. (2019)."""
    return _apply(rectifier.HARDSWISH, input, (), inplace)


def hardshrink(input: Any, lambd: float = 0.5) -> Any:
    """x, and 0 where -lambd <= x <= lambd. Source: torch.nn.functional.hardshrink."""
    return _apply(rectifier.HARDSHRINK, input, (lambd,))


def softshrink(input: Any, lambd: float = 0.5) -> Any:
    """x moved towards 0 by lambd, and 0 where -lambd <= x <= lambd. Source: torch.nn.functional.softshrink.

    Raises:
        OptionError: lambd is negative.

    >>> import retrograd as rg
    >>> rg.nn.functional.softshrink(rg.tensor([-2.0, 0.25, 1.0]))
    tensor([-1.5000,  0.0000,  0.5000])
    """
    if lambd < 0:
        raise OptionError(f"softshrink: lambd must not be negative, and is {lambd}")
    return _apply(rectifier.SOFTSHRINK, input, (lambd,))


def threshold(input: Any, threshold: float, value: float, inplace: bool = False) -> Any:
    """x where x > threshold, else value. Source: torch.nn.functional.threshold."""
    return _apply(rectifier.THRESHOLD, input, (threshold, value), inplace)


def elu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where x > 0, else alpha (exp(x) - 1). Source: torch.nn.functional.elu; Clevert et al. (2016)."""
    return _apply(rectifier.ELU, input, (alpha,), inplace)


def selu(input: Any, inplace: bool = False) -> Any:
    """1.0507 elu(x, 1.6733). Source: torch.nn.functional.selu; Klambauer et al. (2017)."""
    return _apply(rectifier.SELU, input, (), inplace)


def celu(input: Any, alpha: float = 1.0, inplace: bool = False) -> Any:
    """x where x > 0, else alpha (exp(x / alpha) - 1). Source: torch.nn.functional.celu; Barron (2017).

    Raises:
        OptionError: alpha is 0.
    """
    if alpha == 0:
        raise OptionError("celu: alpha must not be 0, since x is divided by it")
    return _apply(rectifier.CELU, input, (alpha,), inplace)


def gelu(input: Any, approximate: str = "none") -> Any:
    """x Phi(x), Phi the normal distribution. Source: torch.nn.functional.gelu; Hendrycks and Gimpel (2016).

    Args:
        input: x, any shape.
        approximate: "none" for the error function, or "tanh" for its approximation.

    Raises:
        OptionError: another name.

    >>> import retrograd as rg
    >>> rg.nn.functional.gelu(rg.tensor([-1.0, 0.0, 1.0]))
    tensor([-0.1587,  0.0000,  0.8413])
    """
    if approximate not in ("none", "tanh"):
        raise OptionError(f"gelu: approximate {approximate!r} is not known; choose 'none' or 'tanh'")
    return wrap(record(smooth.GELU, (input._read(),), (approximate,)))


def silu(input: Any, inplace: bool = False) -> Any:
    """x / (1 + exp(-x)), also called swish. Source: torch.nn.functional.silu."""
    return _apply(smooth.SILU, input, (), inplace)


def mish(input: Any, inplace: bool = False) -> Any:
    """x tanh(log(1 + exp(x))). Source: torch.nn.functional.mish; Misra (2019)."""
    return _apply(smooth.MISH, input, (), inplace)


def softplus(input: Any, beta: float = 1.0, threshold: float = 20.0) -> Any:
    """log(1 + exp(beta x)) / beta, and x where beta x > threshold. Source: torch.nn.functional.softplus.

    >>> import retrograd as rg
    >>> rg.nn.functional.softplus(rg.tensor([-1000.0, 0.0, 1000.0]))
    tensor([0.0000e+00, 6.9315e-01, 1.0000e+03])
    """
    return _apply(smooth.SOFTPLUS, input, (beta, threshold))


def logsigmoid(input: Any) -> Any:
    """log(1 / (1 + exp(-x))). Source: torch.nn.functional.logsigmoid."""
    return _apply(smooth.LOG_SIGMOID, input)


def softsign(input: Any) -> Any:
    """x / (1 + |x|). Source: torch.nn.functional.softsign."""
    return _apply(smooth.SOFTSIGN, input)


def tanhshrink(input: Any) -> Any:
    """x - tanh(x). Source: torch.nn.functional.tanhshrink."""
    return _apply(smooth.TANHSHRINK, input)


def glu(input: Any, dim: int = -1) -> Any:
    """a sigmoid(b), a and b the halves of x along an axis. Source: torch.nn.functional.glu; Dauphin et al. (2017).

    Raises:
        ShapeError: the extent of the axis is odd.
    """
    return wrap(record(smooth.GLU, (input._read(),), (input._axis(dim),)))


def _in_place(function: Callable[..., Any]) -> Callable[..., Any]:
    """The form of a function that writes the result over its input."""

    def write(input: Any, *args: Any, **kwargs: Any) -> Any:
        return function(input, *args, **kwargs, inplace=True)

    write.__name__ = write.__qualname__ = function.__name__ + "_"
    write.__doc__ = f"`{function.__name__}`, the result written over the input. Source: torch.nn.functional."
    return write


relu_ = _in_place(relu)
leaky_relu_ = _in_place(leaky_relu)
rrelu_ = _in_place(rrelu)
hardtanh_ = _in_place(hardtanh)
threshold_ = _in_place(threshold)
elu_ = _in_place(elu)
selu_ = _in_place(selu)
celu_ = _in_place(celu)
