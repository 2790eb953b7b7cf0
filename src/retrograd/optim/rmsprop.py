"""RMSprop."""

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


@composite("rmsprop")
def RMSPROP_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, mean squares, then (if in use) mean gradients and momentum buffers.

    The last arguments say how many parameters there are, and which of centring, momentum, weight decay and going
    uphill are in use.
    """
    *nodes, count, centered, has_momentum, has_decay, maximize = args
    columns = [nodes[i * count : (i + 1) * count] for i in range(3 + centered + has_momentum)]
    lr, alpha, alpha_rest, eps, decay, momentum = numbers_of(nodes[-1], 6)
    rows = []
    for p, g, square, *rest in zip(*columns, strict=True):
        g = e.neg(g) if maximize else g
        g = e.add(g, scaled(decay, p)) if has_decay else g
        square = e.add(scaled(alpha, square), e.mul(scaled(alpha_rest, g), g))
        spread_of_g = square
        state = [square]
        if centered:
            mean = e.add(rest[0], scaled(alpha_rest, e.sub(g, rest[0])))
            spread_of_g = e.sub(square, e.mul(mean, mean))
            state.append(mean)
        move = e.div(g, e.add(e.sqrt(spread_of_g), spread(eps, g)))
        if has_momentum:
            move = e.add(scaled(momentum, rest[-1]), move)
            state.append(move)
        rows.append([e.sub(p, scaled(lr, move)), *state])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


class RMSprop(Optimizer):
    """Steps divided by the root of a running mean of squared gradients.

    v <- a v + (1 - a) g^2, p <- p - lr g / (sqrt(v) + eps). Centred, v is lessened by the square of the running mean
    of g; with momentum b <- momentum b + g / (sqrt(v) + eps) takes the place of the step.

    Args:
        params: parameters or groups.
        lr: learning rate.
        alpha: a, the decay of the running means.
        eps: keeps the denominator from zero.
        weight_decay: added to the gradient as weight_decay * p.
        momentum: of the steps.
        centered: whether to divide by an estimate of the variance.
        maximize: go uphill.
        foreach, capturable: taken, and without effect.

    Raises:
        OptionError: a negative number, or `differentiable`.

    Source: torch.optim.RMSprop; Tieleman and Hinton (2012), Graves (2013).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.RMSprop([w], lr=0.1, alpha=0.75)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0,
        momentum: float = 0,
        centered: bool = False,
        capturable: bool = False,
        foreach: bool | None = None,
        maximize: bool = False,
        differentiable: bool = False,
    ) -> None:
        options = {"lr": lr, "momentum": momentum, "alpha": alpha, "eps": eps, "weight_decay": weight_decay}
        require_not_negative("RMSprop", **options)
        execution = execution_options("RMSprop", foreach=foreach, capturable=capturable, differentiable=differentiable)
        super().__init__(params, {**options, "centered": centered, "maximize": maximize, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(step: int) -> tuple[float, ...]:
            alpha = group["alpha"]
            return (float(group["lr"]), alpha, 1 - alpha, group["eps"], float(group["weight_decay"]), group["momentum"])

        centered, has_momentum = bool(group["centered"]), group["momentum"] > 0
        names = ["square_avg"] + ["grad_avg"] * centered + ["momentum_buffer"] * has_momentum
        attributes = (centered, has_momentum, group["weight_decay"] != 0, bool(group["maximize"]))
        for listed, entries in by_step(self.state, params, dict.fromkeys(names, 0.0)):
            close_update(self._closings, RMSPROP_UPDATE, listed, entries, names, numbers, attributes)
