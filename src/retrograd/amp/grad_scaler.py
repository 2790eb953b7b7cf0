"""GradScaler: losses scaled up, so that small gradients are not lost to float16."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np

from retrograd.core.device import device as Device
from retrograd.core.errors import GraphError, OptionError
from retrograd.tensor.grad_mode import no_grad


class GradScaler:
    """Scales a loss before `backward`, and gradients back before a step, which is left out where one is not finite.

    The scale grows while steps succeed and shrinks when one is left out.

    Args:
        device: "cpu". Of another device, which is not there, the scaler is disabled, with a warning.
        init_scale: the first scale.
        growth_factor, backoff_factor: what it is multiplied by, to grow and to shrink.
        growth_interval: steps in a row after which it grows.
        enabled: whether it does anything.

    Raises:
        OptionError: a factor on the wrong side of 1.

    Source: torch.amp.GradScaler; Micikevicius et al. (2018).

    >>> import retrograd as rg
    >>> w = rg.ones(1, requires_grad=True)
    >>> optimizer, scaler = rg.optim.SGD([w], lr=0.1), rg.amp.GradScaler("cpu")
    >>> scaler.scale((w * 3).sum()).backward()
    >>> scaler.step(optimizer)
    >>> scaler.update()
    >>> w
    tensor([0.7000], requires_grad=True)
    """

    def __init__(
        self,
        device: str = "cuda",
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        if enabled and Device(device).type != "cpu":
            warnings.warn(f"GradScaler: the device {device!r} is not there; the scaler is disabled", stacklevel=2)
            enabled = False
        if not growth_factor > 1.0 or not backoff_factor < 1.0:
            raise OptionError(
                f"GradScaler: growth_factor must be above 1 and backoff_factor below, and they are {growth_factor} and "
                f"{backoff_factor}"
            )
        self._enabled, self._scale = enabled, float(init_scale)
        self._growth_factor, self._backoff_factor = growth_factor, backoff_factor
        self._growth_interval, self._successes = growth_interval, 0
        # For each optimizer since the last update: whether all of its gradients were finite.
        self._unscaled: dict[int, bool] = {}

    def is_enabled(self) -> bool:
        """Whether it does anything."""
        return self._enabled

    def get_scale(self) -> float:
        """The scale; 1 if it is disabled."""
        return self._scale if self._enabled else 1.0

    def scale(self, outputs: Any) -> Any:
        """A tensor, or every tensor of a list or tuple, times the scale."""
        if not self._enabled:
            return outputs
        if isinstance(outputs, (list, tuple)):
            return type(outputs)(self.scale(x) for x in outputs)
        return outputs * self._scale

    def unscale_(self, optimizer: Any) -> None:
        """Divide the gradients of an optimizer's parameters by the scale: before they are clipped, for one.

        Raises:
            GraphError: that was done already since the last `update`.
        """
        if not self._enabled:
            return
        if id(optimizer) in self._unscaled:
            raise GraphError("unscale_: the gradients of this optimizer were scaled back already; call update() first")
        finite = True
        with no_grad():
            for group in optimizer.param_groups:
                for parameter in group["params"]:
                    if parameter.grad is not None:
                        parameter.grad.mul_(1.0 / self._scale)
                        finite = finite and bool(np.isfinite(parameter.grad._value()).all())
        self._unscaled[id(optimizer)] = finite

    def step(self, optimizer: Any, *args: Any, **kwargs: Any) -> Any:
        """`optimizer.step`, if all of its gradients are finite."""
        if not self._enabled:
            return optimizer.step(*args, **kwargs)
        if id(optimizer) not in self._unscaled:
            self.unscale_(optimizer)
        return optimizer.step(*args, **kwargs) if self._unscaled[id(optimizer)] else None

    def update(self, new_scale: float | None = None) -> None:
        """Let the scale grow or shrink, after the steps of an iteration; or set it."""
        if not self._enabled:
            return
        if new_scale is not None:
            self._scale = float(new_scale)
        elif not all(self._unscaled.values()):
            self._scale, self._successes = self._scale * self._backoff_factor, 0
        else:
            self._successes += 1
            if self._successes == self._growth_interval:
                self._scale, self._successes = self._scale * self._growth_factor, 0
        self._unscaled = {}

    def state_dict(self) -> dict[str, Any]:
        """What is to be saved; empty if it is disabled."""
        if not self._enabled:
            return {}
        return {
            "scale": self._scale,
            "growth_factor": self._growth_factor,
            "backoff_factor": self._backoff_factor,
            "growth_interval": self._growth_interval,
            "_growth_tracker": self._successes,
        }

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over what `state_dict` gave."""
        if not self._enabled:
            return
        self._scale = float(state_dict["scale"])
        self._growth_factor, self._backoff_factor = state_dict["growth_factor"], state_dict["backoff_factor"]
        self._growth_interval, self._successes = state_dict["growth_interval"], state_dict["_growth_tracker"]
