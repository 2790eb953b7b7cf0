"""Dropout as composites: y = x noise, where noise is 0 with probability p and 1 / (1 - p) else.

The mask is made of counter-based random bits (`ops/random.py`): an element is kept where its bits, an int32 b, are at
least p 2^32 - 2^31. A backward pass makes it again from the same counters, or finds it where the forward pass left it.
"""

from __future__ import annotations

from retrograd.core.dtype import bool_, float64, int32
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, like
from retrograd.ops.movement import broadcast_to
from retrograd.ops.random import random_bits

# The negative of the SELU's limit at -infinity: what alpha dropout puts in place of a dropped element.
_ALPHA = 1.7580993408473766


def keep_threshold(p: Node) -> Node:
    """The least bits with which an element stays, which each does with probability 1 - p."""
    threshold = e.sub(e.mul(p, const(2.0**32, float64)), const(2.0**31, float64))
    return e.cast(e.minimum(threshold, const(2.0**31 - 1, float64)), int32)


def is_kept(bits: Node, threshold: Node) -> Node:
    """Which elements stay."""
    return e.ge(bits, broadcast_to(threshold, bits.type.shape))


def _kept(stream: Node, p: Node, shape: Shape) -> Node:
    return is_kept(random_bits(stream, shape), keep_threshold(p))


def noise(kept: Node, p: Node, x: Node) -> Node:
    """1 / (1 - p) where an element is kept, 0 elsewhere; at p = 1 it is 0 everywhere."""
    rest = e.cast(e.sub(const(1, float64), p), x.type.dtype)
    zero = like(0, rest)
    scale = e.select(e.gt(rest, zero), e.div(like(1, rest), rest), zero)
    return e.select(kept, broadcast_to(scale, kept.type.shape), broadcast_to(zero, kept.type.shape))


def _feature_shape(x: Node, by_feature: bool) -> Shape:
    """The shape of the noise: one number for each of the first two axes, or for each element."""
    shape = x.type.shape
    return (*shape[:2], *[1] * (len(shape) - 2)) if by_feature else shape


def _times(x: Node, factor: Node) -> Node:
    return e.mul(x, broadcast_to(factor, x.type.shape))


@composite("dropout")
def DROPOUT(x: Node, p: Node, stream: Node, by_feature: bool) -> Node:
    """x with elements dropped, or with all of a row's channel where `by_feature`; p is a float64 number."""
    return _times(x, noise(_kept(stream, p, _feature_shape(x, by_feature)), p, x))


@composite("dropout.masked")
def DROPOUT_MASKED(x: Node, p: Node, kept: Node) -> Node:
    """As `dropout`, with a mask that was drawn elsewhere."""
    return _times(x, noise(e.cast(kept, bool_), p, x))


def _alpha(x: Node, p: Node, kept: Node) -> Node:
    """a (x where kept, else -alpha) + b, with a and b such that mean and variance stay."""
    one, alpha = const(1, float64), const(_ALPHA, float64)
    variance = e.mul(e.add(e.mul(e.mul(alpha, alpha), p), one), e.sub(one, p))
    is_left = e.gt(variance, like(0, variance))
    a = e.select(is_left, e.div(one, e.sqrt(variance)), like(0, variance))
    slope, shift = (e.cast(v, x.type.dtype) for v in (e.mul(alpha, a), e.mul(e.mul(alpha, a), p)))

    def chosen(if_kept: Node, if_dropped: Node) -> Node:
        return e.select(kept, *(broadcast_to(v, kept.type.shape) for v in (if_kept, if_dropped)))

    factor = e.cast(a, x.type.dtype)
    shifts = broadcast_to(chosen(shift, e.sub(shift, slope)), x.type.shape)
    return e.add(_times(x, chosen(factor, like(0, factor))), shifts)


@composite("dropout.alpha")
def ALPHA_DROPOUT(x: Node, p: Node, stream: Node, by_feature: bool) -> Node:
    """Dropped elements become -alpha, and all are scaled and shifted so that mean 0 and variance 1 stay."""
    return _alpha(x, p, _kept(stream, p, _feature_shape(x, by_feature)))


@composite("dropout.alpha.masked")
def ALPHA_DROPOUT_MASKED(x: Node, p: Node, kept: Node) -> Node:
    """As `dropout.alpha`, with a mask that was drawn elsewhere."""
    return _alpha(x, p, e.cast(kept, bool_))
