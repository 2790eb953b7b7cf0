"""Kinds of option values that click does not have, as functions of their text."""

from __future__ import annotations

import math

import click

_LARGEST_LAYER = 65536


def layer_sizes(text: str) -> tuple[int, ...]:
    """Sizes separated by commas.

    Raises:
        click.BadParameter: anything else.

    Example:
        >>> layer_sizes("128,64")
        (128, 64)
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= _LARGEST_LAYER for part in parts):
        raise click.BadParameter(f"'{text}' is not a list of sizes from 1 to {_LARGEST_LAYER}, such as 100 or 128,64.")
    return tuple(int(part) for part in parts)


def positive_number(text: str) -> float:
    """A finite number above 0.

    Raises:
        click.BadParameter: anything else.

    Example:
        >>> positive_number("1e-3")
        0.001
    """
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not 0.0 < number < math.inf:
        raise click.BadParameter(f"'{text}' is not a number above 0.")
    return number
