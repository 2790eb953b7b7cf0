"""The specification of a loop kernel: what is computed at each point of an iteration space, as data.

    kernel      = LoopKernel(rank, operands, code, reduces)
    operand     = Operand(dtype, inner, written, per_column)
    inner       = "unit"                            consecutive elements along the inner axis
                | "strided"                         any byte stride, known at run time
                | "zero"                            one element for the whole inner axis
    code        = instruction*                      in SSA form: an argument is the number of an earlier instruction
    instruction = Instruction(op, dtype, args, attr)
    op          = "load"                            attr = number of the operand
                | "store"          value            attr = number of the operand
                | "const"                           attr = a Python number or bool
                | "index"                           attr = axis; the int64 coordinate along it
                | "position"                        attr = number of the operand; the int64 sum, over all axes, of
                                                    coordinate times stride, and of the operand's pointer
                | reduction        value            sum prod max min
                | unary            value            neg abs sign floor ceil round trunc sqrt exp exp2 expm1 log log2
                                                    log10 log1p sin cos tanh erf atan not
                | binary           value value      add sub mul div floor_divide remainder pow maximum minimum
                                                    and or xor shift_left shift_right gcd
                | comparison       value value      eq ne lt le gt ge                 dtype is "bool"
                | "select"         bool value value
                | "cast"           value            to the instruction's dtype
                | "bitcast"        value            the same bits as the instruction's dtype, of the same size
                | "random_key"     seed stream      int64 of int64: `core/threefry.py`
                | "random_bits"    key position     int32 of int64: `core/threefry.py`
    reduces     = "none" | "inner" | "outer"
    dtype       = float32 float64 int64 int32 int16 int8 uint8 bool
                | float16 bfloat16                  only moved, chosen, and cast

The iteration space has `rank` outer axes, 0 to rank-1, and one inner axis, number `rank`, which is vectorised.
Extents and strides are no part of a kernel; it finds them in its argument words (`ArgsLayout`).

Every operand marked `written` is stored to once, and no other is.

- `reduces="none"`: a map. It stores to every point, so no stored operand is "zero" along the inner axis.
- `reduces="inner"`: a reduction runs over the inner axis and yields a value of the row, which later instructions may
  use and reduce again. A value of a row may be stored to a "zero" operand, once a row, or along the row.
- `reduces="outer"`: a reduction runs over axis rank-1, in ascending order, and yields a value of the column. Values
  that only depend on reductions are stored once a column. Operands marked `per_column` do not move along the reduced
  axis: they are loaded and stored once a column too (running statistics, say).

Operands may name the same memory if they have the same strides: an update in place. Maximum, minimum and the reductions
"max" and "min" propagate NaN; on bool they are "or" and "and".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

DTYPE_SIZES = {
    "float32": 4, "float64": 8, "int64": 8, "int32": 4, "int16": 2, "int8": 1, "uint8": 1, "bool": 1,
    "float16": 2, "bfloat16": 2,
}  # fmt: skip
FLOATS = frozenset({"float32", "float64"})
INTEGERS = frozenset({"int64", "int32", "int16", "int8", "uint8"})
NUMBERS = FLOATS | INTEGERS
BOOL = frozenset({"bool"})

REDUCTIONS = {"sum": NUMBERS, "prod": NUMBERS, "max": NUMBERS | BOOL, "min": NUMBERS | BOOL}
TRANSCENDENTAL = ("exp", "exp2", "expm1", "log", "log2", "log10", "log1p", "sin", "cos", "tanh", "erf", "atan")
UNARY = {
    **dict.fromkeys(("neg", "abs", "sign"), NUMBERS),
    **dict.fromkeys(("floor", "ceil", "round", "trunc", "sqrt"), FLOATS),
    **dict.fromkeys(TRANSCENDENTAL, FLOATS),
    "not": INTEGERS | BOOL,
}
BINARY = {
    **dict.fromkeys(("add", "sub", "mul", "floor_divide", "remainder", "pow"), NUMBERS),
    "div": FLOATS,
    **dict.fromkeys(("maximum", "minimum"), NUMBERS | BOOL),
    **dict.fromkeys(("and", "or", "xor"), INTEGERS | BOOL),
    **dict.fromkeys(("shift_left", "shift_right", "gcd"), INTEGERS),
}
COMPARISONS = frozenset({"eq", "ne", "lt", "le", "gt", "ge"})
# The dtypes of results; arguments are int64.
RANDOM = {"random_key": "int64", "random_bits": "int32"}
ARITY = {
    "load": 0, "const": 0, "index": 0, "position": 0, "store": 1, "cast": 1, "bitcast": 1, "select": 3,
    "random_key": 2, "random_bits": 2,
    **dict.fromkeys((*REDUCTIONS, *UNARY), 1),
    **dict.fromkeys((*BINARY, *COMPARISONS), 2),
}  # fmt: skip

INNER_STRIDES = ("unit", "zero", "strided")
REDUCES = ("none", "inner", "outer")


@dataclass(frozen=True)
class Operand:
    """A buffer that a kernel reads or writes; see the top of this file."""

    dtype: str
    inner: str
    written: bool
    per_column: bool = False


@dataclass(frozen=True)
class Instruction:
    """One step of a kernel's code; `dtype` is that of its result (of the operand, for a store)."""

    op: str
    dtype: str
    args: tuple[int, ...] = ()
    attr: bool | int | float | None = None

    @property
    def number(self) -> int:
        """The operand of a load or store, the axis of an index."""
        assert isinstance(self.attr, int)
        return self.attr

    @property
    def constant(self) -> bool | int | float:
        assert self.attr is not None
        return self.attr


@dataclass(frozen=True)
class LoopKernel:
    """A computation at each point of an iteration space; equal kernels have equal machine code."""

    rank: int
    operands: tuple[Operand, ...]
    code: tuple[Instruction, ...]
    reduces: str = "none"

    def __str__(self) -> str:
        return dump(self)


# -- the argument words of a kernel -----------------------------------------------------------------------------------


@dataclass(frozen=True)
class ArgsLayout:
    """Which 64-bit word of a loop kernel's arguments means what; strides are in bytes.

    row_tile, col_tile, extents of axes 0..rank, then for each operand: pointer, strides of axes 0..rank.
    """

    rank: int
    operands: int

    row_tile = 0
    col_tile = 1

    def extent(self, axis: int) -> int:
        return 2 + axis

    def pointer(self, operand: int) -> int:
        return 3 + self.rank + operand * (self.rank + 2)

    def stride(self, operand: int, axis: int) -> int:
        """The word of a stride; axis `rank` is the inner axis, whose stride is read only if it is "strided"."""
        return self.pointer(operand) + 1 + axis

    @property
    def words(self) -> int:
        return self.pointer(self.operands)


@dataclass(frozen=True)
class EpilogueLayout:
    """The argument words of a map behind a matrix multiplication: seven words, then five for each operand."""

    operands: int

    gemm_kernel = 0
    gemm_args = 1
    rows = 2
    columns = 3
    row_tile = 4
    col_tile = 5
    batch1 = 6

    def pointer(self, operand: int) -> int:
        return 7 + 5 * operand

    def batch_stride(self, operand: int, axis: int) -> int:
        return self.pointer(operand) + 1 + axis

    def row_stride(self, operand: int) -> int:
        return self.pointer(operand) + 3

    def inner_stride(self, operand: int) -> int:
        return self.pointer(operand) + 4

    @property
    def words(self) -> int:
        return self.pointer(self.operands)


def args_layout(kernel: LoopKernel) -> ArgsLayout:
    return ArgsLayout(kernel.rank, len(kernel.operands))


def tile_count(kernel: LoopKernel, extents: Sequence[int], row_tile: int, col_tile: int) -> int:
    """How many tiles there are over axes of these extents (the outer axes, then the inner one)."""
    kept = kernel.rank - 1 if kernel.reduces == "outer" else kernel.rank
    rows = 1
    for extent in extents[:kept]:
        rows *= extent
    row_blocks = -(-rows // row_tile)
    return row_blocks if kernel.reduces == "inner" else row_blocks * -(-extents[kernel.rank] // col_tile)


# -- the verifier -----------------------------------------------------------------------------------------------------


class KernelError(ValueError):
    """A kernel breaks a rule of its specification."""


def verify(kernel: LoopKernel) -> None:
    """Check every rule at the top of this file.

    Raises:
        KernelError: the rule that is broken, and where.
    """
    _require(kernel.reduces in REDUCES, f"reduces must be one of {REDUCES}, not {kernel.reduces!r}")
    _require(kernel.rank >= (kernel.reduces == "outer"), f"rank {kernel.rank} is too small")
    for number, operand in enumerate(kernel.operands):
        _require(operand.dtype in DTYPE_SIZES, f"operand {number}: unknown dtype {operand.dtype!r}")
        _require(operand.inner in INNER_STRIDES, f"operand {number}: unknown inner {operand.inner!r}")
        _require(not operand.per_column or kernel.reduces == "outer", f"operand {number}: per_column is for 'outer'")
    for number, instruction in enumerate(kernel.code):
        try:
            _verify_instruction(kernel, number, instruction)
        except KernelError as error:
            raise KernelError(f"%{number} {instruction.op}: {error}") from None
    stores = [instruction.attr for instruction in kernel.code if instruction.op == "store"]
    for number, operand in enumerate(kernel.operands):
        times = stores.count(number)
        _require(times == int(operand.written), f"operand {number} is marked as written, and stored to {times} times")


def _require(condition: bool, message: str) -> None:
    if not condition:
        raise KernelError(message)


def _verify_instruction(kernel: LoopKernel, number: int, instruction: Instruction) -> None:
    op, dtype = instruction.op, instruction.dtype
    _require(op in ARITY, "unknown operation")
    _require(dtype in DTYPE_SIZES, f"unknown dtype {dtype!r}")
    _require(len(instruction.args) == ARITY[op], f"takes {ARITY[op]} arguments, not {len(instruction.args)}")
    for arg in instruction.args:
        _require(0 <= arg < number, f"argument %{arg} is not an earlier instruction")
        _require(kernel.code[arg].op != "store", f"argument %{arg} is a store")
    dtypes = tuple(kernel.code[arg].dtype for arg in instruction.args)
    if op in ("load", "store"):
        _verify_access(kernel, instruction, dtypes)
    elif op == "index":
        _require(dtype == "int64", "an index is int64")
        _require(isinstance(instruction.attr, int) and 0 <= instruction.attr <= kernel.rank, "no such axis")
    elif op == "position":
        _require(dtype == "int64", "a position is int64")
        _require(isinstance(instruction.attr, int) and 0 <= instruction.attr < len(kernel.operands), "no such operand")
    elif op in RANDOM:
        _require(dtype == RANDOM[op] and dtypes == ("int64", "int64"), f"makes {dtype} of {dtypes}")
    elif op == "const":
        _require(isinstance(instruction.attr, (bool, int, float)), "attr must be a number")
    elif op in COMPARISONS:
        _require(dtype == "bool" and dtypes[0] == dtypes[1], f"compares {dtypes} to {dtype}")
        _require(dtypes[0] in NUMBERS | BOOL, f"is not defined on {dtypes[0]}")
    elif op == "select":
        _require(dtypes == ("bool", dtype, dtype), f"selects {dtypes} to {dtype}")
    elif op == "bitcast":
        _require("bool" not in (dtype, *dtypes), "has no bits of a bool")
        _require(DTYPE_SIZES[dtype] == DTYPE_SIZES[dtypes[0]], f"{dtypes[0]} and {dtype} differ in size")
    elif op != "cast":
        allowed = {**REDUCTIONS, **UNARY, **BINARY}[op]
        _require(dtype in allowed, f"is not defined on {dtype}")
        _require(set(dtypes) == {dtype}, f"arguments are {dtypes}, the result is {dtype}")
        _require(op not in REDUCTIONS or kernel.reduces != "none", "a reduction in a kernel that reduces nothing")


def _verify_access(kernel: LoopKernel, instruction: Instruction, dtypes: tuple[str, ...]) -> None:
    number = instruction.attr
    if not isinstance(number, int) or not 0 <= number < len(kernel.operands):
        raise KernelError(f"no operand {number}")
    operand = kernel.operands[number]
    _require(instruction.dtype == operand.dtype, f"operand {number} is {operand.dtype}, not {instruction.dtype}")
    if instruction.op == "store":
        _require(operand.written, f"operand {number} is not written")
        _require(dtypes == (operand.dtype,), f"the value is {dtypes[0]}, operand {number} is {operand.dtype}")
        _require(operand.inner != "zero" or kernel.reduces == "inner", "only kernels over rows store to a zero stride")


def dump(kernel: LoopKernel) -> str:
    """The kernel as a person reads it, one instruction a line."""
    lines = [f"kernel rank={kernel.rank} reduces={kernel.reduces}"]
    for number, operand in enumerate(kernel.operands):
        marks = " written" * operand.written + " per_column" * operand.per_column
        lines.append(f"  operand {number}: {operand.dtype} {operand.inner}{marks}")
    for number, instruction in enumerate(kernel.code):
        words = [f"%{arg}" for arg in instruction.args]
        if instruction.attr is not None:
            words.append(f"[{instruction.attr}]")
        lines.append(f"  %{number} = {instruction.op} {instruction.dtype} {' '.join(words)}".rstrip())
    return "\n".join(lines)
