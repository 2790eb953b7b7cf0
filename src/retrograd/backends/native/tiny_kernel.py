"""The kernel of a tiny program: the whole graph as straight-line code, its values in registers.

Every result has the very bits that the kernels of single steps give it: elementwise operations and combinations of
sums are theirs, and the orders of reductions and of products are written again here, lane by lane:

    matmul       one chain of fused multiply-adds from zero, k ascending: `gemm.py`
    reduction    along the inner axis four accumulators of vectors, folded by halves; else ascending: `loops_body.py`
"""

from __future__ import annotations

import math
from functools import partial

import numpy as np

from retrograd.backends.native import vmath
from retrograd.backends.native.contract import KERNEL_PARAMETERS
from retrograd.backends.native.fuse import ELEMENTWISE
from retrograd.backends.native.gemm_micro import multiply_add
from retrograd.backends.native.ir import I64, PTR, Function, Module, Value, vector
from retrograd.backends.native.kernel import Instruction
from retrograd.backends.native.loops_body import ACCUMULATORS
from retrograd.backends.native.loops_memory import memory_type
from retrograd.backends.native.scalar_ops import REGISTER_TYPES, combine, compute, constant, identity
from retrograd.backends.native.segments import is_native
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.target import Target
from retrograd.backends.native.tiny_registers import Elements, Lane, Registers, lanes_of_register
from retrograd.backends.native.views import MOVEMENTS
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import PRIMITIVES
from retrograd.core.types import TensorType
from retrograd.ops.movement import OFFSET_TYPE

_MOVED = MOVEMENTS | {"concat", "pad", "slice_put"}
# The arguments from this place on are offsets.
_OFFSETS_FROM = {"slice": 1, "slice_put": 2}
_SUPPORTED = ELEMENTWISE | REDUCTIONS | _MOVED | {"const", "iota", "positions", "matmul", "take", "take_add"}
# This many transcendental functions stand in line, where they overlap with what is around them; the rest are calls.
_INLINE_FUNCTIONS = 12


def supports(graph: Graph) -> bool:
    """Whether a tiny kernel has code for every step."""
    constants = offset_constants(graph)
    return all(_supports_step(step, constants) for step in graph.steps)


def _supports_step(step: Step, constants: dict[int, int]) -> bool:
    name = step.signature.operation.name
    if name in _OFFSETS_FROM:
        return all(arg in constants for arg in step.args[_OFFSETS_FROM[name] :])
    return is_native(step) and name in _SUPPORTED


def offset_constants(graph: Graph) -> dict[int, int]:
    """The constants that may be offsets."""
    first = len(graph.inputs)
    return {
        first + place: int(step.signature.attributes[0])
        for place, step in enumerate(graph.steps)
        if step.signature.operation.name == "const" and step.signature.type is OFFSET_TYPE
    }


def tiny_module(target: Target, graph: Graph) -> Module:
    """A module whose function `kernel` has one tile; its argument words are the addresses of inputs, then outputs.

    An output may lie where an input lies: all inputs are read before any output is written.
    """
    module = Module(target)
    f = module.function("kernel", KERNEL_PARAMETERS)
    words = range(len(graph.inputs) + len(graph.outputs))
    pointers = [f.load(f.at(f.args[0], word, I64), PTR) for word in words]
    kernel = _TinyKernel(f, graph, pointers)
    for pointer, value in zip(pointers[len(graph.inputs) :], graph.outputs, strict=True):
        kernel.registers.store(kernel.values[value], pointer, graph.types[value].dtype.name)
    return module


class _TinyKernel:
    """Emits a graph's steps.

    Attributes:
        values: the elements of every value.
    """

    def __init__(self, f: Function, graph: Graph, pointers: list[Value]) -> None:
        self.f, self.graph, self.pointers = f, graph, pointers
        self.registers = Registers(f)
        self.values: list[Elements] = [
            self.registers.load(pointer, type_.dtype.name, type_.size)
            for pointer, type_ in zip(pointers, graph.inputs, strict=False)
        ]
        self._offsets = offset_constants(graph)
        self._functions = 0
        for step in graph.steps:
            self.values.append(self._emit(step))

    def _emit(self, step: Step) -> Elements:
        name = step.signature.operation.name
        if name in ELEMENTWISE:
            return self._elementwise(step)
        if name in REDUCTIONS:
            return self._reduction(step)
        if name in _MOVED:
            return self._movement(step)
        emit = {
            "const": self._const, "iota": self._coordinates, "positions": self._coordinates, "matmul": self._matmul,
            "take": self._take, "take_add": self._take_add,
        }[name]  # fmt: skip
        return emit(step)

    # -- constants ----------------------------------------------------------------------------------------------------

    def _const(self, step: Step) -> Elements:
        return self._filled(step.signature.attributes[0], step.signature.type)

    def _filled(self, number: bool | int | float, type_: TensorType) -> Elements:
        return (self._number(number, type_.dtype.name),) * type_.size

    def _number(self, number: bool | int | float, dtype: str) -> Lane:
        return constant(self.f, number, dtype, REGISTER_TYPES[dtype]), 0

    def _coordinates(self, step: Step) -> Elements:
        numbers = PRIMITIVES[step.signature.operation.name].reference(*step.signature.attributes).ravel().tolist()
        text = ", ".join(f"{I64} {number}" for number in numbers)
        return lanes_of_register(Value(self.f, vector(len(numbers), I64), f"<{text}>"), len(numbers))

    # -- element by element -------------------------------------------------------------------------------------------

    def _elementwise(self, step: Step) -> Elements:
        name, signature = step.signature.operation.name, step.signature
        instruction = Instruction("not" if name == "invert" else name, signature.type.dtype.name)
        operand_dtype = signature.inputs[-1].dtype.name

        def function(*args: Value) -> Value:
            self._functions += name in vmath.FUNCTIONS
            seldom = self._functions > _INLINE_FUNCTIONS
            return compute(self.f, instruction, list(args), operand_dtype, seldom=seldom)

        return self.registers.map(function, *[self.values[arg] for arg in step.args])

    def _movement(self, step: Step) -> Elements:
        """Elements go where the primitive's reference takes their numbers; number 0 are the zeros of a pad."""
        signature = step.signature
        lanes = [self._number(0, signature.type.dtype.name)]
        first_offset = _OFFSETS_FROM.get(signature.operation.name, len(step.args))
        numbers: list[object] = []
        for arg, type_ in zip(step.args[:first_offset], signature.inputs, strict=False):
            numbers.append(np.arange(len(lanes), len(lanes) + type_.size).reshape(type_.shape))
            lanes += self.values[arg]
        numbers += [self._offsets[arg] for arg in step.args[first_offset:]]
        moved = PRIMITIVES[signature.operation.name].reference(*numbers, *signature.attributes)
        return tuple(lanes[number] for number in moved.ravel())

    # -- reductions ---------------------------------------------------------------------------------------------------

    def _reduction(self, step: Step) -> Elements:
        name, type_ = step.signature.operation.name, step.signature.inputs[0]
        axes = step.signature.attributes[0]
        start, end = min(axes), max(axes) + 1
        inner = math.prod(type_.shape[end:])
        numbers = np.arange(type_.size).reshape(-1, math.prod(type_.shape[start:end]), inner)
        x = self.values[step.args[0]]
        terms = [tuple(x[i] for i in numbers[:, place].ravel()) for place in range(numbers.shape[1])]
        merge = partial(combine, self.f, name, type_.dtype.name)
        nothing = self._number(identity(name, type_.dtype.name), type_.dtype.name)
        if inner == 1:
            return _Halving(self.registers, merge, nothing).reduce(terms)
        total: Elements = (nothing,) * len(terms[0])
        for term in terms:
            total = self.registers.map(merge, total, term)
        return total

    # -- products -----------------------------------------------------------------------------------------------------

    def _matmul(self, step: Step) -> Elements:
        a_type, b_type = step.signature.inputs
        a, b = (self.values[arg] for arg in step.args)
        a_numbers = np.arange(a_type.size).reshape(-1, *a_type.shape[-2:])
        b_numbers = np.arange(b_type.size).reshape(-1, *b_type.shape[-2:])
        total = self._filled(0, step.signature.type)
        for k in range(a_type.shape[-1]):
            left, right = np.broadcast_arrays(a_numbers[:, :, k, None], b_numbers[:, k, None, :])
            total = self.registers.map(
                partial(multiply_add, self.f),
                tuple(a[i] for i in left.ravel()),
                tuple(b[i] for i in right.ravel()),
                total,
            )
        return total

    # -- rows by index ------------------------------------------------------------------------------------------------

    def _take(self, step: Step) -> Elements:
        table, index = step.args
        type_ = step.signature.inputs[0]
        memory = self._memory_of(table)
        result: list[Lane] = []
        for lane in self.values[index]:
            result += self.registers.load(self._row(memory, lane, type_), type_.dtype.name, _row_size(type_))
        return tuple(result)

    def _take_add(self, step: Step) -> Elements:
        values, index = (self.values[arg] for arg in step.args)
        type_ = step.signature.type
        dtype, size = type_.dtype.name, _row_size(type_)
        memory = self._room(type_)
        self.registers.store(self._filled(0, type_), memory, dtype)
        for number, lane in enumerate(index):
            row = self._row(memory, lane, type_)
            before = self.registers.load(row, dtype, size)
            term = values[number * size : (number + 1) * size]
            plus = "max" if dtype == "bool" else "sum"
            after = self.registers.map(partial(combine, self.f, plus, dtype), before, term)
            self.registers.store(after, row, dtype)
        return self.registers.load(memory, dtype, type_.size)

    def _row(self, memory: Value, lane: Lane, type_: TensorType) -> Value:
        """Where the row of a table is that an index, clamped to the table, names."""
        index = self.f.maximum(self.f.minimum(self.registers.scalar(lane), type_.shape[0] - 1), 0)
        return self.f.at(memory, index * _row_size(type_), memory_type(type_.dtype.name))

    def _memory_of(self, value: int) -> Value:
        if value < len(self.graph.inputs):
            return self.pointers[value]
        type_ = self.graph.types[value]
        memory = self._room(type_)
        self.registers.store(self.values[value], memory, type_.dtype.name)
        return memory

    def _room(self, type_: TensorType) -> Value:
        """Memory for a value on the stack."""
        return Value(self.f, PTR, self.f.variable(f"[{type_.size} x {memory_type(type_.dtype.name)}]").slot)


def _row_size(type_: TensorType) -> int:
    return math.prod(type_.shape[1:])


class _Halving:
    """The order of a reduction along the inner axis, for all rows at once; one term is a column of them.

    Lanes without a term hold the reduction's identity there. To combine with it changes no value that was combined
    with it once (a sum of 0 and anything is never -0), so only the first time is done here.
    """

    def __init__(self, registers: Registers, merge: partial[Value], nothing: Lane) -> None:
        self._registers, self._merge, self._nothing = registers, merge, nothing
        self._lanes = registers.f.module.target.lanes

    def reduce(self, terms: list[Elements]) -> Elements:
        lanes = self._lanes
        vectors = [terms[start : start + lanes] for start in range(0, len(terms), lanes)]
        a, b, c, d = (self._accumulated(vectors[number::ACCUMULATORS]) for number in range(ACCUMULATORS))
        total = self._merged(self._merged(a, b), self._merged(c, d))
        while lanes > 1:
            lanes //= 2
            total = self._merged(total[:lanes], total[lanes:])
        return total[0]

    def _accumulated(self, vectors: list[list[Elements]]) -> list[Elements]:
        if not vectors:
            return []
        total = self._merged([(self._nothing,) * len(term) for term in vectors[0]], vectors[0])
        for vector_ in vectors[1:]:
            total = self._merged(total, vector_)
        return total

    def _merged(self, a: list[Elements], b: list[Elements]) -> list[Elements]:
        """Term by term; what is longer keeps its rest. `b` is never longer than `a`, unless `a` is empty."""
        count = min(len(a), len(b))
        if not count:
            return a or b
        rows = len(a[0])
        both = self._registers.map(self._merge, _joined(a[:count]), _joined(b[:count]))
        return [both[start : start + rows] for start in range(0, len(both), rows)] + a[count:]


def _joined(terms: list[Elements]) -> Elements:
    return tuple(lane for term in terms for lane in term)
