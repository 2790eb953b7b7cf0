"""The softmax family as modules; `nn/functions/softmax.py` has what they compute."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.nn.functions import softmax as f
from retrograd.nn.module import Module


class _AlongAxis(Module):
    """A function along an axis."""

    def __init__(self, dim: int | None = None) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class Softmax(_AlongAxis):
    """exp(x_i) / sum_j exp(x_j) along an axis.

    Args:
        dim: the axis; name it, for a guess is only kept from old programs.

    Source: torch.nn.Softmax.

    >>> import retrograd as rg
    >>> rg.nn.Softmax(dim=1)(rg.zeros(1, 2))
    tensor([[0.5000, 0.5000]])
    """

    def forward(self, input: Any) -> Any:
        return f.softmax(input, self.dim, _stacklevel=5)


class LogSoftmax(_AlongAxis):
    """x_i - log sum_j exp(x_j) along an axis; see `Softmax`. Source: torch.nn.LogSoftmax."""

    def forward(self, input: Any) -> Any:
        return f.log_softmax(input, self.dim, _stacklevel=5)


class Softmin(_AlongAxis):
    """exp(-x_i) / sum_j exp(-x_j) along an axis; see `Softmax`. Source: torch.nn.Softmin."""

    def forward(self, input: Any) -> Any:
        return f.softmin(input, self.dim, _stacklevel=5)


class Softmax2d(Module):
    """The softmax over the channels of each position of images, (batch, channels, height, width) or without batch.

    Raises:
        ShapeError: another number of axes.

    Source: torch.nn.Softmax2d.

    >>> import retrograd as rg
    >>> rg.nn.Softmax2d()(rg.zeros(1, 4, 2, 2)).sum(1).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """

    def forward(self, input: Any) -> Any:
        if input.ndim not in (3, 4):
            raise ShapeError(
                f"Softmax2d: the input has shape {tuple(input.shape)}; it must be (channels, height, width) or "
                "(batch, channels, height, width)"
            )
        return f.softmax(input, -3)
