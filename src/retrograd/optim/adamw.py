"""AdamW."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retrograd.optim.adam import Adam


class AdamW(Adam):
    """Adam, with weights that shrink by themselves instead of through the gradient.

    p <- (1 - lr weight_decay) p, m <- m + (1 - b1)(g - m), v <- b2 v + (1 - b2) g^2,
    p <- p - lr / (1 - b1^t) m / (sqrt(v) / sqrt(1 - b2^t) + eps).

    Args:
        params: parameters or groups.
        lr: learning rate.
        betas: decay of the two running means.
        eps: keeps the denominator from zero.
        weight_decay: how fast weights shrink.
        amsgrad, maximize, foreach, capturable, fused: as for `Adam`.

    Raises:
        OptionError: a number outside its range, or `differentiable`.

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
        foreach: bool | None = None,
        capturable: bool = False,
        differentiable: bool = False,
        fused: bool | None = None,
    ) -> None:
        super().__init__(
            params,
            lr,
            betas,
            eps,
            weight_decay,
            amsgrad,
            foreach=foreach,
            maximize=maximize,
            capturable=capturable,
            differentiable=differentiable,
            fused=fused,
            decoupled_weight_decay=True,
        )
