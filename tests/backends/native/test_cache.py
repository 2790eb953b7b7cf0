"""The kernel cache: hits, damage, strangers' files, limits, and processes that race."""

import ctypes
import importlib.metadata
import os
import signal
import subprocess
import sys
import threading
import warnings
from dataclasses import replace
from types import SimpleNamespace

import pytest

from retrograd.backends.native import cache, disk
from retrograd.backends.native.cache import KernelCache


def returning(value, name="f"):
    """IR of a function that returns a number, through an internal one whose name begins alike."""
    return (
        f"define internal i64 @{name}.inner() noinline {{\n  ret i64 {value}\n}}\n"
        f"define i64 @{name}() {{\n  %x = call i64 @{name}.inner()\n  ret i64 %x\n}}\n"
    )


def call(kernels, name="f"):
    return ctypes.CFUNCTYPE(ctypes.c_int64)(kernels.address(name))()


def never():
    raise AssertionError("compiled again")


def files(directory):
    return sorted(path for path in directory.iterdir() if path.suffix == ".kernel")


def test_code_is_built_once_and_read_back_by_another_cache(tmp_path):
    first = KernelCache(tmp_path)
    kernels = first.get("k", lambda: returning(5))
    assert call(kernels) == 5
    assert first.get("k", never) is kernels
    again = KernelCache(tmp_path).get("k", never)
    assert call(again) == 5
    with pytest.raises(KeyError, match="g"):
        again.address("g")


def test_many_keys_may_define_functions_of_the_same_name(tmp_path):
    requests = [(f"k{i}", lambda i=i: returning(i)) for i in range(10)]
    assert [call(kernels) for kernels in KernelCache(tmp_path).get_many(requests)] == list(range(10))
    cached = KernelCache(tmp_path)
    assert call(cached.get("k3", never)) == 3
    assert [call(kernels) for kernels in cached.get_many([(key, never) for key, _ in requests])] == list(range(10))


def test_a_key_asked_for_twice_at_once_is_built_once():
    built = []
    build = lambda: built.append(1) or returning(1)  # noqa: E731
    first, second = KernelCache(None).get_many([("k", build), ("k", build)])
    assert first is second and len(built) == 1


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: b"",
        lambda content: content[:7],
        lambda content: content[:-1],
        lambda content: content[: len(content) // 2],
        lambda content: content[:-1] + bytes([content[-1] ^ 1]),
        lambda content: bytes([content[0] ^ 1]) + content[1:],
        lambda content: content[:45] + b"\xff\xff\xff\xff" + content[49:],
        lambda content: content + b"x",
        lambda content: os.urandom(len(content)),
    ],
)
def test_a_damaged_file_is_made_again(tmp_path, damage):
    KernelCache(tmp_path).get("k", lambda: returning(1))
    (path,) = files(tmp_path)
    path.write_bytes(damage(path.read_bytes()))
    assert call(KernelCache(tmp_path).get("k", lambda: returning(2))) == 2
    assert call(KernelCache(tmp_path).get("k", never)) == 2


def test_a_file_of_another_key_is_not_taken(tmp_path):
    KernelCache(tmp_path).get("a", lambda: returning(1))
    (a,) = files(tmp_path)
    KernelCache(tmp_path).get("b", lambda: returning(2))
    (b,) = set(files(tmp_path)) - {a}
    b.write_bytes(a.read_bytes())
    assert call(KernelCache(tmp_path).get("b", lambda: returning(3))) == 3


def test_another_environment_has_files_of_its_own(tmp_path, monkeypatch):
    KernelCache(tmp_path).get("k", lambda: returning(1))
    monkeypatch.setattr(cache, "environment", lambda: "another CPU")
    assert call(KernelCache(tmp_path).get("k", lambda: returning(2))) == 2
    assert len(files(tmp_path)) == 2


@pytest.mark.parametrize("part", ["package", "generators", "llvmlite", "LLVM", "CPU"])
def test_all_that_code_depends_on_is_in_the_environment(part, tmp_path, monkeypatch):
    before = cache.environment.__wrapped__()
    version = importlib.metadata.version
    if part == "package":
        monkeypatch.setattr(cache, "_package_version", lambda: "another")
    elif part == "generators":
        monkeypatch.setattr(cache, "__file__", str(tmp_path / "cache.py"))
    elif part == "llvmlite":
        monkeypatch.setattr(cache.importlib.metadata, "version", lambda name: version(name) + ".1")
    elif part == "LLVM":
        monkeypatch.setattr(cache, "llvm", lambda: SimpleNamespace(llvm_version_info=(99, 0, 0)))
    else:
        machine = replace(cache.host(), features="+another")
        monkeypatch.setattr(cache, "host", lambda: machine)
    assert cache.environment.__wrapped__() != before


def test_the_least_recently_used_files_are_evicted(tmp_path):
    KernelCache(tmp_path).get("k0", lambda: returning(0))
    (first,) = files(tmp_path)
    size = first.stat().st_size
    limited = KernelCache(tmp_path, maximum_bytes=4 * size + size // 2)
    for i in range(1, 4):
        limited.get(f"k{i}", lambda i=i: returning(i))
    for age, path in enumerate(sorted(files(tmp_path), key=lambda path: path.stat().st_mtime_ns)):
        os.utime(path, (0, 10_000 + age))
    KernelCache(tmp_path).get("k0", never)  # used just now, though it is the oldest
    limited.get("k4", lambda: returning(4))
    assert len(files(tmp_path)) == 4
    assert call(KernelCache(tmp_path).get("k0", never)) == 0
    assert call(KernelCache(tmp_path).get("k1", lambda: returning(11))) == 11


def test_a_full_directory_is_not_listed_for_every_file(tmp_path, monkeypatch):
    KernelCache(tmp_path).get("k", lambda: returning(0))
    size = files(tmp_path)[0].stat().st_size
    listed = []
    every = disk._files
    monkeypatch.setattr(disk, "_files", lambda *given: listed.append(1) or every(*given))
    limited = KernelCache(tmp_path, maximum_bytes=32 * size)
    for i in range(100):
        limited.get(f"k{i}", lambda i=i: returning(i))
        assert len(files(tmp_path)) <= 33
    assert len(files(tmp_path)) >= 29
    assert len(listed) < 50


def test_only_abandoned_unfinished_files_are_evicted(tmp_path):
    fresh, abandoned = tmp_path / "fresh.tmp", tmp_path / "abandoned.tmp"
    for path in (fresh, abandoned):
        path.write_bytes(bytes(100))
    os.utime(abandoned, (0, 0))
    KernelCache(tmp_path, maximum_bytes=0).get("k", lambda: returning(1))
    assert list(tmp_path.iterdir()) == [fresh]


def test_an_unwritable_directory_means_memory_only_with_one_warning(tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    memory_only = KernelCache(blocked / "cache")
    with pytest.warns(RuntimeWarning, match="not kept on disk") as caught:
        assert call(memory_only.get("a", lambda: returning(1))) == 1
    assert len(caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert call(memory_only.get("b", lambda: returning(2))) == 2


def test_an_interrupted_compile_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    interrupted = KernelCache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        interrupted.get_many([("a", lambda: returning(1)), ("b", interrupt)])
    with monkeypatch.context() as patched:
        patched.setattr(disk.os, "replace", interrupt)
        with pytest.raises(KeyboardInterrupt):
            interrupted.get("b", lambda: returning(2))
    assert [path.suffix for path in tmp_path.iterdir()] == [".kernel"]
    assert call(interrupted.get("a", never)) == 1
    assert call(interrupted.get("b", lambda: returning(2))) == 2


def test_ctrl_c_while_llvm_works(tmp_path):
    """The kernel at work is finished or not there at all, the next one is not begun, and all goes on afterwards."""
    lines = [f"  %x{i} = mul i64 %x{i - 1}, %x{i - 2}" for i in range(2, 1500)]
    long = "\n".join(["define i64 @f(i64 %x0, i64 %x1) {", *lines, "  ret i64 %x1499", "}"])

    def soon():
        threading.Timer(0.01, os.kill, (os.getpid(), signal.SIGINT)).start()
        return long

    kernels = KernelCache(tmp_path)
    with pytest.raises(KeyboardInterrupt):
        kernels.get_many([("a", lambda: returning(1)), ("b", soon), ("c", never)])
    assert len(kernels) == 0
    assert {path.suffix for path in tmp_path.iterdir()} == {".kernel"}
    assert call(kernels.get("a", never)) == 1
    first, second = kernels.get_many([("b", lambda: long), ("c", lambda: returning(3))])
    assert ctypes.CFUNCTYPE(ctypes.c_int64, *[ctypes.c_int64] * 2)(first.address("f"))(1, 1) == 1
    assert call(second) == 3


def test_processes_that_race(tmp_path):
    code = (
        "import ctypes, sys, pathlib\n"
        "from retrograd.backends.native.cache import KernelCache\n"
        "kernels = KernelCache(pathlib.Path(sys.argv[1]), 4000)\n"
        "for i in range(12):\n"
        "    ir = 'define i64 @f() {\\n  ret i64 %d\\n}\\n' % i\n"
        "    address = kernels.get(str(i), lambda: ir).address('f')\n"
        "    assert ctypes.CFUNCTYPE(ctypes.c_int64)(address)() == i\n"
    )
    racers = [subprocess.Popen([sys.executable, "-c", code, str(tmp_path)]) for _ in range(3)]
    assert [racer.wait(timeout=60) for racer in racers] == [0, 0, 0]
    assert all(path.suffix == ".kernel" for path in tmp_path.iterdir())


def test_the_environment_configures_the_cache(tmp_path, monkeypatch):
    made = []
    monkeypatch.setattr(cache, "KernelCache", lambda *args: made.append(args))
    for name in ("RETROGRAD_CACHE", "RETROGRAD_CACHE_DIR", "RETROGRAD_CACHE_SIZE"):
        monkeypatch.delenv(name, raising=False)
    fresh = cache.kernel_cache.__wrapped__
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    fresh()
    assert made.pop() == (tmp_path / "retrograd", 256 << 20)
    monkeypatch.setenv("RETROGRAD_CACHE_DIR", str(tmp_path / "mine"))
    monkeypatch.setenv("RETROGRAD_CACHE_SIZE", "3M")
    fresh()
    assert made.pop() == (tmp_path / "mine", 3 << 20)
    monkeypatch.setenv("RETROGRAD_CACHE_SIZE", "lots")
    with pytest.raises(ValueError, match="RETROGRAD_CACHE_SIZE"):
        fresh()
    monkeypatch.setenv("RETROGRAD_CACHE", "0")
    fresh()
    assert made.pop() == (None,)


def test_exported_symbols_are_renamed_and_nothing_else():
    text = "define void @f(ptr %f) {\n  call void @f.g()\n  call void @f()\n}\ndefine internal void @f.g() {\n}\n"
    tagged = cache._with_tagged_symbols(text, "t")
    assert tagged == text.replace("@f(", "@f.t(")
    assert cache._with_tagged_symbols("declare void @f()", "t") == "declare void @f()"
