"""Resilient backpropagation."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.optim.grouped import by_step, close_update
from retrograd.optim.numbers import numbers_of, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_not_negative


@composite("rprop")
def RPROP_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, gradients to remember, step sizes.

    The last arguments say how many parameters there are, and whether to go uphill.
    """
    *nodes, count, maximize = args
    columns = [nodes[i * count : (i + 1) * count] for i in range(4)]
    shrink, grow, least, most = numbers_of(nodes[-1], 4)
    rows = []
    for p, g, before, size in zip(*columns, strict=True):
        g = e.neg(g) if maximize else g
        agreement, zero = e.mul(g, before), like(0, g)
        turned = e.lt(agreement, zero)
        factor = e.select(turned, spread(shrink, g), e.select(e.gt(agreement, zero), spread(grow, g), like(1, g)))
        size = e.minimum(e.maximum(e.mul(size, factor), spread(least, g)), spread(most, g))
        g = e.select(turned, zero, g)
        rows.append([e.sub(p, e.mul(e.sign(g), size)), g, size])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


class Rprop(Optimizer):
    """Steps by the sign of the gradient, each weight with a size of its own.

    The size grows where the gradient keeps its sign and shrinks where it turns; a weight whose gradient has turned
    rests for one step.

    Args:
        params: parameters or groups.
        lr: the first size of steps.
        etas: factors by which sizes shrink and grow.
        step_sizes: the least and the greatest size.
        maximize: go uphill.
        foreach, capturable: taken, and without effect.

    Raises:
        OptionError: a negative lr, etas that are not below and above 1, or `differentiable`.

    Source: torch.optim.Rprop; Riedmiller and Braun (1993).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.Rprop([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        etas: tuple[float, float] = (0.5, 1.2),
        step_sizes: tuple[float, float] = (1e-6, 50),
        *,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_not_negative("Rprop", lr=lr)
        if not 0 < etas[0] < 1 < etas[1]:
            raise OptionError(f"Rprop: etas must be a factor below 1 and one above, and are {tuple(etas)}")
        options = {"lr": lr, "etas": etas, "step_sizes": step_sizes, "maximize": maximize}
        execution = execution_options("Rprop", foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**options, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(_: int) -> Sequence[float]:
            return (*group["etas"], *group["step_sizes"])

        starts = {"prev": 0.0, "step_size": float(group["lr"])}
        for listed, entries in by_step(self.state, params, starts):
            close_update(
                self._closings, RPROP_UPDATE, listed, entries, tuple(starts), numbers, (bool(group["maximize"]),)
            )
