"""Normalisation as functions, under PyTorch's names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core import mode
from retrograd.core.errors import OptionError
from retrograd.core.limits import finfo
from retrograd.core.node import Node
from retrograd.core.operation import Composite, record, results
from retrograd.ops import norm
from retrograd.ops.rms_norm import RMS_NORM
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import node_of, number_node


def _parameters(weight: Any, bias: Any) -> list[Node]:
    return [p._read() for p in (weight, bias) if p is not None]


def _normalise(operation: Composite, input: Any, eps: float, weight: Any, bias: Any, *attributes: Any) -> Any:
    x = input._read()
    return normalised(operation, x, number_node(float(eps), x.type.dtype), weight, bias, *attributes)


def normalised(operation: Composite, x: Node, eps: Node, weight: Any, bias: Any, *attributes: Any) -> Any:
    """One of the normalisations; its last attribute says whether there is a weight."""
    if weight is not None and bias is not None:
        return wrap(record(operation, (x, eps, weight._read(), bias._read()), (*attributes, True)))
    return wrap(record(operation, (x, eps, *_parameters(weight, bias)), (*attributes, weight is not None)))


def batch_norm(
    input: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    """(x - mean) / sqrt(var + eps) weight + bias for each channel (axis 1).

    In training mean and variance are the batch's, and the running ones, if given, move towards them in place:
    running <- (1 - momentum) running + momentum batch. Otherwise the running ones are used.

    Args:
        input: x, (rows, channels, ...).
        running_mean, running_var, weight, bias: (channels,), or None.
        training: whether to use the batch's own mean and variance.
        momentum: how far the running values move; a number or a 0-dimensional tensor.
        eps: keeps the root from zero.

    Raises:
        OptionError: neither training nor running values. ShapeError: shapes that do not fit, or one value a channel.

    Source: torch.nn.functional.batch_norm; Ioffe and Szegedy (2015).
    """
    if training:
        result = _normalise(norm.BATCH_NORM, input, eps, weight, bias)
        # Nothing is learned of an empty batch.
        if running_mean is not None and running_var is not None and input.numel():
            moved = node_of(momentum, running_mean.dtype)
            track_batch(input._read(), moved, running_mean, running_var)
        return result
    if running_mean is None or running_var is None:
        raise OptionError("batch_norm: without training=True it needs running_mean and running_var")
    nodes = [input._read(), node_of(float(eps), input.dtype), running_mean._read(), running_var._read()]
    nodes += _parameters(weight, bias)
    return wrap(record(norm.BATCH_NORM_RUNNING, tuple(nodes), (weight is not None,)))


def track_batch(batch: Node, momentum: Node, mean: Any, variance: Any, *count: Any) -> None:
    """Move what is tracked of batches by one of them: running mean, running variance, and the count if there is one.

    Raises:
        GraphError: one of these was made under `inference_mode`, and that is over.
    """
    tracked = (mean, variance, *count)
    nodes = (batch, mean._read(), variance._read(), momentum, *[x._read() for x in count])
    before, mode.state.grad_enabled = mode.state.grad_enabled, False
    try:
        moved = results(record(norm.BATCH_NORM_TRACK, nodes, (True,)))
        if mean._storage.inference or variance._storage.inference:
            for x, value in zip(tracked, moved, strict=True):
                x._require_writable("batch_norm", value)
        for x, value in zip(tracked, moved, strict=True):
            # Of its shape and dtype as it is.
            x._write(value)
    finally:
        mode.state.grad_enabled = before


def layer_norm(
    input: Any, normalized_shape: Sequence[int], weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    """(x - mean) / sqrt(var + eps) weight + bias over the last axes, whose extents are normalized_shape.

    Raises:
        ShapeError: the input does not end with normalized_shape.

    Source: torch.nn.functional.layer_norm; Ba et al. (2016).
    """
    return _normalise(norm.LAYER_NORM, input, eps, weight, bias, tuple(normalized_shape))


def group_norm(input: Any, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5) -> Any:
    """(x - mean) / sqrt(var + eps) weight + bias over groups of channels (axis 1), row by row.

    Raises:
        ShapeError: the channels do not divide into the groups.

    Source: torch.nn.functional.group_norm; Wu and He (2018).
    """
    return _normalise(norm.GROUP_NORM, input, eps, weight, bias, int(num_groups))


def rms_norm(input: Any, normalized_shape: Sequence[int], weight: Any = None, eps: float | None = None) -> Any:
    """x / sqrt(mean(x^2) + eps) weight over the last axes, whose extents are normalized_shape.

    Args:
        input: x, floating-point numbers.
        normalized_shape: extents of those axes.
        weight: of normalized_shape, or None.
        eps: keeps the root from zero; default: that of the input's dtype.

    Raises:
        ShapeError: the input does not end with normalized_shape.

    Source: torch.nn.functional.rms_norm; Zhang and Sennrich (2019).

    >>> import retrograd as rg
    >>> rg.nn.functional.rms_norm(rg.tensor([3.0, 4.0]), (2,))
    tensor([0.8485, 1.1314])
    """
    least = finfo(input.dtype).eps if eps is None else eps
    return _normalise(RMS_NORM, input, least, weight, None, tuple(normalized_shape))
