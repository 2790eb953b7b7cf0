"""Parameters as one vector."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from retrograd.core.errors import ShapeError
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.joining import cat


def parameters_to_vector(parameters: Iterable[Any]) -> Any:
    """All elements of all parameters one after another. Source: torch.nn.utils.parameters_to_vector.

    >>> import retrograd as rg
    >>> rg.nn.utils.parameters_to_vector([rg.ones(2, 2), rg.zeros(1)])
    tensor([1., 1., 1., 1., 0.])
    """
    return cat([p.reshape(-1) for p in parameters])


def vector_to_parameters(vec: Any, parameters: Iterable[Any]) -> None:
    """Write the elements of a vector to parameters, in order.

    Raises:
        ShapeError: there are more or fewer elements than the parameters have.

    Source: torch.nn.utils.vector_to_parameters. Deviation: the values are copied, memory is not shared.
    """
    listed = list(parameters)
    count = sum(p.numel() for p in listed)
    if vec.ndim != 1 or vec.numel() != count:
        raise ShapeError(
            f"vector_to_parameters: the parameters have {count} elements, and the vector has shape {tuple(vec.shape)}"
        )
    start = 0
    with no_grad():
        for p in listed:
            p.copy_(vec.detach()[start : start + p.numel()].reshape(p.shape))
            start += p.numel()
