"""Generated convolutions against the attainable FMA rate of one core and against PyTorch, on the networks' shapes.

Run as `python -m benchmarks.kernels.conv [threads]`. Ours, PyTorch in its two memory formats and the FMA loop take
turns, and the best time of each counts, so that a noisy machine treats them alike. The rate is that of a direct sum's
operations: Winograd's transforms need fewer, so they can exceed what is attainable.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

import retrograd as rg
from benchmarks.kernels.gemm import KERNEL, Kernels, peak_kernel
from retrograd.backends.native.backend import NativeBackend
from retrograd.backends.native.conv_ops import channels_first, channels_last
from retrograd.core.buffer import Buffer
from retrograd.core.dtype import float32
from retrograd.core.graph import Graph
from retrograd.core.types import Shape, TensorType, tensor_type
from retrograd.ops.conv import CONVOLUTION, ConvAttributes
from retrograd.ops.movement import FLIP, PERMUTE
from retrograd.passes.builder import GraphBuilder
from retrograd.passes.structure import PassedStructure

Array = np.ndarray[Any, Any]

ROUNDS, BATCH_SECONDS = 40, 0.004


@dataclass(frozen=True)
class Case:
    """A layer: square images and kernels, padding alike on all sides."""

    network: str
    batch: int
    channels_in: int
    channels_out: int
    extent: int
    kernel: int = 3
    stride: int = 1
    padding: int = 1

    @property
    def out(self) -> int:
        return (self.extent + 2 * self.padding - self.kernel) // self.stride + 1

    @property
    def x(self) -> Shape:
        return (self.batch, self.channels_in, self.extent, self.extent)

    @property
    def w(self) -> Shape:
        return (self.channels_out, self.channels_in, self.kernel, self.kernel)

    @property
    def y(self) -> Shape:
        return (self.batch, self.channels_out, self.out, self.out)

    @property
    def flops(self) -> int:
        return 2 * self.batch * self.channels_out * self.out**2 * self.channels_in * self.kernel**2

    def __str__(self) -> str:
        image = f"{self.batch} x {self.extent}^2"
        return f"{self.network:9} {image:9} {self.channels_in:3} to {self.channels_out:3}, {self.kernel}, {self.stride}"


CASES = (
    Case("cnn", 64, 1, 32, 28, padding=0),
    Case("cnn", 64, 32, 64, 13, padding=0),
    Case("resnet20", 32, 3, 16, 32),
    Case("resnet20", 32, 16, 16, 32),
    Case("resnet20", 32, 16, 32, 32, stride=2),
    Case("resnet20", 32, 16, 32, 32, kernel=1, stride=2, padding=0),
    Case("resnet20", 32, 32, 32, 16),
    Case("resnet20", 32, 32, 64, 16, stride=2),
    Case("resnet20", 32, 64, 64, 8),
    Case("unet", 8, 3, 16, 64),
    Case("unet", 8, 16, 16, 64),
    Case("unet", 8, 32, 16, 64),
    Case("unet", 8, 32, 32, 32),
    Case("unet", 8, 64, 32, 32),
    Case("unet", 8, 64, 64, 16),
    Case("unet", 8, 128, 64, 16),
    Case("unet", 8, 128, 128, 8),
    Case("unet", 8, 32, 64, 32, kernel=2, stride=2, padding=0),
)


# -- ours -------------------------------------------------------------------------------------------------------------


def forward(case: Case) -> Graph:
    """y from channels-last x, and w."""
    return _with_weight(case.x, case.w, _attributes(case.stride, (case.padding, case.padding)), turned=False)


def input_gradient(case: Case) -> Graph:
    """That of x from channels-last g, and w."""
    low = case.kernel - 1 - case.padding
    high = case.extent + case.kernel - 1 - low - ((case.out - 1) * case.stride + 1)
    return _with_weight(case.y, case.w, _attributes(1, (low, high), spread=case.stride), turned=True)


def weight_gradient(case: Case) -> Graph:
    """That of w from channels-last x and g."""
    high = case.kernel - 1 + (case.out - 1) * case.stride + 1 - case.padding - case.extent
    builder = GraphBuilder((_channels_last(case.x), _channels_last(case.y)))
    x, g = (builder.record(PERMUTE, (value,), ((3, 0, 1, 2),)) for value in (0, 1))
    found = builder.record(CONVOLUTION, (x, g), _attributes(1, (case.padding, high), dilation=case.stride))
    return builder.finish([builder.record(PERMUTE, (found,), ((1, 0, 2, 3),))])


def _with_weight(x: Shape, w: Shape, attributes: ConvAttributes, turned: bool) -> Graph:
    builder = GraphBuilder((_channels_last(x), tensor_type(w, float32)))
    data, kernel = builder.record(PERMUTE, (0,), (channels_first(4),)), 1
    if turned:
        kernel = builder.record(PERMUTE, (builder.record(FLIP, (1,), ((2, 3),)),), ((1, 0, 2, 3),))
    y = builder.record(CONVOLUTION, (data, kernel), attributes)
    return builder.finish([builder.record(PERMUTE, (y,), (channels_last(4),))])


def _attributes(stride: int, padding: tuple[int, int], spread: int = 1, dilation: int = 1) -> ConvAttributes:
    return ((stride, stride), (padding, padding), (spread, spread), (dilation, dilation), 1)


def _channels_last(shape: Shape) -> TensorType:
    return tensor_type(tuple(shape[axis] for axis in channels_last(4)), float32)


def ours(graph: Graph, arrays: tuple[Array, Array]) -> tuple[Callable[[], None], Buffer]:
    """A call of a graph's program on arrays that lie as the graph takes them, and the buffer of its result."""
    inputs = [Buffer(type_) for type_ in graph.inputs]
    for buffer, array in zip(inputs, arrays, strict=True):
        np.copyto(buffer.array(), array)
    output = Buffer(graph.output_types[0])
    program = NativeBackend().compile(PassedStructure(graph, [False, False], [-1]), 1)

    def run() -> None:
        program.run(inputs, [output])

    return run, output


# -- PyTorch ----------------------------------------------------------------------------------------------------------


def theirs(case: Case, what: int, arrays: dict[str, Array], memory_format: Any) -> Callable[[], Any]:
    """The same in PyTorch: 0 forward, 1 the gradient of x, 2 that of w."""
    x, w, g = (torch.from_numpy(arrays[name]).to(memory_format=memory_format) for name in "xwg")
    stride, padding = [case.stride] * 2, [case.padding] * 2
    if what == 0:
        return lambda: torch.nn.functional.conv2d(x, w, stride=stride, padding=padding)
    wanted = [what == 1, what == 2, False]
    backward = torch.ops.aten.convolution_backward
    return lambda: backward(g, x, w, None, stride, padding, [1, 1], False, [0, 0], 1, wanted)[what - 1]


# -- measuring --------------------------------------------------------------------------------------------------------


def best_times(calls: list[Callable[[], Any]]) -> list[float]:
    """The best time of each call, the calls taking turns."""
    repeats = []
    for call in calls:
        call()
        start = time.perf_counter()
        call()
        repeats.append(max(1, int(BATCH_SECONDS / (time.perf_counter() - start))))
    best = [float("inf")] * len(calls)
    for _ in range(ROUNDS):
        for index, (call, count) in enumerate(zip(calls, repeats, strict=True)):
            for _ in range(count):
                start = time.perf_counter()
                call()
                best[index] = min(best[index], time.perf_counter() - start)
    return best


@dataclass(frozen=True)
class Peak:
    """The FMA loop: a call of it on one thread, and its operations on all threads."""

    run: Callable[[], None]
    flops: int


def measure(case: Case, peak: Peak) -> None:
    rng = np.random.default_rng(0)
    shapes = zip("xwg", (case.x, case.w, case.y), strict=True)
    arrays = {name: rng.standard_normal(shape, np.float32) for name, shape in shapes}
    x, g = (arrays[name].transpose(channels_last(4)) for name in "xg")
    for what, (name, make, used) in enumerate(
        (
            ("forward", forward, (x, arrays["w"])),
            ("of x", input_gradient, (g, arrays["w"])),
            ("of w", weight_gradient, (x, g)),
        )
    ):
        if what == 1 and case.channels_in < 4:
            continue  # nobody asks for the gradient of images
        run, output = ours(make(case), used)
        formats = [theirs(case, what, arrays, form) for form in (torch.contiguous_format, torch.channels_last)]
        mine, *others, peak_seconds = best_times([run, *formats, peak.run])
        expected, found = formats[0]().numpy(), output.array()
        _check(f"{case}, {name}", found if what == 2 else found.transpose(channels_first(4)), expected)
        rate, attainable = case.flops / mine / 1e9, peak.flops / peak_seconds / 1e9
        print(
            f"{case!s:41} {name:8} {mine * 1e3:8.3f} {rate:8.1f} {100 * rate / attainable:7.1f} "
            f"{others[0] / mine:7.2f} {others[1] / mine:7.2f}",
            flush=True,
        )


def _check(what: str, found: Array, expected: Array) -> None:
    if not np.allclose(found, expected, rtol=1e-3, atol=1e-5 * float(np.abs(expected).max())):
        raise ArithmeticError(f"wrong result for {what}")


def main(threads: int) -> None:
    torch.set_num_threads(threads)
    rg.set_num_threads(threads)
    library, flops = peak_kernel("float32")
    kernels, loop = Kernels("float32"), KERNEL(library.address("peak"))
    peak = Peak(lambda: loop(0, 0, kernels.scratch), threads * flops)
    head = "layer: images, channels, kernel, stride"
    print(f"{head:41} {'':8} {'ms':>8} {'GFLOP/s':>8} {'% peak':>7} {'NCHW':>7} {'NHWC':>7}")
    for case in CASES:
        measure(case, peak)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1)
