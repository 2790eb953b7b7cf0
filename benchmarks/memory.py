"""How much memory a process takes at most."""

from __future__ import annotations

import gc
from pathlib import Path

_STATUS = Path("/proc/self/status")
_CLEAR = Path("/proc/self/clear_refs")
# Writing it there lets the high-water mark begin anew (Linux).
_RESET_PEAK = "5"


class PeakMemory:
    """The greatest resident memory since it was made, above what there was then."""

    def __init__(self) -> None:
        gc.collect()
        try:
            _CLEAR.write_text(_RESET_PEAK)
            self._before: int | None = _kilobytes("VmRSS")
        except OSError:
            self._before = None

    def bytes(self) -> int | None:
        """Bytes, or None where the system does not say."""
        return None if self._before is None else 1024 * (_kilobytes("VmHWM") - self._before)


def _kilobytes(field: str) -> int:
    for line in _STATUS.read_text().splitlines():
        if line.startswith(f"{field}:"):
            return int(line.split()[1])
    raise OSError(f"{_STATUS} has no {field}")
