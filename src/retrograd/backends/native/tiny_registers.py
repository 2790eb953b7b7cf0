"""Small arrays in registers: each element of a value is a lane of some register.

Moving elements about costs nothing here, it only lists the lanes in another order. Arithmetic asks for vectors, and
then lanes that do not already lie side by side are shuffled together.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from retrograd.backends.native.ir import F64, I64, Function, Value, element_of, lanes_of, vector
from retrograd.backends.native.loops_memory import from_memory, memory_type, to_memory
from retrograd.backends.native.vectors import is_vector

# A register and the number of one of its lanes; a scalar is a register whose lane is 0.
Lane = tuple[Value, int]
# An array's elements in row-major order.
Elements = tuple[Lane, ...]

# LLVM 22 narrows a masked 512-bit register of which two 64-bit lanes are read, and then takes the first one twice.
_MOST_WIDE_LANES = 4


def lanes_of_register(register: Value, count: int) -> Elements:
    """Its first `count` lanes."""
    return tuple((register, lane) for lane in range(count))


class Registers:
    """Emits into `f` what moves elements between lanes, and between registers and memory."""

    def __init__(self, f: Function) -> None:
        self.f = f
        self._most = f.module.target.lanes
        self._vectors: dict[tuple[Elements, int], Value] = {}

    def map(self, function: Callable[..., Value], *operands: Elements) -> Elements:
        """`function` of vectors, or of scalars, that hold the operands' elements."""
        count = len(operands[0])
        width = min(1 << (count - 1).bit_length(), self._widest(operands))
        result: list[Lane] = []
        for start in range(0, count, width):
            parts = [operand[start : start + width] for operand in operands]
            result += lanes_of_register(function(*[self.vector(part, width) for part in parts]), len(parts[0]))
        return tuple(result)

    def _widest(self, operands: Sequence[Elements]) -> int:
        """How many lanes to compute at once."""
        wide = any(element_of(register.type) in (F64, I64) for operand in operands for register, _ in operand)
        return min(self._most, _MOST_WIDE_LANES) if wide else self._most

    def scalar(self, lane: Lane) -> Value:
        register, number = lane
        return self.f.extract(register, number) if is_vector(register) else register

    def vector(self, elements: Elements, width: int) -> Value:
        """A register of `width` lanes; those left over repeat an element, so that none can trap or be slow."""
        if width == 1:
            return self.scalar(elements[0])
        register = elements[0][0]
        if lanes_of(register.type) == width and elements == lanes_of_register(register, len(elements)):
            return register
        key = (elements, width)
        if key not in self._vectors:
            self._vectors[key] = self._assembled((*elements, *[elements[-1]] * (width - len(elements))))
        return self._vectors[key]

    def _assembled(self, elements: Elements) -> Value:
        sources = list(dict.fromkeys(register for register, _ in elements))
        if len(sources) == 2 and is_vector(sources[0]) and sources[0].type == sources[1].type:
            first, second = sources
            lanes = lanes_of(first.type)
            return self.f.shuffle(first, second, [lane + lanes * (r is second) for r, lane in elements])
        result = self._spread(sources[0], elements)
        for source in sources[1:]:
            result = self.f.shuffle(
                result,
                self._spread(source, elements),
                [place + len(elements) * (register is source) for place, (register, _) in enumerate(elements)],
            )
        return result

    def _spread(self, source: Value, elements: Elements) -> Value:
        """The source's lanes where `elements` have them, and any others elsewhere."""
        if not is_vector(source):
            return self.f.splat(source, len(elements))
        return self.f.shuffle(source, source, [lane if register is source else 0 for register, lane in elements])

    # -- memory -------------------------------------------------------------------------------------------------------

    def load(self, pointer: Value, dtype: str, count: int) -> Elements:
        """Adjacent elements."""
        element = memory_type(dtype)
        result: list[Lane] = []
        for start in range(0, count, self._most):
            lanes = min(self._most, count - start)
            type_ = element if lanes == 1 else vector(lanes, element)
            register = from_memory(self.f, self.f.load(self.f.at(pointer, start, element), type_), dtype)
            result += lanes_of_register(register, lanes)
        return tuple(result)

    def store(self, elements: Sequence[Lane], pointer: Value, dtype: str) -> None:
        for start in range(0, len(elements), self._most):
            part = tuple(elements[start : start + self._most])
            register = to_memory(self.f, self.vector(part, len(part)))
            self.f.store(register, self.f.at(pointer, start, memory_type(dtype)))
