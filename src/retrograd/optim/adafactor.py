"""Adafactor."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import sum_keepdim
from retrograd.optim.grouped import Start, by_step, close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_not_negative
from retrograd.tensor.creation import zeros


def _mean_square(x: Node, axis: int) -> Node:
    total = sum_keepdim(e.mul(x, x), (axis,))
    return e.div(total, like(x.type.shape[axis], total))


def _size(x: Node) -> Node:
    """The root of the mean square of all elements, which is |x| / sqrt(n)."""
    total = sum_keepdim(e.mul(x, x), tuple(range(len(x.type.shape))))
    root = reshape(e.sqrt(total), ())
    return e.div(root, like(math.sqrt(max(x.type.size, 1)), root))


def _moved(old: Node, new: Node, part: Node) -> Node:
    return e.add(old, e.mul(spread(part, old), e.sub(new, old)))


def _variance(g: Node, state: Sequence[Node], part: Node, eps: Node) -> tuple[Node, list[Node]]:
    """An estimate of g^2 from means over rows and over columns, or (of vectors) from all elements; the next state."""
    if len(state) == 1:
        variance = _moved(state[0], e.mul(g, g), part)
        return variance, [variance]
    last = len(g.type.shape) - 1
    rows, columns = (_moved(x, _mean_square(g, axis), part) for x, axis in zip(state, (last, last - 1), strict=True))
    total = sum_keepdim(rows, (last - 1,))
    mean = e.div(total, like(g.type.shape[last - 1], total))
    low = spread(eps, mean)
    ratio = e.div(columns, broadcast_to(e.select(e.lt(mean, low), low, mean), columns.type.shape))
    shape = g.type.shape
    return e.mul(broadcast_to(rows, shape), broadcast_to(ratio, shape)), [rows, columns]


@composite("adafactor")
def ADAFACTOR_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, then their states: means over rows and over columns, or (of vectors) second moments.

    The last arguments say how many parameters there are, whether weights decay, and whether to go uphill. An eps of 0
    stands for that of the dtype.
    """
    *nodes, count, has_decay, maximize = args
    columns = [nodes[i * count : (i + 1) * count] for i in range((len(nodes) - 1) // count)]
    part, rate, kept, given_eps, least, threshold = numbers_of(nodes[-1], 6)
    rows = []
    for p, g, *state in zip(*columns, strict=True):
        g = e.neg(g) if maximize else g
        eps = e.cast(given_eps, p.type.dtype)
        eps = e.select(e.eq(eps, like(0, eps)), like(float(np.finfo(p.type.dtype.numpy).eps), eps), eps)
        size = _size(p)
        step = e.mul(e.maximum(size, spread(least, size)), spread(rate, size))
        p = scaled(kept, p) if has_decay else p
        variance, state = _variance(g, state, part, eps)
        low = spread(e.mul(eps, eps), variance)
        update = e.div(g, e.sqrt(e.select(e.lt(variance, low), low, variance)))
        ratio = e.div(_size(update), spread(threshold, size))
        step = e.div(step, e.maximum(ratio, like(1, ratio)))
        rows.append([e.sub(p, scaled(step, update)), *state])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


def _along(axis: int) -> Start:
    """A state with extent 1 along an axis, which is counted from the end."""

    def start(parameter: Any) -> Any:
        shape = list(parameter.shape)
        shape[axis] = 1
        return zeros(*shape, dtype=parameter.dtype)

    return start


_MATRIX_STATE: dict[str, Start] = {"row_var": _along(-1), "col_var": _along(-2)}
_VECTOR_STATE: dict[str, Start] = {"variance": 0.0}


class Adafactor(Optimizer):
    """Adam with little memory: the mean of squares of a matrix is kept as one number for each row and each column.

    With b = t^beta2_decay, R <- (1 - b) R + b mean_columns(g^2), C <- (1 - b) C + b mean_rows(g^2),
    u = g / sqrt(max(R C / mean(R), eps1^2)),
    p <- p - min(lr, 1 / sqrt(t)) max(eps2, rms(p)) u / max(1, rms(u) / d).

    Args:
        params: parameters or groups.
        lr: the greatest relative step.
        beta2_decay: how fast the part of new squares falls.
        eps: (eps1, eps2): keeps the denominator from zero (None: that of the dtype), and steps of small weights.
        d: where updates are clipped.
        weight_decay: how fast weights shrink.
        maximize: go uphill.
        foreach: taken, and without effect.

    Raises:
        OptionError: a number outside its range.

    Source: torch.optim.Adafactor; Shazeer and Stern (2018).

    >>> import retrograd as rg
    >>> w = rg.ones(2, 2, requires_grad=True)
    >>> optimizer = rg.optim.Adafactor([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); round(w[0, 0].item(), 4)
    0.9
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        beta2_decay: float = -0.8,
        eps: tuple[float | None, float] = (None, 1e-3),
        d: float = 1.0,
        weight_decay: float = 0.0,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
    ) -> None:
        require_not_negative("Adafactor", lr=lr, weight_decay=weight_decay, eps1=eps[0] or 0, eps2=eps[1])
        if beta2_decay > 0:
            raise OptionError(f"Adafactor: beta2_decay must not be positive, and is {beta2_decay}")
        if d < 1:
            raise OptionError(f"Adafactor: d must be at least 1, and is {d}")
        options = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        super().__init__(params, {**options, **execution_options("Adafactor", foreach=foreach)})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(step: int) -> Sequence[float]:
            lr, (eps1, eps2) = float(group["lr"]), group["eps"]
            kept = 1 - lr * group["weight_decay"]
            return (step ** group["beta2_decay"], min(lr, 1 / math.sqrt(step)), kept, eps1 or 0.0, eps2, group["d"])

        attributes = (group["weight_decay"] != 0, bool(group["maximize"]))
        matrices = [p for p in params if p.ndim > 1]
        vectors = [p for p in params if p.ndim <= 1]
        for listed, starts in ((matrices, _MATRIX_STATE), (vectors, _VECTOR_STATE)):
            for part, entries in by_step(self.state, listed, starts):
                close_update(self._closings, ADAFACTOR_UPDATE, part, entries, tuple(starts), numbers, attributes)
