"""Generated matrix multiplication against the attainable FMA rate of one core and against PyTorch on one thread.

Run as `python benchmarks/kernels/gemm.py [float32|float64]`. Ours, PyTorch and the FMA loop take turns, and the best
time of each counts, so that a noisy machine treats them alike.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch

from retrograd.backends.native.compiler import Library, compile_object, host
from retrograd.backends.native.contract import KERNEL_PARAMETERS, SCRATCH_BYTES
from retrograd.backends.native.gemm import Arg, Layout, gemm_module
from retrograd.backends.native.gemm_micro import Blocking, micro_module, multiply_add
from retrograd.backends.native.gemm_tile import tile_count, tile_shape
from retrograd.backends.native.ir import I64, PTR, Module

KERNEL = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_int64, ctypes.c_void_p)
ROUNDS = 60
BATCH_SECONDS = 0.002
PEAK_STEPS = 100_000


@dataclass(frozen=True)
class Case:
    m: int
    k: int
    n: int
    a_layout: Layout
    b_layout: Layout
    what: str

    @property
    def flops(self) -> int:
        return 2 * self.m * self.k * self.n


CASES = (
    Case(128, 784, 512, "row", "col", "forward, X @ W.T"),
    Case(128, 512, 256, "row", "col", "forward, X @ W.T"),
    Case(128, 256, 10, "row", "col", "forward, last layer"),
    Case(128, 784, 512, "row", "row", ""),
    Case(128, 512, 256, "row", "row", ""),
    Case(128, 256, 512, "row", "row", "input gradient, dH @ W"),
    Case(128, 10, 256, "row", "row", "input gradient, last layer"),
    Case(512, 128, 784, "col", "row", "weight gradient, dH.T @ X"),
    Case(784, 128, 512, "col", "row", ""),
    Case(256, 128, 512, "col", "row", "weight gradient, dH.T @ X"),
    Case(10, 128, 256, "col", "row", "weight gradient, last layer"),
    Case(768, 128, 384, "row", "row", ""),
    Case(1, 784, 512, "row", "col", "one example"),
    Case(1, 512, 784, "row", "row", ""),
    Case(4, 784, 512, "row", "col", ""),
    Case(1024, 1024, 1024, "row", "row", ""),
    Case(1024, 1024, 1024, "row", "col", ""),
)


class Kernels:
    """Compiled kernels of one dtype, and the scratch they run in."""

    def __init__(self, dtype: str) -> None:
        self.dtype = dtype
        self.memory = np.zeros(SCRATCH_BYTES + 64, np.uint8)
        self.scratch = -(-self.memory.ctypes.data // 64) * 64
        self.micro = Library(compile_object(micro_module(host().target, dtype).text()))
        self.libraries: dict[tuple[Layout, Layout], Library] = {}

    def gemm(self, a_layout: Layout, b_layout: Layout) -> Callable[[int, int, int], None]:
        key = (a_layout, b_layout)
        if key not in self.libraries:
            start = time.perf_counter()
            module = gemm_module(host().target, self.dtype, *key)
            add_launch(module)
            text = module.text()
            built = time.perf_counter()
            self.libraries[key] = Library(compile_object(text))
            end = time.perf_counter()
            print(f"# {a_layout}, {b_layout}: IR {(built - start) * 1e3:.0f} ms, compiled {(end - built) * 1e3:.0f} ms")
        return KERNEL(self.libraries[key].address("launch"))


def add_launch(module: Module) -> None:
    """`launch(args, tiles, scratch)` runs every tile, so that calls from Python do not blur the measurement."""
    f = module.function("launch", [("args", PTR), ("tiles", I64), ("scratch", PTR)])
    args, tiles, scratch = f.args
    with f.loop(0, tiles) as tile:
        f.call(module.functions["gemm"], args, tile, scratch)


def peak_kernel(dtype: str) -> tuple[Library, int]:
    """A kernel of multiply-adds on registers alone, and its number of floating-point operations."""
    target = host().target
    blocking = Blocking.of(target, dtype)
    module = Module(target)
    f = module.function("peak", KERNEL_PARAMETERS)
    count = blocking.rows * blocking.vectors
    x, y = (f.load(f.at(f.args[2], place, blocking.register), blocking.register) for place in range(2))
    sums = [f.variable(blocking.register, float(index)) for index in range(count)]
    with f.loop(0, PEAK_STEPS):
        for total in sums:
            total.set(multiply_add(f, x, total.get(), y))
    for place, total in enumerate(sums):
        f.store(total.get(), f.at(f.args[2], place, blocking.register))
    return Library(compile_object(module.text())), 2 * PEAK_STEPS * count * blocking.lanes


def prepare(case: Case, kernels: Kernels) -> tuple[Callable[[], None], Callable[[], None], tuple[int, int]]:
    """A call of our kernel and one of PyTorch on the same data, checked against each other; and our tile."""
    dtype = np.dtype(kernels.dtype)
    rng = np.random.default_rng(0)
    a = rng.standard_normal((case.m, case.k) if case.a_layout == "row" else (case.k, case.m)).astype(dtype)
    b = rng.standard_normal((case.k, case.n) if case.b_layout == "row" else (case.n, case.k)).astype(dtype)
    c = np.zeros((case.m, case.n), dtype)
    tile = tile_shape(host().target, kernels.dtype, case.m, case.n, case.k, 1)
    words = np.zeros(len(Arg), np.int64)
    values = {Arg.A: a.ctypes.data, Arg.B: b.ctypes.data, Arg.C: c.ctypes.data}
    values |= {Arg.M: case.m, Arg.N: case.n, Arg.K: case.k, Arg.BATCH0: 1, Arg.BATCH1: 1}
    values |= {Arg.A_STRIDE: a.shape[1], Arg.B_STRIDE: b.shape[1], Arg.C_STRIDE: case.n}
    values |= {Arg.TILE_M: tile[0], Arg.TILE_N: tile[1]}
    values[Arg.MICRO_KERNELS] = kernels.micro.address("micro_kernels")
    for word, value in values.items():
        words[word] = value
    kernel, scratch = kernels.gemm(case.a_layout, case.b_layout), kernels.scratch
    tiles = tile_count(case.m, case.n, 1, *tile)

    def run(alive: tuple[np.ndarray, ...] = (words, a, b, c)) -> None:
        kernel(alive[0].ctypes.data, tiles, scratch)

    torch_a = torch.from_numpy(a) if case.a_layout == "row" else torch.from_numpy(a).T
    torch_b = torch.from_numpy(b) if case.b_layout == "row" else torch.from_numpy(b).T
    torch_c = torch.empty(case.m, case.n, dtype=torch_a.dtype)

    def run_torch() -> None:
        torch.mm(torch_a, torch_b, out=torch_c)

    run()
    run_torch()
    if not np.allclose(c, torch_c.numpy(), atol=1e-3):
        raise ArithmeticError(f"wrong result for {case}")
    return run, run_torch, tile


def best_times(calls: list[Callable[[], None]]) -> list[float]:
    """The best time of each call, the calls taking turns."""
    repeats = []
    for call in calls:
        start = time.perf_counter()
        call()
        repeats.append(max(1, int(BATCH_SECONDS / (time.perf_counter() - start))))
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for index, (call, count) in enumerate(zip(calls, repeats, strict=True)):
            start = time.perf_counter()
            for _ in range(count):
                call()
            best[index] = min(best[index], (time.perf_counter() - start) / count)
    return best


def main(dtype: str) -> None:
    torch.set_num_threads(1)
    kernels = Kernels(dtype)
    library, peak_flops = peak_kernel(dtype)
    peak = KERNEL(library.address("peak"))

    def run_peak() -> None:
        peak(0, 0, kernels.scratch)

    print(f"{'M':>5} {'K':>5} {'N':>5}  {'layouts':8} {'tile':>10} {'GFLOP/s':>8} {'% peak':>7} {'vs torch':>9}")
    for case in CASES:
        run, run_torch, tile = prepare(case, kernels)
        seconds, torch_seconds, peak_seconds = best_times([run, run_torch, run_peak])
        rate, attainable = case.flops / seconds / 1e9, peak_flops / peak_seconds / 1e9
        layouts = f"{case.a_layout} {case.b_layout}"
        print(
            f"{case.m:5} {case.k:5} {case.n:5}  {layouts:8} {tile[0]:4} x {tile[1]:3} {rate:8.1f} "
            f"{100 * rate / attainable:7.1f} {torch_seconds / seconds:9.2f}  {case.what}",
            flush=True,
        )
    print(f"# attainable: {attainable:.1f} GFLOP/s")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "float32")
