"""The backends that tests run on: the reference always, the native one where it can be made."""

from __future__ import annotations

import pytest

from retrograd.core.errors import OptionError
from retrograd.runtime import devices


def native_is_there() -> bool:
    """Whether the native backend can be made on this machine."""
    try:
        with devices.use_backend("native"):
            devices.backend()
    except (ImportError, OSError, OptionError):
        return False
    return True


NATIVE = native_is_there()
BACKENDS = ("reference", "native") if NATIVE else ("reference",)
needs_native = pytest.mark.skipif(not NATIVE, reason="the native backend cannot be made here")
