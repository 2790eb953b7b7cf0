"""What stands beside networks: data."""

from retrograd.utils import data

__all__ = ["data"]
