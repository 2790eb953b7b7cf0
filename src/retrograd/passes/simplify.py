"""Simplify: rewrites that change no bit of any result.

x * 1 and x / 1 are x; movements of a constant are a constant; constants meet in operations that IEEE rounds
exactly; a reshape of a reshape, or a permutation of one, is one; the transpose of a product is the product of the
transposes, so that the gradient of a weight comes out as the weight lies. (x + 0 stays: it turns -0 into 0.)
"""

from __future__ import annotations

from collections.abc import Callable
from operator import add, mul, neg, sub
from typing import Any

import numpy as np

from retrograd.core.dtype import int64
from retrograd.core.extent import Extent
from retrograd.core.graph import Graph, Step
from retrograd.core.operation import PRIMITIVES, ControlFlow, Primitive
from retrograd.core.types import Shape, TensorType
from retrograd.ops.constant import CONST
from retrograd.ops.matmul import MATMUL
from retrograd.ops.movement import PERMUTE, RESHAPE
from retrograd.passes.builder import GraphBuilder, rewritten

_EXACT = {"add", "sub", "mul", "div", "neg", "sqrt", "cast", "select", "eq", "ne", "lt", "le", "gt", "ge"}
_MOVEMENT = {"reshape", "permute", "broadcast"}
# Arithmetic of positions, which integers of any size give as well.
_OF_EXTENTS: dict[str, Callable[..., Any]] = {"add": add, "sub": sub, "mul": mul, "neg": neg}
# What reductions make of no elements.
_OF_NOTHING = {"sum": 0, "prod": 1}


class _Simplifier:
    def __init__(self, builder: GraphBuilder) -> None:
        self.builder = builder

    def constant(self, value: int) -> Any:
        """The number a value is everywhere, or None."""
        step = self.builder.definition(value)
        if step is None or step.signature.operation is not CONST:
            return None
        return step.signature.attributes[0]

    def make_constant(self, number: Any, type_: TensorType) -> int:
        return self.apply(CONST, (), (number, type_.dtype.name, type_.shape))

    def apply(self, operation: Primitive, args: tuple[int, ...], attributes: tuple[Any, ...] = ()) -> int:
        return self.builder.record(operation, args, attributes)

    def visit(self, step: Step, args: tuple[int, ...]) -> int:
        operation, attributes = step.signature.operation, step.signature.attributes
        assert isinstance(operation, Primitive)
        numbers = [self.constant(arg) for arg in args]
        if operation.name in _MOVEMENT and numbers[0] is not None:
            return self.make_constant(numbers[0], step.signature.type)
        if operation.name in _OF_NOTHING and step.signature.inputs[0].size == 0:
            return self.make_constant(_OF_NOTHING[operation.name], step.signature.type)
        if operation.name in _EXACT and all(number is not None for number in numbers):
            return self._fold(step, args, numbers)
        rule = _RULES.get(operation.name)
        kept = rule(self, args, numbers) if rule else None
        if kept is not None and self.builder.types[kept] is step.signature.type:
            return kept
        if operation is RESHAPE:
            return self._reshape(args[0], attributes[0])
        if operation is PERMUTE:
            return self._permute(args[0], attributes[0])
        return self.apply(operation, args, attributes)

    def _reshape(self, x: int, shape: Shape) -> int:
        inner = self.builder.definition(x)
        if inner is not None and inner.signature.operation is RESHAPE:
            x = inner.args[0]
        return x if self.builder.types[x].shape == shape else self.apply(RESHAPE, (x,), (shape,))

    def _permute(self, x: int, order: Shape) -> int:
        if order == tuple(range(len(order))):
            return x
        inner = self.builder.definition(x)
        if inner is not None and inner.signature.operation is PERMUTE:
            first = inner.signature.attributes[0]
            return self._permute(inner.args[0], tuple(first[axis] for axis in order))
        last = len(order) - 1
        swapped = (*range(last - 1), last, last - 1)
        if inner is not None and inner.signature.operation is MATMUL and order == swapped:
            a, b = inner.args
            return self.apply(MATMUL, (self._permute(b, swapped), self._permute(a, swapped)))
        return self.apply(PERMUTE, (x,), (order,))

    def _fold(self, step: Step, args: tuple[int, ...], numbers: list[Any]) -> int:
        signature = step.signature
        if any(isinstance(number, Extent) for number in numbers):
            return self._fold_extents(step, args, numbers)
        arrays = [np.asarray(n, t.dtype.numpy) for n, t in zip(numbers, signature.inputs, strict=True)]
        operation = PRIMITIVES[signature.operation.name]
        number = np.asarray(operation.reference(*arrays, *signature.attributes)).item()
        if number == 0 and np.signbit(float(number)):
            # Signatures are found by equality, and -0.0 equals 0.0: a constant would lose its sign.
            return self.apply(operation, args, signature.attributes)
        return self.make_constant(number, signature.type)

    def _fold_extents(self, step: Step, args: tuple[int, ...], numbers: list[Any]) -> int:
        """Of integers that are expressions, what is one in turn; kernels compute the rest."""
        signature = step.signature
        rule = _OF_EXTENTS.get(signature.operation.name)
        if rule is None or signature.type.dtype is not int64:
            return self.apply(PRIMITIVES[signature.operation.name], args, signature.attributes)
        return self.make_constant(rule(*numbers), signature.type)


def _times(_: _Simplifier, args: tuple[int, ...], numbers: list[Any]) -> int | None:
    if numbers[1] == 1:
        return args[0]
    return args[1] if numbers[0] == 1 else None


def _over(_: _Simplifier, args: tuple[int, ...], numbers: list[Any]) -> int | None:
    return args[0] if numbers[1] == 1 else None


_RULES: dict[str, Callable[[_Simplifier, tuple[int, ...], list[Any]], int | None]] = {"mul": _times, "div": _over}


def simplify(graph: Graph) -> Graph:
    """The graph after the rewrites named above."""
    return rewritten(graph, _simplified)


def _simplified(builder: GraphBuilder, step: Step, args: tuple[int, ...]) -> tuple[int] | None:
    if isinstance(step.signature.operation, ControlFlow):
        return None
    return (_Simplifier(builder).visit(step, args),)
