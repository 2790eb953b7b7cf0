"""Names of layouts in memory. They are accepted everywhere and change nothing: the compiler chooses how values lie."""

from __future__ import annotations

from typing import Final


class memory_format:
    """An order of axes in memory. Source: torch.memory_format."""

    __slots__ = ("_name",)

    def __init__(self, name: str) -> None:
        self._name = name

    def __repr__(self) -> str:
        return f"retrograd.{self._name}"

    def __reduce__(self) -> str:
        return self._name


class layout(memory_format):
    """How elements are stored at all. Source: torch.layout."""

    __slots__ = ()


contiguous_format: Final = memory_format("contiguous_format")
preserve_format: Final = memory_format("preserve_format")
channels_last: Final = memory_format("channels_last")
channels_last_3d: Final = memory_format("channels_last_3d")
strided: Final = layout("strided")
