"""LLVM IR text to machine code, and machine code to callable addresses, through llvmlite.

llvmlite is imported on first use: its shared library is large, and importing retrograd must stay quick.
"""

from __future__ import annotations

import functools
import os
from dataclasses import dataclass
from typing import Any

from retrograd.backends.native.target import Target, select_target


@dataclass(frozen=True)
class Host:
    """The CPU that code is generated for."""

    target: Target
    triple: str
    cpu: str
    features: str


def llvm() -> Any:
    """llvmlite's binding layer, initialised."""
    import llvmlite.binding as binding  # noqa: PLC0415 -- slow to import, and not needed before the first kernel

    return _initialised(binding)


@functools.lru_cache(maxsize=1)
def _initialised(binding: Any) -> Any:
    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


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


def _target_machine(machine: Host) -> Any:
    target = llvm().Target.from_triple(machine.triple)
    return target.create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=3, reloc="pic", codemodel="default"
    )


def compile_object(text: str) -> bytes:
    """Optimise a module and return its object file."""
    target_machine = _target_machine(host())
    return bytes(target_machine.emit_object(_optimised(text, host(), target_machine)))


def assembly(text: str, machine: Host) -> str:
    """What `compile_object` would make of a module on a machine, in assembly language.

    Raises:
        RuntimeError: LLVM was built, or initialised, without that kind of CPU.
    """
    target_machine = _target_machine(machine)
    return str(target_machine.emit_assembly(_optimised(text, machine, target_machine)))


def _optimised(text: str, machine: Host, target_machine: Any) -> Any:
    binding = llvm()
    module = binding.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(target_machine.target_data)
    module.verify()
    # The generators write vectors, tiles and unrolled loops themselves; these three passes clean up behind them. The
    # rest of LLVM's pipeline took as long again as everything else, and its code ran no faster.
    passes = binding.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    options = binding.create_pipeline_tuning_options(speed_level=2)
    passes.run(module, binding.create_pass_builder(target_machine, options))
    return module


class Library:
    """Machine code loaded into the process. It must outlive every use of its addresses."""

    def __init__(self, object_file: bytes) -> None:
        binding = llvm()
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), _target_machine(host()))
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
