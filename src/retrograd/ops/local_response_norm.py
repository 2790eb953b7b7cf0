"""Local response normalisation as a composite."""

from __future__ import annotations

from retrograd.core.errors import ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const_offset, like
from retrograd.ops.movement import pad, slice_
from retrograd.ops.spread import spread


@composite("local_response_norm")
def LOCAL_RESPONSE_NORM(x: Node, alpha: Node, beta: Node, k: Node, size: int) -> Node:
    """x / (k + alpha mean(x²))^beta, the mean over `size` channels around each, with zeros beyond the last."""
    shape = x.type.shape
    if len(shape) < 3 or size < 1:
        raise ShapeError(
            f"local_response_norm: the input has shape {shape}, and size is {size}; it must be (batch, channels, "
            "*spatial), and size at least 1"
        )
    rest = (0,) * (len(shape) - 2)
    squares = pad(e.mul(x, x), (0, size // 2, *rest), (0, (size - 1) // 2, *rest))
    total = _shifted(squares, 0, x)
    for i in range(1, size):
        total = e.add(total, _shifted(squares, i, x))
    mean = e.div(total, like(size, total))
    return e.div(x, e.power(e.add(spread(k, x), e.mul(spread(alpha, x), mean)), spread(beta, x)))


def _shifted(squares: Node, start: int, x: Node) -> Node:
    starts = tuple(const_offset(start if axis == 1 else 0) for axis in range(len(x.type.shape)))
    return slice_(squares, starts, x.type.shape, (1,) * len(starts))
