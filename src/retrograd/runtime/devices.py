"""Which backend runs, and at which tier."""

from __future__ import annotations

import math
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from retrograd.backends.base import Backend, Program
from retrograd.backends.null.backend import NullBackend
from retrograd.backends.reference.backend import ReferenceBackend
from retrograd.core.cache import Cache
from retrograd.core.errors import OptionError
from retrograd.core.signature import Signature
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
        if tier not in (None, "-1", "0", "1"):
            raise OptionError(f"RETROGRAD_TIER={tier!r}: expected -1 (step by step), 0 (unfused) or 1 (fused)")
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


def recalled(structure: Structure, first: bool) -> Program | None:
    """The fused program that an earlier process, or another structure, has planned; None if there is none.

    Args:
        structure: what it computes.
        first: whether it is met for the first time, so that looking must not take long.
    """
    return backend().recall(structure, first)


def is_heavy(structure: Structure) -> bool:
    """More than about a hundred million multiplications: worth fusing for a single run."""
    return sum(_multiplications(step.signature) for step in structure.recorded.steps) > 100_000_000


_work: Final[Cache[Signature, int]] = Cache(limit=1 << 13)


def _multiplications(signature: Signature) -> int:
    """Of one step, with all that it consists of."""
    found = _work.get(signature)
    return _work.put(signature, _count(signature)) if found is None else found


def _count(signature: Signature) -> int:
    name = signature.operation.name
    if name == "matmul":
        return signature.type.size * signature.inputs[0].shape[-1]
    if name == "convolution":
        return signature.type.size * math.prod(signature.inputs[1].shape[1:])
    if name == "scan":
        loop = Loop.of(signature.attributes)
        return loop.length * sum(_multiplications(step.signature) for step in loop.body.steps)
    return 0 if signature.graph is None else sum(_multiplications(step.signature) for step in signature.graph.steps)


@contextmanager
def use_backend(name: str, tier: int | None = None) -> Iterator[None]:
    """Run on a backend ("native", "reference", or "null", which computes nothing) for a while.

    Args:
        name: of the backend.
        tier: hold programs at tier -1 (step by step), 0 (unfused) or 1 (fused); None lets the runtime choose.
    """
    before = state.name, state.fixed_tier
    state.set(name, tier)
    try:
        yield
    finally:
        state.set(*before)
