"""A directory of files that can be made again: kernels, and the plans of programs.

A file's name is a hash of everything that its content depends on. Its layout:

    magic                   8 bytes
    checksum                32 bytes, BLAKE2b of all that follows
    length of the identity  4 bytes, little endian
    identity                UTF-8 text of all that the name was hashed from, compared in full on a hit
    content                 the rest

Files are written under another name and renamed, so that no reader ever sees half of one; a file that does not verify
is removed and made again.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
import warnings
from contextlib import suppress
from pathlib import Path

_MAGIC = b"rgcached"
_CHECKSUM_BYTES = 32
_LENGTH_BYTES = 4
_UNFINISHED = ".tmp"
# A file that was used this recently is not marked as used again, and an unfinished one may yet be finished.
_RECENT_SECONDS = 3600.0
# A full directory is cleared of more than there need be, this part of its size: listing it takes long.
_SPARE_PART = 16


class Disk:
    """A bounded directory of files by identity. Any failure of the file system makes it behave as empty.

    Args:
        directory: is made when there is something to write.
        maximum_bytes: files are removed, least recently used first, when together they exceed this.
        suffix: of its files; others in the directory are left alone.
    """

    def __init__(self, directory: Path, maximum_bytes: int, suffix: str) -> None:
        self._directory, self._maximum_bytes, self._suffix = directory, maximum_bytes, suffix
        self._writable = True
        self._bytes: int | None = None

    def read(self, identity: str) -> bytes | None:
        """What was written under an identity, or None."""
        path = self._path(identity)
        try:
            packed = path.read_bytes()
        except OSError:
            return None
        content = _unpack(packed, identity)
        with suppress(OSError):
            if content is None:
                path.unlink()
            else:
                _mark_used(path)
        return content

    def remove(self, identity: str) -> None:
        """Remove a file whose content turned out to be of no use."""
        with suppress(OSError):
            self._path(identity).unlink()

    def write(self, identity: str, content: bytes) -> None:
        """Keep something under an identity."""
        if not self._writable:
            return
        packed = _pack(identity, content)
        try:
            self._directory.mkdir(parents=True, exist_ok=True)
            _write_atomically(self._path(identity), packed)
        except OSError as error:
            self._writable = False
            warnings.warn(f"compiled kernels are not kept on disk: {error}", RuntimeWarning, stacklevel=2)
            return
        self._make_room(len(packed))

    def _make_room(self, written: int) -> None:
        """Remove the files that were not used for longest; the directory is listed only now and then."""
        if self._bytes is not None and self._bytes + written <= self._maximum_bytes:
            self._bytes += written
            return
        files = sorted(_files(self._directory, self._suffix), key=lambda file: file[1])
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
        return self._directory / (hashlib.blake2b(identity.encode(), digest_size=20).hexdigest() + self._suffix)


# -- one file ---------------------------------------------------------------------------------------------------------


def _pack(identity: str, content: bytes) -> bytes:
    name = identity.encode()
    body = len(name).to_bytes(_LENGTH_BYTES, "little") + name + content
    return _MAGIC + _checksum(body) + body


def _unpack(packed: bytes, identity: str) -> bytes | None:
    """The content, or None if the file is damaged or belongs to another identity."""
    start = len(_MAGIC) + _CHECKSUM_BYTES
    body = packed[start:]
    if packed[:start] != _MAGIC + _checksum(body):
        return None
    end = _LENGTH_BYTES + int.from_bytes(body[:_LENGTH_BYTES], "little")
    return body[end:] if body[_LENGTH_BYTES:end] == identity.encode() else None


def _checksum(body: bytes) -> bytes:
    return hashlib.blake2b(body, digest_size=_CHECKSUM_BYTES).digest()


def _write_atomically(path: Path, packed: bytes) -> None:
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=path.stem, suffix=_UNFINISHED)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(packed)
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


def _files(directory: Path, suffix: str) -> list[tuple[Path, float, int]]:
    """The cache's files with their times and sizes, unfinished ones only if they were abandoned."""
    files = []
    for path in directory.iterdir():
        with suppress(OSError):  # another process may have just removed it
            status = path.stat()
            abandoned = path.suffix == _UNFINISHED and time.time() - status.st_mtime > _RECENT_SECONDS
            if path.suffix == suffix or abandoned:
                files.append((path, status.st_mtime, status.st_size))
    return files
