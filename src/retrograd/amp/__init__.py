"""Mixed precision under PyTorch's names. Source: torch.amp."""

from retrograd.amp.custom_function import custom_bwd, custom_fwd
from retrograd.amp.grad_scaler import GradScaler
from retrograd.tensor.autocast import autocast, is_autocast_available

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd", "is_autocast_available"]
