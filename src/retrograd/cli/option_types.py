"""Kinds of option values that click does not have."""

from __future__ import annotations

import math

import click


class LayerSizes(click.ParamType):
    """Sizes separated by commas, such as 128,64."""

    name = "sizes"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> tuple[int, ...]:
        if isinstance(value, tuple):
            return value
        parts = [part.strip() for part in str(value).split(",")]
        if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 65536 for part in parts):
            self.fail(f"'{value}' is not a list of sizes from 1 to 65536, such as 100 or 128,64.", param, ctx)
        return tuple(int(part) for part in parts)


class PositiveNumber(click.ParamType):
    """A finite number above 0."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> float:
        try:
            number = float(str(value))
        except ValueError:
            number = math.nan
        if not 0.0 < number < math.inf:
            self.fail(f"'{value}' is not a number above 0.", param, ctx)
        return number
