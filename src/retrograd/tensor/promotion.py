"""How dtypes meet, asked by name. `core/dtype.py` has the table, `ops/arithmetic.py` what operations do with it."""

from __future__ import annotations

from functools import reduce
from typing import Any

from retrograd.core.dtype import DType, bool_, defaults, int64, promote
from retrograd.tensor.base import TensorBase

__all__ = ["can_cast", "promote_types", "result_type"]


def promote_types(type1: DType, type2: DType) -> DType:
    """The smallest dtype that holds the elements of both. Source: torch.promote_types.

    >>> import retrograd as rg
    >>> rg.promote_types(rg.int32, rg.float16), rg.promote_types(rg.uint8, rg.int8)
    (retrograd.float16, retrograd.int16)
    """
    return promote(type1, type2)


def result_type(tensor1: Any, tensor2: Any) -> DType:
    """The dtype in which two operands meet, tensors or numbers.

    A number, or a tensor without axes, counts only if its kind (bool, integers, floats) is above that of the others.

    Source: torch.result_type.

    >>> import retrograd as rg
    >>> rg.result_type(rg.ones(2, dtype=rg.float16), 2.5), rg.result_type(rg.arange(2), 2.5)
    (retrograd.float16, retrograd.float32)
    """
    ranks: list[list[DType]] = [[], [], []]
    for operand in (tensor1, tensor2):
        if isinstance(operand, TensorBase):
            ranks[0 if operand.ndim else 1].append(operand.dtype)
        else:
            kind = bool_ if isinstance(operand, bool) else int64 if isinstance(operand, int) else defaults.float_dtype
            ranks[2].append(kind)
    found = [reduce(promote, dtypes) for dtypes in ranks if dtypes]
    return reduce(lambda strong, weak: weak if weak.kind > strong.kind else strong, found)


def can_cast(from_: DType, to: DType) -> bool:
    """Whether PyTorch writes a result of one dtype into a tensor of another: never to a lower kind.

    Source: torch.can_cast.

    >>> import retrograd as rg
    >>> rg.can_cast(rg.float64, rg.float32), rg.can_cast(rg.float32, rg.int64)
    (True, False)
    """
    return from_.kind <= to.kind
