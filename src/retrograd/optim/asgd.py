"""Averaged stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.optim.grouped import Entry, by_step, close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_not_negative

_STATE = {"ax": 0.0}


@composite("asgd")
def ASGD_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, then their averages.

    The last arguments say how many parameters there are, whether weights decay, and whether to go uphill.
    """
    *nodes, count, has_decay, maximize = args
    columns = [nodes[i * count : (i + 1) * count] for i in range(3)]
    eta, kept, mu, decay = numbers_of(nodes[-1], 4)
    rows = []
    for p, g, average in zip(*columns, strict=True):
        g = e.neg(g) if maximize else g
        g = e.add(g, scaled(decay, p)) if has_decay else g
        p = e.sub(scaled(kept, p), scaled(eta, g))
        part = spread(mu, p)
        moved = e.add(average, e.mul(part, e.sub(p, average)))
        rows.append([p, e.select(e.eq(part, like(1, p)), p, moved)])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


class ASGD(Optimizer):
    """Gradient descent with a falling rate, and the average of the parameters beside it.

    p <- (1 - lambd eta) p - eta g, eta <- lr / (1 + lambd lr t)^alpha,
    a <- a + mu (p - a), mu <- 1 / max(1, t - t0); a is the state "ax".

    Args:
        params: parameters or groups.
        lr: learning rate.
        lambd: how fast weights shrink and the rate falls.
        alpha: the power with which the rate falls.
        t0: the step at which averaging begins.
        weight_decay: added to the gradient as weight_decay * p.
        maximize: go uphill.
        foreach, capturable: taken, and without effect.

    Raises:
        OptionError: a negative number, or `differentiable`.

    Source: torch.optim.ASGD; Polyak and Juditsky (1992).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.ASGD([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); round(w.item(), 4)
    0.8
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        lambd: float = 1e-4,
        alpha: float = 0.75,
        t0: float = 1e6,
        weight_decay: float = 0,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
        capturable: bool = False,
    ) -> None:
        require_not_negative("ASGD", lr=lr, weight_decay=weight_decay)
        options = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
            "weight_decay": weight_decay,
            "maximize": maximize,
        }
        execution = execution_options("ASGD", foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**options, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        attributes = (group["weight_decay"] != 0, bool(group["maximize"]))
        for listed, entries in by_step(self.state, params, _STATE):
            rates = _Rates(group, entries[0])
            close_update(
                self._closings, ASGD_UPDATE, listed, entries, tuple(_STATE), rates.numbers, attributes, rates.settle
            )
            for entry in entries:
                rates.settle(entry)


class _Rates:
    """eta and mu of the steps, which an entry holds for the step that follows its own.

    PyTorch keeps both in float32, and so does this.
    """

    def __init__(self, group: ParameterGroup, entry: Entry) -> None:
        self.group = group
        eta, mu = entry.get("eta", float(np.float32(group["lr"]))), entry.get("mu", 1.0)
        self.known = {entry["step"]: (eta, mu)}

    def after(self, step: int) -> tuple[float, float]:
        group = self.group
        lr = float(group["lr"])
        eta = lr / (1 + group["lambd"] * lr * step) ** group["alpha"]
        return float(np.float32(eta)), float(np.float32(1 / max(1, step - group["t0"])))

    def settle(self, entry: Entry) -> None:
        step = entry["step"]
        self.known = {step + 1: self.after(step)}
        entry["eta"], entry["mu"] = self.known[step + 1]

    def numbers(self, step: int) -> Sequence[float]:
        eta, mu = self.known.get(step) or self.after(step - 1)
        return (eta, 1 - self.group["lambd"] * eta, mu, float(self.group["weight_decay"]))
