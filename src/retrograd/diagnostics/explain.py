"""`explain`: every kernel of a program, where it comes from, what it costs, how near it gets to what is possible."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from retrograd.backends.base import Program, Tier
from retrograd.backends.native.backend import NativeBackend
from retrograd.backends.native.compile_all import lost_processes
from retrograd.backends.native.peak import bytes_per_second, flops_per_second
from retrograd.backends.native.report import STAGES, KernelRow, ProgramRows, kernel_text, rows_of, stage_text, timed
from retrograd.core.buffer import Scalar
from retrograd.core.errors import OptionError
from retrograd.core.family import mistakes
from retrograd.core.graph import Graph
from retrograd.core.printer import to_text
from retrograd.passes.structure import Structure
from retrograd.runtime import devices
from retrograd.runtime.evaluate import Trace, observed
from retrograd.runtime.threads import get_num_threads
from retrograd.tensor.base import TensorBase

# The stage that is no backend's.
_RECORDED = "recorded"
# Runs until every structure has its final program, and runs that are timed.
_SETTLING, _TIMED = 4, 10
_HEADER = (
    f"{'phase':>5}  {'from':<28} {'operations':<36} {'writes':<22} {'MFLOP':>9} {'kB':>9}"
    f" {'us':>9} {'share':>6} {'GFLOP/s':>8} {'GB/s':>7} {'of peak':>8}"
)


@dataclass(frozen=True)
class Explanation:
    """Programs, kernel by kernel.

    Attributes:
        programs: what ran, or would run; each with its graph and its kernels.
        threads: how many share the work.
        mistakes: how often in this process a plan for changing extents could not be made because of a mistake in the
            library, which costs speed; the logger `retrograd` has told of each.
        lost_processes: why this process has so far had to compile kernels that another was to compile: that one could
            not be started, or was lost. It makes a first step slower, and no difference to results.
    """

    programs: tuple[ProgramRows, ...]
    threads: int
    lost_processes: tuple[str, ...]
    _compiled: tuple[Program, ...]
    _recorded: tuple[Graph, ...]
    mistakes: int = field(default_factory=lambda: sum(mistakes.values()))

    @property
    def kernels(self) -> tuple[KernelRow, ...]:
        """Those of all programs, in order."""
        return tuple(kernel for program in self.programs for kernel in program.kernels)

    @property
    def seconds(self) -> float | None:
        """Of one run, summed over threads; None where nothing was timed."""
        known = [kernel.seconds for kernel in self.kernels if kernel.seconds is not None]
        return sum(known) if known else None

    def graph(self, program: int = 0) -> str:
        """What a program computes, after all passes over its graph, as text."""
        return to_text(self.programs[program].graph)

    def stage(self, name: str, program: int = 0) -> str:
        """What a stage of the backend has made of a program, as text.

        Args:
            name: "recorded": what the user's program said, before any pass. "graph": what is computed, with where each
                step comes from. "fused": which steps one kernel computes. "table": phases, launches and places in
                memory. "ir": what each loop kernel does at each point. "llvm": the intermediate representation of
                every kernel, as it is given to LLVM. "assembly": what LLVM makes of that for this processor.
            program: its number.

        Raises:
            OptionError: there is no such stage, or no such program.
        """
        names = _RECORDED, *STAGES
        if name not in names:
            raise OptionError(f"explain: there is no stage {name!r}; choose one of {', '.join(names)}")
        if not 0 <= program < len(self._compiled):
            raise OptionError(f"explain: there is no program {program}; there are {len(self._compiled)}")
        return to_text(self._recorded[program]) if name == _RECORDED else stage_text(self._compiled[program], name)

    def llvm(self, kernel: KernelRow) -> str:
        """The intermediate representation of a kernel, as it is given to LLVM.

        Raises:
            OptionError: there is none.
        """
        for program in self._compiled:
            try:
                return kernel_text(program, kernel.kernel)
            except KeyError:
                continue
        raise OptionError(f"explain: {kernel.operations[0]} has no compiled kernel")

    def __str__(self) -> str:
        blocks = [self._block(number, rows) for number, rows in enumerate(self.programs)]
        if not blocks:
            blocks = ["nothing is pending and nothing ran: every value is known already"]
        if self.mistakes:
            blocks.append(f"plans for changing extents that failed by a mistake in the library: {self.mistakes}")
        if self.lost_processes:
            reasons = "; ".join(self.lost_processes)
            blocks.append(f"kernels were compiled without a second process, which takes longer: {reasons}")
        return "\n\n".join(blocks)

    __repr__ = __str__

    def _block(self, number: int, rows: ProgramRows) -> str:
        flops = sum(kernel.flops for kernel in rows.kernels)
        title = (
            f"program {number}: {len(rows.kernels)} kernels in {rows.phases} phases, {flops / 1e6:.3f} MFLOP, "
            f"{rows.arena_bytes / 1e6:.3f} MB of its own"
        )
        total = sum(kernel.seconds or 0.0 for kernel in rows.kernels)
        if total:
            title += f"; {1e6 * total:.1f} us of work, shared by {self.threads} threads"
        lines = [title, _HEADER, *(_line(kernel, total) for kernel in rows.kernels)]
        fallbacks = tuple(kernel.operations[0] for kernel in rows.kernels if not kernel.kernel)
        if fallbacks:
            lines.append(f"without a native kernel: {_short(fallbacks, 100)}")
        return "\n".join(lines)


def explain(target: Any) -> Explanation:
    """What will run for a tensor, or what runs in a training step.

    Args:
        target: a Tensor whose value is pending: its program is planned, and nothing is run. Or a function without
            arguments, such as a training step: it is called some times (it really trains), the last calls are timed.

    Returns:
        An Explanation: print it, read its `kernels`, or look at a `stage`. Each row tells what of the user's program a
        kernel is part of, which operations it computes, the shape of what it writes, floating-point operations and
        bytes, the time over all threads and its share, and the greater of the shares of the attainable multiply-add
        rate and of the memory bandwidth of one core, both measured here. Data that lies in the caches moves faster than
        memory, and convolutions by transforms do with fewer multiplications than are counted: above 100 % is no error.

    Raises:
        OptionError: the target is neither, or another backend than the native one is in force.

    Example:
        >>> import retrograd as rg
        >>> x = rg.ones(200, 300)
        >>> y = (x @ rg.ones(300, 100)).relu()
        >>> [kernel.operations for kernel in rg.explain(y).kernels if "matmul" in kernel.operations]
        [('matmul', 'select')]
    """
    if not isinstance(devices.backend(), NativeBackend):
        raise OptionError(f"explain: the backend in force is {devices.backend().name!r}; it explains the native one")
    if isinstance(target, TensorBase):
        return _of_pending(target)
    if callable(target):
        return _of_function(target)
    raise OptionError(f"explain: give a tensor or a function without arguments, not {type(target).__name__}")


def _of_pending(tensor: Any) -> Explanation:
    node = tensor._read()
    if node.buffer is not None:
        return Explanation((), get_num_threads(), lost_processes(), (), ())
    trace = Trace([node])
    scalars = [isinstance(buffer, Scalar) for buffer in trace.buffers]
    structure = Structure(trace.graph([node]), scalars, [-1])
    program = devices.backend().compile(structure, Tier.FUSED)
    return Explanation((rows_of(program),), get_num_threads(), lost_processes(), (program,), (structure.recorded,))


def _of_function(step: Callable[[], object]) -> Explanation:
    for _ in range(_SETTLING):
        step()
    with observed() as seen:
        step()
    expected = list(dict.fromkeys(evaluation.program for evaluation in seen))
    recorded: dict[Program, Graph] = {}
    with timed(expected):
        for _ in range(_TIMED):
            with observed() as seen:
                step()
            # What is observed keeps its memory: held over all steps, it would have each one write to new pages.
            recorded.update((evaluation.program, evaluation.entry.structure.recorded) for evaluation in seen)
    programs = tuple(recorded)
    known = set(expected)
    rows = tuple(rows_of(program, _TIMED if program in known else 0) for program in programs)
    return Explanation(rows, get_num_threads(), lost_processes(), programs, tuple(recorded.values()))


def _line(kernel: KernelRow, total: float) -> str:
    names = f"{_short(kernel.sources, 28):<28} {_short(kernel.operations, 36):<36}"
    written = f"{kernel.dtype}{list(kernel.shape)}".replace(" ", "")
    line = f"{kernel.phase:>5}  {names} {written:<22} {kernel.flops / 1e6:>9.3f} {kernel.bytes / 1e3:>9.1f}"
    if not kernel.seconds:
        return line
    rate, traffic = kernel.flops / kernel.seconds, kernel.bytes / kernel.seconds
    numbers = kernel.dtype if kernel.dtype == "float64" else "float32"
    peak = max(rate / flops_per_second(numbers), traffic / bytes_per_second())
    return (
        f"{line} {1e6 * kernel.seconds:>9.1f} {kernel.seconds / total:>6.1%} {rate / 1e9:>8.1f} {traffic / 1e9:>7.1f}"
        f" {peak:>8.0%}"
    )


def _short(names: tuple[str, ...], width: int) -> str:
    """Names with their counts, at most as long as their column."""
    counted = Counter(names)
    text = " ".join(name if times == 1 else f"{name}*{times}" for name, times in counted.items())
    return text if len(text) <= width else f"{text[: width - 3]}..."
