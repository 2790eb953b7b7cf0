"""How many threads compute."""

from __future__ import annotations

from types import ModuleType

from retrograd.core.errors import OptionError


def _workers() -> ModuleType:
    from retrograd.backends.native import workers  # noqa: PLC0415 -- only when asked: the backend is slow to import

    return workers


def set_num_threads(count: int) -> None:
    """Compute on so many threads. The results are the same for any number. Source: torch.set_num_threads.

    Raises:
        ValueError: the number is below 1.
    """
    _workers().set_num_threads(count)


def get_num_threads() -> int:
    """How many threads compute: `RETROGRAD_NUM_THREADS`, or what affinity and the cgroup quota allow."""
    return int(_workers().get_num_threads())


def set_num_interop_threads(count: int) -> None:
    """Accepted for PyTorch's sake: programs run one after another. Source: torch.set_num_interop_threads.

    Raises:
        ValueError: the number is below 1.
    """
    if count < 1:
        raise OptionError(f"set_num_interop_threads: the number must be at least 1, and is {count}")


def get_num_interop_threads() -> int:
    """1. Source: torch.get_num_interop_threads."""
    return 1
