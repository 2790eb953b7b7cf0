"""Layers that take over a batch normalisation, and modules without first values."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError


def _seen(norm: Any) -> Any:
    """A normalisation that has seen something."""
    rg.manual_seed(5)
    for name in ("running_mean", "running_var", "weight", "bias"):
        tensor = getattr(norm, name)
        if tensor is not None:
            tensor.data.copy_(rg.rand_like(tensor) + 0.5)
    return norm.eval()


@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("transposed", [True, False])
def test_a_convolution_takes_over_its_normalisation(transposed: bool, bias: bool, affine: bool) -> None:
    kind = rg.nn.ConvTranspose2d if transposed else rg.nn.Conv2d
    conv = kind(3, 4, 2, bias=bias).eval()
    norm = _seen(rg.nn.BatchNorm2d(4, affine=affine))
    fused = rg.nn.utils.fuse_conv_bn_eval(conv, norm, transpose=transposed)
    x = rg.randn(2, 3, 5, 5)
    np.testing.assert_allclose(fused(x).detach(), norm(conv(x)).detach(), rtol=1e-4, atol=1e-5)
    assert isinstance(fused.bias, rg.nn.Parameter) and (conv.bias is not None) == bias


def test_a_linear_layer_takes_over_its_normalisation() -> None:
    linear, norm = rg.nn.Linear(3, 4).eval(), _seen(rg.nn.BatchNorm1d(4))
    x = rg.randn(6, 3)
    fused = rg.nn.utils.fuse_linear_bn_eval(linear, norm)
    np.testing.assert_allclose(fused(x).detach(), norm(linear(x)).detach(), rtol=1e-4, atol=1e-5)


def test_refusals() -> None:
    linear, norm = rg.nn.Linear(3, 4), rg.nn.BatchNorm1d(4)
    with pytest.raises(OptionError, match="evaluation mode"):
        rg.nn.utils.fuse_linear_bn_eval(linear, norm)
    with pytest.raises(OptionError, match="no running statistics"):
        rg.nn.utils.fuse_linear_bn_eval(linear.eval(), rg.nn.BatchNorm1d(4, track_running_stats=False).eval())
    with pytest.raises(ShapeError, match="4 outputs and the normalisation 3 features"):
        rg.nn.utils.fuse_linear_bn_eval(linear, rg.nn.BatchNorm1d(3).eval())
    with pytest.raises(OptionError, match="no class of modules"):
        rg.nn.utils.skip_init(linear)  # type: ignore[arg-type]


def test_skip_init_draws_nothing() -> None:
    rg.manual_seed(0)
    expected = rg.rand(2).tolist()
    rg.manual_seed(0)
    layer = rg.nn.utils.skip_init(rg.nn.Linear, 3, 2, bias=False)
    assert rg.rand(2).tolist() == expected and list(layer.state_dict()) == ["weight"]
