"""Padding against PyTorch and NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

import retrograd as rg
from retrograd.core.errors import OptionError, ShapeError
from tests.support.parity import assert_same, needs_torch, torch

draw = np.random.default_rng(5)
F = rg.nn.functional


@needs_torch
@pytest.mark.parametrize("axes", [1, 2, 3])
@pytest.mark.parametrize("kind", ["ConstantPad", "ZeroPad", "ReflectionPad", "ReplicationPad", "CircularPad"])
def test_layers_equal_pytorch(kind: str, axes: int) -> None:
    x = draw.normal(size=(2, 3, *range(3, 3 + axes)))
    more = (2.5,) if kind == "ConstantPad" else ()
    for padding in (1, tuple(i % 3 for i in range(2 * axes))):
        ours, theirs = (getattr(lib.nn, f"{kind}{axes}d")(padding, *more) for lib in (rg, torch))
        assert repr(ours) == repr(theirs)
        for array in (x, x[0]):
            assert_same(ours, theirs, [array])


def _is_cropped_too_short(shape: list[int], widths: list[int]) -> bool:
    """Whether one side is cropped to less than the other needs: PyTorch reads memory that it has not written then."""
    pairs = zip(reversed(shape), widths[::2], widths[1::2], strict=False)
    return any(n + min(a, 0) + min(b, 0) < max(a, b) for n, a, b in pairs)


@needs_torch
@settings(max_examples=80, deadline=None)
@given(
    st.sampled_from(["constant", "reflect", "replicate", "circular"]),
    st.lists(st.integers(1, 5), min_size=3, max_size=4),
    st.lists(st.integers(-2, 4), min_size=4, max_size=4),
)
def test_pads_equal_pytorch_or_both_refuse(mode: str, shape: list[int], widths: list[int]) -> None:
    count = 2 if len(shape) == 3 else 4
    x = draw.normal(size=tuple(shape))
    options: dict[str, Any] = {"mode": mode, **({"value": 1.5} if mode == "constant" else {})}
    try:
        expected = torch.nn.functional.pad(torch.tensor(x), widths[:count], **options)
    except RuntimeError:
        expected = None
    if expected is None or 0 in expected.shape or (mode == "circular" and _is_cropped_too_short(shape, widths[:count])):
        return
    assert_same(
        lambda x: F.pad(x, widths[:count], **options),
        lambda x: torch.nn.functional.pad(x, widths[:count], **options),
        [x],
    )


@needs_torch
def test_every_dtype_can_be_padded() -> None:
    for array in (draw.integers(-5, 5, (2, 4)), draw.normal(size=(2, 4)) > 0, draw.integers(0, 9, (2, 4), np.uint8)):
        for mode in ("constant", "reflect", "replicate", "circular"):
            expected = torch.nn.functional.pad(torch.tensor(array[None]).double(), (1, 2), mode).numpy()
            found = F.pad(rg.tensor(array[None]), (1, 2), mode)
            assert found.numpy().dtype == array.dtype
            np.testing.assert_array_equal(found.numpy(), expected)


def test_a_value_around_keeps_infinities_and_widths_are_no_new_operation() -> None:
    x = rg.tensor([[1.0, 2.0]])
    assert F.pad(x, (1, 0), value=float("-inf")).tolist() == [[float("-inf"), 1.0, 2.0]]
    signatures = {F.pad(x, (1, 1), value=v)._storage.node.signature for v in (1.0, 2.0, 3.0)}
    assert len(signatures) == 1


def test_wrong_uses_say_what_to_do() -> None:
    x = rg.ones(2, 3)
    with pytest.raises(OptionError, match="two widths for each"):
        F.pad(x, (1,))
    with pytest.raises(OptionError, match="at most 2 axes"):
        F.pad(x, (1,) * 6)
    with pytest.raises(OptionError, match="mode 'mirror'"):
        F.pad(x, (1, 1), "mirror")
    with pytest.raises(OptionError, match="takes no value"):
        F.pad(x, (1, 1), "reflect", 2.0)
    with pytest.raises(ShapeError, match="smaller than its extent"):
        F.pad(x, (3, 0), "reflect")
    with pytest.raises(OptionError, match="an integer or 4 integers"):
        rg.nn.ZeroPad2d((1, 2, 3))
