"""Compiled kernels, kept in memory and on disk.

A file on disk holds one object file. Its identity is everything its code depends on: the caller's key, this package's
version and the sources of its generators, LLVM's version, and the CPU.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import re
import threading
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from retrograd.backends.native.compile_all import compile_all
from retrograd.backends.native.compiler import host
from retrograd.backends.native.disk import Disk
from retrograd.backends.native.object_code import llvm, new_target_machine

DEFAULT_MAXIMUM_BYTES = 256 << 20

_SUFFIX = ".kernel"

Build = Callable[[], str]

# One for all caches, as LLVM has one. A fork waits for it: held in a child, nobody would ever release it.
_lock = threading.RLock()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class Kernels:
    """The functions that one key's code defines, loaded into the process."""

    def __init__(self, engine: _Engine, tag: str) -> None:
        self._engine, self._tag = engine, tag

    def address(self, name: str) -> int:
        """Where the function `name` starts.

        Raises:
            KeyError: the code defines no such function.
        """
        address = self._engine.address(f"{name}.{self._tag}")
        if address == 0:
            raise KeyError(name)
        return address


class _Engine:
    """Object files loaded together: one engine for many costs a fraction of an engine for each."""

    def __init__(self, object_files: Iterable[bytes]) -> None:
        binding = llvm()
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), new_target_machine(host().machine))
        for object_file in object_files:
            self._engine.add_object_file(binding.ObjectFileRef.from_data(object_file))
        self._engine.finalize_object()

    def address(self, symbol: str) -> int:
        return int(self._engine.get_function_address(symbol))


class KernelCache:
    """Finds compiled code by key, compiling it the first time.

    Nothing is ever dropped from memory.

    Args:
        directory: where files are kept; None keeps nothing on disk.
        maximum_bytes: files are removed, least recently used first, when together they exceed this.
    """

    def __init__(self, directory: Path | None, maximum_bytes: int = DEFAULT_MAXIMUM_BYTES) -> None:
        self._disk = None if directory is None else Disk(directory, maximum_bytes, _SUFFIX)
        self._loaded: dict[str, Kernels] = {}

    def __len__(self) -> int:
        """How many keys there is code of in the process."""
        return len(self._loaded)

    def get(self, key: str, build: Build) -> Kernels:
        """The code of `key`; `build` yields its LLVM IR and is called only if there is none yet."""
        return self._loaded.get(key) or self.get_many([(key, build)])[0]

    def get_many(self, requests: Sequence[tuple[str, Build]]) -> list[Kernels]:
        """`get` for several keys, which are loaded together: far quicker than one after the other."""
        with _lock:
            missing = {key: build for key, build in requests if key not in self._loaded}
            if missing:
                objects = self._object_files(missing)
                engine = _Engine(objects[key] for key in missing)
                self._loaded.update({key: Kernels(engine, _tag(key)) for key in missing})
            return [self._loaded[key] for key, _ in requests]

    def _object_files(self, builds: Mapping[str, Build]) -> dict[str, bytes]:
        """By key; what there is none of on disk is compiled."""
        found = {key: self._disk.read(_identity(key)) for key in builds} if self._disk is not None else {}
        objects = {key: content for key, content in found.items() if content is not None}

        def finished(key: str, made: bytes) -> None:
            objects[key] = made
            if self._disk is not None:
                self._disk.write(_identity(key), made)

        missing = {key: _tagged(key, build) for key, build in builds.items() if key not in objects}
        if missing:
            compile_all(missing, finished)
        return objects


# -- identity ---------------------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def environment() -> str:
    """All that compiled code depends on beside the caller's key, one item a line."""
    machine = host()
    generators = hashlib.blake2b(digest_size=16)
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        generators.update(path.read_bytes())
    version = ".".join(map(str, llvm().llvm_version_info))
    llvmlite = importlib.metadata.version("llvmlite")
    return "\n".join(
        [_package_version(), generators.hexdigest(), llvmlite, version, machine.triple, machine.cpu, machine.features]
    )


def _package_version() -> str:
    try:
        return importlib.metadata.version("retrograd")
    except importlib.metadata.PackageNotFoundError:
        return "uninstalled"


def _identity(key: str) -> str:
    return f"{environment()}\n{key}"


def _tagged(key: str, build: Build) -> Build:
    return lambda: _with_tagged_symbols(build(), _tag(key))


def _tag(key: str) -> str:
    return hashlib.blake2b(key.encode(), digest_size=12).hexdigest()


_DEFINITION = re.compile(r"^define (?!internal |private )[^@\n]*@([\w.$-]+)\(", re.MULTILINE)


def _with_tagged_symbols(text: str, tag: str) -> str:
    """Give the functions that a module exports names of their own, as object files are loaded together."""
    exported = sorted(_DEFINITION.findall(text), key=len, reverse=True)
    names = "|".join(map(re.escape, exported))
    return re.sub(rf"@({names})(?![\w.$-])", rf"@\1.{tag}", text) if exported else text


# -- the process's cache ----------------------------------------------------------------------------------------------


@functools.lru_cache(maxsize=1)
def kernel_cache() -> KernelCache:
    """The cache that `RETROGRAD_CACHE` (0: memory only), `RETROGRAD_CACHE_DIR` and `RETROGRAD_CACHE_SIZE` describe."""
    directory = cache_directory()
    return KernelCache(None) if directory is None else KernelCache(directory, cache_size())


def cache_directory() -> Path | None:
    """Where files are kept; None if nothing is to be kept."""
    return None if os.environ.get("RETROGRAD_CACHE") == "0" else _default_directory()


def cache_size() -> int:
    """How many bytes kernels may take there.

    Raises:
        ValueError: RETROGRAD_CACHE_SIZE is no number of bytes.
    """
    size = os.environ.get("RETROGRAD_CACHE_SIZE")
    return DEFAULT_MAXIMUM_BYTES if size is None else _bytes_of(size)


def _default_directory() -> Path:
    chosen = os.environ.get("RETROGRAD_CACHE_DIR")
    if chosen:
        return Path(chosen).expanduser()
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path("~/.cache").expanduser()) / "retrograd"


def _bytes_of(size: str) -> int:
    """A number of bytes, which may end in K, M or G.

    Raises:
        ValueError: it is not such a number.
    """
    match = re.fullmatch(r"(\d+)\s*([KMG]?)(i?B)?", size.strip(), re.IGNORECASE)
    if match is None:
        raise ValueError(f"RETROGRAD_CACHE_SIZE={size!r}: expected bytes, such as 268435456 or 256M")
    return int(match[1]) << {"": 0, "K": 10, "M": 20, "G": 30}[match[2].upper()]
