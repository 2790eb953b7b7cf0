"""Copies in scratch that convolutions read: rows between zeros, pixels with room behind them."""

from __future__ import annotations

from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value


def copy_row_function(module: Module, blocking: Blocking) -> Function:
    """`copy_row(source, target, left, count, right, inside)`: zeros, elements, zeros; all zeros if not inside."""
    names = [("source", PTR), ("target", PTR)] + [(name, I64) for name in ("left", "count", "right", "inside")]
    f = module.function("copy_row", names, internal=True, noinline=True, noalias=True)
    source, target, left, count, right, inside = f.args
    module.declare("declare void @llvm.memcpy.p0.p0.i64(ptr, ptr, i64, i1 immarg)")

    def zeros(place: Value, elements: Value) -> None:
        f.clear(place, elements * blocking.size)

    is_inside = f.compare("ne", inside, 0)
    with f.when(is_inside):
        zeros(target, left)
        middle = f.at(target, left, blocking.element)
        f.line(f"call void @llvm.memcpy.p0.p0.i64({middle}, {source}, {count * blocking.size}, i1 false)")
        zeros(f.at(middle, count, blocking.element), right)
    with f.when(is_inside ^ True):
        zeros(target, left + count + right)
    return f


def pad_pixels_function(module: Module, blocking: Blocking) -> Function:
    """`pad_pixels(source, target, pixels, channels, source_pixel, target_pixel)`: every pixel's channels, then zeros.

    The zeros fill the last vector of the channels; `target_pixel` has room for them.
    """
    names = ("pixels", "channels", "source_pixel", "target_pixel")
    params = [("source", PTR), ("target", PTR)] + [(name, I64) for name in names]
    f = module.function("pad_pixels", params, internal=True, noinline=True, noalias=True)
    source, target, pixels, channels, source_pixel, target_pixel = f.args
    element, lanes = blocking.element, blocking.lanes
    with f.loop(0, pixels) as pixel, f.loop(0, channels, lanes) as channel:
        mask = f.tail_mask(lanes, channels - channel)
        read = f.at(source, pixel * source_pixel + channel, element)
        f.store(f.masked_load(read, mask, blocking.register), f.at(target, pixel * target_pixel + channel, element))
    return f
