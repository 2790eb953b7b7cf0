"""Interpolation and sampling on grids against PyTorch."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch

draw = np.random.default_rng(6)
F = rg.nn.functional
AXES = {"linear": (1,), "bilinear": (2,), "bicubic": (2,), "trilinear": (3,)}
WEIGHTED = tuple(AXES)
MODES = ("nearest", "nearest-exact", "area", *WEIGHTED)


@st.composite
def _problems(pick: Any) -> tuple[tuple[int, ...], dict[str, Any]]:
    mode = pick(st.sampled_from(MODES))
    axes = pick(st.sampled_from(AXES.get(mode, (1, 2, 3))))
    extents = pick(st.tuples(*[st.integers(1, 9)] * axes))
    options: dict[str, Any] = {"mode": mode}
    if pick(st.booleans()):
        options["size"] = pick(st.tuples(*[st.integers(1, 12)] * axes))
    else:
        # Sixteenths, which are exact in float32 as well, and in which no sample falls on a border by rounding.
        options["scale_factor"] = tuple(max(pick(st.integers(5, 50)) / 16, 1 / n) for n in extents)
        options["recompute_scale_factor"] = pick(st.sampled_from([None, True, False]))
    if mode in WEIGHTED:
        options["align_corners"] = pick(st.booleans())
    return (pick(st.integers(1, 2)), 2, *extents), options


def _by_pytorchs_shortcut(shape: tuple[int, ...], options: dict[str, Any]) -> bool:
    """For small images whose extents stay or double PyTorch forgets the factor that was given."""
    if options["mode"] != "nearest" or not options.get("scale_factor") or options["recompute_scale_factor"]:
        return False
    given = zip(shape[2:], options["scale_factor"], strict=True)
    return any(int(n * factor) in (n, 2 * n) for n, factor in given)


@needs_torch
@settings(max_examples=150, deadline=None)
@given(_problems())
def test_interpolation_equals_pytorch(problem: tuple[tuple[int, ...], dict[str, Any]]) -> None:
    shape, options = problem
    if _by_pytorchs_shortcut(shape, options):
        return
    assert_same(
        lambda x: F.interpolate(x, **options),
        lambda x: torch.nn.functional.interpolate(x, **options),
        [draw.normal(size=shape)],
        rtol=1e-9,
    )


@needs_torch
@pytest.mark.parametrize(
    ("mode", "aligned"),
    [("bilinear", False), ("bilinear", True), ("bicubic", False), ("bicubic", True), ("lanczos", False)],
)
def test_antialiasing_equals_pytorch(mode: str, aligned: bool) -> None:
    for shape, size in (
        ((1, 2, 9, 12), (4, 5)),
        ((2, 1, 5, 7), (11, 3)),
        ((1, 1, 8, 6), (8, 4)),
        ((1, 1, 6, 6), (2, 9)),
    ):
        options = {"size": size, "mode": mode, "align_corners": aligned, "antialias": True}
        assert_same(
            lambda x, o=options: F.interpolate(x, **o),
            lambda x, o=options: torch.nn.functional.interpolate(x, **o),
            [draw.normal(size=shape)],
            rtol=1e-9,
        )


@needs_torch
@pytest.mark.parametrize("mode", MODES)
def test_float32_samples_fall_where_pytorchs_do(mode: str) -> None:
    axes = AXES.get(mode, (2,))[0]
    for n, factor in ((7, 2.3), (23, 0.7), (40, 1.9)):
        x = draw.normal(size=(1, 1, *[n if axes < 3 else 7] * axes)).astype(np.float32)
        expected = torch.nn.functional.interpolate(torch.tensor(x), scale_factor=factor, mode=mode).numpy()
        found = F.interpolate(rg.tensor(x), scale_factor=factor, mode=mode).numpy()
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_integers_can_be_picked_and_not_weighed() -> None:
    x = rg.tensor([[[1, 2, 3]]])
    assert F.interpolate(x, size=6).tolist() == [[[1, 1, 2, 2, 3, 3]]]
    with pytest.raises(DTypeError, match="received int64"):
        F.interpolate(x, size=6, mode="linear")


X = rg.ones(1, 1, 4, 4)
WRONG: tuple[tuple[dict[str, Any], type[Exception], str], ...] = (
    ({}, OptionError, "one of size and scale_factor"),
    ({"size": 3, "scale_factor": 2}, OptionError, "one of size and scale_factor"),
    ({"size": (1, 2, 3)}, OptionError, "each of the 2 spatial axes"),
    ({"size": 3, "mode": "cubic"}, OptionError, "mode 'cubic'"),
    ({"size": 3, "mode": "linear"}, OptionError, "takes 1"),
    ({"size": 3, "align_corners": True}, OptionError, "no corners to align"),
    ({"size": 3, "recompute_scale_factor": True}, OptionError, "size was given"),
    ({"size": 3, "antialias": True}, OptionError, "antialias goes with"),
    ({"size": 3, "mode": "lanczos"}, OptionError, "needs antialias=True"),
    ({"size": 0}, ShapeError, "must be positive"),
    ({"scale_factor": 0.1}, ShapeError, "must be positive"),
)


@pytest.mark.parametrize(("options", "error", "message"), WRONG)
def test_wrong_uses_of_interpolate_say_what_to_do(
    options: dict[str, Any], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        F.interpolate(X, **options)


@needs_torch
@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(["bilinear", "nearest", "bicubic"]),
    st.sampled_from(["zeros", "border", "reflection"]),
    st.booleans(),
    st.integers(2, 3),
    st.lists(st.integers(2, 5), min_size=3, max_size=3),
)
def test_sampling_equals_pytorch(mode: str, padding: str, aligned: bool, axes: int, extents: list[int]) -> None:
    axes = 2 if mode == "bicubic" else axes
    x = draw.normal(size=(2, 3, *extents[:axes]))
    grid = draw.uniform(-2.7, 2.7, size=(2, *[3] * axes, axes))
    ours, theirs = F.grid_sample, torch.nn.functional.grid_sample
    if mode == "nearest":
        # Places do not matter: PyTorch gives zeros for their gradient, and retrograd none.
        held, their_held = rg.tensor(grid), torch.tensor(grid)
        assert_same(
            lambda x: ours(x, held, mode, padding, aligned),
            lambda x: theirs(x, their_held, mode, padding, aligned),
            [x],
            rtol=1e-9,
        )
        return
    assert_same(
        lambda x, g: ours(x, g, mode, padding, aligned),
        lambda x, g: theirs(x, g, mode, padding, aligned),
        [x, grid],
        rtol=1e-9,
    )


@needs_torch
def test_a_spatial_transformer_equals_pytorch() -> None:
    theta, image = draw.normal(size=(2, 2, 3)), draw.normal(size=(2, 1, 5, 4))

    def transformed(lib: Any) -> Any:
        f = lib.nn.functional
        return lambda t, x: f.grid_sample(x, f.affine_grid(t, (2, 1, 3, 6), align_corners=False), align_corners=False)

    assert_same(transformed(rg), transformed(torch), [theta, image], rtol=1e-9)


def test_a_gradient_does_not_flow_from_the_border() -> None:
    """Where places are clipped, also at the clip itself, the grid has no influence."""
    grid = rg.tensor([[[[-1.0, 0.0], [-1.5, 0.0], [0.1, 0.0]]]], requires_grad=True)
    F.grid_sample(rg.arange(9.0).reshape(1, 1, 3, 3), grid, "bilinear", "border", True).sum().backward()
    assert grid.grad[..., 0].tolist() == [[[0.0, 0.0, 1.0]]]


def test_wrong_uses_of_sampling_say_what_to_do() -> None:
    with pytest.raises(OptionError, match="mode 'cubic'"):
        F.grid_sample(X, rg.zeros(1, 1, 1, 2), "cubic")
    with pytest.raises(OptionError, match="padding_mode 'mirror'"):
        F.grid_sample(X, rg.zeros(1, 1, 1, 2), padding_mode="mirror")
    with pytest.raises(ShapeError, match="must be"):
        F.affine_grid(rg.zeros(1, 2, 2), (1, 1, 2, 2))
    with pytest.raises(ShapeError, match="not empty"):
        F.affine_grid(rg.zeros(1, 2, 3), (1, 1, 0, 2))
    with pytest.raises(DTypeError, match="floating-point"):
        F.affine_grid(rg.zeros(1, 2, 3).long(), (1, 1, 2, 2))
