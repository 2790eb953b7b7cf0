"""A JSON object from a file that anybody may have edited: every value is checked as it is read."""

from __future__ import annotations

import math
import sys
from typing import Any

from retrograd.io.safetensors_io import FileFormatError


class Settings:
    """A JSON object.

    Args:
        content: what was parsed.
        place: what to call it in messages.

    Raises:
        FileFormatError: (each method too) the content is not of the kind that is asked for.

    Example:
        >>> Settings({"scale": 2}, "config.json").number("scale")
        2.0
    """

    def __init__(self, content: Any, place: str) -> None:
        if not isinstance(content, dict):
            raise FileFormatError(f"{place} is no JSON object")
        self._content = content
        self._place = place

    def __contains__(self, key: str) -> bool:
        return key in self._content

    def text(self, key: str) -> str:
        return str(self._get(key, str, "a text"))

    def flag(self, key: str) -> bool:
        return bool(self._get(key, bool, "true or false"))

    def number(self, key: str, above: float = -math.inf) -> float:
        """A finite number above a limit."""
        value = self._get(key, (int, float), "a number")
        if isinstance(value, bool) or not above < value <= sys.float_info.max:
            raise self._wrong(key, "a finite number" if above == -math.inf else f"a finite number above {above:g}")
        return float(value)

    def sizes(self, key: str, largest: int) -> tuple[int, ...]:
        """Whole numbers from 1 to a limit."""
        values = self._get(key, list, "a list")
        if not all(type(value) is int and 1 <= value <= largest for value in values):
            raise self._wrong(key, f"a list of sizes from 1 to {largest}")
        return tuple(values)

    def texts(self, key: str) -> tuple[str, ...]:
        values = self._get(key, list, "a list")
        if not all(isinstance(value, str) for value in values) or len(set(values)) != len(values):
            raise self._wrong(key, "a list of different texts")
        return tuple(values)

    def object(self, key: str) -> Settings:
        return Settings(self._get(key, dict, "an object"), f"'{key}' in {self._place}")

    def objects(self, key: str) -> list[Settings]:
        values = self._get(key, list, "a list")
        return [Settings(value, f"entry {i} of '{key}' in {self._place}") for i, value in enumerate(values, start=1)]

    def _get(self, key: str, kind: type | tuple[type, ...], words: str) -> Any:
        if key not in self._content:
            raise FileFormatError(f"{self._place} is damaged: '{key}' is missing")
        value = self._content[key]
        if not isinstance(value, kind):
            raise self._wrong(key, words)
        return value

    def _wrong(self, key: str, words: str) -> FileFormatError:
        return FileFormatError(f"{self._place} is damaged: '{key}' must be {words}")
