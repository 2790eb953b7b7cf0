"""Adamax."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.optim.grouped import by_step, close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_betas, require_not_negative

_STATE = {"exp_avg": 0.0, "exp_inf": 0.0}


@composite("adamax")
def ADAMAX_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, first moments, infinity norms.

    The last arguments say how many parameters there are, whether weights decay, and whether to go uphill.
    """
    *nodes, count, has_decay, maximize = args
    columns = [nodes[i * count : (i + 1) * count] for i in range(4)]
    step_size, beta1_rest, beta2, eps, decay = numbers_of(nodes[-1], 5)
    rows = []
    for p, g, m, u in zip(*columns, strict=True):
        g = e.neg(g) if maximize else g
        g = e.add(g, scaled(decay, p)) if has_decay else g
        m = e.add(m, scaled(beta1_rest, e.sub(g, m)))
        u = e.maximum(scaled(beta2, u), e.add(e.absolute(g), spread(eps, g)))
        rows.append([e.sub(p, e.div(scaled(step_size, m), u)), m, u])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


class Adamax(Optimizer):
    """Adam with the infinity norm: steps divided by the greatest gradient, which fades.

    m <- m + (1 - b1)(g - m), u <- max(b2 u, |g| + eps), p <- p - lr / (1 - b1^t) m / u.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the running mean and of the norm.
        eps: keeps the denominator from zero.
        weight_decay: added to the gradient as weight_decay * p.
        maximize: go uphill.
        foreach, capturable: taken, and without effect.

    Raises:
        OptionError: a number outside its range, or `differentiable`.

    Source: torch.optim.Adamax; Kingma and Ba (2015).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.Adamax([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        require_not_negative("Adamax", lr=lr, eps=eps, weight_decay=weight_decay)
        require_betas("Adamax", betas)
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        execution = execution_options("Adamax", foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**options, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(step: int) -> Sequence[float]:
            beta1, beta2 = group["betas"]
            step_size = float(group["lr"]) / (1 - beta1**step)
            return (step_size, 1 - beta1, beta2, group["eps"], float(group["weight_decay"]))

        attributes = (group["weight_decay"] != 0, bool(group["maximize"]))
        for listed, entries in by_step(self.state, params, _STATE):
            close_update(self._closings, ADAMAX_UPDATE, listed, entries, tuple(_STATE), numbers, attributes)
