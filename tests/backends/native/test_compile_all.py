"""Compiling on several cores: the same code from anywhere, and no process that can be in the way."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from retrograd.backends.native import compile_all as compiling, compile_process, object_code
from retrograd.backends.native.compile_all import KERNELS_A_PROCESS, compile_all
from retrograd.backends.native.compile_process import CompileProcess, ProcessLostError
from retrograd.backends.native.compiler import compile_object, host

COUNT = 3 * KERNELS_A_PROCESS


def text(number):
    """IR of a function, longer for a greater number."""
    lines = [f"  %x{i + 1} = mul i64 %x{i}, {number + 3}" for i in range(10 * number + 1)]
    return "\n".join([f"define i64 @f{number}(i64 %x0) {{", *lines, f"  ret i64 %x{len(lines)}", "}", ""])


def compiled(count=COUNT):
    """What `compile_all` makes of some texts, by number."""
    found = {}
    compile_all({str(i): lambda i=i: text(i) for i in range(count)}, found.__setitem__)
    return found


@pytest.fixture(scope="module")
def expected():
    return {str(i): compile_object(text(i)) for i in range(COUNT)}


@pytest.fixture(autouse=True)
def started(monkeypatch):
    """Two processes may compile; those that were started beside this one."""
    monkeypatch.setenv("RETROGRAD_COMPILE_JOBS", "2")
    start, processes = compile_process._started, []

    def noted(machine):
        processes.append(start(machine))
        return processes[-1]

    monkeypatch.setattr(compile_process, "_started", noted)
    yield processes
    for process in processes:
        assert process.poll() is not None
        assert process.stdin.closed and process.stdout.closed


@pytest.fixture(autouse=True)
def lost(monkeypatch):
    """What is lost in a test, and not told after it."""
    found = {}
    monkeypatch.setattr(compiling, "_lost", found)
    return found


def slowly(monkeypatch, seconds=0.05):
    """Let this process take longer for each text; the texts that it has compiled."""
    here = []

    def compile_here(each):
        here.append(each)
        time.sleep(seconds)
        return compile_object(each)

    monkeypatch.setattr(compiling, "compile_object", compile_here)
    return here


def test_another_process_makes_the_same_code():
    process = CompileProcess(host().machine)
    try:
        for number in (0, 3, 40):
            assert process.compile(text(number)) == compile_object(text(number))
    finally:
        process.end()
        process.close()


def test_work_is_shared_and_the_code_is_the_same(monkeypatch, expected, started, caplog):
    here = slowly(monkeypatch)
    with caplog.at_level("DEBUG", logger="retrograd"):
        assert compiled() == expected
    assert len(started) == 1 and not caplog.records and compiling.lost_processes() == ()
    assert 0 < len(here) < COUNT


@pytest.mark.parametrize(("jobs", "count"), [("1", COUNT), ("2", KERNELS_A_PROCESS - 1), ("4", 1)])
def test_one_core_or_little_work_needs_no_process(monkeypatch, expected, started, jobs, count):
    monkeypatch.setenv("RETROGRAD_COMPILE_JOBS", jobs)
    assert compiled(count) == {str(i): expected[str(i)] for i in range(count)}
    assert not started


def test_more_cores_are_used_for_more_work(monkeypatch, expected, started):
    monkeypatch.setenv("RETROGRAD_COMPILE_JOBS", "9")
    assert compiled() == expected
    assert len(started) == COUNT // KERNELS_A_PROCESS


@pytest.mark.parametrize("executable", [None, "", "/usr/bin/blender", "/nowhere/python3"])
def test_without_an_interpreter_all_is_compiled_here(monkeypatch, expected, started, executable):
    monkeypatch.setattr(sys, "executable", executable)
    assert compiled() == compiled() == expected
    assert not started
    assert len(compiling.lost_processes()) == 1, "each reason once"


def test_a_frozen_program_does_not_start_itself(monkeypatch, expected, started):
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert compiled() == expected
    assert not started


def test_without_a_thread_all_is_compiled_here(monkeypatch, expected, started):
    def refused(_):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(compiling.threading.Thread, "start", refused)
    assert compiled() == expected
    assert len(started) == 1


HEAD = f"import sys, time; sys.path.insert(0, {str(Path(object_code.__file__).parent)!r}); import object_code\n"


@pytest.mark.parametrize(
    "program",
    [
        "",
        "print('Hello!', flush=True); input()",
        "import time; time.sleep(60)",
        "import sys; sys.stdout.buffer.write(b'rgc\\n' + bytes(3)); sys.stdout.flush()",
        "import sys; sys.stdout.buffer.write(b'rgc\\n' + b'\\xff' * 8 + b'x'); sys.stdout.flush()",
        "import sys; sys.stdout.buffer.write(b'rgc\\n' + b'\\x09' + bytes(7)); sys.stdout.flush()",
        HEAD + "object_code.zlib.crc32 = lambda content: 1\nobject_code.send(sys.stdout.buffer, b'code')",
        HEAD + "object_code.receive(sys.stdin.buffer)",
        HEAD + "object_code.receive(sys.stdin.buffer); time.sleep(60)",
    ],
    ids=[
        "ends",
        "speaks",
        "sleeps",
        "half a head",
        "too long",
        "half a frame",
        "checksum",
        "ends later",
        "sleeps later",
    ],
)
def test_whatever_the_process_does_all_is_compiled(tmp_path, monkeypatch, expected, program):
    path = tmp_path / "program.py"
    path.write_text(program)
    slowly(monkeypatch, 0.005)
    begin = time.monotonic()
    with monkeypatch.context() as patched:
        patched.setattr(object_code, "__file__", str(path))
        assert compiled() == expected
    assert time.monotonic() - begin < 20


def test_a_process_that_is_killed_is_done_without(monkeypatch, expected, started, caplog):
    monkeypatch.setattr(compiling, "compile_object", lambda each: started[0].kill() or compile_object(each))
    with caplog.at_level("DEBUG", logger="retrograd"):
        assert compiled() == expected
    assert "without a second process" in caplog.text
    assert len(compiling.lost_processes()) == 1


def test_what_llvm_does_not_take_is_an_error_here():
    builds = {str(i): lambda i=i: text(i) for i in range(COUNT)} | {"wrong": lambda: "define nothing"}
    with pytest.raises(RuntimeError, match="parsing error"):
        compile_all(builds, lambda *_: None)


@pytest.mark.parametrize("where", ["text", "code"])
def test_an_interrupt_keeps_what_is_finished_and_ends_the_process(monkeypatch, expected, started, where):
    def interrupted(each):
        time.sleep(0.4)
        raise KeyboardInterrupt

    found = {}
    builds = {str(i): lambda i=i: text(i) for i in range(COUNT)}
    if where == "text":
        builds[str(COUNT - 1)] = lambda: interrupted("")
    else:
        monkeypatch.setattr(compiling, "compile_object", interrupted)
    with pytest.raises(KeyboardInterrupt):
        compile_all(builds, found.__setitem__)
    assert len(started) == 1 and started[0].poll() is not None
    assert found == {key: expected[key] for key in found}
    assert bool(found) == (where == "code")


PROGRAM = """
import os, signal, sys, pathlib, time
from retrograd.backends.native import compile_all, compile_process
from retrograd.backends.native.cache import KernelCache
start, compile_here = compile_process._started, compile_all.compile_object
def started(machine):
    process = start(machine)
    print(process.pid, flush=True)
    return process
def slowly(text):
    time.sleep(0.1)
    return compile_here(text)
compile_process._started, compile_all.compile_object = started, slowly
def ir(number):
    lines = ["  %x{} = mul i64 %x{}, %x{}".format(i, i - 1, i - 2) for i in range(2, 150 + number)]
    return "\\n".join(["define i64 @f(i64 %x0, i64 %x1) {", *lines, "  ret i64 %x{}".format(149 + number), "}"])
requests = [(str(i), lambda i=i: ir(i)) for i in range(24)]
KernelCache(pathlib.Path(os.environ["FOLDER"])).get_many(requests)
print("done", flush=True)
"""


def environment(tmp_path):
    return os.environ | {"FOLDER": str(tmp_path), "RETROGRAD_COMPILE_JOBS": "2"}


def until(condition):
    limit = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < limit
        time.sleep(0.01)


def gone(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGKILL], ids=["INT", "TERM", "KILL"])
def test_a_signal_to_the_group_leaves_no_process_and_whole_files(tmp_path, number):
    running = subprocess.Popen(
        [sys.executable, "-c", PROGRAM],
        env=environment(tmp_path),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    pid = int(running.stdout.readline())
    until(lambda: any(path.suffix == ".kernel" for path in tmp_path.iterdir()))
    os.killpg(running.pid, number)
    rest, errors = running.communicate(timeout=20)
    assert rest == "" and running.returncode != 0
    assert errors.count("Traceback") == (number == signal.SIGINT)
    until(lambda: gone(pid))
    kept = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".kernel"}
    assert 0 < len(kept) < 24
    subprocess.run([sys.executable, "-c", PROGRAM], env=environment(tmp_path), check=True, stdout=subprocess.DEVNULL)
    after = {path.name: path.read_bytes() for path in tmp_path.iterdir() if path.suffix == ".kernel"}
    assert len(after) == 24 and kept.items() <= after.items()


def test_a_program_from_standard_input_runs_once(tmp_path):
    done = subprocess.run(
        [sys.executable], input=PROGRAM, env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    pid, *rest = done.stdout.split()
    assert done.returncode == 0, done.stderr
    assert rest == ["done"] and done.stderr == "" and gone(int(pid))


def test_a_program_that_sigpipe_ends_survives_a_process_that_dies(tmp_path):
    program = "import signal\nsignal.signal(signal.SIGPIPE, signal.SIG_DFL)\n" + PROGRAM.replace(
        "    print(process.pid, flush=True)\n", "    process.kill(); process.wait()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment(tmp_path), capture_output=True, text=True, timeout=60
    )
    assert (done.returncode, done.stdout) == (0, "done\n"), done.stderr


def test_a_forked_child_compiles(expected):
    child = os.fork()
    if child == 0:
        right = False
        try:
            right = compiled() == expected
        finally:
            os._exit(0 if right else 1)
    assert os.waitpid(child, 0)[1] == 0


@pytest.mark.skipif(not os.path.isdir("/proc/self/fd"), reason="no /proc")
def test_it_inherits_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("SECRET_TOKEN", "1234")
    with open(tmp_path / "file", "w") as file:
        os.set_inheritable(file.fileno(), True)
        process = CompileProcess(host().machine)
        try:
            process.compile(text(0))
            place = f"/proc/{process._process.pid}"
            assert b"SECRET_TOKEN" not in Path(f"{place}/environ").read_bytes()
            opened = [os.readlink(f"{place}/fd/{name}") for name in os.listdir(f"{place}/fd")]
        finally:
            process.end()
            process.close()
    assert file.name not in opened


def test_it_imports_no_more_than_llvmlite():
    code = (
        "import runpy, sys\n"
        "sys.path.append(sys.argv[2])\n"
        "runpy.run_path(sys.argv[1])['llvm']()\n"
        "print(*{name.partition('.')[0] for name in sys.modules})\n"
    )
    folder = Path(object_code.llvm().__file__).parents[2]
    command = [sys.executable, "-I", "-S", "-c", code, object_code.__file__, str(folder)]
    imported = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    assert set(imported) - set(sys.stdlib_module_names) - {"__main__"} == {"llvmlite"}


def test_a_process_that_is_asked_nothing_ends(monkeypatch, tmp_path):
    path = tmp_path / "program.py"
    path.write_text(Path(object_code.__file__).read_text().replace("_IDLE_SECONDS = 30.0", "_IDLE_SECONDS = 0.1"))
    with monkeypatch.context() as patched:
        patched.setattr(object_code, "__file__", str(path))
        process = CompileProcess(host().machine)
    try:
        assert process._process.wait(timeout=20) == 0
        with pytest.raises(ProcessLostError):
            process.compile(text(0))
    finally:
        process.end()
        process.close()
