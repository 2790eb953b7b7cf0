"""Adagrad."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.optim.grouped import by_step, close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_not_negative


@composite("adagrad")
def ADAGRAD_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, then next sums.

    The last arguments say how many parameters there are, whether weights decay, and whether to go uphill.
    """
    *nodes, count, has_decay, maximize = args
    params, gradients, sums = (nodes[i * count : (i + 1) * count] for i in range(3))
    rate, eps, decay = numbers_of(nodes[3 * count], 3)
    next_params, next_sums = [], []
    for p, g, s in zip(params, gradients, sums, strict=True):
        g = e.neg(g) if maximize else g
        g = e.add(g, scaled(decay, p)) if has_decay else g
        s = e.add(s, e.mul(g, g))
        next_params.append(e.sub(p, e.div(scaled(rate, g), e.add(e.sqrt(s), spread(eps, s)))))
        next_sums.append(s)
    return (*next_params, *next_sums)


class Adagrad(Optimizer):
    """Steps divided by the root of all squared gradients so far: what moved much moves less.

    s <- s + g^2, p <- p - lr / (1 + (t - 1) lr_decay) g / (sqrt(s) + eps).

    Args:
        params: parameters or groups.
        lr: learning rate.
        lr_decay: how fast the learning rate falls.
        weight_decay: added to the gradient as weight_decay * p.
        initial_accumulator_value: where s starts.
        eps: keeps the denominator from zero.
        maximize: go uphill.
        foreach, fused: taken, and without effect.

    Raises:
        OptionError: a negative number, or `differentiable`.

    Source: torch.optim.Adagrad; Duchi et al. (2011).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.Adagrad([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lr_decay: float = 0,
        weight_decay: float = 0,
        initial_accumulator_value: float = 0,
        eps: float = 1e-10,
        foreach: bool | None = None,
        *,
        maximize: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        options = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
        }
        require_not_negative("Adagrad", **options)
        execution = execution_options("Adagrad", foreach=foreach, differentiable=differentiable, fused=fused)
        super().__init__(params, {**options, "maximize": maximize, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(step: int) -> tuple[float, ...]:
            rate = float(group["lr"]) / (1 + (step - 1) * group["lr_decay"])
            return (rate, group["eps"], float(group["weight_decay"]))

        starts = {"sum": group["initial_accumulator_value"]}
        attributes = (group["weight_decay"] != 0, bool(group["maximize"]))
        for listed, entries in by_step(self.state, params, starts):
            close_update(self._closings, ADAGRAD_UPDATE, listed, entries, tuple(starts), numbers, attributes)
