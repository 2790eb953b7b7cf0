"""Element types, and how two of them meet (PyTorch's promotion).

The table is open: a new storage type is one more row. float16 and bfloat16 are types to store numbers in: every
operation computes in float32 and rounds its result (`passes/inline.py`).
"""

from __future__ import annotations

from typing import Any, Final

import ml_dtypes
import numpy as np


class DType:
    """An element type.

    Attributes:
        name: PyTorch's name, `float32` for example.
        numpy: the NumPy dtype of the same layout.
        itemsize: bytes an element.
        kind: 0 for bool, 1 for integers, 2 for floating point; promotion goes upward.
        is_half: whether it is a floating-point type of 16 bits.
        lowest, highest: the finite numbers at the ends of its range.
    """

    __slots__ = ("name", "numpy", "itemsize", "kind", "rank", "is_half", "lowest", "highest")

    def __init__(self, name: str, numpy: Any, kind: int, rank: int) -> None:
        self.name: Final = name
        self.numpy: Final = np.dtype(numpy)
        self.itemsize: Final[int] = self.numpy.itemsize
        self.kind: Final = kind
        self.rank: Final = rank
        self.is_half: Final = kind == 2 and self.itemsize == 2
        self.lowest, self.highest = _ends(self.numpy, kind)

    @property
    def is_floating_point(self) -> bool:
        return self.kind == 2

    @property
    def is_complex(self) -> bool:
        """False: there are no complex numbers here."""
        return False

    @property
    def is_signed(self) -> bool:
        """Whether it holds negative numbers."""
        return self.name not in ("bool", "uint8")

    def __repr__(self) -> str:
        return f"retrograd.{self.name}"

    def __reduce__(self) -> tuple[Any, ...]:
        return _named, (self.name,)

    def __copy__(self) -> DType:
        return self

    def __deepcopy__(self, memo: object) -> DType:
        return self


def _ends(numpy: np.dtype[Any], kind: int) -> tuple[int | float, int | float]:
    if kind == 0:
        return 0, 1
    limits: Any = np.iinfo(numpy) if kind == 1 else ml_dtypes.finfo(numpy)  # type: ignore[no-untyped-call]
    number: Any = int if kind == 1 else float
    return number(limits.min), number(limits.max)


bool_ = DType("bool", np.bool_, 0, 0)
uint8 = DType("uint8", np.uint8, 1, 1)
int8 = DType("int8", np.int8, 1, 1)
int16 = DType("int16", np.int16, 1, 2)
int32 = DType("int32", np.int32, 1, 3)
int64 = DType("int64", np.int64, 1, 4)
float16 = DType("float16", np.float16, 2, 5)
bfloat16 = DType("bfloat16", ml_dtypes.bfloat16, 2, 5)
float32 = DType("float32", np.float32, 2, 6)
float64 = DType("float64", np.float64, 2, 7)

_ALL: Final = (bool_, uint8, int8, int16, int32, int64, float16, bfloat16, float32, float64)
DTYPES: Final = {d.name: d for d in _ALL}
_BY_NUMPY: Final = {d.numpy: d for d in _ALL}
# Two types of one rank meet in a third.
_ABOVE_BOTH: Final = {frozenset({uint8, int8}): int16, frozenset({float16, bfloat16}): float32}


class _Defaults:
    """The floating-point dtype of numbers, of factories, and of what is computed from integers."""

    float_dtype: DType = float32


defaults: Final = _Defaults()


def _named(name: str) -> DType:
    return DTYPES[name]


def from_numpy_dtype(dtype: np.dtype[Any]) -> DType | None:
    """The element type of a NumPy dtype (in native byte order), or None where there is none."""
    return _BY_NUMPY.get(dtype) or _BY_NUMPY.get(dtype.newbyteorder("="))


def promote(a: DType, b: DType) -> DType:
    """The type in which elements of `a` and `b` meet; PyTorch's `promote_types`.

    >>> promote(int64, float32)
    retrograd.float32
    >>> promote(uint8, int8), promote(float16, bfloat16)
    (retrograd.int16, retrograd.float32)
    """
    if a is b:
        return a
    if a.kind != b.kind:
        return a if a.kind > b.kind else b
    if a.rank == b.rank:
        return _ABOVE_BOTH[frozenset({a, b})]
    return a if a.rank > b.rank else b


def scalar_dtype(value: bool | int | float, other: DType, default_float: DType) -> DType:
    """The type in which a Python number meets a tensor of type `other`: a number never widens a tensor.

    >>> scalar_dtype(2.5, float64, float32), scalar_dtype(2.5, int64, float32), scalar_dtype(2, float32, float32)
    (retrograd.float64, retrograd.float32, retrograd.float32)
    """
    if isinstance(value, bool):
        return other
    if isinstance(value, int):
        return int64 if other.kind == 0 else other
    return other if other.kind == 2 else default_float
