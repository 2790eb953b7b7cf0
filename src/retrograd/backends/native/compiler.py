"""LLVM IR text to machine code, and machine code to callable addresses, through llvmlite.

llvmlite is imported on first use: its shared library is large, and importing retrograd must stay quick.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass

from retrograd.backends.native.object_code import (
    Machine,
    llvm,
    new_target_machine,
    object_code,
    optimised,
    target_machine,
)
from retrograd.backends.native.target import Target, select_target


@dataclass(frozen=True)
class Host:
    """The CPU that code is generated for."""

    target: Target
    triple: str
    cpu: str
    features: str

    @property
    def machine(self) -> Machine:
        """What LLVM knows of it."""
        return Machine(self.triple, self.cpu, self.features)


@functools.lru_cache(maxsize=1)
def host() -> Host:
    """This machine's CPU; `RETROGRAD_TARGET` restricts it to a lesser row of the target table."""
    binding = llvm()
    triple = binding.get_process_triple()
    features = dict(binding.get_host_cpu_features())
    if triple.split("-")[0] in ("aarch64", "arm64"):
        features["neon"] = True  # every such CPU has it, and not every system says so
    target = select_target(features, os.environ.get("RETROGRAD_TARGET") or None)
    cpu = binding.get_host_cpu_name()
    if os.environ.get("RETROGRAD_TARGET"):
        cpu = ""
        features = dict.fromkeys(target.features, True)
    flat = ",".join(f"+{name}" for name, present in sorted(features.items()) if present)
    return Host(target, triple, cpu, flat)


def compile_object(text: str) -> bytes:
    """Optimise a module and return its object file."""
    return object_code(text, host().machine)


def assembly(text: str, machine: Host) -> str:
    """What `compile_object` would make of a module on a machine, in assembly language.

    Raises:
        RuntimeError: LLVM was built, or initialised, without that kind of CPU.
    """
    return str(target_machine(machine.machine).emit_assembly(optimised(text, machine.machine)))


class Library:
    """Machine code loaded into the process. It must outlive every use of its addresses."""

    def __init__(self, object_file: bytes) -> None:
        binding = llvm()
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), new_target_machine(host().machine))
        self._engine.add_object_file(binding.ObjectFileRef.from_data(object_file))
        self._engine.finalize_object()

    def address(self, name: str) -> int:
        """Where the function `name` starts.

        Raises:
            KeyError: the object file defines no such function.
        """
        address = int(self._engine.get_function_address(name))
        if address == 0:
            raise KeyError(name)
        return address
