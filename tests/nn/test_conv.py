"""Convolution layers and functions against PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from tests.support.parity import assert_same, assert_same_state, copy_state, needs_torch, torch

draw = np.random.default_rng(7)
Make = Callable[[Any], Any]
F = rg.nn.functional
LAYERS: tuple[tuple[str, Make, tuple[int, ...]], ...] = (
    ("Conv1d", lambda nn: nn.Conv1d(2, 4, 3, stride=2, padding=1), (2, 2, 7)),
    ("Conv1d unbatched", lambda nn: nn.Conv1d(2, 4, 3, dilation=2), (2, 7)),
    ("Conv2d", lambda nn: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), groups=2), (2, 4, 5, 6)),
    ("Conv2d of depth", lambda nn: nn.Conv2d(3, 6, 3, padding=1, groups=3, bias=False), (2, 3, 4, 4)),
    ("Conv2d same", lambda nn: nn.Conv2d(2, 3, (4, 3), padding="same", dilation=(1, 2)), (2, 2, 6, 5)),
    ("Conv2d valid", lambda nn: nn.Conv2d(2, 3, 2, padding="valid"), (2, 2, 4, 4)),
    ("Conv2d reflect", lambda nn: nn.Conv2d(2, 3, 3, padding=(1, 2), padding_mode="reflect"), (2, 2, 4, 5)),
    ("Conv2d replicate", lambda nn: nn.Conv2d(2, 3, 3, padding=2, padding_mode="replicate"), (1, 2, 4, 5)),
    ("Conv2d circular", lambda nn: nn.Conv2d(2, 3, 4, padding="same", padding_mode="circular"), (1, 2, 5, 6)),
    ("Conv2d valid, reflect", lambda nn: nn.Conv2d(2, 3, 2, padding="valid", padding_mode="reflect"), (1, 2, 4, 5)),
    ("Conv3d", lambda nn: nn.Conv3d(2, 3, 2, stride=(1, 2, 1), padding=(0, 1, 0)), (1, 2, 3, 4, 3)),
    ("ConvTranspose1d", lambda nn: nn.ConvTranspose1d(3, 2, 4, 2, 1, output_padding=1), (2, 3, 5)),
    ("ConvTranspose1d unbatched", lambda nn: nn.ConvTranspose1d(3, 2, 2, 3), (3, 4)),
    ("ConvTranspose2d", lambda nn: nn.ConvTranspose2d(4, 6, 3, (2, 1), 1, (1, 0), 2, True, (1, 2)), (2, 4, 3, 4)),
    ("ConvTranspose2d without bias", lambda nn: nn.ConvTranspose2d(3, 2, 2, bias=False), (1, 3, 2, 2)),
    ("ConvTranspose3d", lambda nn: nn.ConvTranspose3d(2, 3, 2, 2, dilation=(2, 1, 1)), (1, 2, 2, 3, 2)),
)


@needs_torch
@pytest.mark.parametrize(("name", "make", "shape"), LAYERS, ids=lambda v: v if isinstance(v, str) else "")
def test_layers_equal_pytorch_from_the_same_seed(name: str, make: Make, shape: tuple[int, ...]) -> None:
    rg.manual_seed(11), torch.manual_seed(11)
    ours, theirs = make(rg.nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for key, value in theirs.state_dict().items():
        np.testing.assert_array_equal(ours.state_dict()[key].numpy(), value.numpy())
    ours, theirs = ours.double(), theirs.double()
    copy_state(ours, theirs)
    assert_same(ours, theirs, [draw.normal(size=shape)], rtol=1e-10)
    for p, q in zip(ours.parameters(), theirs.parameters(), strict=True):
        np.testing.assert_allclose(p.grad.numpy(), q.grad.numpy(), rtol=1e-10, atol=1e-12)


@needs_torch
def test_output_size_chooses_among_those_that_lead_to_the_input() -> None:
    ours, theirs = rg.nn.ConvTranspose2d(2, 3, 3, 3, padding=1), torch.nn.ConvTranspose2d(2, 3, 3, 3, padding=1)
    ours.double(), theirs.double()
    copy_state(ours, theirs)
    x = draw.normal(size=(2, 2, 3, 4))
    for size in ((7, 10), (8, 12), (9, 11), (2, 3, 9, 12)):
        assert_same(lambda x, s=size: ours(x, s), lambda x, s=size: theirs(x, list(s)), [x])
    with pytest.raises(OptionError, match=r"can be from \(7, 10\) to \(9, 12\)"):
        ours(rg.tensor(x), (10, 10))
    with pytest.raises(OptionError, match="must hold 2 extents"):
        ours(rg.tensor(x), (10,))


@st.composite
def _problems(pick: Any) -> tuple[int, tuple[Any, ...], dict[str, Any]]:
    """A convolution with 1 to 3 spatial axes that has an output: shapes and options."""
    axes = pick(st.integers(1, 3))
    each = [pick(st.tuples(*[st.integers(low, high)] * axes)) for low, high in ((1, 3), (1, 3), (0, 2), (1, 2))]
    kernel, stride, padding, dilation = each
    groups = pick(st.integers(1, 3))
    per_group, out = pick(st.integers(1, 2)), pick(st.integers(1, 2))
    least = [max(d * (k - 1) + 1 - 2 * p, 1) for k, p, d in zip(kernel, padding, dilation, strict=True)]
    extents = [n + pick(st.integers(0, 3)) for n in least]
    shapes = (
        (pick(st.integers(0, 2)), per_group * groups, *extents),
        (out * groups, per_group, *kernel),
        (out * groups,),
    )
    options = {"stride": stride, "padding": padding, "dilation": dilation, "groups": groups}
    return axes, shapes, options


@needs_torch
@settings(max_examples=60, deadline=None)
@given(_problems())
def test_convolutions_equal_pytorch(problem: tuple[int, tuple[Any, ...], dict[str, Any]]) -> None:
    axes, shapes, options = problem
    name = f"conv{axes}d"
    ours, theirs = getattr(F, name), getattr(torch.nn.functional, name)
    arrays = [draw.normal(size=shape) for shape in shapes]
    assert_same(lambda *x: ours(*x, **options), lambda *x: theirs(*x, **options), arrays, rtol=1e-10)


@needs_torch
@settings(max_examples=60, deadline=None)
@given(_problems(), st.randoms(use_true_random=False))
def test_transposed_convolutions_equal_pytorch(
    problem: tuple[int, tuple[Any, ...], dict[str, Any]], chance: Any
) -> None:
    axes, (x, w, _), options = problem
    batch, channels, groups = max(x[0], 1), w[0], options["groups"]
    limits = zip(options["stride"], options["dilation"], strict=True)
    options = {**options, "padding": 0, "output_padding": tuple(chance.randrange(max(pair)) for pair in limits)}
    name = f"conv_transpose{axes}d"
    ours, theirs = getattr(F, name), getattr(torch.nn.functional, name)
    arrays = [draw.normal(size=s) for s in ((batch, channels, *x[2:]), w, (w[1] * groups,))]
    assert_same(lambda *x: ours(*x, **options), lambda *x: theirs(*x, **options), arrays, rtol=1e-10)


@needs_torch
def test_integers_convolve_exactly() -> None:
    x, w = draw.integers(-9, 9, (2, 3, 7)), draw.integers(-9, 9, (4, 3, 2))
    expected = torch.nn.functional.conv1d(torch.tensor(x), torch.tensor(w), stride=2)
    np.testing.assert_array_equal(rg.conv1d(rg.tensor(x), rg.tensor(w), stride=2).numpy(), expected.numpy())


@needs_torch
def test_a_small_network_trains_as_pytorch_does() -> None:
    """Several steps of a network with strides, groups, pads and a transposed convolution, number by number."""

    def make(lib: Any) -> Any:
        nn = lib.nn
        return nn.Sequential(
            nn.Conv2d(1, 4, 3, stride=2, padding=1),
            nn.ReLU(),
            nn.Conv2d(4, 4, 3, padding=1, groups=2, padding_mode="circular"),
            nn.Tanh(),
            nn.ConvTranspose2d(4, 1, 2, stride=2),
        )

    rg.manual_seed(3), torch.manual_seed(3)
    losses = []
    x = draw.normal(size=(4, 1, 8, 8))
    for lib in (rg, torch):
        model = make(lib).double()
        optimizer = lib.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
        seen = []
        for _ in range(6):
            optimizer.zero_grad()
            loss = (model(lib.tensor(x)) - lib.tensor(x)).square().mean()
            loss.backward()
            optimizer.step()
            seen.append(loss.item())
        losses.append(seen)
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-9)


def test_a_convolution_is_one_node() -> None:
    x, w, b = rg.ones(1, 2, 5), rg.ones(3, 2, 3), rg.ones(3)
    for made, name in ((F.conv1d(x, w, b), "conv"), (F.conv_transpose1d(x, rg.ones(2, 3, 3), b), "conv_transpose")):
        node = made._storage.node
        assert node.signature.operation.name == name
        assert all(source.signature is None for source in node.inputs)


X1, X2 = rg.ones(1, 2, 5), rg.ones(1, 2, 5, 5)
WRONG: tuple[tuple[Callable[[], Any], type[Exception], str], ...] = (
    (lambda: F.conv1d(X1, rg.ones(3, 3, 3)), ShapeError, "expects 3 input channels"),
    (lambda: F.conv1d(X1, rg.ones(3, 2, 6)), ShapeError, "spans 6, and the padded input has extent 5"),
    (lambda: F.conv1d(X2, rg.ones(3, 2, 3)), ShapeError, "with 1 spatial axes"),
    (lambda: F.conv2d(X2, rg.ones(3, 2, 3)), ShapeError, "must have 4 axes"),
    (lambda: F.conv1d(X1, rg.ones(3, 2, 3), rg.ones(2)), ShapeError, "one number a channel"),
    (lambda: F.conv1d(X1, rg.ones(3, 2, 3).double()), DTypeError, "cast one"),
    (lambda: F.conv1d(X1, rg.ones(3, 1, 3), groups=2), ShapeError, "3 output channels"),
    (lambda: F.conv1d(X1, rg.ones(3, 2, 3), padding="sane"), OptionError, "'same', 'valid' or integers"),
    (lambda: F.conv1d(X1, rg.ones(3, 2, 3), padding="same", stride=2), OptionError, "give numbers"),
    (lambda: F.conv1d(X1, rg.ones(3, 2, 3), padding=-1), OptionError, "must not be negative"),
    (lambda: F.conv1d(X1, rg.ones(3, 2, 3), stride=0), ShapeError, "positive integers"),
    (lambda: F.conv2d(X2, rg.ones(3, 2, 3, 3), stride=(1, 1, 1)), OptionError, "an integer or 2 integers"),
    (lambda: F.conv_transpose1d(X1, rg.ones(3, 2, 3)), ShapeError, "has 2 channels"),
    (lambda: F.conv_transpose1d(X1, rg.ones(2, 2, 3), output_padding=1), ShapeError, "must be smaller"),
    (lambda: rg.nn.Conv1d(3, 4, 3, groups=2), OptionError, "divide in_channels, 3"),
    (lambda: rg.nn.Conv1d(2, 4, 3, padding_mode="mirror"), OptionError, "padding_mode 'mirror'"),
    (lambda: rg.nn.Conv1d(2, 4, 3, padding="sane"), OptionError, "padding 'sane'"),
    (lambda: rg.nn.Conv1d(2, 4, 3, padding="same", stride=2), OptionError, "give numbers"),
    (lambda: rg.nn.ConvTranspose1d(2, 4, 3, padding_mode="reflect"), OptionError, "only 'zeros'"),
    (lambda: rg.nn.ConvTranspose1d(2, 4, 3, padding="same"), OptionError, "must be integers"),
    (lambda: rg.nn.Conv2d(2, 4, (3, 3, 3)), OptionError, "kernel_size"),
)


@pytest.mark.parametrize(("call", "error", "message"), WRONG)
def test_wrong_uses_say_what_to_do(call: Callable[[], Any], error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        call()


@needs_torch
def test_other_layers_equal_pytorch() -> None:
    """Instance normalisation, pads, folds, shuffles, resampling: values, gradients, state and how they show."""
    layers: tuple[tuple[Make, tuple[int, ...]], ...] = (
        (lambda nn: nn.InstanceNorm1d(3), (2, 3, 4)),
        (lambda nn: nn.InstanceNorm1d(3, affine=True), (3, 4)),
        (lambda nn: nn.InstanceNorm2d(3, affine=True, track_running_stats=True), (2, 3, 4, 2)),
        (lambda nn: nn.InstanceNorm2d(3, momentum=0.3, track_running_stats=True), (3, 4, 2)),
        (lambda nn: nn.InstanceNorm3d(2, eps=1e-3), (2, 2, 2, 3, 2)),
        (lambda nn: nn.LocalResponseNorm(3, 0.5, 0.6, 2.0), (2, 4, 3)),
        (lambda nn: nn.LocalResponseNorm(2), (2, 3, 2, 2)),
        (lambda nn: nn.PixelShuffle(2), (2, 8, 2, 3)),
        (lambda nn: nn.PixelUnshuffle(2), (2, 2, 4, 6)),
        (lambda nn: nn.ChannelShuffle(2), (2, 6, 3)),
        (lambda nn: nn.Unfold((2, 3), dilation=2, padding=1, stride=2), (2, 2, 6, 7)),
        (lambda nn: nn.Fold((5, 6), (2, 3), dilation=1, padding=1, stride=2), (2, 12, 9)),
        (lambda nn: nn.Upsample(scale_factor=2), (2, 2, 3)),
        (lambda nn: nn.Upsample(size=(5, 4), mode="bilinear"), (1, 2, 3, 3)),
        (lambda nn: nn.Upsample(scale_factor=(1.5, 2.0, 1.0), mode="trilinear", align_corners=True), (1, 1, 2, 3, 4)),
        (lambda nn: nn.UpsamplingNearest2d(scale_factor=3), (1, 2, 2, 3)),
        (lambda nn: nn.UpsamplingBilinear2d(size=(4, 5)), (1, 2, 2, 3)),
    )
    for make, shape in layers:
        ours, theirs = make(rg.nn).double(), make(torch.nn).double()
        assert repr(ours) == repr(theirs)
        for training in (True, True, False):
            ours.train(training), theirs.train(training)
            assert_same(ours, theirs, [draw.normal(size=shape)], rtol=1e-10)
            assert_same_state(ours, theirs)


def test_instance_norm_says_what_does_not_fit() -> None:
    for layer, shape, message in (
        (rg.nn.InstanceNorm1d(2), (2, 2, 1), "no variance"),
        (rg.nn.InstanceNorm1d(2), (2, 2, 3, 3), "1 spatial axes"),
        (rg.nn.InstanceNorm2d(2, affine=True), (2, 3, 3, 3), "num_features=2"),
    ):
        with pytest.raises(ShapeError, match=message):
            layer(rg.ones(*shape))
    with pytest.warns(UserWarning, match="makes no difference"):
        rg.nn.InstanceNorm1d(2)(rg.rand(1, 3, 4))
    with pytest.raises(OptionError, match="running_mean"):
        F.instance_norm(rg.ones(1, 2, 3), use_input_stats=False)
