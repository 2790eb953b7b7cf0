"""Layers that do the work of a batch normalisation behind them."""

from __future__ import annotations

import copy
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn.parameter import Parameter
from retrograd.tensor.creation import ones_like, zeros_like
from retrograd.tensor.grad_mode import no_grad


def _fused(
    weight: Any, bias: Any, mean: Any, var: Any, eps: float, bn_weight: Any, bn_bias: Any, axis: int
) -> tuple[Parameter, Parameter]:
    """W and b such that W x + b is what normalisation makes of the given weight and bias."""
    with no_grad():
        given = zeros_like(mean) if bias is None else bias
        scale = (var + eps).rsqrt() * (ones_like(mean) if bn_weight is None else bn_weight)
        shift = zeros_like(mean) if bn_bias is None else bn_bias
        shape = [-1 if i == axis else 1 for i in range(weight.ndim)]
        new_weight = (weight * scale.reshape(shape)).to(weight.dtype)
        new_bias = ((given - mean) * scale + shift).to(given.dtype if bias is not None else weight.dtype)
    return Parameter(new_weight, weight.requires_grad), Parameter(new_bias, given.requires_grad)


def fuse_conv_bn_weights(
    conv_w: Any,
    conv_b: Any,
    bn_rm: Any,
    bn_rv: Any,
    bn_eps: float,
    bn_w: Any,
    bn_b: Any,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a convolution that does the work of the batch normalisation behind it.

    In evaluation the normalisation is (y - m) / sqrt(v + eps) w + b for each channel. Of y = W * x + c, with s =
    w / sqrt(v + eps), that is (s W) * x + (c - m) s + b.

    Args:
        conv_w: W, (outputs, inputs, ...).
        conv_b: c, (outputs,), or None.
        bn_rm, bn_rv: m and v, (outputs,).
        bn_eps: eps.
        bn_w, bn_b: w and b, (outputs,), or None.
        transpose: whether the convolution is transposed: its outputs are along axis 1 of the weight then.

    Returns:
        Weight and bias, parameters that require gradients if W and c do.

    Source: torch.nn.utils.fusion.fuse_conv_bn_weights.

    >>> import retrograd as rg
    >>> conv, bn, x = rg.nn.Conv1d(2, 3, 1), rg.nn.BatchNorm1d(3).eval(), rg.ones(1, 2, 4)
    >>> statistics = bn.running_mean, bn.running_var, bn.eps
    >>> w, b = rg.nn.utils.fuse_conv_bn_weights(conv.weight, conv.bias, *statistics, bn.weight, bn.bias)
    >>> rg.allclose(rg.nn.functional.conv1d(x, w, b), bn(conv(x)))
    True
    """
    return _fused(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, int(transpose))


def fuse_linear_bn_weights(
    linear_w: Any, linear_b: Any, bn_rm: Any, bn_rv: Any, bn_eps: float, bn_w: Any, bn_b: Any
) -> tuple[Parameter, Parameter]:
    """Weight and bias of a linear layer that does the work of the batch normalisation behind it.

    Args:
        linear_w: (outputs, inputs).
        linear_b: (outputs,), or None.
        bn_rm, bn_rv, bn_eps, bn_w, bn_b: as for `fuse_conv_bn_weights`.

    Returns:
        Weight and bias, parameters that require gradients if those given do.

    Source: torch.nn.utils.fusion.fuse_linear_bn_weights.

    >>> import retrograd as rg
    >>> layer, bn, x = rg.nn.Linear(2, 3), rg.nn.BatchNorm1d(3).eval(), rg.ones(4, 2)
    >>> statistics = bn.running_mean, bn.running_var, bn.eps
    >>> w, b = rg.nn.utils.fuse_linear_bn_weights(layer.weight, layer.bias, *statistics, bn.weight, bn.bias)
    >>> rg.allclose(x @ w.T + b, bn(layer(x)))
    True
    """
    return _fused(linear_w, linear_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b, 0)


def _fused_copy(operation: str, layer: Any, bn: Any, axis: int) -> Any:
    if layer.training or bn.training:
        raise OptionError(f"{operation}: both layers must be in evaluation mode; call .eval() on them first")
    if bn.running_mean is None or bn.running_var is None:
        raise OptionError(f"{operation}: the normalisation has no running statistics to be fused")
    fused = copy.deepcopy(layer)
    fused.weight, fused.bias = _fused(
        fused.weight, fused.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias, axis
    )
    return fused


def fuse_conv_bn_eval(conv: Any, bn: Any, transpose: bool = False) -> Any:
    """A copy of a convolution that does the work of the batch normalisation behind it.

    Args:
        conv, bn: both in evaluation mode; they stay as they are.
        transpose: whether the convolution is transposed.

    Returns:
        A convolution with a bias, in evaluation mode.

    Raises:
        OptionError: a layer is in training mode, or there are no running statistics.

    Source: torch.nn.utils.fusion.fuse_conv_bn_eval.

    >>> import retrograd as rg
    >>> conv, bn, x = rg.nn.Conv2d(3, 4, 1).eval(), rg.nn.BatchNorm2d(4).eval(), rg.ones(1, 3, 2, 2)
    >>> rg.allclose(rg.nn.utils.fuse_conv_bn_eval(conv, bn)(x), bn(conv(x)))
    True
    """
    return _fused_copy("fuse_conv_bn_eval", conv, bn, int(transpose))


def fuse_linear_bn_eval(linear: Any, bn: Any) -> Any:
    """A copy of a linear layer that does the work of the batch normalisation behind it.

    Args:
        linear, bn: both in evaluation mode; the normalisation has as many features as the layer outputs, or one.
            They stay as they are.

    Returns:
        A linear layer with a bias, in evaluation mode.

    Raises:
        OptionError: a layer is in training mode, or there are no running statistics. ShapeError: the features do not
        fit.

    Source: torch.nn.utils.fusion.fuse_linear_bn_eval.

    >>> import retrograd as rg
    >>> layer, bn, x = rg.nn.Linear(2, 3).eval(), rg.nn.BatchNorm1d(3).eval(), rg.ones(4, 2)
    >>> rg.allclose(rg.nn.utils.fuse_linear_bn_eval(layer, bn)(x), bn(layer(x)))
    True
    """
    if bn.num_features not in (1, linear.out_features):
        raise ShapeError(
            f"fuse_linear_bn_eval: the layer has {linear.out_features} outputs and the normalisation "
            f"{bn.num_features} features; there must be as many, or one feature"
        )
    return _fused_copy("fuse_linear_bn_eval", linear, bn, 0)
