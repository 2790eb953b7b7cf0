"""The tiles of a matrix product: their shape, chosen by a model of their cost, and their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import product

from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.target import Target
from retrograd.backends.native.work import roughly
from retrograd.core.extent import Extent, computed

# A rough model of a tile's cost in cycles: to pack one vector of B or the rows of one panel of A, and to start.
PACK_B_CYCLES = 5
PACK_A_CYCLES = 4
TILE_CYCLES = 1500
MOST_CUTS = 32


def tile_count(m: int, n: int, batch: int, tile_m: int, tile_n: int) -> int:
    """How many tiles a launch has."""
    return batch * -(-m // tile_m) * -(-n // tile_n)


def tile_shape(
    target: Target, dtype: str, m: int, n: int, k: int, batch: int, *, alone: bool = False
) -> tuple[int, int]:
    """Rows and columns of C for a tile: a choice by shape alone, good for any number of threads up to eight.

    `alone` asks for tiles as large as can be, for products that one thread computes.

    It minimises a model of time in cycles, summed over 1 to 8 threads: multiply-adds, what a tile spends on
    packing its operands and on starting, and threads without a tile near the end.
    """
    blocking = Blocking.of(target, dtype)
    if not any(isinstance(extent, Extent) for extent in (m, n, k, batch)):
        return _best_tile(blocking, m, n, k, batch, alone)
    tile_m, tile_n = computed(_Tile(blocking, alone), (m, n, k, batch))
    return tile_m, tile_n


@dataclass(frozen=True)
class _Tile:
    """Rows and columns of a tile by the extents of a product: cut as often as is best for extents of about these."""

    blocking: Blocking
    alone: bool
    # What is best for some extents: for rows and for columns the unit, the limit and the number of parts.
    _known: dict[tuple[int, ...], tuple[int, ...]] = field(default_factory=dict, compare=False)

    def __call__(self, extents: Sequence[int]) -> tuple[int, int]:
        about_these = tuple(map(roughly, extents))
        known = self._known.get(about_these) or self._known.setdefault(about_these, self._cuts(*about_these))
        return _even_size(extents[0], *known[:3]), _even_size(extents[1], *known[3:])

    def _cuts(self, m: int, n: int, k: int, batch: int) -> tuple[int, ...]:
        blocking = self.blocking
        tile_m, tile_n = _best_tile(blocking, m, n, k, batch, self.alone)
        rows = blocking.rows, blocking.block_rows, -(-m // tile_m)
        return *rows, blocking.columns, blocking.block_columns, -(-n // tile_n)


@lru_cache(maxsize=1 << 12)
def _best_tile(blocking: Blocking, m: int, n: int, k: int, batch: int, alone: bool) -> tuple[int, int]:
    sizes_m = _even_sizes(m, blocking.rows, blocking.block_rows)
    sizes_n = _even_sizes(n, blocking.columns, blocking.block_columns)
    if alone:
        return sizes_m[-1], sizes_n[-1]
    candidates = product(sizes_m, sizes_n)
    return min(candidates, key=lambda tile: _estimated_cycles(blocking, m, n, k, batch, *tile))


def _even_size(extent: int, unit: int, limit: int, parts: int) -> int:
    """The size of so many parts, or of as many as are needed: one of `_even_sizes`."""
    units = max(1, -(-extent // unit))
    return -(-units // max(parts, -(-units * unit // limit))) * unit


def _even_sizes(extent: int, unit: int, limit: int) -> list[int]:
    """Sizes, multiples of `unit`, that cut `extent` into parts of at most `limit`, as even as units allow."""
    units = max(1, -(-extent // unit))
    fewest = -(-units * unit // limit)
    return sorted({-(-units // parts) * unit for parts in range(fewest, min(units, fewest + MOST_CUTS) + 1)})


def _estimated_cycles(blocking: Blocking, m: int, n: int, k: int, batch: int, tile_m: int, tile_n: int) -> float:
    tiles = tile_count(m, n, batch, tile_m, tile_n)
    width, height = min(tile_n, n) / blocking.lanes, min(tile_m, m) / blocking.rows
    multiplying = min(tile_m, m) * width * k
    packing = (PACK_B_CYCLES * width + PACK_A_CYCLES * height) * k
    each = TILE_CYCLES + multiplying + packing
    return sum(threads * -(-tiles // threads) * each for threads in (1, 2, 3, 4, 6, 8))
