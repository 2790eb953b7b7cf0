"""AdamW."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.optim.grouped import by_step, close_update, require_not_negative
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup


@composite("adamw")
def ADAMW_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, first moments, second moments, in that order.

    The last arguments say how many parameters there are, whether weights decay, and whether to go uphill.
    """
    *nodes, count, has_decay, maximize = args
    params, gradients, firsts, seconds = (nodes[i * count : (i + 1) * count] for i in range(4))
    step_size, root_scale, beta1_rest, beta2, beta2_rest, eps, kept = numbers_of(nodes[4 * count], 7)
    next_params, next_firsts, next_seconds = [], [], []
    for p, g, m, v in zip(params, gradients, firsts, seconds, strict=True):
        g = e.neg(g) if maximize else g
        p = scaled(kept, p) if has_decay else p
        m = e.add(m, scaled(beta1_rest, e.sub(g, m)))
        v = e.add(scaled(beta2, v), e.mul(scaled(beta2_rest, g), g))
        root = e.add(e.mul(e.sqrt(v), spread(root_scale, v)), spread(eps, v))
        next_params.append(e.sub(p, e.div(scaled(step_size, m), root)))
        next_firsts.append(m)
        next_seconds.append(v)
    return (*next_params, *next_firsts, *next_seconds)


class AdamW(Optimizer):
    """Adam, with weights that shrink by themselves instead of through the gradient.

    p <- (1 - lr weight_decay) p, m <- m + (1 - b1)(g - m), v <- b2 v + (1 - b2) g^2,
    p <- p - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the two running means.
        eps: keeps the denominator from zero.
        weight_decay: how fast weights shrink.
        amsgrad: not there.
        maximize: go uphill.

    Raises:
        OptionError: a number outside its range.

    Source: torch.optim.AdamW; Loshchilov and Hutter (2019).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.AdamW([w], lr=0.1, weight_decay=0.5)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8500], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
        amsgrad: bool = False,
        *,
        maximize: bool = False,
    ) -> None:
        require_not_negative("AdamW", lr=lr, eps=eps, weight_decay=weight_decay)
        if not all(0 <= beta < 1 for beta in betas):
            raise OptionError(f"AdamW: betas must be at least 0 and below 1, and are {betas}")
        if amsgrad:
            raise OptionError("AdamW: amsgrad is not there yet; leave it False")
        options = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay, "maximize": maximize}
        super().__init__(params, options)

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(step: int) -> tuple[float, ...]:
            beta1, beta2 = group["betas"]
            return (
                group["lr"] / (1 - beta1**step),
                1 / math.sqrt(1 - beta2**step),
                1 - beta1,
                beta2,
                1 - beta2,
                group["eps"],
                1 - group["lr"] * group["weight_decay"],
            )

        starts = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
        attributes = (group["weight_decay"] != 0, bool(group["maximize"]))
        for listed, entries in by_step(self.state, params, starts):
            close_update(ADAMW_UPDATE, listed, entries, tuple(starts), numbers, attributes)
