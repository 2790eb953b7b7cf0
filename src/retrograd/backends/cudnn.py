"""Switches of a library that is not used here; they may be set, and change nothing. Source: torch.backends.cudnn."""

from __future__ import annotations

enabled = False
benchmark = False
deterministic = False
allow_tf32 = False


def is_available() -> bool:
    """False."""
    return False


def version() -> int | None:
    """None."""
    return None
