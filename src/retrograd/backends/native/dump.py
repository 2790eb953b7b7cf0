"""What each stage has made of a program, as text that people read.

    prepared_text    the graph as the backend takes it: layouts chosen, reductions split
    fused_text       which steps one kernel computes, where movements look, what is computed where it is used
    table_text       phases and launches, with tiles; which value lies where in the arena
    kernels_text     the loop IR of kernels (`kernel.py` has its grammar)
    llvm_text        their LLVM IR, before LLVM's own passes
    assembly_text    their machine code for this processor, in assembly language

Values are named %0, %1, ... as in the prepared graph; those behind its last one are copies. Kernels are named k0, k1,
... in the order of the table.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from retrograd.backends.native.compiler import assembly, host
from retrograd.backends.native.group import Group
from retrograd.backends.native.lower import Lowering
from retrograd.backends.native.schedule import Schedule
from retrograd.backends.native.views import View
from retrograd.backends.native.work import KernelAddress, Work
from retrograd.core.printer import parts, to_text


def prepared_text(lowering: Lowering) -> str:
    """The graph whose values all other texts name."""
    return to_text(lowering.graph, origins=True)


# -- groups -----------------------------------------------------------------------------------------------------------


def fused_text(lowering: Lowering) -> str:
    """Groups, each with its steps."""
    fusion = lowering.fusion
    lines: list[str] = []
    for number, group in enumerate(fusion.ordered()):
        lines.append(_title(number, group))
        lines += [f"  {_step(lowering, value)}" for value in group.members]
    used = sorted(value for value in fusion.virtual if value < len(lowering.graph.types))
    if used:
        lines.append("computed where they are used")
        lines += [f"  {_step(lowering, value)}" for value in used]
    views = [value for value, view in enumerate(fusion.views) if view.root != value]
    if views:
        lines.append("views")
        lines += [f"  %{value} = {_view(fusion.views[value])}" for value in views]
    return "\n".join(lines) if lines else "one kernel computes everything"


def _title(number: int, group: Group) -> str:
    reduced = "" if group.reduced is None else f", axes {list(group.reduced)} reduced"
    return f"group {number}: {group.kind} over {list(group.domain)}{reduced}"


def _step(lowering: Lowering, value: int) -> str:
    step = lowering.fusion.step(value)
    args = ", ".join(f"%{lowering.fusion.views[arg].root}" for arg in step.args)
    bodies, attributes = parts(step.signature)
    listed = f" {{{', '.join(map(repr, attributes))}}}" if attributes and not bodies else ""
    remade = ", made anew by its readers" if value in lowering.fusion.remade else ""
    return f"%{value} = {step.signature.operation.name}({args}){listed} : {lowering.types[value]!r}{remade}"


def _view(view: View) -> str:
    moving = "".join(f" + {stride} * clamp(%{start.value}, {start.most})" for start, stride in view.dynamic)
    return f"%{view.root} as {list(view.shape)} by strides {list(view.strides)} from {view.offset}{moving}"


# -- the table --------------------------------------------------------------------------------------------------------


def table_text(lowering: Lowering, schedule: Schedule) -> str:
    """Phases with their launches, loops of phases, and the places of values."""
    names = kernel_names(schedule)
    lines: list[str] = []
    phases = (*schedule.phases, *schedule.instance_phases)
    for number, (phase, around) in enumerate(zip(phases, schedule.around, strict=True)):
        times = "".join(f", {loop.count} times" for loop in around)
        mark = " of blocks of rows" if number >= len(schedule.phases) else ""
        lines.append(f"phase {number}{mark}{times}")
        lines += [f"  {_launch(work, names)}" for work in phase]
    lines.append(f"arena: {schedule.arena_bytes} bytes")
    for root, (kind, place) in sorted(schedule.homes.items(), key=lambda item: (item[1], item[0])):
        where = f"output {place}" if kind == "output" else f"arena + {place}"
        lines.append(f"  %{root}: {where}, {lowering.types[root].nbytes} bytes")
    return "\n".join(lines)


def _launch(work: Work, names: dict[str, str]) -> str:
    own, *called = (names[key] for key in _keys(work))
    kernels = f"{own} ({_kind(work.kernel)})" + (f" calling {', '.join(called)}" if called else "")
    reads, writes = (", ".join(f"%{root}" for root in roots) for roots in (work.reads, work.writes))
    tiles = "1 tile" if work.tiles == 1 else f"{work.tiles} tiles"
    return f"{kernels}: {tiles}, reads {reads or 'nothing'}, writes {writes}"


# -- kernels ----------------------------------------------------------------------------------------------------------


def kernel_names(schedule: Schedule) -> dict[str, str]:
    """Short names of kernels, by key."""
    keys = dict.fromkeys(key for work in _works(schedule) for key in _keys(work))
    return {key: f"k{number}" for number, key in enumerate(keys)}


def kernels_text(lowering: Lowering, schedule: Schedule) -> str:
    """The loop IR of every loop kernel; the others by name."""
    lines = []
    for key, name in kernel_names(schedule).items():
        lines.append(f"{name} = {_kind(key)}")
        kernel = lowering.loop_kernels.get(key.rpartition("#")[0])
        lines += [] if kernel is None else [*(f"  {line}" for line in str(kernel).splitlines()), ""]
    return "\n".join(lines).rstrip()


def llvm_text(lowering: Lowering, schedule: Schedule) -> str:
    """The LLVM IR of every kernel, by its generator."""
    return _modules_text(lowering, schedule, lambda text: text)


def assembly_text(lowering: Lowering, schedule: Schedule) -> str:
    """The machine code of every kernel, by its generator."""
    return _modules_text(lowering, schedule, lambda text: assembly(text, host()))


def _modules_text(lowering: Lowering, schedule: Schedule, told: Callable[[str], str]) -> str:
    """Every kernel's module under its name; `told` says what is to be seen of the IR."""
    names: dict[str, list[str]] = {}
    for key, name in kernel_names(schedule).items():
        names.setdefault(key.rpartition("#")[0], []).append(f"{name} = {_kind(key)}")
    return "\n".join(f"; {', '.join(named)}\n{told(lowering.generators[key]())}" for key, named in names.items())


def _works(schedule: Schedule) -> Iterator[Work]:
    for phase in (*schedule.phases, *schedule.instance_phases):
        yield from phase


def _keys(work: Work) -> Iterable[str]:
    """Keys of the kernels that a launch runs: its own, and those that this one calls."""
    inner = [word.key for word in work.words if isinstance(word, KernelAddress)]
    return dict.fromkeys([work.kernel, *(key if "#" in key else f"{key}#kernel" for key in inner)])


def _kind(key: str) -> str:
    """A key without the specification of a loop kernel or a graph; the function, where there are several."""
    name, _, function = key.rpartition("#")
    first = name.split()[0]
    short = first if first in ("loop", "epilogue", "prologue", "tiny") else name
    return short if function in ("kernel", first) else f"{short} {function}"
