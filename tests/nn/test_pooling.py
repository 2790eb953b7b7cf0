"""Pooling against PyTorch, for windows of every kind, with ties and NaN."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import DTypeError, IndexRangeError, OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch

Array = np.ndarray[Any, Any]
F = rg.nn.functional
AXES = st.shared(st.integers(1, 3), key="axes")
ROUGH = st.sampled_from([-np.inf, -1.0, 0.0, 0.5, 1.0, 2.0, np.nan])


@st.composite
def windows(draw: st.DrawFn, dilated: bool) -> dict[str, Any]:
    """Arguments of a pool over `AXES` axes."""
    axes = draw(AXES)
    kernel = draw(st.tuples(*[st.integers(1, 3)] * axes))
    chosen: dict[str, Any] = {
        "kernel_size": kernel,
        "stride": draw(st.none() | st.tuples(*[st.integers(1, 3)] * axes)),
        "padding": tuple(draw(st.integers(0, k // 2)) for k in kernel),
        "ceil_mode": draw(st.booleans()),
    }
    if dilated:
        chosen["dilation"] = draw(st.tuples(*[st.integers(1, 2)] * axes))
    return chosen


@st.composite
def planes(draw: st.DrawFn, elements: st.SearchStrategy[float]) -> Array:
    """An input with `AXES` spatial axes, with a batch or without."""
    lead = draw(st.sampled_from([(2,), (1, 2), (2, 1)]))
    shape = (*lead, *draw(st.tuples(*[st.integers(1, 6)] * draw(AXES))))
    size = int(np.prod(shape))
    return np.array(draw(st.lists(elements, min_size=size, max_size=size))).reshape(shape)


def _or_refused(function: Any, *args: Any, **options: Any) -> Any:
    """What PyTorch gives, or None where it finds that windows do not fit."""
    try:
        return function(*args, **options)
    except RuntimeError:
        return None


def _both(name: str, x: Array, *args: Any, **options: Any) -> None:
    """Values, places and gradients are PyTorch's; what it refuses is refused."""
    ours, theirs = getattr(F, name), getattr(torch.nn.functional, name)
    expected = _or_refused(theirs, torch.tensor(x), *args, **options)
    if expected is None:
        with pytest.raises(ShapeError):
            ours(rg.tensor(x), *args, **options)
        return
    first = expected[0] if isinstance(expected, tuple) else expected
    if isinstance(expected, tuple):
        np.testing.assert_array_equal(ours(rg.tensor(x), *args, **options)[1].numpy(), expected[1].numpy())
    if not first.numel():
        return
    pick = (lambda y: y[0]) if isinstance(expected, tuple) else (lambda y: y)
    assert_same(lambda v: pick(ours(v, *args, **options)), lambda v: pick(theirs(v, *args, **options)), [x])


@needs_torch
@settings(max_examples=80, deadline=None)
@given(planes(ROUGH), windows(dilated=True))
def test_max_pools_equal_pytorch(x: Array, options: dict[str, Any]) -> None:
    # Where a window holds nothing but padding, PyTorch's index is no place in the plane.
    spread = zip(x.shape[-len(options["kernel_size"]) :], options["dilation"], strict=True)
    assume(all(extent >= dilation for extent, dilation in spread))
    _both(f"max_pool{len(options['kernel_size'])}d", x, return_indices=True, **options)


@needs_torch
@settings(max_examples=80, deadline=None)
@given(planes(st.floats(-2, 2)), windows(dilated=False), st.booleans(), st.sampled_from([None, 3, -2]))
def test_average_pools_equal_pytorch(x: Array, options: dict[str, Any], include_pad: bool, divisor: int | None) -> None:
    axes = len(options["kernel_size"])
    # In three dimensions alone, PyTorch does not let padding make up for an input smaller than the kernel.
    assume(axes < 3 or all(extent >= k for extent, k in zip(x.shape[-3:], options["kernel_size"], strict=True)))
    more = {} if axes == 1 else {"divisor_override": divisor}
    _both(f"avg_pool{axes}d", x, count_include_pad=include_pad, **options, **more)


@needs_torch
@settings(max_examples=60, deadline=None)
@given(planes(ROUGH), st.tuples(*[st.integers(1, 7)] * 3))
def test_adaptive_pools_equal_pytorch(x: Array, sizes: tuple[int, ...]) -> None:
    for axes in (1, 2, 3):
        if x.ndim in (axes + 1, axes + 2):
            _both(f"adaptive_max_pool{axes}d", x, sizes[:axes], return_indices=True)
            _both(f"adaptive_avg_pool{axes}d", np.where(np.isfinite(x), x, 3.0), sizes[:axes])


@needs_torch
@pytest.mark.parametrize("p", [1, 2, 3.0, float("inf"), float("-inf")])
def test_lp_pools_equal_pytorch(p: float) -> None:
    x = np.random.default_rng(0).uniform(0.2, 2, (2, 2, 5, 4, 3))
    for axes, shape in ((1, x.shape[2:]), (2, x.shape[1:]), (3, x.shape)):
        for options in ({}, {"stride": 1}, {"ceil_mode": True}):
            _both(f"lp_pool{axes}d", x.reshape(-1)[: int(np.prod(shape))].reshape(shape), p, 2, **options)


@needs_torch
def test_fractional_pools_draw_as_pytorch_does() -> None:
    x = np.random.default_rng(1).normal(size=(2, 3, 9, 8, 7)).astype(np.float32)
    for axes, options in ((2, {"output_ratio": (0.5, 0.6)}), (3, {"output_size": (4, 3, 2)})):
        given_ = x if axes == 3 else x[0]
        torch.manual_seed(5), rg.manual_seed(5)
        y, places = getattr(torch.nn.functional, f"fractional_max_pool{axes}d")(
            torch.tensor(given_), 2, return_indices=True, **options
        )
        found, at = getattr(F, f"fractional_max_pool{axes}d")(rg.tensor(given_), 2, return_indices=True, **options)
        np.testing.assert_array_equal(found.numpy(), y.numpy())
        np.testing.assert_array_equal(at.numpy(), places.numpy())


@needs_torch
@pytest.mark.parametrize("axes", [1, 2, 3])
def test_unpooling_equals_pytorch(axes: int) -> None:
    x = np.random.default_rng(2).normal(size=(2, 3, 5, 6, 7)[: axes + 2])
    name = f"max_unpool{axes}d"
    for options in ({"stride": 2}, {"stride": 3, "padding": 1}):
        pooled = getattr(torch.nn.functional, f"max_pool{axes}d")(torch.tensor(x), 3, return_indices=True, **options)
        y, places = (v.numpy() for v in pooled)
        for output_size in (x.shape, x.shape[2:]):
            given_ = {"kernel_size": 3, "output_size": output_size, **options}
            ours = functools.partial(getattr(F, name), indices=rg.tensor(places), **given_)
            theirs = functools.partial(getattr(torch.nn.functional, name), indices=torch.tensor(places), **given_)
            assert_same(ours, theirs, [y])


MODULES: tuple[tuple[str, Any], ...] = (
    ("MaxPool1d", lambda nn: nn.MaxPool1d(2)),
    ("MaxPool2d", lambda nn: nn.MaxPool2d((2, 3), stride=1, padding=(0, 1), dilation=2, ceil_mode=True)),
    ("MaxPool3d", lambda nn: nn.MaxPool3d(2, 1)),
    ("AvgPool1d", lambda nn: nn.AvgPool1d(3, 2, 1)),
    ("AvgPool2d", lambda nn: nn.AvgPool2d(2, padding=1, count_include_pad=False)),
    ("AvgPool3d", lambda nn: nn.AvgPool3d(2, divisor_override=3)),
    ("LPPool1d", lambda nn: nn.LPPool1d(2, 2)),
    ("LPPool2d", lambda nn: nn.LPPool2d(2, (2, 1), stride=1)),
    ("LPPool3d", lambda nn: nn.LPPool3d(2, 2)),
    ("AdaptiveAvgPool1d", lambda nn: nn.AdaptiveAvgPool1d(3)),
    ("AdaptiveAvgPool2d", lambda nn: nn.AdaptiveAvgPool2d((None, 3))),
    ("AdaptiveAvgPool3d", lambda nn: nn.AdaptiveAvgPool3d(1)),
    ("AdaptiveMaxPool1d", lambda nn: nn.AdaptiveMaxPool1d(3)),
    ("AdaptiveMaxPool2d", lambda nn: nn.AdaptiveMaxPool2d((2, None))),
    ("AdaptiveMaxPool3d", lambda nn: nn.AdaptiveMaxPool3d((1, 2, 3))),
)


@needs_torch
@pytest.mark.parametrize(("name", "make"), MODULES, ids=lambda v: v if isinstance(v, str) else "")
def test_modules_equal_pytorch(name: str, make: Any) -> None:
    ours, theirs = make(rg.nn), make(torch.nn)
    assert repr(ours) == repr(theirs)
    x = np.random.default_rng(3).uniform(0.2, 2, (2, 2, 6, 5, 4))
    assert_same(ours, theirs, [x[(0,) * (3 - int(name[-2]))]])


@needs_torch
def test_modules_with_places_equal_pytorch() -> None:
    x = np.random.default_rng(4).normal(size=(2, 6, 6))
    for make in (lambda nn: nn.MaxPool2d(2, return_indices=True), lambda nn: nn.AdaptiveMaxPool2d(3, True)):
        ours, theirs = make(rg.nn)(rg.tensor(x)), make(torch.nn)(torch.tensor(x))
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(a.numpy(), b.numpy())
    y, places = ours
    back, expected = rg.nn.MaxUnpool2d(2), torch.nn.MaxUnpool2d(2)
    assert repr(back) == repr(expected)
    np.testing.assert_array_equal(back(y, places).numpy(), expected(*theirs).numpy())


def test_fractional_modules_keep_their_samples() -> None:
    samples = rg.full((1, 1, 2), 0.25)
    pool = rg.nn.FractionalMaxPool2d(2, output_size=3, _random_samples=samples)
    x = rg.arange(36.0).reshape(1, 1, 6, 6)
    assert pool(x).tolist() == pool(x).tolist() == [[[[7.0, 9.0, 11.0], [19.0, 21.0, 23.0], [31.0, 33.0, 35.0]]]]
    assert rg.nn.FractionalMaxPool3d(2, output_ratio=0.5)(rg.ones(2, 4, 4, 4)).shape == (2, 2, 2, 2)


def test_second_gradients_go_through_the_maxima() -> None:
    x = rg.tensor([[1.0, 3.0, 2.0, 2.0]], requires_grad=True)
    (slope,) = rg.autograd.grad((F.max_pool1d(x, 2) ** 3).sum(), x, create_graph=True)
    slope.sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [[0.0, 18.0, 12.0, 0.0]]


def test_wrong_uses_say_what_to_do() -> None:
    x = rg.ones(1, 2, 4, 4)
    for call, error, message in (
        (lambda: F.max_pool2d(x, (2, 2, 2)), OptionError, "2 integers"),
        (lambda: F.max_pool2d(x, 2, padding=2), ShapeError, "at most half"),
        (lambda: F.max_pool2d(x > 0, 2), DTypeError, "received bool"),
        (lambda: F.avg_pool2d(x, 5), ShapeError, "smaller kernel"),
        (lambda: F.avg_pool2d(x, 2, divisor_override=0), OptionError, "must not be 0"),
        (lambda: F.lp_pool2d(x.long(), 2, 2), DTypeError, r"use \.float\(\)"),
        (lambda: F.lp_pool2d(x, 0, 2), OptionError, "norm_type"),
        (lambda: F.adaptive_avg_pool2d(x, (1, 2, 3)), OptionError, "2 of them"),
        (lambda: F.adaptive_max_pool2d(x.long(), 2), DTypeError, r"use \.float\(\)"),
        (lambda: F.fractional_max_pool2d(x, 2), OptionError, "output_size or output_ratio"),
        (lambda: F.max_unpool2d(x, rg.zeros(1, 2, 4, 4).long(), 2, output_size=(9, 20)), OptionError, "output_size"),
        (lambda: F.max_unpool2d(x, rg.full((1, 2, 4, 4), 64), 2), IndexRangeError, "index 64 is no place"),
        (lambda: rg.nn.FractionalMaxPool2d(2), OptionError, "one of"),
        (lambda: rg.nn.FractionalMaxPool2d(2, output_ratio=1.5), OptionError, "between 0 and 1"),
    ):
        with pytest.raises(error, match=message):
            call()


def test_pooled_gradients_of_a_program_do_not_depend_on_the_batch_before() -> None:
    """A structure seen again with another batch is planned for its own extents."""
    for rows in (3, 5, 3):
        x = rg.rand(rows, 2, 4, 4, requires_grad=True)
        F.max_pool2d(F.avg_pool2d(x, 2, 1), 2).sum().backward()
        assert x.grad is not None
        assert x.grad.shape == x.shape
        assert x.grad.sum().item() == pytest.approx(2 * rows, rel=1e-6)
