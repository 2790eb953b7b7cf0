"""einsum: sums of products in Einstein's notation."""

from __future__ import annotations

import string
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.operation import record
from retrograd.ops.einsum import EINSUM, Labels
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import operand

__all__ = ["einsum"]


def einsum(equation: Any, *operands: Any) -> Any:
    """Sums of products, each axis named by a letter: letters that the result lacks are summed over.

    Args:
        equation: such as "ij,jk->ik". "..." stands for leading axes that broadcast. A letter that one operand has
            twice takes a diagonal. Without "->", the result has the letters that occur once, in alphabetical order.
        operands: tensors, or one sequence of them. In place of the equation, each tensor may be followed by a list of
            numbers that name its axes, with the list of the result at the end.

    Raises:
        OptionError: the equation is malformed. ShapeError: a letter has different extents, neither of them 1.

    Source: torch.einsum.

    >>> import retrograd as rg
    >>> rg.einsum("ij,jk->ik", rg.ones(2, 3), rg.ones(3, 2))
    tensor([[3., 3.],
            [3., 3.]])
    >>> rg.einsum("ii", rg.eye(3))
    tensor(3.)
    """
    if isinstance(equation, TensorBase):
        equation, operands = _from_lists((equation, *operands))
    elif len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = tuple(operands[0])
    nodes = tuple(operand("einsum", x) for x in operands)
    inputs, output = _parse(equation, [len(node.type.shape) for node in nodes])
    _check_extents(equation, inputs, [node.type.shape for node in nodes])
    return wrap(record(EINSUM, nodes, (inputs, output)))


def _from_lists(arguments: tuple[Any, ...]) -> tuple[str, tuple[Any, ...]]:
    """The equation for tensors that are followed by lists of numbers."""

    def letters(axes: Any) -> str:
        return "".join("..." if axis is Ellipsis else string.ascii_letters[axis] for axis in axes)

    count = len(arguments) // 2
    equation = ",".join(letters(axes) for axes in arguments[1 : 2 * count : 2])
    if len(arguments) % 2:
        equation += "->" + letters(arguments[-1])
    return equation, arguments[: 2 * count : 2]


def _parse(equation: str, ndims: list[int]) -> tuple[tuple[Labels, ...], Labels]:
    """The labels of each operand and of the result; the axes of an ellipsis are "0", "1", ... from the last."""
    left, arrow, right = equation.replace(" ", "").partition("->")
    terms = left.split(",")
    if len(terms) != len(ndims):
        raise OptionError(f"einsum: {equation!r} names {len(terms)} operands, and {len(ndims)} are given")
    inputs = tuple(_labels(equation, term, ndim) for term, ndim in zip(terms, ndims, strict=True))
    hidden = max((sum(label.isdigit() for label in labels) for labels in inputs), default=0)
    if arrow:
        output = _labels(equation, right, len(right.replace("...", "")) + hidden * ("..." in right))
    else:
        letters = [label for labels in inputs for label in labels if not label.isdigit()]
        once = sorted(label for label in set(letters) if letters.count(label) == 1)
        output = (*map(str, reversed(range(hidden))), *once)
    given = {label for labels in inputs for label in labels}
    if len(set(output)) != len(output) or not given.issuperset(output):
        raise OptionError(f"einsum: the result of {equation!r} must name labels of the operands, each once")
    return inputs, output


def _labels(equation: str, term: str, ndim: int) -> Labels:
    before, dots, after = term.partition("...")
    hidden = ndim - len(before) - len(after)
    if not (before + after).isascii() or not (before + after or "a").isalpha():
        raise OptionError(f"einsum: {term!r} in {equation!r} must be of letters, with at most one '...'")
    if hidden < 0 or (hidden and not dots):
        raise ShapeError(f"einsum: {term!r} in {equation!r} does not name the {ndim} axes of its operand")
    return (*before, *map(str, reversed(range(hidden))), *after)


def _check_extents(equation: str, inputs: tuple[Labels, ...], shapes: list[tuple[int, ...]]) -> None:
    extents: dict[str, int] = {}
    for labels, shape in zip(inputs, shapes, strict=True):
        for label, extent in zip(labels, shape, strict=True):
            known = extents.get(label, 1)
            repeated = labels.count(label) > 1 and len({shape[i] for i, x in enumerate(labels) if x == label}) > 1
            if repeated or (extent != known and 1 not in (extent, known)):
                raise ShapeError(f"einsum: label {label!r} of {equation!r} has the extents {known} and {extent}")
            extents[label] = max(known, extent) if 0 not in (known, extent) else 0
