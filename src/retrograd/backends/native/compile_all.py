"""Many kernels at once, compiled by this process and by others beside it.

llvmlite holds one lock around all of LLVM, so threads would compile one after another. What is compiled where makes no
difference to the code.
"""

from __future__ import annotations

import queue
import signal
import threading
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from typing import Final

from retrograd.backends.native.compile_process import CompileProcess, ProcessLostError
from retrograd.backends.native.compiler import compile_object, host
from retrograd.backends.native.cores import compile_jobs

# A process is there after 50 ms. Of the kernels of the benchmark's networks (11 to 21 ms on average), ten take 170 ms
# with and without another, twelve 143 and 208, forty 278 and 501.
KERNELS_A_PROCESS = 12
# How long a thread may take to see that its process has ended.
_FAREWELL_SECONDS = 1.0

# Why kernels were compiled without a second process; each reason once.
_lost: Final[dict[str, None]] = {}

_Text = tuple[str, str]
_Code = tuple[str, bytes]


def compile_all(builds: Mapping[str, Callable[[], str]], finished: Callable[[str, bytes], None]) -> None:
    """Compile kernels.

    Args:
        builds: what makes the IR of each.
        finished: is told of each with its object file, on the calling thread: of all that were finished even if an
            exception comes in between.
    """
    processes = min(compile_jobs() - 1, len(builds) // KERNELS_A_PROCESS)
    if processes < 1:
        for key, build in builds.items():
            finished(key, compile_object(build()))
        return
    with ExitStack() as stack:
        helpers = [stack.enter_context(_Helper()) for _ in range(processes)]  # they start while texts are made
        texts = sorted(((key, build()) for key, build in builds.items()), key=lambda text: len(text[1]))
        _share(texts, helpers, finished)


def lost_processes() -> tuple[str, ...]:
    """Why this process has so far had to compile kernels that another was to compile; each reason once."""
    return tuple(_lost)


def _share(texts: list[_Text], helpers: list[_Helper], finished: Callable[[str, bytes], None]) -> None:
    """Everybody takes the longest that is left; this thread waits for nobody."""
    left = dict(reversed(texts))
    done: queue.SimpleQueue[_Code] = queue.SimpleQueue()
    for helper in helpers:
        helper.begin(texts, done)
    try:
        while left:
            # At last there are only those that others are at, which are short and may have got lost.
            key, text = _taken(texts) or next(iter(left.items()))
            if key in left:
                done.put((key, compile_object(text)))
            _report(done, left, finished)
    finally:
        texts.clear()
        _report(done, left, finished)


def _report(done: queue.SimpleQueue[_Code], left: dict[str, str], finished: Callable[[str, bytes], None]) -> None:
    with suppress(queue.Empty):
        while True:
            key, code = done.get_nowait()
            if left.pop(key, None) is not None:
                finished(key, code)


def _taken(texts: list[_Text]) -> _Text | None:
    try:
        return texts.pop()
    except IndexError:
        return None


class _Helper:
    """A process that compiles, and the thread that speaks with it. Does nothing where there can be no process."""

    def __init__(self) -> None:
        self._process: CompileProcess | None = None
        self._thread: threading.Thread | None = None
        try:
            self._process = CompileProcess(host().machine)
        except ProcessLostError as error:
            _note(error)

    def begin(self, texts: list[_Text], done: queue.SimpleQueue[_Code]) -> None:
        """Take texts from the end until there are none, and hand in their code."""
        if self._process is not None:
            arguments = self._process, texts, done
            thread = threading.Thread(target=_help, args=arguments, name="retrograd-compile", daemon=True)
            try:
                thread.start()
                self._thread = thread
            except RuntimeError as error:  # the system allows no more threads
                _note(error)

    def __enter__(self) -> _Helper:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process is not None:
            self._process.end()
            if self._thread is None:
                self._process.close()
            else:
                self._thread.join(_FAREWELL_SECONDS)


def _help(process: CompileProcess, texts: list[_Text], done: queue.SimpleQueue[_Code]) -> None:
    if hasattr(signal, "pthread_sigmask"):
        # They are for other threads; and a program that has SIGPIPE end it is not to end of this pipe.
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        while (taken := _taken(texts)) is not None:
            key, text = taken
            done.put((key, process.compile(text)))
    except ProcessLostError as error:
        if not process.is_ended:
            _note(error)
    finally:
        process.close()


def _note(error: Exception) -> None:
    import logging  # noqa: PLC0415 -- slow to import, and seldom needed

    _lost[str(error)] = None
    logging.getLogger("retrograd").debug("kernels are compiled without a second process: %s", error)
