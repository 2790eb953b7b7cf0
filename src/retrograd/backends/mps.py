"""Metal on Apple's computers, which is not used here. Source: torch.backends.mps."""

from __future__ import annotations


def is_available() -> bool:
    """False."""
    return False


def is_built() -> bool:
    """False."""
    return False
