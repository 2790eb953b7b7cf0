"""Adam, and what AdamW shares with it."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.optim.grouped import by_step, close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_betas, require_not_negative

_STATE = {"exp_avg": 0.0, "exp_avg_sq": 0.0}
_AMSGRAD_STATE = {**_STATE, "max_exp_avg_sq": 0.0}


@composite("adam")
def ADAM_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, first moments, second moments, and (under amsgrad) greatest second moments, in that order.

    The last arguments say how many parameters there are, how weights decay ("", "gradient" or "decoupled"; a weight
    decay of zero is a listed structural predicate), and whether amsgrad and going uphill are in use.
    """
    *nodes, count, decay, amsgrad, maximize = args
    columns = [nodes[i * count : (i + 1) * count] for i in range(4 + amsgrad)]
    step_size, root_scale, beta1_rest, beta2, beta2_rest, eps, decay_number = numbers_of(nodes[-1], 7)
    rows = []
    for p, g, m, v, *greatest in zip(*columns, strict=True):
        g = e.neg(g) if maximize else g
        if decay == "decoupled":
            p = scaled(decay_number, p)
        elif decay:
            g = e.add(g, scaled(decay_number, p))
        m = e.add(m, scaled(beta1_rest, e.sub(g, m)))
        v = e.add(scaled(beta2, v), e.mul(scaled(beta2_rest, g), g))
        greatest = [e.maximum(greatest[0], v)] if amsgrad else []
        root = e.mul(e.sqrt(greatest[0] if amsgrad else v), spread(root_scale, v))
        p = e.sub(p, e.div(scaled(step_size, m), e.add(root, spread(eps, root))))
        rows.append([p, m, v, *greatest])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


class Adam(Optimizer):
    """Steps scaled by running means of the gradient and of its square.

    m <- m + (1 - b1)(g - m), v <- b2 v + (1 - b2) g^2,
    p <- p - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the two running means.
        eps: keeps the denominator from zero.
        weight_decay: added to the gradient as weight_decay * p.
        amsgrad: whether the greatest v so far takes the place of v.
        maximize: go uphill.
        decoupled_weight_decay: have weights shrink by themselves, as `AdamW` does.
        foreach, capturable, fused: taken, and without effect: the update of a group is one program.

    Raises:
        OptionError: a number outside its range, or `differentiable`.

    Source: torch.optim.Adam; Kingma and Ba (2015), Reddi et al. (2018).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.Adam([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.9000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0,
        amsgrad: bool = False,
        *,
        foreach: bool | None = None,
        maximize: bool = False,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
        decoupled_weight_decay: bool = False,
    ) -> None:
        name = type(self).__name__
        require_not_negative(name, lr=lr, eps=eps, weight_decay=weight_decay)
        require_betas(name, betas)
        options = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        execution = execution_options(
            name, foreach=foreach, capturable=capturable, differentiable=differentiable, fused=fused
        )
        super().__init__(params, {**options, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(step: int) -> Sequence[float]:
            return adam_numbers(group, step)

        decoupled, amsgrad = group["decoupled_weight_decay"], bool(group["amsgrad"])
        decay = "" if group["weight_decay"] == 0 else "decoupled" if decoupled else "gradient"
        starts = _AMSGRAD_STATE if amsgrad else _STATE
        attributes = (decay, amsgrad, bool(group["maximize"]))
        for listed, entries in by_step(self.state, params, starts):
            close_update(self._closings, ADAM_UPDATE, listed, entries, tuple(starts), numbers, attributes)


def adam_numbers(group: ParameterGroup, step: int) -> tuple[float, ...]:
    """The run-time numbers of an update.

    Step size, 1 / root of the second bias correction, 1 - b1, b2, 1 - b2, eps, and the weight decay: as a part of the
    weight that is added to the gradient, or as the part of it that is kept.
    """
    beta1, beta2 = group["betas"]
    lr, decay = float(group["lr"]), float(group["weight_decay"])
    return (
        lr / (1 - beta1**step),
        1 / math.sqrt(1 - beta2**step),
        1 - beta1,
        beta2,
        1 - beta2,
        group["eps"],
        1 - lr * decay if group["decoupled_weight_decay"] else decay,
    )
