"""Compiled kernels, kept in memory and on disk.

A file holds one object file. Its name is a hash of everything its code depends on: the caller's key, this package's
version and the sources of its generators, LLVM's version, and the CPU. Its layout:

    magic                   8 bytes
    checksum                32 bytes, BLAKE2b of all that follows
    length of the identity  4 bytes, little endian
    identity                UTF-8 text of all that the name was hashed from, compared in full on a hit
    object file             the rest

Files are written under another name and renamed, so that no reader ever sees half of one; a file that does not verify
is removed and made again. Misses are compiled one after the other: llvmlite holds one lock around all of LLVM.
"""

from __future__ import annotations

import functools
import hashlib
import importlib.metadata
import os
import re
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from retrograd.backends.native.compiler import compile_object, host, llvm

DEFAULT_MAXIMUM_BYTES = 256 << 20

_MAGIC = b"rgkernel"
_CHECKSUM_BYTES = 32
_LENGTH_BYTES = 4
_SUFFIX = ".kernel"
_UNFINISHED = ".tmp"
# A file that was used this recently is not marked as used again, and an unfinished one may yet be finished.
_RECENT_SECONDS = 3600.0
# A full directory is cleared of more than there need be, this part of its size: listing it takes long.
_SPARE_PART = 16

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
        binding, machine = llvm(), host()
        target = binding.Target.from_triple(machine.triple)
        target_machine = target.create_target_machine(cpu=machine.cpu, features=machine.features, reloc="pic")
        self._engine = binding.create_mcjit_compiler(binding.parse_assembly(""), target_machine)
        for object_file in object_files:
            self._engine.add_object_file(binding.ObjectFileRef.from_data(object_file))
        self._engine.finalize_object()

    def address(self, symbol: str) -> int:
        return int(self._engine.get_function_address(symbol))


class KernelCache:
    """Finds compiled code by key, compiling it the first time.

    Nothing is ever dropped from memory: programs hold addresses.

    Args:
        directory: where files are kept; None keeps nothing on disk.
        maximum_bytes: files are removed, least recently used first, when together they exceed this.
    """

    def __init__(self, directory: Path | None, maximum_bytes: int = DEFAULT_MAXIMUM_BYTES) -> None:
        self._disk = None if directory is None else _Disk(directory, maximum_bytes)
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
                tags = {key: _tag(key) for key in missing}
                objects = [self._object_file(key, tags[key], build) for key, build in missing.items()]
                engine = _Engine(objects)
                self._loaded.update({key: Kernels(engine, tag) for key, tag in tags.items()})
            return [self._loaded[key] for key, _ in requests]

    def _object_file(self, key: str, tag: str, build: Build) -> bytes:
        identity = f"{environment()}\n{key}"
        found = self._disk.read(identity) if self._disk is not None else None
        if found is not None:
            return found
        made = compile_object(_with_tagged_symbols(build(), tag))
        if self._disk is not None:
            self._disk.write(identity, made)
        return made


class _Disk:
    """A directory of object files. Any failure of the file system makes it behave as empty."""

    def __init__(self, directory: Path, maximum_bytes: int) -> None:
        self._directory, self._maximum_bytes = directory, maximum_bytes
        self._writable = True
        self._bytes: int | None = None

    def read(self, identity: str) -> bytes | None:
        path = self._path(identity)
        try:
            content = path.read_bytes()
        except OSError:
            return None
        object_file = _unpack(content, identity)
        with suppress(OSError):
            if object_file is None:
                path.unlink()
            else:
                _mark_used(path)
        return object_file

    def write(self, identity: str, object_file: bytes) -> None:
        if not self._writable:
            return
        content = _pack(identity, object_file)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            _write_atomically(self._path(identity), content)
        except OSError as error:
            self._writable = False
            warnings.warn(f"compiled kernels are not kept on disk: {error}", RuntimeWarning, stacklevel=2)
            return
        self._make_room(len(content))

    def _make_room(self, written: int) -> None:
        """Remove the files that were not used for longest; the directory is listed only now and then."""
        if self._bytes is not None and self._bytes + written <= self._maximum_bytes:
            self._bytes += written
            return
        files = sorted(_files(self._directory), key=lambda file: file[1])
        self._bytes = sum(size for _, _, size in files)
        if self._bytes <= self._maximum_bytes:
            return
        for path, _, size in files:
            if self._bytes <= self._maximum_bytes - self._maximum_bytes // _SPARE_PART:
                break
            with suppress(OSError):
                path.unlink()
            self._bytes -= size

    def _path(self, identity: str) -> Path:
        return self._directory / (hashlib.blake2b(identity.encode(), digest_size=20).hexdigest() + _SUFFIX)


# -- one file ---------------------------------------------------------------------------------------------------------


def _pack(identity: str, object_file: bytes) -> bytes:
    name = identity.encode()
    body = len(name).to_bytes(_LENGTH_BYTES, "little") + name + object_file
    return _MAGIC + _checksum(body) + body


def _unpack(content: bytes, identity: str) -> bytes | None:
    """The object file, or None if the content is damaged or belongs to another identity."""
    start = len(_MAGIC) + _CHECKSUM_BYTES
    body = content[start:]
    if content[:start] != _MAGIC + _checksum(body):
        return None
    end = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "little")
    return body[end:] if body[_LENGTH_BYTES:end] == identity.encode() else None


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES).digest()


def _write_atomically(path: Path, content: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=_UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.replace(temporary, path)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)
        raise


def _mark_used(path: Path) -> None:
    """Note by the modification time that a file was used; access times are often switched off."""
    now = time.time()
    if now - path.stat().st_mtime > _RECENT_SECONDS:
        os.utime(path, (now, now))


def _files(directory: Path) -> list[tuple[Path, float, int]]:
    """The cache's files with their times and sizes, unfinished ones only if they were abandoned."""
    files = []
    for path in directory.iterdir():
        with suppress(OSError):  # another process may have just removed it
            status = path.stat()
            abandoned = path.suffix == _UNFINISHED and time.time() - status.st_mtime > _RECENT_SECONDS
            if path.suffix == _SUFFIX or abandoned:
                files.append((path, status.st_mtime, status.st_size))
    return files


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
    if os.environ.get("RETROGRAD_CACHE") == "0":
        return KernelCache(None)
    size = os.environ.get("RETROGRAD_CACHE_SIZE")
    return KernelCache(_default_directory(), DEFAULT_MAXIMUM_BYTES if size is None else _bytes_of(size))


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
