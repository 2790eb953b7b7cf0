"""Mixed precision under PyTorch's names. Source: torch.amp."""

from retrograd.amp.grad_scaler import GradScaler
from retrograd.tensor.autocast import autocast

__all__ = ["GradScaler", "autocast"]
