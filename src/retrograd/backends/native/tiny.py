"""Tiny programs, compiled whole: a training step of a few small arrays is one kernel and one launch.

Such a program is all overhead when each step is a launch of its own, and cheap to compile at once.

    tiny.py            which graphs are tiny; their lowering, a single launch
    tiny_kernel.py     the kernel, step by step
    tiny_registers.py  arrays in the lanes of registers
"""

from __future__ import annotations

from retrograd.backends.native.fuse import Fusion
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.target import Target
from retrograd.backends.native.tiny_kernel import supports, tiny_module
from retrograd.backends.native.views import View, ViewTable
from retrograd.backends.native.work import Address, Bound, Work
from retrograd.core.graph import Graph

MOST_ELEMENTS = 64
# With fewer steps the kernels that all programs share do as well, with more the code takes long to compile.
FEWEST_STEPS, MOST_STEPS = 16, 256
# The most elements computed, and multiplications, of all steps together: for the same reason.
MOST_WORK = 8192


def is_tiny(graph: Graph) -> bool:
    """Whether a graph is worth a kernel of its own, and can be one."""
    return (
        FEWEST_STEPS <= len(graph.steps) <= MOST_STEPS
        and all(1 <= type_.size <= MOST_ELEMENTS for type_ in graph.types)
        and work_of(graph) <= MOST_WORK
        and supports(graph)
    )


def work_of(graph: Graph) -> int:
    """How many elements the steps compute; an element of a product counts once for each multiplication."""
    work = 0
    for step in graph.steps:
        signature = step.signature
        depth = signature.inputs[0].shape[-1] if signature.operation.name == "matmul" else 1
        work += signature.type.size * depth
    return work


class TinyLowering(Lowering):
    """A lowering of no steps, to which one launch is added that computes everything."""

    def __init__(self, graph: Graph, target: Target) -> None:
        nothing = Graph(graph.inputs, (), ())
        super().__init__(nothing, Fusion(nothing, ViewTable(nothing), fuse=True), target)
        self.graph = graph
        first = len(graph.inputs)
        self.types += graph.output_types
        self.outputs = list(range(first, len(self.types)))
        operands = tuple(self._whole(root, written=root >= first) for root in range(len(self.types)))
        key = kernel_key(graph)
        self.generators[key] = lambda: tiny_module(target, graph).text()
        self.work.append(
            Work(
                kernel=f"{key}#kernel",
                words=[Address(operand.view) for operand in operands],
                tiles=1,
                cost=work_of(graph),
                reads=tuple(range(first)),
                writes=tuple(self.outputs),
                members=tuple(range(first, len(graph.types))),
                operands=operands,
            )
        )

    def _whole(self, root: int, *, written: bool) -> Bound:
        type_ = self.types[root]
        return Bound(View(root, (type_.size,), (1,)), type_.dtype.name, written)


def kernel_key(graph: Graph) -> str:
    """All of a graph: operations with their attributes and types, and how values connect them."""
    steps = "; ".join(f"{step.signature!r} of {step.args}" for step in graph.steps)
    return f"tiny {graph.inputs}: {steps}: {graph.outputs}"
