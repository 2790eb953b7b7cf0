"""Networks of convolutions and resampling in captured loops."""

from __future__ import annotations

from typing import Any

import numpy as np

import retrograd as rg


def _losses(captured: bool) -> list[float]:
    """A few epochs of a network that pads, normalises, resamples and shuffles."""
    rg.manual_seed(0)
    model = rg.nn.Sequential(
        rg.nn.Conv2d(1, 4, 3, padding=1, padding_mode="reflect"),
        rg.nn.InstanceNorm2d(4, affine=True, track_running_stats=True),
        rg.nn.Upsample(scale_factor=2, mode="bilinear"),
        rg.nn.ConvTranspose2d(4, 2, 2, 2),
        rg.nn.PixelUnshuffle(2),
        rg.nn.Flatten(),
        rg.nn.Linear(8 * 8 * 8, 1),
    )
    optimizer = rg.optim.Adam(model.parameters(), lr=0.01)
    x = rg.tensor(np.random.default_rng(0).normal(size=(32, 1, 4, 4)).astype(np.float32))
    y = x.sum((1, 2, 3)).unsqueeze(1)

    def step(x: Any, y: Any) -> Any:
        optimizer.zero_grad()
        loss = (model(x) - y).square().mean()
        loss.backward()
        optimizer.step()
        return loss

    if captured:
        return [float(v) for v in rg.compile_loop(step, (x, y), batch_size=8).run(epochs=3)]
    return [step(x[i : i + 8], y[i : i + 8]).item() for _ in range(3) for i in range(0, 32, 8)]


def test_a_captured_loop_has_the_same_bits() -> None:
    assert _losses(captured=True) == _losses(captured=False)
