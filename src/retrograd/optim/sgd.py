"""Stochastic gradient descent, with momentum."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.optim.closing import close, note_changes
from retrograd.optim.numbers import numbers_node, numbers_of, scaled
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import execution_options, require_not_negative
from retrograd.tensor.creation import full_like

# What a momentum buffer starts from: -0 + g is g, its sign included, and so the first step has the form of all others.
_NOTHING = -0.0


@composite("sgd")
def SGD_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, then next momentum buffers.

    The last arguments say how many parameters there are, and which of momentum, weight decay and Nesterov are in use;
    the numbers (lr, momentum, what is kept of the buffer, what comes into it, weight decay) are run-time inputs.
    """
    *nodes, count, has_momentum, has_decay, nesterov, maximize = args
    params, gradients, buffers = nodes[:count], nodes[count : 2 * count], nodes[2 * count : -1]
    lr, momentum, kept, undamped, decay = numbers_of(nodes[-1], 5)
    next_params, next_buffers = [], []
    for i, (p, g) in enumerate(zip(params, gradients, strict=True)):
        g = e.neg(g) if maximize else g
        if has_decay:
            g = e.add(g, scaled(decay, p))
        if has_momentum:
            buffer = e.add(scaled(kept, buffers[i]), scaled(undamped, g))
            next_buffers.append(buffer)
            g = e.add(g, scaled(momentum, buffer)) if nesterov else buffer
        next_params.append(e.sub(p, scaled(lr, g)))
    return (*next_params, *next_buffers)


class SGD(Optimizer):
    """p <- p - lr v, with v <- momentum v + (1 - dampening) g (v starts as g), and g + momentum v under Nesterov.

    Args:
        params: parameters or groups.
        lr: learning rate.
        momentum: how much of the last step goes into the next.
        dampening: how much less the gradient counts once there is a buffer.
        weight_decay: added to the gradient as weight_decay * p.
        nesterov: whether to look ahead along the momentum.
        maximize: go uphill.
        foreach, fused: taken, and without effect: the update of a group is one program.

    Raises:
        OptionError: a negative number, Nesterov without momentum, or `differentiable`.

    Source: torch.optim.SGD.

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer = rg.optim.SGD([w], lr=0.1)
    >>> (w * w).sum().backward(); optimizer.step(); w
    tensor([0.8000], requires_grad=True)
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        momentum: float = 0,
        dampening: float = 0,
        weight_decay: float = 0,
        nesterov: bool = False,
        *,
        maximize: bool = False,
        foreach: bool | None = None,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        require_not_negative("SGD", lr=lr, momentum=momentum, weight_decay=weight_decay)
        if nesterov and (momentum <= 0 or dampening != 0):
            raise OptionError("SGD: nesterov needs a momentum above 0 and no dampening")
        options = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
        }
        execution = execution_options("SGD", foreach=foreach, differentiable=differentiable, fused=fused)
        super().__init__(params, {**options, **execution})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        if group["momentum"] == 0:
            self._close(group, params, starting=False)
            return
        state = self.state
        fresh = [p for p in params if state[p].get("momentum_buffer") is None]
        if fresh:
            old = [p for p in params if state[p].get("momentum_buffer") is not None]
            for parameter in fresh:
                state[parameter]["momentum_buffer"] = full_like(parameter, _NOTHING)
            self._close(group, fresh, starting=True)
            params = old
        if params:
            self._close(group, params, starting=False)

    def _close(self, group: ParameterGroup, params: list[Any], starting: bool) -> None:
        with_momentum = group["momentum"] != 0
        buffers = [self.state[p]["momentum_buffer"] for p in params] if with_momentum else []
        lr, momentum, decay = float(group["lr"]), group["momentum"], group["weight_decay"]
        following = lr, momentum, momentum, 1 - group["dampening"], decay
        numbers = (lr, momentum, 1.0, 1.0, decay) if starting else following

        def advance(steps: int) -> None:
            note_changes([*params, *buffers])

        node = numbers_node(numbers, (lambda _: following) if starting else None, advance)
        attributes = with_momentum, decay != 0, bool(group["nesterov"]), bool(group["maximize"])
        close(self._closings, SGD_UPDATE, params, buffers, node, attributes)
