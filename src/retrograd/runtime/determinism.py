"""What PyTorch programs say about determinism. Here the same program on the same inputs always gives the same bits."""

from __future__ import annotations

from retrograd.core.errors import OptionError

_PRECISIONS = ("highest", "high", "medium")


class _Said:
    deterministic = False
    warn_only = False
    precision = "highest"


def use_deterministic_algorithms(mode: bool, *, warn_only: bool = False) -> None:
    """Accepted: every operation is deterministic, for any number of threads. Source: torch's function of the name."""
    _Said.deterministic, _Said.warn_only = bool(mode), warn_only


def are_deterministic_algorithms_enabled() -> bool:
    """What was said last. Source: torch.are_deterministic_algorithms_enabled."""
    return _Said.deterministic


def is_deterministic_algorithms_warn_only_enabled() -> bool:
    """What was said last. Source: torch.is_deterministic_algorithms_warn_only_enabled."""
    return _Said.warn_only


def set_float32_matmul_precision(precision: str) -> None:
    """Accepted: products of float32 are always computed in full precision, "highest".

    Raises:
        OptionError: no such precision.

    Source: torch.set_float32_matmul_precision.
    """
    if precision not in _PRECISIONS:
        raise OptionError(f"set_float32_matmul_precision: {precision!r} is none of {', '.join(_PRECISIONS)}")
    _Said.precision = precision


def get_float32_matmul_precision() -> str:
    """What was said last. Source: torch.get_float32_matmul_precision."""
    return _Said.precision


def set_flush_denormal(mode: bool) -> bool:
    """False: numbers too small for all their digits are computed with as they are. Source: torch.set_flush_denormal."""
    return False
