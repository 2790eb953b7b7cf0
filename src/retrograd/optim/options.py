"""What the options of optimizers and schedulers may be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from retrograd.core.errors import OptionError, RetrogradError


def require_not_negative(name: str, **numbers: Any) -> None:
    """Raise OptionError for the first of the options that is no number, or below 0."""
    for option, value in numbers.items():
        if not _number(name, option, value) >= 0:
            raise OptionError(f"{name}: {option} must not be negative, and is {value}")


def require_positive(name: str, **numbers: Any) -> None:
    """Raise OptionError for the first of the options that is no number, or not above 0."""
    for option, value in numbers.items():
        if not _number(name, option, value) > 0:
            raise OptionError(f"{name}: {option} must be above 0, and is {value}")


def require_betas(name: str, betas: Sequence[float]) -> None:
    """Raise OptionError for anything but two decays that are below 1."""
    if len(betas) != 2 or not all(0 <= _number(name, "betas", beta) < 1 for beta in betas):
        raise OptionError(f"{name}: betas must be at least 0 and below 1, and are {tuple(betas)}")


def execution_options(name: str, **options: Any) -> dict[str, Any]:
    """PyTorch's options about how an update runs, for the group: here it is always one program, whatever they say.

    Raises:
        OptionError: `differentiable`, which is not there.
    """
    if options.get("differentiable"):
        raise OptionError(f"{name}: an update has no gradient; leave differentiable False")
    return options


def _number(name: str, option: str, value: Any) -> float:
    if not isinstance(value, str):
        try:
            return float(value)
        except (TypeError, RetrogradError):
            pass
    raise OptionError(f"{name}: {option} must be a number, and is {value!r}")
