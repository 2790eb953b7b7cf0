"""Local response normalisation across channels, as Torch's first versions had it."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.nn.functions.instance_norm import local_response_norm
from retrograd.nn.module import Module


class CrossMapLRN2d(Module):
    """x / (k + alpha / size s)^beta, s the sum of x² over the channels around each.

    Args:
        size: how many channels; of an even number, one less is taken, and `alpha` is still divided by `size`.
        alpha, beta, k: as for `LocalResponseNorm`.

    Raises:
        ShapeError, when it is called: the input does not have four axes, (batch, channels, height, width).

    Source: torch.nn.CrossMapLRN2d. Deviation: PyTorch's running sum never lets go of the first channel; here each
    window has its own channels alone.

    >>> import retrograd as rg
    >>> rg.nn.CrossMapLRN2d(1, alpha=3.0, beta=0.5)(rg.ones(1, 1, 1, 1)).tolist()
    [[[[0.5]]]]
    """

    def __init__(self, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1) -> None:
        super().__init__()
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k

    def forward(self, input: Any) -> Any:
        if input.ndim != 4:
            raise ShapeError(
                f"CrossMapLRN2d: the input has shape {tuple(input.shape)}; it must be (batch, channels, height, width)"
            )
        taken = self.size - 1 + self.size % 2
        return local_response_norm(input, taken, self.alpha * taken / self.size, self.beta, self.k)

    def extra_repr(self) -> str:
        return f"{self.size}, alpha={self.alpha}, beta={self.beta}, k={self.k}"
