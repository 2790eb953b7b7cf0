"""Tiles of matrix products: enough for the threads, and not many more."""

from __future__ import annotations

from retrograd.backends.native.gemm_tile import tile_count, tile_shape
from retrograd.backends.native.target import TARGETS


def test_tiles_balance_threads() -> None:
    for m, n, k in [(128, 512, 784), (128, 256, 512), (784, 512, 128), (768, 384, 128)]:
        tiles = tile_count(m, n, 1, *tile_shape(TARGETS[0], "float32", m, n, k, 1))
        assert 4 <= tiles <= 32
    assert tile_count(10, 10, 1, *tile_shape(TARGETS[0], "float32", 10, 10, 10, 1)) == 1
    assert tile_count(4096, 4096, 1, *tile_shape(TARGETS[0], "float32", 4096, 4096, 512, 1)) >= 32
