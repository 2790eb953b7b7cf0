"""Normalisation of each row by itself, or across neighbouring channels, under PyTorch's names."""

from __future__ import annotations

from typing import Any

from retrograd.core.errors import OptionError
from retrograd.core.operation import project, record
from retrograd.nn.functions.norm import batch_norm
from retrograd.ops.instance_norm import INSTANCE_NORM, INSTANCE_NORM_TRACK
from retrograd.ops.local_response_norm import LOCAL_RESPONSE_NORM
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.grad_mode import no_grad


def instance_norm(
    input: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """(x - mean) / sqrt(var + eps) weight + bias for each channel of each row.

    Args:
        input: x, (batch, channels, *spatial).
        running_mean, running_var: (channels,), or None. With `use_input_stats` they move towards the averages over
            the batch in place; without, they are used.
        weight, bias: (channels,), or None.
        use_input_stats: whether mean and variance are those of the row.
        momentum: how far the running values move.
        eps: keeps the root from zero.

    Raises:
        ShapeError: shapes that do not fit, or one value a channel. OptionError: neither the row's nor running values.

    Source: torch.nn.functional.instance_norm; Ulyanov et al. (2016).

    >>> import retrograd as rg
    >>> rg.nn.functional.instance_norm(rg.tensor([[[1.0, 3.0]]]), eps=0.0).tolist()
    [[[-1.0, 1.0]]]
    """
    if not use_input_stats:
        if running_mean is None or running_var is None:
            raise OptionError("instance_norm: without use_input_stats it needs running_mean and running_var")
        return batch_norm(input, running_mean, running_var, weight, bias, False, momentum, eps)
    parameters = [p._read() for p in (weight, bias) if p is not None]
    nodes = (input._read(), node_of(float(eps), input.dtype), *parameters)
    result = wrap(record(INSTANCE_NORM, nodes, (weight is not None,)))
    if running_mean is not None and running_var is not None:
        with no_grad():
            given = (input._read(), running_mean._read(), running_var._read())
            moved = record(INSTANCE_NORM_TRACK, (*given, node_of(momentum, running_mean.dtype)))
            running_mean._assign("instance_norm", project(moved, 0), overwrites=True)
            running_var._assign("instance_norm", project(moved, 1), overwrites=True)
    return result


def local_response_norm(input: Any, size: int, alpha: float = 1e-4, beta: float = 0.75, k: float = 1.0) -> Any:
    """x / (k + alpha m)^beta, m the mean of x² over the channels from c - size // 2 to c + (size - 1) // 2.

    Args:
        input: x, (batch, channels, *spatial).
        size: over how many channels; beyond the first and the last there are zeros.
        alpha, beta, k: numbers of the formula.

    Raises:
        ShapeError: fewer than three axes, or a size below 1.

    Source: torch.nn.functional.local_response_norm; Krizhevsky et al. (2012), who do not divide by size.

    >>> import retrograd as rg
    >>> rg.nn.functional.local_response_norm(rg.ones(1, 1, 1), 1, alpha=3.0, beta=0.5).tolist()
    [[[0.5]]]
    """
    numbers = (node_of(float(number), input.dtype) for number in (alpha, beta, k))
    return wrap(record(LOCAL_RESPONSE_NORM, (input._read(), *numbers), (int(size),)))
