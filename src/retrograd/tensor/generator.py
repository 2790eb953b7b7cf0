"""Generator, and the default generator's position, as tensors show them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Self

import numpy as np

from retrograd.core import generator as random
from retrograd.core.device import CPU, device as Device, require_cpu
from retrograd.tensor.base import TensorBase
from retrograd.tensor.tensor import from_array

__all__ = [
    "Generator", "default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed",
    "set_rng_state",
]  # fmt: skip


class Generator(random.Generator):
    """A source of random numbers with a position of its own in a stream of its own.

    Everything random takes one as `generator=`. For the same seed it gives PyTorch's numbers.

    Args:
        device: "cpu" or None.

    Raises:
        OptionError: a device that is not there.

    Source: torch.Generator.

    >>> import retrograd as rg
    >>> generator = rg.Generator().manual_seed(0)
    >>> rg.rand(2, generator=generator)
    tensor([0.4963, 0.7682])
    """

    def __init__(self, device: Any = None) -> None:
        require_cpu(device)
        super().__init__()

    @property
    def device(self) -> Device:
        return CPU

    def get_state(self) -> Any:
        """The position, 5056 bytes as a tensor; `torch.Generator.set_state` takes the same bytes."""
        return from_array(super().get_state())

    def set_state(self, state: Any) -> Self:
        """Continue from a position that `get_state` (or PyTorch's) gave.

        Raises:
            OptionError: these are not the bytes of a state.
        """
        super().set_state(_bytes(state))
        return self

    def clone_state(self) -> Generator:
        """A new generator at the same position."""
        return Generator().set_state(self.get_state())

    def __reduce__(self) -> tuple[Any, ...]:
        return _from_state, (np.array(super().get_state()),)


def _bytes(state: Any) -> np.ndarray[Any, Any]:
    return np.array(state._value() if isinstance(state, TensorBase) else state)


def _from_state(state: np.ndarray[Any, Any]) -> Generator:
    return Generator().set_state(state)


def _default() -> Generator:
    """The default generator of the whole library under this class: both have one state."""
    shown = Generator.__new__(Generator)
    shown.__dict__ = random.default_generator.__dict__
    return shown


default_generator = _default()


def manual_seed(seed: int) -> Generator:
    """Begin the default generator's stream of `seed`.

    Returns:
        The default generator.

    Raises:
        OptionError: the seed is no whole number, or has more than 64 bits.

    Source: torch.manual_seed.

    >>> import retrograd as rg
    >>> rg.manual_seed(0).initial_seed()
    0
    """
    default_generator.manual_seed(seed)
    return default_generator


def seed() -> int:
    """Begin a stream of the default generator that nobody can foresee, and say which. Source: torch.seed."""
    return default_generator.seed()


def initial_seed() -> int:
    """The seed with which the default generator's stream began. Source: torch.initial_seed."""
    return default_generator.initial_seed()


def get_rng_state() -> Any:
    """The default generator's position: 5056 elements of uint8. Source: torch.get_rng_state."""
    return default_generator.get_state()


def set_rng_state(new_state: Any) -> None:
    """Continue the default generator from a position. Source: torch.set_rng_state.

    Raises:
        OptionError: these are not the bytes of a state.
    """
    default_generator.set_state(new_state)


@contextmanager
def fork_rng(
    devices: Iterable[Any] | None = None,
    enabled: bool = True,
    _caller: str = "fork_rng",
    _devices_kw: str = "devices",
    device_type: str = "cuda",
) -> Iterator[None]:
    """Within, the default generator may be used or seeded; afterwards it stands where it stood.

    Args:
        devices, device_type: accepted for PyTorch's sake: there is one generator.
        enabled: whether to do anything.

    Source: torch.random.fork_rng.

    >>> import retrograd as rg
    >>> _ = rg.manual_seed(0)
    >>> with rg.random.fork_rng():
    ...     _ = rg.manual_seed(7)
    >>> rg.rand(1)
    tensor([0.4963])
    """
    if not enabled:
        yield
        return
    state = get_rng_state()
    try:
        yield
    finally:
        set_rng_state(state)
