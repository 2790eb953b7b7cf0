"""RAdam."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.optim.grouped import by_step, close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_betas, require_not_negative

_STATE = {"exp_avg": 0.0, "exp_avg_sq": 0.0}


@composite("radam")
def RADAM_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, first moments, second moments.

    The last arguments say how many parameters there are, how weights decay ("", "gradient" or "decoupled"), and whether
    to go uphill. A rectification of 0 stands for a step that is not scaled.
    """
    *nodes, count, decay, maximize = args
    columns = [nodes[i * count : (i + 1) * count] for i in range(4)]
    step_size, rectification, beta1_rest, beta2, beta2_rest, eps, decay_number = numbers_of(nodes[-1], 7)
    rows = []
    for p, g, m, v in zip(*columns, strict=True):
        g = e.neg(g) if maximize else g
        if decay == "decoupled":
            p = scaled(decay_number, p)
        elif decay:
            g = e.add(g, scaled(decay_number, p))
        m = e.add(m, scaled(beta1_rest, e.sub(g, m)))
        v = e.add(scaled(beta2, v), e.mul(scaled(beta2_rest, g), g))
        factor = spread(rectification, v)
        adaptive = e.div(factor, e.add(e.sqrt(v), spread(eps, v)))
        scale = e.select(e.eq(factor, like(0, factor)), like(1, factor), adaptive)
        rows.append([e.sub(p, e.mul(scaled(step_size, m), scale)), m, v])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


class RAdam(Optimizer):
    """Adam that begins with plain steps, until the mean of squares is known well enough to divide by.

    m <- m + (1 - b1)(g - m), v <- b2 v + (1 - b2) g^2, and with rho_inf = 2 / (1 - b2) - 1,
    rho_t = rho_inf - 2 t b2^t / (1 - b2^t):
    where rho_t <= 5, p <- p - lr m / (1 - b1^t), and from then on
    p <- p - lr m / (1 - b1^t) r_t sqrt(1 - b2^t) / (sqrt(v) + eps),
    r_t^2 = (rho_t - 4)(rho_t - 2) rho_inf / ((rho_inf - 4)(rho_inf - 2) rho_t).

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the two running means.
        eps: keeps the denominator from zero.
        weight_decay: added to the gradient as weight_decay * p.
        decoupled_weight_decay: have weights shrink by themselves, as in `AdamW`.
        maximize: go uphill.
        foreach, capturable: taken, and without effect.

    Raises:
        OptionError: a number outside its range, or `differentiable`.

    Source: torch.optim.RAdam; Liu et al. (2020).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.RAdam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        decoupled_weight_decay: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
    ) -> None:
        require_not_negative("RAdam", lr=lr, eps=eps, weight_decay=weight_decay)
        require_betas("RAdam", betas)
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
        }
        execution = execution_options("RAdam", foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**options, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(step: int) -> Sequence[float]:
            return _numbers(group, step)

        decay = "" if group["weight_decay"] == 0 else "decoupled" if group["decoupled_weight_decay"] else "gradient"
        for listed, entries in by_step(self.state, params, _STATE):
            close_update(
                self._closings, RADAM_UPDATE, listed, entries, tuple(_STATE), numbers, (decay, bool(group["maximize"]))
            )


def _numbers(group: ParameterGroup, step: int) -> Sequence[float]:
    beta1, beta2 = group["betas"]
    lr, decay = float(group["lr"]), float(group["weight_decay"])
    return (
        lr / (1 - beta1**step),
        _rectification(beta2, step),
        1 - beta1,
        beta2,
        1 - beta2,
        group["eps"],
        1 - lr * decay if group["decoupled_weight_decay"] else decay,
    )


def _rectification(beta2: float, step: int) -> float:
    """r_t sqrt(1 - b2^t), and 0 while the variance is not tractable."""
    correction = 1 - beta2**step
    most = 2 / (1 - beta2) - 1
    length = most - 2 * step * beta2**step / correction
    if length <= 5:
        return 0.0
    ratio = (length - 4) * (length - 2) * most / ((most - 4) * (most - 2) * length)
    return math.sqrt(ratio) * math.sqrt(correction)
