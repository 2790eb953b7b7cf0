"""Adam."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.ops import elementwise as e
from retrograd.optim.numbers import numbers_node, numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup, close, gradient_node, note_changes
from retrograd.tensor.creation import zeros_like


@composite("adam")
def ADAM_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, first moments, second moments, in that order.

    The last arguments say how many parameters there are and whether weights decay (a zero weight decay is a listed
    structural predicate); the numbers are run-time inputs.
    """
    *nodes, count, has_decay = args
    params, gradients, firsts, seconds = (nodes[i * count : (i + 1) * count] for i in range(4))
    step_size, root_scale, beta1_rest, beta2, beta2_rest, eps, decay = numbers_of(nodes[4 * count], 7)
    next_params, next_firsts, next_seconds = [], [], []
    for p, g, m, v in zip(params, gradients, firsts, seconds, strict=True):
        if has_decay:
            g = e.add(g, scaled(decay, p))
        m = e.add(m, scaled(beta1_rest, e.sub(g, m)))
        v = e.add(scaled(beta2, v), e.mul(scaled(beta2_rest, g), g))
        root = e.mul(e.sqrt(v), spread(root_scale, v))
        p = e.sub(p, e.div(scaled(step_size, m), e.add(root, spread(eps, root))))
        next_params.append(p)
        next_firsts.append(m)
        next_seconds.append(v)
    return (*next_params, *next_firsts, *next_seconds)


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

    Raises:
        OptionError: a number outside its range.

    Source: torch.optim.Adam; Kingma and Ba (2015).

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
    ) -> None:
        for name, value in (("lr", lr), ("eps", eps), ("weight_decay", weight_decay)):
            if value < 0:
                raise OptionError(f"Adam: {name} must not be negative, and is {value}")
        if not all(0 <= beta < 1 for beta in betas):
            raise OptionError(f"Adam: betas must be at least 0 and below 1, and are {betas}")
        if amsgrad:
            raise OptionError("Adam: amsgrad is not there yet; leave it False")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay})

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        for parts in self._by_step(params).values():
            self._close(group, parts)

    def _by_step(self, params: list[Any]) -> dict[int, list[Any]]:
        """Parameters by how often they have been updated: their bias corrections are numbers of the step."""
        by_step: dict[int, list[Any]] = {}
        state = self.state
        for parameter in params:
            entry = state.get(parameter)
            if entry is None:
                entry = state[parameter] = {
                    "step": 0,
                    "exp_avg": zeros_like(parameter),
                    "exp_avg_sq": zeros_like(parameter),
                }
            entry["step"] = step = entry["step"] + 1
            by_step.setdefault(step, []).append(parameter)
        return by_step

    def _close(self, group: ParameterGroup, params: list[Any]) -> None:
        entries = [self.state[p] for p in params]
        firsts = [entry["exp_avg"] for entry in entries]
        seconds = [entry["exp_avg_sq"] for entry in entries]
        inputs = [p._read() for p in params]
        inputs += [gradient_node(p) for p in params]
        inputs += [m._read() for m in firsts]
        inputs += [v._read() for v in seconds]
        tensors = [*params, *firsts, *seconds]

        def later(steps: int) -> tuple[float, ...]:
            return adam_numbers(group, entries[0]["step"] + steps)

        def advance(steps: int) -> None:
            for entry in entries:
                entry["step"] += steps
            note_changes(tensors)

        inputs.append(numbers_node(later(0), later, advance))
        attributes = (len(params), group["weight_decay"] != 0)
        close(ADAM_UPDATE, inputs, attributes, tensors)


def adam_numbers(group: ParameterGroup, step: int) -> tuple[float, ...]:
    """The run-time numbers of an update: step size, 1 / root of the second bias correction, and the rest."""
    beta1, beta2 = group["betas"]
    return (
        group["lr"] / (1 - beta1**step),
        1 / math.sqrt(1 - beta2**step),
        1 - beta1,
        beta2,
        1 - beta2,
        group["eps"],
        float(group["weight_decay"]),
    )
