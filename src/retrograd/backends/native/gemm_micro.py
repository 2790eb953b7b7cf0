"""The innermost part of matrix multiplication: a few rows of A times a few vectors of B, all sums in registers.

A micro-kernel computes, for `rows` rows r and `vectors` registers v of columns,

    C[r, v] (+)= sum over k in ascending order of A[r, k] * B[k, v]

as one chain of fused multiply-adds that starts at zero. Row counts and widths change which elements are computed
together and never how one element is computed; that is what makes results independent of tiling.
"""

from __future__ import annotations

from dataclasses import dataclass

from retrograd.backends.native.ir import F32, F64, I64, PTR, Function, Module, Operand, Value, Variable, vector
from retrograd.backends.native.target import Target

CACHE_LINE = 64

# Depth of a block of K in bytes of one column: a panel of B of this depth streams well from the L2 cache.
DEPTH_BYTES = 2048
# A packed block of A takes about half of a 1 MiB L2 cache.
BLOCK_ROWS = 192
BLOCK_COLUMNS = 1024
# In a long chain the lines of A are asked for so many products ahead: down the columns of a matrix of many rows no
# prefetcher of the CPU follows. They go to the L2 cache, as their stride may leave few sets of the L1 cache to them.
PREFETCHED_STEPS = 32
FEWEST_PREFETCHED = 256


@dataclass(frozen=True)
class Blocking:
    """How a multiplication is cut to fit the registers and caches of a CPU.

    Attributes:
        target: the CPU.
        element: LLVM type of an element.
        size: bytes of an element.
        lanes: elements of a vector register.
        rows: most rows of C that a micro-kernel computes.
        vectors: most registers of columns that a micro-kernel computes.
    """

    target: Target
    element: str
    size: int
    lanes: int
    rows: int
    vectors: int

    @classmethod
    def of(cls, target: Target, dtype: str) -> Blocking:
        element, size = {"float32": (F32, 4), "float64": (F64, 8)}[dtype]
        return cls(target, element, size, target.vector_bits // (8 * size), target.gemm_rows, target.gemm_vectors)

    @property
    def register(self) -> str:
        return vector(self.lanes, self.element)

    @property
    def columns(self) -> int:
        """Columns of a packed panel of B."""
        return self.vectors * self.lanes

    @property
    def padded_rows(self) -> int:
        """Rows of a packed panel of A, a whole number of registers."""
        return -(-self.rows // self.lanes) * self.lanes

    @property
    def depth(self) -> int:
        """The longest chain of K: blocks are even and at most this long, whatever the tiles."""
        return DEPTH_BYTES // self.size

    @property
    def block_rows(self) -> int:
        """Rows of A that are packed at once."""
        return BLOCK_ROWS // self.rows * self.rows

    @property
    def block_columns(self) -> int:
        """Columns of B that are packed at once."""
        return BLOCK_COLUMNS


def micro_module(target: Target, dtype: str) -> Module:
    """A module that exports `micro_kernels()`, which returns the address of a table of the addresses of micro-kernels.

    The one for r rows and v vectors is entry (v - 1) * blocking.rows + r - 1. Products in all layouts share them. The
    last entry is the largest one again, with one more argument: where it packs the panel of B that it multiplies.
    """
    module, blocking = Module(target), Blocking.of(target, dtype)
    names = [
        _micro_kernel(module, blocking, rows, vectors).name
        for vectors in range(1, blocking.vectors + 1)
        for rows in range(1, blocking.rows + 1)
    ]
    names.append(_micro_kernel(module, blocking, blocking.rows, blocking.vectors, packs=True).name)
    entries = ", ".join(f"ptr @{name}" for name in names)
    module.declare(f"@table = internal constant [{len(names)} x ptr] [{entries}]")
    f = module.function("micro_kernels", [], PTR)
    f.ret(Value(f, PTR, "@table"))
    return module


def _micro_kernel(module: Module, blocking: Blocking, rows: int, vectors: int, *, packs: bool = False) -> Function:
    """`kernel(a, b, c, depth, a_row, a_step, b_step, c_row, accumulate[, packed])`; strides count elements.

    A[r, k] is at a[r * a_row + k * a_step], B[k, j] at b[k * b_step + j], C[r, j] at c[r * c_row + j].
    """
    f = module.function(
        f"micro_{rows}x{vectors}{'_packing' * packs}",
        [("a", PTR), ("b", PTR), ("c", PTR)]
        + [(name, I64) for name in ("depth", "a_row", "a_step", "b_step", "c_row", "accumulate")]
        + [("packed", PTR)] * packs,
        internal=True,
        noinline=True,
    )
    a, b, c, depth, a_row, a_step, b_step, c_row, accumulate = f.args[:9]
    packed = f.args[9] if packs else None
    element = blocking.element
    c_rows = [f.at(c, c_row * row, element) for row in range(rows)]
    prefetch_rows(f, c_rows, vectors, blocking)
    sums = zero_sums(f, rows, vectors, blocking)
    ahead = f.select(f.compare("sge", depth, FEWEST_PREFETCHED), a_step * PREFETCHED_STEPS, 0)
    multiply(f, sums, a, b, depth, (a_row, a_step, b_step), blocking, ahead, packed)
    write_sums(f, sums, c_rows, accumulate, blocking)
    return f


def prefetch_rows(f: Function, c_rows: list[Value], vectors: int, blocking: Blocking) -> None:
    """Get the lines of C that the sums will be written to."""
    for pointer in c_rows:
        for offset in range(0, vectors * blocking.lanes * blocking.size, CACHE_LINE):
            _prefetch(f, f.offset(pointer, offset), "1, i32 3")


def zero_sums(f: Function, rows: int, vectors: int, blocking: Blocking) -> list[list[Variable]]:
    return [[f.variable(blocking.register, 0.0) for _ in range(vectors)] for _ in range(rows)]


def multiply(
    f: Function,
    sums: list[list[Variable]],
    a: Value,
    b: Value,
    depth: Value,
    strides: tuple[Value, Value, Value],
    blocking: Blocking,
    ahead: Value | None = None,
    packed: Value | None = None,
) -> None:
    """Continue every chain of `sums` over `depth` products; `strides` are a_row, a_step and b_step.

    With `ahead` it prefetches A so many elements on; of adjacent rows the last will do, after those of earlier panels.
    With `packed` it copies the rows of B there, one behind another, while the processor multiplies.
    """
    a_row, a_step, b_step = strides
    element, lanes = blocking.element, blocking.lanes
    # Pointers to every third row: the rows between are reached by the scaled index of an address, not a register each.
    a_groups = [f.variable(PTR, f.at(a, a_row * row, element)) for row in range(0, len(sums), 3)]
    b_pointer = f.variable(PTR, b)
    target = f.variable(PTR, packed) if packed is not None else None
    with f.loop(0, depth):
        if ahead is not None:
            _prefetch(f, f.at(f.at(a_groups[0].get(), ahead, element), len(sums) - 1, element), "0, i32 2")
        b_values = [f.load(f.at(b_pointer.get(), v * lanes, element), blocking.register) for v in range(len(sums[0]))]
        for row, row_sums in enumerate(sums):
            pointer = f.at(a_groups[row // 3].get(), a_row * (row % 3), element)
            a_value = f.splat(f.load(pointer, element), lanes)
            for total, b_value in zip(row_sums, b_values, strict=True):
                total.set(multiply_add(f, a_value, b_value, total.get()))
        for group in a_groups:
            group.set(f.at(group.get(), a_step, element))
        if target is not None:
            for v, b_value in enumerate(b_values):
                f.store(b_value, f.at(target.get(), v * lanes, element))
            target.set(f.at(target.get(), len(b_values) * lanes, element))
        b_pointer.set(f.at(b_pointer.get(), b_step, element))


def write_sums(
    f: Function, sums: list[list[Variable]], c_rows: list[Value], accumulate: Value, blocking: Blocking
) -> None:
    """Store the sums in C, or add C to them first."""
    places = [
        (total, f.at(c_row, v * blocking.lanes, blocking.element))
        for row, c_row in zip(sums, c_rows, strict=True)
        for v, total in enumerate(row)
    ]
    with f.when(f.compare("ne", accumulate, 0)):
        for total, pointer in places:
            total.set(f.load(pointer, blocking.register) + total.get())
    for total, pointer in places:
        f.store(total.get(), pointer)


def copy_edge_kernel(module: Module, blocking: Blocking) -> Function:
    """`copy(tile, c, rows, columns, c_row, accumulate)`: the end of a micro-kernel, for a part of its columns.

    At the right edge of C a micro-kernel writes to a whole tile in scratch, `blocking.columns` wide, of which this
    copies the columns that exist.
    """
    f = module.function(
        "copy_edge",
        [("tile", PTR), ("c", PTR), ("rows", I64), ("columns", I64), ("c_row", I64), ("accumulate", I64)],
        internal=True,
        noinline=True,
    )
    tile, c, rows, columns, c_row, accumulate = f.args
    element, register, lanes = blocking.element, blocking.register, blocking.lanes
    masks = [f.tail_mask(lanes, columns - v * lanes) for v in range(blocking.vectors)]
    total = f.variable(register)
    with f.loop(0, rows) as row:
        for v, mask in enumerate(masks):
            total.set(f.load(f.at(tile, row * blocking.columns + v * lanes, element), register))
            target = f.at(c, row * c_row + v * lanes, element)
            with f.when(f.compare("ne", accumulate, 0)):
                total.set(f.masked_load(target, mask, register) + total.get())
            f.masked_store(total.get(), target, mask)
    return f


def multiply_add(f: Function, a: Operand, b: Operand, c: Operand) -> Value:
    """a * b + c: rounded once where the CPU can, else twice, as a fused operation in software would be far slower."""
    features = f.module.target.features
    if "fma" in features or "neon" in features:
        return f.fma(a, b, c)
    return f.binary("add", f.binary("mul", a, b), c)


def _prefetch(f: Function, pointer: Value, purpose: str) -> None:
    """Get a line; `purpose` has 1 to write or 0 to read, and 3 for the L1 cache or 2 for the L2 cache."""
    f.module.declare("declare void @llvm.prefetch.p0(ptr, i32 immarg, i32 immarg, i32 immarg)")
    f.line(f"call void @llvm.prefetch.p0({pointer}, i32 {purpose}, i32 1)")
