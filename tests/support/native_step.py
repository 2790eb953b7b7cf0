"""One primitive as a whole program of the native backend."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from retrograd.backends.native.backend import NativeBackend
from retrograd.backends.native.program import NativeProgram
from retrograd.core.buffer import Buffer
from retrograd.core.dtype import from_numpy_dtype
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import Primitive, signature_of
from retrograd.core.types import TensorType, tensor_type
from retrograd.passes.structure import PassedStructure

Array = np.ndarray[Any, Any]


def type_of(array: Array) -> TensorType:
    dtype = from_numpy_dtype(array.dtype)
    assert dtype is not None
    return tensor_type(array.shape, dtype)


def single_step(primitive: Primitive, types: Sequence[TensorType], attributes: tuple[Any, ...]) -> Graph:
    """The graph of one application."""
    signature = signature_of(primitive, tuple(types), attributes)
    return Graph(tuple(types), (Step(signature, tuple(range(len(types)))),), (len(types),))


def compiled(graph: Graph, tier: int = 0) -> NativeProgram:
    """Its program, which must not fall back to the reference."""
    structure = PassedStructure(graph, [False] * len(graph.inputs), [-1] * len(graph.outputs))
    program = NativeBackend().compile(structure, tier)
    assert isinstance(program, NativeProgram)
    return program


def run_step(primitive: Primitive, arrays: Sequence[Array], attributes: tuple[Any, ...], tier: int = 0) -> Array:
    """The result of a primitive, into memory that held NaN or -1."""
    graph = single_step(primitive, [type_of(x) for x in arrays], attributes)
    inputs = [Buffer(type_) for type_ in graph.inputs]
    for buffer, array in zip(inputs, arrays, strict=True):
        np.copyto(buffer.array(), array)
    output = Buffer(graph.output_types[0])
    output.array().reshape(-1).view(np.uint8).fill(0xFF)
    compiled(graph, tier).run(inputs, [output])
    return output.array().copy()


def kernels_of(program: NativeProgram) -> list[str]:
    """The names of the kernels that a program runs, in order."""
    return [work.kernel.split()[0].partition("#")[0] for phase in program.schedule.phases for work in phase]
