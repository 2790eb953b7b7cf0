"""Constants that steps want in memory, apart from those that kernels compute with.

Equal constants are one value by now. If a step reads that by its address, it is written to memory; and all kernels that
need the number would be fused with the one that writes it, though they have nothing else in common.
"""

from __future__ import annotations

from retrograd.backends.native.fuse import ELEMENTWISE
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.views import MOVEMENTS
from retrograd.core.graph import Graph, Step
from retrograd.ops.constant import CONST
from retrograd.passes.builder import GraphBuilder, rewritten


def part_constants(graph: Graph) -> Graph:
    """The graph with constants of their own for steps that read by address what others compute with."""
    shared = _shared_constants(graph)
    in_memory: dict[int, int] = {}

    def with_own(builder: GraphBuilder, step: Step, args: tuple[int, ...]) -> tuple[int] | None:
        if not _reads_by_address(step) or shared.isdisjoint(step.args):
            return None
        for value, arg in zip(step.args, args, strict=True):
            constant = builder.definition(arg)
            if value in shared and value not in in_memory and constant is not None:
                in_memory[value] = builder.apply(constant.signature, ())
        own = (in_memory.get(value, arg) for value, arg in zip(step.args, args, strict=True))
        return (builder.apply(step.signature, tuple(own)),)

    return rewritten(graph, with_own) if shared else graph


def _shared_constants(graph: Graph) -> set[int]:
    """Constants of more than one element that are read in both ways."""
    steps = enumerate(graph.steps, len(graph.inputs))
    constants = {v for v, step in steps if step.signature.operation is CONST and step.signature.type.size > 1}
    by_address: set[int] = set()
    otherwise: set[int] = set()
    for step in graph.steps if constants else ():
        (by_address if _reads_by_address(step) else otherwise).update(constants.intersection(step.args))
    return by_address & otherwise


def _reads_by_address(step: Step) -> bool:
    return step.signature.operation.name not in ELEMENTWISE | REDUCTIONS | MOVEMENTS
