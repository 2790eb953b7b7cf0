"""NAdam."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.optim.grouped import Entry, by_step, close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_betas, require_not_negative

_STATE = {"exp_avg": 0.0, "exp_avg_sq": 0.0}


@composite("nadam")
def NADAM_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, first moments, second moments.

    The last arguments say how many parameters there are, how weights decay ("", "gradient" or "decoupled"), and whether
    to go uphill.
    """
    *nodes, count, decay, maximize = args
    columns = [nodes[i * count : (i + 1) * count] for i in range(4)]
    by_gradient, by_mean, root_scale, beta1_rest, beta2, beta2_rest, eps, decay_number = numbers_of(nodes[-1], 8)
    rows = []
    for p, g, m, v in zip(*columns, strict=True):
        g = e.neg(g) if maximize else g
        if decay == "decoupled":
            p = scaled(decay_number, p)
        elif decay:
            g = e.add(g, scaled(decay_number, p))
        m = e.add(m, scaled(beta1_rest, e.sub(g, m)))
        v = e.add(scaled(beta2, v), e.mul(scaled(beta2_rest, g), g))
        root = e.add(e.mul(e.sqrt(v), spread(root_scale, v)), spread(eps, v))
        p = e.sub(p, e.div(scaled(by_gradient, g), root))
        rows.append([e.sub(p, e.div(scaled(by_mean, m), root)), m, v])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


class NAdam(Optimizer):
    """Adam with Nesterov's momentum, which grows as training goes on.

    mu_t = b1 (1 - 0.96^(t momentum_decay) / 2), M_t = mu_1 ... mu_t,
    m <- m + (1 - b1)(g - m), v <- b2 v + (1 - b2) g^2, r = sqrt(v / (1 - b2^t)) + eps,
    p <- p - lr (1 - mu_t) / (1 - M_t) g / r - lr mu_{t+1} / (1 - M_{t+1}) m / r.

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the two running means.
        eps: keeps the denominator from zero.
        weight_decay: added to the gradient as weight_decay * p.
        momentum_decay: how fast the momentum grows.
        decoupled_weight_decay: have weights shrink by themselves, as in `AdamW`.
        maximize: go uphill.
        foreach, capturable: taken, and without effect.

    Raises:
        OptionError: a number outside its range, or `differentiable`.

    Source: torch.optim.NAdam; Dozat (2016).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.NAdam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); round(w.item(), 4)
    0.8944
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 2e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum_decay: float = 4e-3,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_not_negative("NAdam", lr=lr, eps=eps, weight_decay=weight_decay, momentum_decay=momentum_decay)
        require_betas("NAdam", betas)
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        execution = execution_options("NAdam", foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**options, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        decay = "" if group["weight_decay"] == 0 else "decoupled" if group["decoupled_weight_decay"] else "gradient"
        for listed, entries in by_step(self.state, params, _STATE):
            products = _Products(group, entries[0])
            for entry in entries:
                entry["mu_product"] = products.at(entry["step"])
            attributes = (decay, bool(group["maximize"]))
            close_update(
                self._closings,
                NADAM_UPDATE,
                listed,
                entries,
                tuple(_STATE),
                products.numbers,
                attributes,
                products.settle,
            )


class _Products:
    """M_t for the steps of one update and those to come.

    PyTorch keeps the product in float32, and so does this.
    """

    def __init__(self, group: ParameterGroup, entry: Entry) -> None:
        self.group = group
        self.known = [np.float32(entry.get("mu_product", 1.0))]
        self.first = entry["step"] - 1

    def momentum(self, step: int) -> float:
        beta1: float = self.group["betas"][0]
        return beta1 * (1 - 0.5 * math.pow(0.96, step * self.group["momentum_decay"]))

    def at(self, step: int) -> float:
        while self.first + len(self.known) <= step:
            following = self.first + len(self.known)
            self.known.append(self.known[-1] * np.float32(self.momentum(following)))
        return float(self.known[step - self.first])

    def settle(self, entry: Entry) -> None:
        entry["mu_product"] = self.at(entry["step"])

    def numbers(self, step: int) -> Sequence[float]:
        group = self.group
        beta1, beta2 = group["betas"]
        lr, decay = float(group["lr"]), float(group["weight_decay"])
        mu, mu_next, product = self.momentum(step), self.momentum(step + 1), self.at(step)
        return (
            lr * (1 - mu) / (1 - product),
            lr * mu_next / (1 - product * mu_next),
            1 / math.sqrt(1 - beta2**step),
            1 - beta1,
            beta2,
            1 - beta2,
            group["eps"],
            1 - lr * decay if group["decoupled_weight_decay"] else decay,
        )
