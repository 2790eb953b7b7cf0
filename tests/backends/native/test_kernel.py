"""The verifier of loop kernels: each rule, broken once."""

from __future__ import annotations

from dataclasses import replace

import pytest

import retrograd as rg
from retrograd.backends.native import lower
from retrograd.backends.native.emit import kernel_of
from retrograd.backends.native.kernel import Instruction, KernelError, LoopKernel, Operand, verify

F32 = "float32"
X, Y, OUT = Operand(F32, "unit", False), Operand("int64", "unit", False), Operand(F32, "unit", True)
HALF = Operand("float16", "unit", False)
LOAD, INDEX = Instruction("load", F32, (), 0), Instruction("load", "int64", (), 1)
STORE = Instruction("store", F32, (0,), 1)


def test_what_is_right_passes() -> None:
    verify(LoopKernel(0, (X, OUT), (LOAD, STORE)))
    sums = (LOAD, Instruction("sum", F32, (0,)), Instruction("store", F32, (1,), 1))
    verify(LoopKernel(1, (X, Operand(F32, "zero", True)), sums, "inner"))
    verify(LoopKernel(1, (X, Operand(F32, "unit", True, per_column=True)), sums, "outer"))


@pytest.mark.parametrize(
    ("code", "reason"),
    [
        ((Instruction("gamma", F32),), "unknown operation"),
        ((Instruction("const", "float8", (), 1.0),), "unknown dtype 'float8'"),
        ((LOAD, Instruction("add", F32, (0,))), "takes 2 arguments, not 1"),
        ((LOAD, Instruction("neg", F32, (1,))), "argument %1 is not an earlier instruction"),
        ((LOAD, Instruction("neg", F32, (-1,))), "argument %-1 is not an earlier instruction"),
        ((LOAD, Instruction("store", F32, (0,), 2), Instruction("neg", F32, (1,))), "argument %1 is a store"),
        ((Instruction("load", F32, (), 9),), "no operand 9"),
        ((Instruction("load", F32, (), None),), "no operand None"),
        ((Instruction("load", "int8", (), 0),), "operand 0 is float32, not int8"),
        ((LOAD, Instruction("store", F32, (0,), 0)), "operand 0 is not written"),
        ((INDEX, Instruction("store", F32, (0,), 2)), "the value is int64, operand 2 is float32"),
        ((Instruction("index", "int32", (), 0),), "an index is int64"),
        ((Instruction("index", "int64", (), 1),), "no such axis"),
        ((Instruction("position", "int32", (), 0),), "a position is int64"),
        ((Instruction("position", "int64", (), 4),), "no such operand"),
        ((Instruction("position", "int64", (), -1),), "no such operand"),
        ((INDEX, Instruction("random_bits", "int64", (0, 0))), "makes int64 of"),
        ((LOAD, Instruction("random_key", "int64", (0, 0))), "makes int64 of"),
        ((Instruction("const", F32),), "attr must be a number"),
        ((LOAD, INDEX, Instruction("lt", "bool", (0, 1))), "compares"),
        ((LOAD, Instruction("lt", F32, (0, 0))), "compares"),
        ((Instruction("load", "float16", (), 3), Instruction("lt", "bool", (0, 0))), "is not defined on float16"),
        ((LOAD, Instruction("select", F32, (0, 0, 0))), "selects"),
        ((LOAD, Instruction("bitcast", "bool", (0,))), "has no bits of a bool"),
        ((LOAD, Instruction("bitcast", "int64", (0,))), "float32 and int64 differ in size"),
        ((LOAD, Instruction("and", F32, (0, 0))), "is not defined on float32"),
        ((INDEX, Instruction("exp", "int64", (0,))), "is not defined on int64"),
        ((Instruction("load", "float16", (), 3), Instruction("neg", "float16", (0,))), "is not defined on float16"),
        ((LOAD, Instruction("neg", "int32", (0,))), "arguments are .*, the result is int32"),
        ((LOAD, INDEX, Instruction("add", F32, (0, 1))), "arguments are .*, the result is float32"),
        ((LOAD, Instruction("sum", F32, (0,))), "a reduction in a kernel that reduces nothing"),
    ],
)
def test_instructions(code: tuple[Instruction, ...], reason: str) -> None:
    with pytest.raises(KernelError, match=reason):
        verify(LoopKernel(0, (X, Y, OUT, HALF), code))


@pytest.mark.parametrize(
    ("kernel", "reason"),
    [
        (LoopKernel(0, (X,), (), "both"), "reduces must be one of"),
        (LoopKernel(0, (X,), (), "outer"), "rank 0 is too small"),
        (LoopKernel(-1, (X,), ()), "rank -1 is too small"),
        (LoopKernel(0, (Operand("float8", "unit", False),), ()), "operand 0: unknown dtype 'float8'"),
        (LoopKernel(0, (Operand(F32, "dense", False),), ()), "operand 0: unknown inner 'dense'"),
        (LoopKernel(0, (Operand(F32, "unit", False, per_column=True),), ()), "per_column is for 'outer'"),
        (LoopKernel(0, (X, Operand(F32, "zero", True)), (LOAD, STORE)), "only kernels over rows store to a zero"),
        (LoopKernel(0, (X, OUT), (LOAD,)), "operand 1 is marked as written, and stored to 0 times"),
        (LoopKernel(0, (X, OUT), (LOAD, STORE, STORE)), "operand 1 is marked as written, and stored to 2 times"),
    ],
)
def test_kernels(kernel: LoopKernel, reason: str) -> None:
    with pytest.raises(KernelError, match=reason):
        verify(kernel)


def test_the_verifier_runs_where_kernels_are_specified(monkeypatch: pytest.MonkeyPatch) -> None:
    """With RETROGRAD_CHECK=1 also if the cache has code for the kernel."""
    wrong = (Instruction("gamma", F32),)
    monkeypatch.setattr(lower, "CHECK", True)
    monkeypatch.setattr(lower, "kernel_of", lambda *args: replace(kernel_of(*args), code=wrong))
    with rg.use_backend("native"), pytest.raises(KernelError, match="unknown operation"):
        (rg.ones(3, 11) * 0.375).tolist()
