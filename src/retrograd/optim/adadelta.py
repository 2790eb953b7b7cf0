"""Adadelta."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.optim.grouped import by_step, close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_not_negative


@composite("adadelta")
def ADADELTA_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, mean squares of gradients, mean squares of steps.

    The last arguments say how many parameters there are, whether weights decay, and whether to go uphill.
    """
    *nodes, count, has_decay, maximize = args
    params, gradients, squares, steps = (nodes[i * count : (i + 1) * count] for i in range(4))
    lr, rho, rho_rest, eps, decay = numbers_of(nodes[4 * count], 5)
    next_params, next_squares, next_steps = [], [], []
    for p, g, v, u in zip(params, gradients, squares, steps, strict=True):
        g = e.neg(g) if maximize else g
        g = e.add(g, scaled(decay, p)) if has_decay else g
        v = e.add(scaled(rho, v), e.mul(scaled(rho_rest, g), g))
        ratio = e.div(e.sqrt(e.add(u, spread(eps, u))), e.sqrt(e.add(v, spread(eps, v))))
        move = e.mul(ratio, g)
        next_params.append(e.sub(p, scaled(lr, move)))
        next_squares.append(v)
        next_steps.append(e.add(scaled(rho, u), e.mul(scaled(rho_rest, move), move)))
    return (*next_params, *next_squares, *next_steps)


class Adadelta(Optimizer):
    """Steps that have the unit of the parameter: the root mean square of past steps over that of gradients.

    v <- rho v + (1 - rho) g^2, d = sqrt(u + eps) / sqrt(v + eps) g, u <- rho u + (1 - rho) d^2, p <- p - lr d.

    Args:
        params: parameters or groups.
        lr: a factor of the steps.
        rho: decay of the running means.
        eps: keeps the roots from zero; it decides on the first steps.
        weight_decay: added to the gradient as weight_decay * p.
        maximize: go uphill.
        foreach, capturable: taken, and without effect.

    Raises:
        OptionError: a number outside its range, or `differentiable`.

    Source: torch.optim.Adadelta; Zeiler (2012).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.Adadelta([w], rho=0.75, eps=1.0)
    >>> (w * w).sum().backward(); optimizer.step(); round(w.item(), 4)
    -0.4142
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1.0,
        rho: float = 0.9,
        eps: float = 1e-6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        *,
        capturable: bool = False,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_not_negative("Adadelta", lr=lr, eps=eps, weight_decay=weight_decay)
        if not 0 <= rho <= 1:
            raise OptionError(f"Adadelta: rho must lie in [0, 1], and is {rho}")
        options = {"lr": lr, "rho": rho, "eps": eps, "weight_decay": weight_decay}
        execution = execution_options("Adadelta", foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**options, "maximize": maximize, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(step: int) -> tuple[float, ...]:
            rho = group["rho"]
            return (float(group["lr"]), rho, 1 - rho, group["eps"], float(group["weight_decay"]))

        starts = {"square_avg": 0.0, "acc_delta": 0.0}
        attributes = (group["weight_decay"] != 0, bool(group["maximize"]))
        for listed, entries in by_step(self.state, params, starts):
            close_update(self._closings, ADADELTA_UPDATE, listed, entries, tuple(starts), numbers, attributes)
