"""Kinds of option values that click does not have, as functions of their text."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Final

import click

from retrograd.cli.csv_file import nearest

LARGEST_LAYER: Final = 65536


def layer_sizes(text: str) -> tuple[int, ...]:
    """Sizes separated by commas.

    Raises:
        click.BadParameter: anything else.

    Example:
        >>> layer_sizes("128,64")
        (128, 64)
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= LARGEST_LAYER for part in parts):
        raise click.BadParameter(f"'{text}' is not a list of sizes from 1 to {LARGEST_LAYER}, such as 100 or 128,64.")
    return tuple(int(part) for part in parts)


def positive_number(text: str) -> float:
    """A finite number above 0.

    Raises:
        click.BadParameter: anything else.

    Example:
        >>> positive_number("1e-3")
        0.001
    """
    number = _number(text)
    if not 0.0 < number < math.inf:
        raise click.BadParameter(f"'{text}' is not a number above 0.")
    return number


def at_least_zero(text: str) -> float:
    """A finite number that is not negative.

    Raises:
        click.BadParameter: anything else.

    Example:
        >>> at_least_zero("0")
        0.0
    """
    number = _number(text)
    if not 0.0 <= number < math.inf:
        raise click.BadParameter(f"'{text}' is not a number from 0 up.")
    return number


def share(text: str) -> float:
    """A number between 0 and 1.

    Raises:
        click.BadParameter: anything else, also 0 and 1.

    Example:
        >>> share("0.2")
        0.2
    """
    number = _number(text)
    if not 0.0 < number < 1.0:
        raise click.BadParameter(f"'{text}' is not between 0 and 1.")
    return number


def share_or_zero(text: str) -> float:
    """A number from 0 to below 1.

    Raises:
        click.BadParameter: anything else.

    Example:
        >>> share_or_zero("0")
        0.0
    """
    number = _number(text)
    if not 0.0 <= number < 1.0:
        raise click.BadParameter(f"'{text}' is not from 0 to below 1.")
    return number


def existing_file(text: str) -> Path:
    """The path of a file that is there, or of something in its place that is told by reading it.

    Raises:
        click.UsageError: nothing of that name is there.
    """
    path = Path(text)
    try:
        there = path.exists()
        neighbours = [] if there or not path.parent.is_dir() else [other.name for other in path.parent.iterdir()]
    except (OSError, ValueError) as error:
        raise click.UsageError(f"'{text}' cannot be the name of a file: {error}") from error
    if not there:
        raise click.UsageError(f"there is no file '{text}'{nearest(path.name, neighbours, listing=False)}")
    return path


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return math.nan
