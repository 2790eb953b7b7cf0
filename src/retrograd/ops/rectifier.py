"""Activations that are made of pieces. What stands at a corner follows PyTorch's gradient formulas.

Slopes, bounds and thresholds are run-time inputs: trying another one needs no new program.
"""

from __future__ import annotations

from typing import Final

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.spread import spread

# Klambauer et al. (2017): mean 0 and variance 1 are a fixed point of a layer with these.
SELU_ALPHA: Final = 1.6732632423543772848170429916717
SELU_SCALE: Final = 1.0507009873554804934193349852946


@composite("leaky_relu")
def LEAKY_RELU(x: Node, slope: Node) -> Node:
    """x where x > 0, else slope * x."""
    return e.select(e.gt(x, like(0, x)), x, e.mul(spread(slope, x), x))


@composite("prelu")
def PRELU(x: Node, weight: Node) -> Node:
    """x where x > 0, else a * x; a is one number, or one for each channel (axis 1)."""
    shape, count = x.type.shape, weight.type.size
    channels = shape[1] if len(shape) > 1 else 1
    if len(weight.type.shape) > 1 or count not in (1, channels):
        raise ShapeError(
            f"prelu: the weight has shape {weight.type.shape}, and an input of shape {shape} takes one number or "
            f"one for each of its {channels} channels (axis 1); pass num_parameters={channels}"
        )
    if count == 1:
        slopes = broadcast_to(reshape(weight, ()), shape)
    else:
        slopes = broadcast_to(reshape(weight, (1, count, *[1] * (len(shape) - 2))), shape)
    return e.select(e.gt(x, like(0, x)), x, e.mul(slopes, x))


def clipped(x: Node, low: Node, high: Node) -> Node:
    """x between two bounds of its own type; on a bound the gradient is 0."""
    return e.select(e.le(x, low), low, e.select(e.ge(x, high), high, x))


@composite("hardtanh")
def HARDTANH(x: Node, low: Node, high: Node) -> Node:
    """min(max(x, low), high); the gradient flows where low < x < high."""
    return clipped(x, spread(low, x), spread(high, x))


@composite("relu6")
def RELU6(x: Node) -> Node:
    """min(max(x, 0), 6)."""
    return clipped(x, like(0, x), like(6, x))


@composite("hardsigmoid")
def HARDSIGMOID(x: Node) -> Node:
    """min(max(x + 3, 0), 6) / 6; the gradient flows where -3 < x < 3."""
    middle = e.div(e.add(x, like(3, x)), like(6, x))
    one, zero = like(1, x), like(0, x)
    return e.select(e.le(x, like(-3, x)), zero, e.select(e.ge(x, like(3, x)), one, middle))


@composite("hardswish")
def HARDSWISH(x: Node) -> Node:
    """x min(max(x + 3, 0), 6) / 6."""
    middle = e.div(e.mul(x, e.add(x, like(3, x))), like(6, x))
    return e.select(e.le(x, like(-3, x)), like(0, x), e.select(e.ge(x, like(3, x)), x, middle))


def _within(x: Node, bound: Node) -> Node:
    """Whether -bound <= x <= bound."""
    return e.logical_and(e.ge(x, e.neg(bound)), e.le(x, bound))


@composite("hardshrink")
def HARDSHRINK(x: Node, bound: Node) -> Node:
    """x, and 0 where -bound <= x <= bound."""
    return e.select(_within(x, spread(bound, x)), like(0, x), x)


@composite("softshrink")
def SOFTSHRINK(x: Node, bound: Node) -> Node:
    """x moved towards 0 by the bound, and 0 where -bound <= x <= bound."""
    low = spread(bound, x)
    moved = e.select(e.gt(x, like(0, x)), e.sub(x, low), e.add(x, low))
    return e.select(_within(x, low), like(0, x), moved)


@composite("threshold")
def THRESHOLD(x: Node, threshold: Node, value: Node) -> Node:
    """x where x > threshold, else value."""
    return e.select(e.le(x, spread(threshold, x)), spread(value, x), x)


def _below_zero(x: Node) -> Node:
    """x where it is not positive, else 0: what an exponential may see without overflow."""
    return e.select(e.gt(x, like(0, x)), like(0, x), x)


@composite("elu")
def ELU(x: Node, alpha: Node) -> Node:
    """x where x > 0, else alpha (exp(x) - 1)."""
    return e.select(e.gt(x, like(0, x)), x, e.mul(spread(alpha, x), e.expm1(_below_zero(x))))


@composite("selu")
def SELU(x: Node) -> Node:
    """The scaled exponential linear unit: elu with an alpha of 1.6733, times 1.0507."""
    scale, both = like(SELU_SCALE, x), like(SELU_SCALE * SELU_ALPHA, x)
    return e.select(e.gt(x, like(0, x)), e.mul(scale, x), e.mul(both, e.expm1(_below_zero(x))))


@composite("celu")
def CELU(x: Node, alpha: Node) -> Node:
    """x where x > 0, else alpha (exp(x / alpha) - 1)."""
    a = spread(alpha, x)
    return e.select(e.gt(x, like(0, x)), x, e.mul(a, e.expm1(e.div(_below_zero(x), a))))
