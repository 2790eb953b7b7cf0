"""Products of matrices of whole numbers, or of booleans, which the product of floats has no kernel for.

They are a loop kernel over (batch, rows, depth, columns) that adds up along the depth: `or` of `and` for booleans. It
reads the right operand anew for each row: such products are rare, and small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from retrograd.backends.native.emit import Space
from retrograd.backends.native.kernel import Instruction, LoopKernel, Operand
from retrograd.backends.native.views import View, dense_view
from retrograd.backends.native.work import Bound
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import Primitive
from retrograd.core.types import Shape, contiguous_strides
from retrograd.ops.matmul import MATMUL
from retrograd.passes.builder import GraphBuilder, rewritten

if TYPE_CHECKING:
    from retrograd.backends.native.lower import Lowering

WHOLE_MATMUL: Final = Primitive("matmul.whole", MATMUL.infer, MATMUL.reference, None, None)


def name_whole_products(graph: Graph) -> Graph:
    """The graph with an operation of their own for such products: nothing is fused with them."""
    return rewritten(graph, _named) if any(map(_is_whole, graph.steps)) else graph


def _is_whole(step: Step) -> bool:
    return step.signature.operation is MATMUL and not step.signature.type.dtype.is_floating_point


def _named(builder: GraphBuilder, step: Step, args: tuple[int, ...]) -> tuple[int] | None:
    return (builder.record(WHOLE_MATMUL, args),) if _is_whole(step) else None


def lower_whole_matmul(
    low: Lowering, value: int, views: list[View], attributes: tuple[()], args: tuple[int, ...]
) -> None:
    """Append the work of a product."""
    a, b = views
    if b.strides[-1] != 1:
        b = dense_view(low.copy(b), b.shape)
    shape, dtype = low.types[value].shape, low.types[value].dtype.name
    domain: Shape = (*shape[:-1], a.shape[-1], shape[-1])
    made = contiguous_strides(shape)
    strides = [(*a.strides, 0), (*b.strides[:-2], 0, *b.strides[-2:]), (*made[:-1], 0, made[-1])]
    views = [a, b, dense_view(value, shape)]
    bound = [
        Bound(View(view.root, domain, steps, view.offset, view.dynamic), dtype, view.root == value, view.root == value)
        for view, steps in zip(views, strides, strict=True)
    ]
    low.launch(_kernel(len(domain) - 1, dtype), bound, Space(list(domain), [list(s) for s in strides], {}), (value,))


def _kernel(rank: int, dtype: str) -> LoopKernel:
    times, plus = ("and", "max") if dtype == "bool" else ("mul", "sum")
    code: list[Any] = [("load", (), 0), ("load", (), 1), (times, (0, 1), None), (plus, (2,), None), ("store", (3,), 2)]
    operands = Operand(dtype, "zero", False), Operand(dtype, "unit", False), Operand(dtype, "unit", True, True)
    return LoopKernel(rank, operands, tuple(Instruction(op, dtype, args, attr) for op, args, attr in code), "outer")
