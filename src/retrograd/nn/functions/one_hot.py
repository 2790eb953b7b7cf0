"""Class numbers as rows of 0 and 1."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import int64
from retrograd.core.errors import DTypeError, IndexRangeError, OptionError
from retrograd.core.operation import record
from retrograd.ops.membership import ONE_HOT
from retrograd.tensor.base import wrap
from retrograd.tensor.bounds import known_extremes


def one_hot(tensor: Any, num_classes: int = -1) -> Any:
    """1 at the place of each class number, and 0 elsewhere.

    Args:
        tensor: class numbers, int64, any shape.
        num_classes: how many there are; -1 for one more than the greatest number, which has to be computed then.

    Returns:
        int64, with a last axis of num_classes.

    Raises:
        DTypeError: the numbers are not int64. IndexRangeError: one of them, known already, is no class.
        OptionError: num_classes is neither positive nor -1, or there are no numbers to find it from.

    Source: torch.nn.functional.one_hot.

    >>> import retrograd as rg
    >>> rg.nn.functional.one_hot(rg.tensor([2, 0])).tolist()
    [[0, 0, 1], [1, 0, 0]]
    """
    if tensor.dtype is not int64:
        raise DTypeError(f"one_hot: class numbers must be int64, and are {tensor.dtype.name} (use .long())")
    if num_classes == -1:
        if not tensor.numel():
            raise OptionError("one_hot: there are no class numbers to find num_classes from; pass num_classes")
        num_classes = int(tensor.max()) + 1
    if num_classes < 1:
        raise OptionError(f"one_hot: num_classes must be positive, or -1, and is {num_classes}")
    extremes = known_extremes(tensor._read())
    if extremes is not None and tensor.numel() and not (extremes[0] >= 0 and extremes[1] < num_classes):
        wrong = extremes[0] if extremes[0] < 0 else extremes[1]
        raise IndexRangeError(f"one_hot: {wrong} is no class: there are {num_classes}, numbered 0..{num_classes - 1}")
    return wrap(record(ONE_HOT, (tensor._read(),), (num_classes,)))
