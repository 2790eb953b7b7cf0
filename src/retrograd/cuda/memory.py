"""The memory of CUDA devices, of which there are none. Source: torch.cuda.memory."""

from __future__ import annotations

from typing import Any


def _record_memory_history(enabled: Any = "all", *args: Any, **kwargs: Any) -> None:
    """Nothing to record."""


def _snapshot(device: Any = None) -> dict[str, Any]:
    """No allocations."""
    return {"segments": [], "device_traces": []}


def memory_summary(device: Any = None, abbreviated: bool = False) -> str:
    """That there is nothing to tell."""
    return "There is no CUDA device, and no memory on one."
