"""What PyTorch programs ask about accelerators, of which there are none. Source: torch.accelerator."""

from __future__ import annotations

from typing import Any

from retrograd.core.device import device
from retrograd.core.errors import OptionError


def is_available() -> bool:
    """False: everything is computed on the CPU."""
    return False


def device_count() -> int:
    """0."""
    return 0


def current_accelerator(check_available: bool = False) -> device | None:
    """None."""
    return None


def current_device_index() -> int:
    """Refused: there is no device."""
    raise OptionError("accelerator.current_device_index: there is no accelerator; ask is_available() first")


def set_device_index(device: Any) -> None:
    """Refused: there is no device."""
    raise OptionError("accelerator.set_device_index: there is no accelerator; ask is_available() first")


def synchronize(device: Any = None) -> None:
    """Nothing to wait for."""
