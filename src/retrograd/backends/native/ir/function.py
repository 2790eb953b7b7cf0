"""A function under construction: instructions, and loops and branches as context managers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from retrograd.backends.native.ir.types import (
    F32,
    F64,
    I1,
    I8,
    I64,
    PTR,
    VOID,
    element_of,
    float_literal,
    intrinsic_suffix,
    is_float,
    lanes_of,
    natural_alignment,
    vector,
)
from retrograd.backends.native.ir.value import Operand, Value, Variable, type_of

if TYPE_CHECKING:
    from retrograd.backends.native.ir.module import Module


class Repeat:
    """The inside of a `repeat` loop."""

    __slots__ = ("fn", "end")

    def __init__(self, fn: Function, end: str) -> None:
        self.fn, self.end = fn, end

    def break_if(self, condition: Value) -> None:
        k = self.fn.unique()
        self.fn.branch_if(condition, self.end, f"stay{k}")
        self.fn.label(f"stay{k}")


class Function:
    """One LLVM function under construction."""

    def __init__(
        self,
        module: Module,
        name: str,
        params: Sequence[tuple[str, str]],
        returns: str = VOID,
        *,
        internal: bool = False,
        noinline: bool = False,
        noalias: bool = False,
    ) -> None:
        self.module, self.name, self.params, self.returns = module, name, params, returns
        self.internal, self.noinline, self.noalias = internal, noinline, noalias
        self.flags = ""
        self.block = "start"
        self._entry: list[str] = []
        self._lines: list[str] = ["start:"]
        self._count = 0
        self._returned = False
        self.args = [Value(self, type_, f"%{arg}") for arg, type_ in params]

    # -- text ---------------------------------------------------------------------------------------------------------

    def text(self) -> str:
        attribute = " noalias" if self.noalias else ""
        params = ", ".join(f"{type_}{attribute if type_ == PTR else ''} %{arg}" for arg, type_ in self.params)
        linkage = "internal " if self.internal else ""
        group = "#1" if self.noinline else "#0"
        head = f"define {linkage}{self.returns} @{self.name}({params}) {group} {{\nentry:\n"
        tail = "" if self._returned or self.returns != VOID else "  ret void\n"
        return head + "\n".join([*self._entry, "  br label %start", *self._lines]) + "\n" + tail + "}\n"

    def unique(self) -> int:
        self._count += 1
        return self._count

    def line(self, text: str) -> None:
        self._lines.append("  " + text)

    def label(self, name: str) -> None:
        self._lines.append(name + ":")
        self.block = name

    def emit(self, type_: str, text: str) -> Value:
        """Append an instruction that yields a value."""
        name = f"%t{self.unique()}"
        self.line(f"{name} = {text}")
        return Value(self, type_, name)

    # -- constants ----------------------------------------------------------------------------------------------------

    def const(self, value: Operand, type_: str) -> Value:
        """`value` as a constant of `type_` (a splat for vector types); a Value passes through."""
        if isinstance(value, Value):
            return value
        element = element_of(type_)
        if element == PTR:
            text = "null" if value == 0 else f"inttoptr (i64 {int(value)} to ptr)"
        elif is_float(type_):
            text = float_literal(float(value), element)
        else:
            text = str(int(value))
        return Value(self, type_, text if type_ == element else f"splat ({element} {text})")

    # -- arithmetic ---------------------------------------------------------------------------------------------------

    def binary(self, op: str, a: Operand, b: Operand) -> Value:
        """`add`, `sub`, `mul` by the operands' type (float or integer), or any binary instruction by its LLVM name."""
        type_ = type_of(a, b)
        a, b = self.const(a, type_), self.const(b, type_)
        if a.type != b.type:
            raise TypeError(f"{op}: operands have types {a.type} and {b.type}")
        if is_float(type_):
            op = {"add": "fadd", "sub": "fsub", "mul": "fmul", "srem": "frem"}.get(op, op)
            op = f"{op} {self.flags}" if self.flags else op
        return self.emit(type_, f"{op} {type_} {a.name}, {b.name}")

    def compare(self, predicate: str, a: Operand, b: Operand) -> Value:
        """`icmp` or `fcmp` by the operands' type; `predicate` is LLVM's (`slt`, `ult`, `eq`, `olt`, `uno`, ...)."""
        type_ = type_of(a, b)
        a, b = self.const(a, type_), self.const(b, type_)
        result = I1 if not type_.startswith("<") else vector(lanes_of(type_), I1)
        return self.emit(result, f"{'fcmp' if is_float(type_) else 'icmp'} {predicate} {type_} {a.name}, {b.name}")

    def select(self, condition: Value, a: Operand, b: Operand) -> Value:
        type_ = type_of(a, b)
        return self.emit(type_, f"select {condition}, {self.const(a, type_)}, {self.const(b, type_)}")

    def convert(self, op: str, value: Value, type_: str) -> Value:
        """A conversion instruction by its LLVM name (`sitofp`, `fptrunc`, `zext`, `bitcast`, ...)."""
        return self.emit(type_, f"{op} {value} to {type_}")

    def intrinsic(self, name: str, type_: str, *args: Operand) -> Value:
        """A call of `llvm.<name>` overloaded on `type_`, all of whose arguments and result have that type."""
        element = {F32: "f32", F64: "f64"}.get(element_of(type_), element_of(type_))
        suffix = element if not type_.startswith("<") else f"v{lanes_of(type_)}{element}"
        values = [self.const(arg, type_) for arg in args]
        self.module.declare(f"declare {type_} @llvm.{name}.{suffix}({', '.join([type_] * len(values))})")
        flags = f"{self.flags} " if self.flags and is_float(type_) else ""
        return self.emit(type_, f"call {flags}{type_} @llvm.{name}.{suffix}({', '.join(map(str, values))})")

    def fma(self, a: Operand, b: Operand, c: Operand) -> Value:
        type_ = type_of(a, b, c)
        return self.intrinsic("fma", type_, a, b, c)

    @contextmanager
    def fast(self, flags: str) -> Iterator[None]:
        """Fast-math flags for the floating-point instructions within."""
        before, self.flags = self.flags, flags
        try:
            yield
        finally:
            self.flags = before

    # -- memory -------------------------------------------------------------------------------------------------------

    def at(self, pointer: Value, index: Operand, element: str) -> Value:
        """The address of element `index` of an array of `element` (a scalar or vector type) at `pointer`."""
        return self.emit(PTR, f"getelementptr inbounds {element}, {pointer}, {self.const(index, I64)}")

    def offset(self, pointer: Value, count: Operand) -> Value:
        """`pointer` plus `count` bytes."""
        return self.at(pointer, count, I8)

    def load(self, pointer: Value, type_: str, align: int | None = None) -> Value:
        align = align or natural_alignment(type_)
        return self.emit(type_, f"load {type_}, {pointer}, align {align}")

    def store(self, value: Value, pointer: Value, align: int | None = None) -> None:
        self.line(f"store {value}, {pointer}, align {align or natural_alignment(value.type)}")

    def masked_load(self, pointer: Value, mask: Value, type_: str, passthrough: Operand = 0) -> Value:
        suffix = intrinsic_suffix(type_)
        self.module.declare(f"declare {type_} @llvm.masked.load.{suffix}.p0(ptr, i32 immarg, {mask.type}, {type_})")
        align = natural_alignment(type_)
        fill = self.const(passthrough, type_)
        return self.emit(type_, f"call {type_} @llvm.masked.load.{suffix}.p0({pointer}, i32 {align}, {mask}, {fill})")

    def masked_store(self, value: Value, pointer: Value, mask: Value) -> None:
        suffix = intrinsic_suffix(value.type)
        self.module.declare(f"declare void @llvm.masked.store.{suffix}.p0({value.type}, ptr, i32 immarg, {mask.type})")
        align = natural_alignment(value.type)
        self.line(f"call void @llvm.masked.store.{suffix}.p0({value}, {pointer}, i32 {align}, {mask})")

    def clear(self, pointer: Value, size: Operand) -> None:
        """Zeros in `size` bytes from `pointer` on."""
        self.module.declare("declare void @llvm.memset.p0.i64(ptr, i8, i64, i1 immarg)")
        self.line(f"call void @llvm.memset.p0.i64({pointer}, i8 0, {self.const(size, I64)}, i1 false)")

    # -- atomics ------------------------------------------------------------------------------------------------------

    def atomic_load(self, pointer: Value, type_: str, order: str = "acquire") -> Value:
        return self.emit(type_, f"load atomic {type_}, {pointer} {order}, align {natural_alignment(type_)}")

    def atomic_store(self, value: Operand, pointer: Value, type_: str, order: str = "release") -> None:
        value = self.const(value, type_)
        self.line(f"store atomic {value}, {pointer} {order}, align {natural_alignment(type_)}")

    def atomic_update(self, op: str, pointer: Value, operand: Operand, type_: str, order: str) -> Value:
        """`atomicrmw` by the operation's LLVM name (`add`, `sub`, `xchg`, ...); yields the value before it."""
        return self.emit(type_, f"atomicrmw {op} {pointer}, {self.const(operand, type_)} {order}")

    def compare_exchange(self, pointer: Value, expected: Value, desired: Value, order: str) -> Value:
        """Store `desired` if `pointer` holds `expected`; yields whether it did. A failure orders nothing."""
        pair = f"{{ {expected.type}, {I1} }}"
        outcome = self.emit(pair, f"cmpxchg {pointer}, {expected}, {desired} {order} monotonic")
        return self.emit(I1, f"extractvalue {outcome}, 1")

    def fence(self, order: str = "seq_cst") -> None:
        self.line(f"fence {order}")

    # -- vectors ------------------------------------------------------------------------------------------------------

    def splat(self, value: Value, lanes: int) -> Value:
        type_ = vector(lanes, value.type)
        first = self.emit(type_, f"insertelement {type_} poison, {value}, i32 0")
        return self.emit(type_, f"shufflevector {first}, {type_} poison, <{lanes} x i32> zeroinitializer")

    def shuffle(self, a: Value, b: Value, indices: Sequence[int]) -> Value:
        order = ", ".join(f"i32 {index}" for index in indices)
        type_ = vector(len(indices), element_of(a.type))
        return self.emit(type_, f"shufflevector {a}, {b}, <{len(indices)} x i32> <{order}>")

    def extract(self, value: Value, lane: int) -> Value:
        return self.emit(element_of(value.type), f"extractelement {value}, i32 {lane}")

    def lane_numbers(self, lanes: int, element: str = I64) -> Value:
        """The constant vector 0, 1, 2, ... ."""
        items = ", ".join(f"{element} {lane}" for lane in range(lanes))
        return Value(self, vector(lanes, element), f"<{items}>")

    def tail_mask(self, lanes: int, count: Value) -> Value:
        """A mask of the first `count` (i64, may exceed `lanes`) of `lanes` lanes."""
        return self.compare("slt", self.lane_numbers(lanes), self.splat(count, lanes))

    # -- control ------------------------------------------------------------------------------------------------------

    def variable(self, type_: str, initial: Operand | None = None) -> Variable:
        slot = f"%v{self.unique()}"
        self._entry.append(f"  {slot} = alloca {type_}, align 64")
        variable = Variable(self, type_, slot)
        if initial is not None:
            variable.set(initial)
        return variable

    @contextmanager
    def loop(self, start: Operand, stop: Operand, step: Operand = 1) -> Iterator[Value]:
        """`for i in range(start, stop, step)` over i64 with a positive step; never unrolled by LLVM."""
        k = self.unique()
        start, stop, step = (self.const(x, I64) for x in (start, stop, step))
        before = self.block
        entered = self.compare("slt", start, stop)
        self.line(f"br i1 {entered.name}, label %loop{k}, label %done{k}")
        self.label(f"loop{k}")
        index = Value(self, I64, f"%i{k}")
        self.line(f"%i{k} = phi i64 [ {start.name}, %{before} ], [ %next{k}, %latch{k} ]")
        yield index
        self.line(f"br label %latch{k}")
        self.label(f"latch{k}")
        self.line(f"%next{k} = add nsw i64 %i{k}, {step.name}")
        self.line(f"%again{k} = icmp slt i64 %next{k}, {stop.name}")
        self.line(f"br i1 %again{k}, label %loop{k}, label %done{k}, !llvm.loop !0")
        self.label(f"done{k}")

    @contextmanager
    def when(self, condition: Value) -> Iterator[None]:
        k = self.unique()
        self.line(f"br i1 {condition.name}, label %then{k}, label %end{k}")
        self.label(f"then{k}")
        yield
        self.line(f"br label %end{k}")
        self.label(f"end{k}")

    @contextmanager
    def repeat(self) -> Iterator[Repeat]:
        """A loop without end, left through `break_if`."""
        k = self.unique()
        self.branch(f"repeat{k}")
        self.label(f"repeat{k}")
        yield Repeat(self, f"left{k}")
        self.branch(f"repeat{k}")
        self.label(f"left{k}")

    def branch(self, label: str) -> None:
        self.line(f"br label %{label}")

    def branch_if(self, condition: Value, then: str, otherwise: str) -> None:
        self.line(f"br i1 {condition.name}, label %{then}, label %{otherwise}")

    def call(self, callee: Function | Value, *args: Value, returns: str = VOID) -> Value | None:
        """Call a function of this module, or a pointer to one."""
        target = f"@{callee.name}" if isinstance(callee, Function) else callee.name
        text = f"call {returns} {target}({', '.join(map(str, args))})"
        if returns == VOID:
            self.line(text)
            return None
        return self.emit(returns, text)

    def ret(self, value: Value | None = None) -> None:
        self.line(f"ret {value}" if value is not None else "ret void")
        self._returned = True

    # -- integers -----------------------------------------------------------------------------------------------------

    def minimum(self, a: Operand, b: Operand) -> Value:
        """The smaller of two signed integers."""
        type_ = type_of(a, b)
        return self.intrinsic("smin", type_, a, b)

    def maximum(self, a: Operand, b: Operand) -> Value:
        """The larger of two signed integers."""
        type_ = type_of(a, b)
        return self.intrinsic("smax", type_, a, b)
