"""Scratch: the memory that kernels work in, a part of its own for each thread.

It takes memory page by page, as it is touched: of a small network that is some kilobytes. Huge pages are 2 MB each,
which may be more than the network takes for everything, but kernels run about one percent faster on them. So they come
once the process's tensors take several times as much.
"""

from __future__ import annotations

import mmap

import numpy as np

from retrograd.backends.native.contract import SCRATCH_BYTES

HUGE_PAGE_BYTES = 2 << 20
# What huge pages take may be this part of what tensors take.
HUGE_SHARE = 1 / 3


class Scratch:
    """Memory for a number of threads. What it holds from one run to the next is undefined.

    Attributes:
        enough: bytes of tensors from which on huge pages are worth having; infinite once they are there.
    """

    def __init__(self, threads: int) -> None:
        private = {"flags": mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS} if hasattr(mmap, "MAP_PRIVATE") else {}
        self._pages = mmap.mmap(-1, threads * SCRATCH_BYTES + HUGE_PAGE_BYTES, **private)
        start: int = np.frombuffer(self._pages, np.uint8).__array_interface__["data"][0]
        self._start = -(-start // HUGE_PAGE_BYTES) * HUGE_PAGE_BYTES
        self.enough = threads * HUGE_PAGE_BYTES / HUGE_SHARE
        if hasattr(mmap, "MADV_NOHUGEPAGE"):
            self._pages.madvise(mmap.MADV_NOHUGEPAGE)

    def address(self, thread: int) -> int:
        """Where a thread's part is."""
        return self._start + thread * SCRATCH_BYTES

    def take_huge_pages(self) -> None:
        """From here on take huge pages, where the system has them. No kernel may be running."""
        self.enough = float("inf")
        if hasattr(mmap, "MADV_HUGEPAGE"):
            self._pages.madvise(mmap.MADV_HUGEPAGE)
            self._pages.madvise(mmap.MADV_DONTNEED)  # what was touched is taken anew
