"""LLVM IR text to object code. As a program it does so for another process, which is `compile_process.py`'s side of it.

This file imports nothing of the package, which would bring NumPy along: a process that only compiles is there in 50 ms.

Requests are texts and answers are object files, one for one, in frames:

    magic     4 bytes
    length    4 bytes, little endian: of the content
    checksum  4 bytes, CRC-32 of the content
    content
"""

from __future__ import annotations

import functools
import os
import select
import struct
import sys
import zlib
from typing import IO, Any, NamedTuple

_HEAD = struct.Struct("<4sII")
_MAGIC = b"rgc\n"
_MOST_BYTES = 1 << 28
# Whoever asks has the next text at hand. This long without one, it has stopped, or a fork of it holds the pipe open.
_IDLE_SECONDS = 30.0


class Machine(NamedTuple):
    """What LLVM knows of the CPU that it generates code for."""

    triple: str
    cpu: str
    features: str


@functools.lru_cache(maxsize=1)
def llvm() -> Any:
    """llvmlite's binding layer, initialised."""
    import llvmlite.binding as binding  # noqa: PLC0415 -- slow to import, and not needed before the first kernel

    binding.initialize_native_target()
    binding.initialize_native_asmprinter()
    return binding


def new_target_machine(machine: Machine) -> Any:
    """LLVM's generator for a CPU."""
    target = llvm().Target.from_triple(machine.triple)
    return target.create_target_machine(
        cpu=machine.cpu, features=machine.features, opt=3, reloc="pic", codemodel="default"
    )


@functools.lru_cache(maxsize=4)
def target_machine(machine: Machine) -> Any:
    """The generator that all modules share: to make one for each takes half a millisecond of each."""
    return new_target_machine(machine)


def object_code(text: str, machine: Machine) -> bytes:
    """Optimise a module and return its object file."""
    return bytes(target_machine(machine).emit_object(optimised(text, machine)))


def optimised(text: str, machine: Machine) -> Any:
    """A module for a CPU, verified and optimised."""
    binding, generator = llvm(), target_machine(machine)
    module = binding.parse_assembly(text)
    module.triple = machine.triple
    module.data_layout = str(generator.target_data)
    module.verify()
    # The generators write vectors, tiles and unrolled loops themselves; these three passes clean up behind them. The
    # rest of LLVM's pipeline took as long again as everything else, and its code ran no faster.
    passes = binding.create_new_module_pass_manager()
    passes.add_sroa_pass()
    passes.add_instruction_combine_pass()
    passes.add_simplify_cfg_pass()
    options = binding.create_pipeline_tuning_options(speed_level=2)
    passes.run(module, binding.create_pass_builder(generator, options))
    return module


# -- frames -----------------------------------------------------------------------------------------------------------


def send(stream: IO[bytes], content: bytes) -> None:
    """Write a frame."""
    stream.write(_HEAD.pack(_MAGIC, len(content), zlib.crc32(content)))
    stream.write(content)
    stream.flush()


def receive(stream: IO[bytes]) -> bytes | None:
    """The content of the next frame; None where the stream ends.

    Raises:
        ValueError: there is something else than a frame.
    """
    head = stream.read(_HEAD.size)
    if not head:
        return None
    if len(head) < _HEAD.size or not head.startswith(_MAGIC):
        raise ValueError(f"no frame: {head!r}")
    _, length, checksum = _HEAD.unpack(head)
    if length > _MOST_BYTES:
        raise ValueError(f"no frame: {length} bytes")
    content = stream.read(length)
    if len(content) < length or zlib.crc32(content) != checksum:
        raise ValueError(f"{len(content)} bytes are not the {length} that were sent")
    return content


# -- the program ------------------------------------------------------------------------------------------------------


def main(folder: str, *machine: str) -> None:
    """Compile what standard input holds; llvmlite is imported from a folder."""
    sys.path.append(folder)
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(os.open(os.devnull, os.O_WRONLY), 1)  # for what a library may print
    requests = sys.stdin.buffer
    llvm()
    while _is_asked(requests) and (text := receive(requests)) is not None:
        send(answers, object_code(text.decode(), Machine(*machine)))


def _is_asked(requests: IO[bytes]) -> bool:
    """Whether there is a request, or the end of them, within some time; Windows cannot tell, nor does it fork."""
    return os.name == "nt" or bool(select.select([requests], [], [], _IDLE_SECONDS)[0])


if __name__ == "__main__":
    main(*sys.argv[1:])
