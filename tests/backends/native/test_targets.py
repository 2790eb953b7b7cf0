"""Every kind of CPU: networks on lesser x86 targets, and the code of all kernels for ARM."""

from __future__ import annotations

import functools
import os
import re
import subprocess
import sys
from collections import Counter

import pytest

import retrograd as rg
from retrograd.backends.native.backend import plan_segment
from retrograd.backends.native.compiler import Host, assembly, llvm
from retrograd.backends.native.driver import driver_text
from retrograd.backends.native.target import TARGETS, select_target
from retrograd.runtime.evaluate import observed
from tests.support.backends import needs_native
from tests.support.random_program import Instruction, Program, one_of_each, train

pytestmark = needs_native

NEON = next(target for target in TARGETS if target.name == "neon")
ARM = Host(NEON, "aarch64-linux-gnu", "generic", "+neon")
# What every C library has; LLVM makes calls of them for long copies.
MEMORY = {"memcpy", "memmove", "memset"}
# Of loop kernels there are hundreds; these many stand for all.
MOST_OF_A_KIND = 40
_KINDS = set(
    "argsort conv.depthwise conv.depthwise_weight conv.direct conv.micro conv.pack conv.weight conv.winograd "
    "conv.winograd_gradients conv.winograd_inputs conv.winograd_outputs conv.winograd_pack conv.winograd_weight "
    "cumarg.max cumsum epilogue gather gemm gemm.micro loop pool prepack recurrence scatter searchsorted take "
    "take_add tiny transpose".split()
)


def test_the_best_target_that_a_cpu_has_is_taken() -> None:
    for target in TARGETS:
        assert select_target(dict.fromkeys(target.features, True)) is target
    with pytest.raises(ValueError, match="avx512f"):
        select_target({"avx2": True, "fma": True}, "avx512")
    with pytest.raises(ValueError, match="known: avx512, avx2, neon, plain"):
        select_target({}, "sse")


# -- x86 --------------------------------------------------------------------------------------------------------------

_ON_TARGET = """
import sys
from retrograd.backends.native.compiler import host
from tests.backends.native.test_random_training import check
from tests.support.random_program import first_of_each
assert host().target.name == sys.argv[1]
for program in first_of_each():
    check(program, ((1, 2),))
"""


@pytest.mark.parametrize("name", ["avx2", "plain"])
def test_networks_on_lesser_targets(name: str) -> None:
    """Every kind of layer, in both tiers, against the definition."""
    features = dict(llvm().get_host_cpu_features())
    if not all(features.get(feature) for target in TARGETS if target.name == name for feature in target.features):
        pytest.skip("the CPU is of another kind")
    environment = {**os.environ, "RETROGRAD_TARGET": name, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    subprocess.run([sys.executable, "-c", _ON_TARGET, name], check=True, env=environment, timeout=300)


# -- ARM --------------------------------------------------------------------------------------------------------------


@functools.cache
def _arm_code() -> dict[str, str]:
    """The assembly of kernels, by key, as networks of every layer need them."""
    binding = llvm()
    binding.initialize_all_targets()
    binding.initialize_all_asmprinters()
    try:
        binding.Target.from_triple(ARM.triple)
    except RuntimeError:
        pytest.skip("LLVM was built without ARM")
    found: dict[str, str] = {"driver": assembly(driver_text(NEON, ARM.triple), ARM)}
    counts: Counter[str] = Counter()
    for program in _programs():
        with rg.use_backend("null"), observed() as seen:
            train(program)
        for evaluation in seen:
            lowering, _ = plan_segment(evaluation.graph, [-1] * len(evaluation.graph.outputs), 1, NEON)
            for key, text in lowering.generators.items():
                if key not in found and counts[_kind(key)] < MOST_OF_A_KIND:
                    counts[_kind(key)] += 1
                    found[key] = assembly(text(), ARM)
    return found


def _programs() -> list[Program]:
    """Of every layer some, and all that lead to kernels of their own."""
    special = {"convolved", "convolved_in_groups", "pooled", "running", "scattered", "gathered"}
    counts: Counter[str] = Counter()
    few_numbers = (Instruction("linear", 0, (1, 0, 0)), Instruction("smooth", 0, (0, 0, 0)))
    chosen = [Program("float32", (0,), few_numbers, "squares", "sgd", (2,), False, False)]
    for program in one_of_each():
        layer = program.instructions[0].layer
        counts[layer] += 1
        if counts[layer] <= (30 if layer in special else 3):
            chosen.append(program)
    return chosen


def _kind(key: str) -> str:
    return key.split()[0]


def test_arm_code_of_every_generator() -> None:
    assert {_kind(key) for key in _arm_code()} - {"driver"} == _KINDS


def test_arm_code_calls_nothing_from_outside() -> None:
    """No function of a mathematical library, and nothing that a compiler's runtime would have to bring."""
    for key, code in _arm_code().items():
        called = set(re.findall(r"^\s+bl?\s+([A-Za-z_][\w.$]*)", code, re.MULTILINE))
        inside = set(re.findall(r"^([A-Za-z_][\w.$]*):", code, re.MULTILINE))
        system = {"syscall", "clock_gettime", "sched_yield"} if key == "driver" else set()
        assert called - inside <= MEMORY | system, key


@pytest.mark.parametrize("kind", ["gemm.micro", "conv.micro", "conv.depthwise"])
def test_arm_products_are_vectors_in_registers(kind: str) -> None:
    """Where numbers are multiplied and added, both are in vectors, and no register goes to memory in between."""
    codes = {key: code for key, code in _arm_code().items() if _kind(key) == kind}
    assert codes
    for key, code in codes.items():
        loops = _innermost_loops(code)
        products = [loop for loop in loops if "fmla" in loop]
        assert products, key
        for loop in products:
            assert not re.search(r"\bf(madd|mul|add)\s+[sd]\d", loop), f"{key}: scalars in\n{loop}"
            assert not re.search(r"\bst[rp]\s+[qd]\d+.*\[sp", loop), f"{key}: registers are spilled in\n{loop}"


def _innermost_loops(code: str) -> list[str]:
    """What stands between a label and a branch back to it, without another label in between."""
    return [
        body
        for label, body in re.findall(r"^(\.L\w+):[^\n]*\n((?:(?!\.?L?\w+:)[^\n]*\n)*)", code, re.MULTILINE)
        if re.search(rf"\bb(\.\w+)?\s+{re.escape(label)}\b|\bcbn?z\s+\w+, {re.escape(label)}\b", body)
    ]
