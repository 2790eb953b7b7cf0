"""A process that compiles, seen from the one that started it. `object_code.py` is what runs in it."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from retrograd.backends.native import object_code
from retrograd.backends.native.object_code import Machine, llvm, receive, send

if TYPE_CHECKING:
    from subprocess import Popen

# Where systems look for the libraries that llvmlite is linked with, and what Windows needs for anything at all.
_ENVIRONMENT = ("LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "PATH", "SYSTEMROOT")
# No variables, no packages of the user's, and nothing written to those that are there.
_OPTIONS = ("-I", "-S", "-B")


class ProcessLostError(Exception):
    """A compiling process does not answer, or not with object code."""


class CompileProcess:
    """Compiles texts one after another, with the same result as `object_code` has here.

    Ctrl-C does not reach it. It ends when this process closes it or has gone.

    Attributes:
        is_ended: whether `end` was called.

    Raises:
        ProcessLostError: it cannot be started.
    """

    def __init__(self, machine: Machine) -> None:
        self._process = _started(machine)
        self.is_ended = False

    def compile(self, text: str) -> bytes:
        """The object file of a module.

        Raises:
            ProcessLostError: there is none. What LLVM does not take ends the process, too.
        """
        requests, answers = self._pipes()
        try:
            send(requests, text.encode())
            answer = receive(answers)
        except (OSError, ValueError) as error:
            raise ProcessLostError(str(error)) from error
        if answer is None:
            raise ProcessLostError("it has ended")
        return answer

    def end(self) -> None:
        """End it, whatever it does: it has nothing that is not here as well."""
        self.is_ended = True
        self._process.kill()
        self._process.wait()

    def close(self) -> None:
        """Close the pipes, which lets it end. For the thread that called `compile`: another would disturb that one."""
        for pipe in self._pipes():
            with suppress(OSError):  # what was still to be written
                pipe.close()

    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        requests, answers = self._process.stdin, self._process.stdout
        assert requests is not None and answers is not None
        return requests, answers


def _started(machine: Machine) -> Popen[bytes]:
    import subprocess  # noqa: PLC0415 -- slow to import, and not needed where everything is in the cache

    python = _interpreter()
    if python is None:
        raise ProcessLostError(f"{sys.executable!r} is not known to run Python")
    folder = Path(llvm().__file__).parents[2]  # where `llvmlite` is
    of_its_own: dict[str, Any] = {"process_group": 0}
    if os.name == "nt":
        of_its_own = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP | subprocess.CREATE_NO_WINDOW}  # type: ignore[attr-defined]
    try:
        return subprocess.Popen(
            [python, *_OPTIONS, object_code.__file__, str(folder), *machine],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={name: os.environ[name] for name in _ENVIRONMENT if name in os.environ},
            **of_its_own,
        )
    except (OSError, ValueError) as error:
        raise ProcessLostError(str(error)) from error


def _interpreter() -> str | None:
    """What runs Python. A frozen program, or one that has Python inside, would start itself."""
    path = sys.executable or ""
    named = os.path.basename(path).lower().startswith(("python", "pypy"))
    return path if named and not getattr(sys, "frozen", False) else None
