"""Devices as users name them. Everything is computed on the CPU."""

from __future__ import annotations

from typing import Any, Final, Self

from retrograd.core.errors import OptionError

# What PyTorch programs may name.
_TYPES: Final = ("cpu", "cuda", "mps", "xpu", "meta", "hpu", "xla", "mkldnn", "ipu", "vulkan", "privateuseone")


class device:
    """A device's name: its type and, of several, its number.

    Any device can be named; only "cpu" is there to compute on. As a context manager it says where tensors are made.

    Args:
        type: such as "cpu" or "cuda:0", or another device.
        index: its number.

    Raises:
        OptionError: no such type, or an index that is given twice.

    Source: torch.device.

    >>> device("cuda", 1)
    device(type='cuda', index=1)
    >>> str(device("cpu")), device("cuda:0") == device("cuda", 0)
    ('cpu', True)
    """

    __slots__ = ("type", "index")

    type: Final[str]
    index: Final[int | None]

    def __init__(self, type: str | int | device = "cpu", index: int | None = None) -> None:
        name, number = _parsed(type)
        if number is not None and index is not None:
            raise OptionError(f"device: the index is given twice, in {type!r} and as {index}")
        self.type, self.index = name, index if number is None else number

    def __eq__(self, other: object) -> bool:
        return isinstance(other, device) and (self.type, self.index) == (other.type, other.index)

    def __hash__(self) -> int:
        return hash((self.type, self.index))

    def __str__(self) -> str:
        return self.type if self.index is None else f"{self.type}:{self.index}"

    def __repr__(self) -> str:
        index = "" if self.index is None else f", index={self.index}"
        return f"device(type={self.type!r}{index})"

    def __reduce__(self) -> tuple[Any, ...]:
        return device, (self.type, self.index)

    def __enter__(self) -> Self:
        require_cpu(self)
        return self

    def __exit__(self, *error: object) -> None:
        pass


def _parsed(name: str | int | device) -> tuple[str, int | None]:
    if isinstance(name, device):
        return name.type, name.index
    if isinstance(name, int):
        # A bare number is an accelerator's, of which there is none here.
        return "cuda", name
    kind, colon, number = name.partition(":")
    if kind not in _TYPES or (colon and not number.isdigit()):
        raise OptionError(f"device: {name!r} is none of {', '.join(_TYPES[:5])}, or one of them with a number (cuda:0)")
    return kind, int(number) if number else None


CPU: Final = device("cpu")


def require_cpu(wanted: Any) -> None:
    """Refuse a device that is not there.

    Raises:
        OptionError: the device is neither None nor the CPU.
    """
    if wanted is None or wanted == "cpu" or wanted is CPU:
        return
    if device(wanted).type != "cpu":
        raise OptionError(f"the device {str(wanted)!r} is not there; this build computes on 'cpu'")


def set_default_device(device: Any) -> None:
    """Where new tensors are made: "cpu", or None for it. Source: torch.set_default_device.

    Raises:
        OptionError: the device is not there.
    """
    require_cpu(device)


def get_default_device() -> device:
    """Where new tensors are made. Source: torch.get_default_device.

    >>> get_default_device()
    device(type='cpu')
    """
    return CPU
