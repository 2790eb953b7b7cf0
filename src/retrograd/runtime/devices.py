"""Which backend runs, and at which tier."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager

from retrograd.backends.base import Backend, Program
from retrograd.backends.null.backend import NullBackend
from retrograd.backends.reference.backend import ReferenceBackend
from retrograd.core.errors import OptionError
from retrograd.core.graph import Graph
from retrograd.ops.loop import Loop
from retrograd.passes.structure import Structure


def _native() -> Backend:
    from retrograd.backends.native.backend import NativeBackend  # noqa: PLC0415 -- heavy: only when first used

    return NativeBackend()


_FACTORIES = {"native": _native, "reference": ReferenceBackend, "null": NullBackend}
_made: dict[str, Backend] = {}


class _State:
    """The choice in force. `key` enters structure keys, so that a change of backend never meets old programs."""

    def __init__(self) -> None:
        self.name = os.environ.get("RETROGRAD_BACKEND", "native")
        tier = os.environ.get("RETROGRAD_TIER") or None
        if tier not in (None, "0", "1"):
            raise OptionError(f"RETROGRAD_TIER={tier!r}: expected 0 (unfused) or 1 (fused)")
        self.fixed_tier = None if tier is None else int(tier)
        self._update()

    def _update(self) -> None:
        if self.name not in _FACTORIES:
            raise OptionError(f"backend {self.name!r} is not known; choose one of {', '.join(_FACTORIES)}")
        self.key = (self.name, self.fixed_tier)

    def set(self, name: str, tier: int | None) -> None:
        before = self.name, self.fixed_tier
        self.name, self.fixed_tier = name, tier
        try:
            self._update()
        except OptionError:
            self.name, self.fixed_tier = before
            raise


state = _State()


def backend() -> Backend:
    """The backend in force."""
    found = _made.get(state.name)
    if found is None:
        found = _made[state.name] = _FACTORIES[state.name]()
    return found


def recalled(structure: Structure) -> Program | None:
    """The program of tier 1 that an earlier process has planned for a structure, if that is wanted here."""
    return None if state.fixed_tier == 0 else backend().recall(structure)


def tier_for(runs: int, structure: Structure) -> int:
    """0 for a structure seen first, 1 for one that returns or is heavy."""
    if state.fixed_tier is not None:
        return state.fixed_tier
    return 1 if runs > 0 or _is_heavy(structure.graph) else 0


def is_settled(tier: int) -> bool:
    """Whether a program of this tier will be run again as it is."""
    return tier > 0 or state.fixed_tier is not None


def _is_heavy(graph: Graph) -> bool:
    """More than about a hundred million multiplications: worth compiling for a single run."""
    return _multiplications(graph) > 100_000_000


def _multiplications(graph: Graph) -> int:
    work = 0
    for step in graph.steps:
        name, signature = step.signature.operation.name, step.signature
        if name == "matmul":
            work += signature.type.size * signature.inputs[0].shape[-1]
        elif name == "convolution":
            work += signature.type.size * math.prod(signature.inputs[1].shape[1:])
        elif name == "scan":
            loop = Loop.of(signature.attributes)
            work += loop.length * _multiplications(loop.body)
    return work


@contextmanager
def use_backend(name: str, tier: int | None = None) -> Iterator[None]:
    """Run on a backend ("native", "reference", or "null", which computes nothing) for a while.

    Args:
        name: of the backend.
        tier: hold programs at tier 0 (unfused) or 1 (fused); None lets the runtime choose.
    """
    before = state.name, state.fixed_tier
    state.set(name, tier)
    try:
        yield
    finally:
        state.set(*before)
