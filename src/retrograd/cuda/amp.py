"""The old names of `retrograd.amp` for CUDA, which is not there. Source: torch.cuda.amp."""

from __future__ import annotations

from retrograd.amp import grad_scaler
from retrograd.core.dtype import DType, float16
from retrograd.tensor import autocast as casting


class autocast(casting.autocast):
    """`retrograd.autocast("cuda", ...)`: off, with a warning if it is enabled. Source: torch.cuda.amp.autocast."""

    def __init__(self, enabled: bool = True, dtype: DType = float16, cache_enabled: bool = True) -> None:
        super().__init__("cuda", dtype, enabled, cache_enabled)


class GradScaler(grad_scaler.GradScaler):
    """`retrograd.amp.GradScaler("cuda", ...)`: disabled, with a warning if it is enabled.

    Source: torch.cuda.amp.GradScaler.
    """

    def __init__(
        self,
        init_scale: float = 2.0**16,
        growth_factor: float = 2.0,
        backoff_factor: float = 0.5,
        growth_interval: int = 2000,
        enabled: bool = True,
    ) -> None:
        super().__init__("cuda", init_scale, growth_factor, backoff_factor, growth_interval, enabled)
