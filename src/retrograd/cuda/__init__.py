"""What PyTorch programs ask about CUDA, answered as on a machine that has none. Source: torch.cuda.

Questions have their answers; what only makes sense where a device is there does nothing, or says that there is none.
"""

from __future__ import annotations

from typing import Any, NoReturn

from retrograd.core.errors import OptionError
from retrograd.cuda import amp, memory

__all__ = [
    "amp", "current_device", "device_count", "empty_cache", "get_device_capability", "get_device_name",
    "get_device_properties", "init", "ipc_collect", "is_available", "is_bf16_supported", "is_initialized",
    "manual_seed", "manual_seed_all", "max_memory_allocated", "max_memory_reserved", "memory", "memory_allocated",
    "memory_reserved", "reset_max_memory_allocated", "reset_peak_memory_stats", "seed", "seed_all", "set_device",
    "synchronize",
]  # fmt: skip


def is_available() -> bool:
    """False: everything is computed on the CPU."""
    return False


def is_initialized() -> bool:
    """False."""
    return False


def is_bf16_supported(including_emulation: bool = True) -> bool:
    """False; on the CPU bfloat16 is there."""
    return False


def device_count() -> int:
    """0."""
    return 0


def _refuse(name: str) -> NoReturn:
    raise OptionError(f"cuda.{name}: there is no CUDA device; ask cuda.is_available() first")


def init() -> None:
    """Refused: there is no device."""
    _refuse("init")


def current_device() -> int:
    """Refused: there is no device."""
    _refuse("current_device")


def set_device(device: Any) -> None:
    """Refused: there is no device."""
    _refuse("set_device")


def get_device_name(device: Any = None) -> str:
    """Refused: there is no device."""
    _refuse("get_device_name")


def get_device_capability(device: Any = None) -> tuple[int, int]:
    """Refused: there is no device."""
    _refuse("get_device_capability")


def get_device_properties(device: Any = None) -> Any:
    """Refused: there is no device."""
    _refuse("get_device_properties")


def synchronize(device: Any = None) -> None:
    """Nothing to wait for."""


def empty_cache() -> None:
    """Nothing to give back."""


def ipc_collect() -> None:
    """Nothing to give back."""


def manual_seed(seed: int) -> None:
    """Nothing: the CPU's generator has a seed of its own, as in PyTorch."""


def manual_seed_all(seed: int) -> None:
    """Nothing: the CPU's generator has a seed of its own, as in PyTorch."""


def seed() -> None:
    """Nothing."""


def seed_all() -> None:
    """Nothing."""


def memory_allocated(device: Any = None) -> int:
    """0."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def reset_peak_memory_stats(device: Any = None) -> None:
    """Nothing to reset."""


reset_max_memory_allocated = reset_peak_memory_stats
