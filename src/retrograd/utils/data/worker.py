"""What a worker of a DataLoader knows of itself."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True)
class WorkerInfo:
    """A worker of a DataLoader, as the data set sees it from within.

    Attributes:
        id: its number, from 0.
        num_workers: how many there are.
        seed: another one for each worker and each pass, for generators that the data set makes itself.
        dataset: the data set; all workers share the same one.

    Source: what torch.utils.data.get_worker_info gives.
    """

    id: int
    num_workers: int
    seed: int
    dataset: Any


_own: Final = threading.local()


def get_worker_info() -> WorkerInfo | None:
    """The worker that this runs in; None outside of workers. Source: torch.utils.data.get_worker_info.

    >>> get_worker_info() is None
    True
    """
    return getattr(_own, "info", None)


def become(info: WorkerInfo) -> None:
    """Have this thread be a worker from now on."""
    _own.info = info
