"""Muon."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

from retrograd.core.dtype import bfloat16, float32
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import composite
from retrograd.core.types import Shape
from retrograd.ops import elementwise as e
from retrograd.ops.constant import like
from retrograd.ops.matmul import matmul
from retrograd.ops.movement import reshape, transpose
from retrograd.ops.reduce import sum_keepdim
from retrograd.optim.grouped import close_update
from retrograd.optim.numbers import numbers_of, scaled, spread
from retrograd.optim.optimizer import Optimizer, ParameterGroup
from retrograd.optim.options import require_not_negative
from retrograd.tensor.creation import zeros_like

_MOST_ITERATIONS = 100


def _rounded(x: Node) -> Node:
    """x as bfloat16 has it."""
    return e.cast(e.cast(x, bfloat16), float32)


def _orthogonalized(x: Node, coefficients: Sequence[Node], eps: Node, steps: int) -> Node:
    """A matrix with the singular vectors of x and singular values near 1: x <- a x + (b x x' + c (x x')^2) x.

    Each step is rounded to bfloat16, as PyTorch's is.
    """
    a, b, c = coefficients
    shape, dtype = x.type.shape, x.type.dtype
    x = _rounded(x)
    x = x if shape[0] <= shape[1] else transpose(x)
    norm = _rounded(reshape(e.sqrt(sum_keepdim(e.mul(x, x), (0, 1))), ()))
    low = spread(eps, norm)
    x = _rounded(e.div(x, spread(e.select(e.lt(norm, low), low, norm), x)))
    for _ in range(steps):
        gram = _rounded(matmul(x, transpose(x)))
        update = _rounded(e.add(scaled(b, gram), scaled(c, matmul(gram, gram))))
        x = _rounded(e.add(scaled(a, x), matmul(update, x)))
    return e.cast(x if shape[0] <= shape[1] else transpose(x), dtype)


@composite("muon")
def MUON_UPDATE(*args: Any) -> tuple[Node, ...]:
    """Next parameters, then momentum buffers.

    The last arguments say how many parameters there are, whether to look ahead (Nesterov), how many iterations
    orthogonalize, and by what the learning rate of each parameter is multiplied.
    """
    *nodes, count, nesterov, steps, ratios = args
    columns = [nodes[i * count : (i + 1) * count] for i in range(3)]
    lr, kept, momentum, momentum_rest, a, b, c, eps = numbers_of(nodes[-1], 8)
    rows = []
    for p, g, buffer, ratio in zip(*columns, ratios, strict=True):
        buffer = e.add(buffer, scaled(momentum_rest, e.sub(g, buffer)))
        update = e.add(g, scaled(momentum, e.sub(buffer, g))) if nesterov else buffer
        update = _orthogonalized(update, (a, b, c), eps, steps)
        rate = e.mul(lr, like(ratio, lr))
        rows.append([e.sub(scaled(kept, p), scaled(rate, update)), buffer])
    return tuple(x for column in zip(*rows, strict=True) for x in column)


class Muon(Optimizer):
    """Steps along the gradient's momentum with all its singular values made alike; for matrices inside a network.

    b <- b + (1 - momentum)(g - b), u = orthogonalize(g + momentum (b - g)),
    p <- (1 - lr weight_decay) p - lr ratio u, where ratio hangs on the matrix's shape.

    Args:
        params: matrices.
        lr: learning rate.
        weight_decay: how fast weights shrink.
        momentum: of the running mean b.
        nesterov: whether to look ahead; else u is made of b.
        ns_coefficients: of the Newton-Schulz iteration x <- a x + (b x x' + c (x x')^2) x.
        eps: keeps the first norm from zero.
        ns_steps: how many iterations there are.
        adjust_lr_fn: "original" (or None): ratio = sqrt(max(1, rows / columns)); "match_rms_adamw":
            0.2 sqrt(max(rows, columns)).

    Raises:
        ShapeError: a parameter that is no matrix. OptionError: a number outside its range, or another adjust_lr_fn.

    Source: torch.optim.Muon; Jordan et al. (2024).

    >>> import retrograd as rg
    >>> w = rg.eye(2).requires_grad_()
    >>> optimizer = rg.optim.Muon([w], lr=0.1, weight_decay=0.0)
    >>> (w * w).sum().backward(); optimizer.step(); w[0, 0].item() < 0.95
    True
    """

    def __init__(
        self,
        params: Iterable[Any],
        lr: float = 1e-3,
        weight_decay: float = 0.1,
        momentum: float = 0.95,
        nesterov: bool = True,
        ns_coefficients: tuple[float, float, float] = (3.4445, -4.7750, 2.0315),
        eps: float = 1e-7,
        ns_steps: int = 5,
        adjust_lr_fn: str | None = None,
    ) -> None:
        require_not_negative("Muon", lr=lr, weight_decay=weight_decay, momentum=momentum)
        if adjust_lr_fn not in (None, "original", "match_rms_adamw"):
            raise OptionError(
                f"Muon: adjust_lr_fn must be 'original', 'match_rms_adamw' or None, and is {adjust_lr_fn!r}"
            )
        if len(ns_coefficients) != 3 or not 0 <= ns_steps < _MOST_ITERATIONS:
            raise OptionError(
                f"Muon: ns_coefficients must be three numbers and ns_steps below {_MOST_ITERATIONS}, and they are "
                f"{ns_coefficients} and {ns_steps}"
            )
        options = {
            "lr": lr,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "nesterov": nesterov,
            "ns_coefficients": ns_coefficients,
            "eps": eps,
            "ns_steps": ns_steps,
            "adjust_lr_fn": adjust_lr_fn,
        }
        super().__init__(params, options)
        for group in self.param_groups:
            for p in group["params"]:
                if p.ndim != 2:
                    raise ShapeError(f"Muon takes matrices, and received a parameter of shape {tuple(p.shape)}")

    def _update(self, group: ParameterGroup, params: list[Any]) -> None:
        def numbers(_: int) -> Sequence[float]:
            lr, momentum = float(group["lr"]), group["momentum"]
            kept = 1 - lr * group["weight_decay"]
            return (lr, kept, momentum, 1 - momentum, *group["ns_coefficients"], group["eps"])

        for parameter in params:
            self.state[parameter].setdefault("momentum_buffer", zeros_like(parameter))
        ratios = tuple(_ratio(group["adjust_lr_fn"], tuple(p.shape)) for p in params)
        attributes = (bool(group["nesterov"]), group["ns_steps"], ratios)
        entries = [self.state[p] for p in params]
        close_update(self._closings, MUON_UPDATE, params, entries, ("momentum_buffer",), numbers, attributes)


def _ratio(kind: str | None, shape: Shape) -> float:
    rows, columns = shape
    if kind == "match_rms_adamw":
        return 0.2 * math.sqrt(max(rows, columns))
    return math.sqrt(max(1, rows / columns))
