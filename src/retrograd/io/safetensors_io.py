"""Weights in the safetensors format: a header of names, shapes and dtypes, then the numbers. It cannot carry code.

Source: the format's one page, https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, numpy as safetensors_numpy

from retrograd.core.errors import RetrogradError

Array = npt.NDArray[Any]


class FileFormatError(RetrogradError, ValueError):
    """A file that is damaged, or is not of the format it should be."""


def save_file(
    state_dict: Mapping[str, npt.ArrayLike], path: str | os.PathLike[str], metadata: Mapping[str, str] | None = None
) -> None:
    """Write named tensors to a file, whole or not at all.

    Args:
        state_dict: tensors or arrays by name; what `Module.state_dict()` gives.
        path: where to write; a file that is there is replaced.
        metadata: further text to keep in the header.

    Raises:
        FileFormatError: a value that is no array of numbers.
        OSError: the file cannot be written.

    Example:
        >>> folder = tempfile.TemporaryDirectory()
        >>> save_file({"weight": np.ones((2, 3), np.float32)}, folder.name + "/model.safetensors")
        >>> load_file(folder.name + "/model.safetensors")["weight"].shape
        (2, 3)
    """
    arrays = {str(name): _as_native(name, value) for name, value in state_dict.items()}
    try:
        data = safetensors_numpy.save(arrays, dict(metadata) if metadata else None)
    except (SafetensorError, KeyError, TypeError) as error:
        raise FileFormatError(f"these tensors cannot be written as safetensors: {error}") from error
    _write_whole(Path(path), data)


def load_file(path: str | os.PathLike[str]) -> dict[str, Array]:
    """Read the named tensors of a file.

    Args:
        path: a safetensors file, from whomever: nothing in it is run.

    Returns:
        Arrays by name, in fresh memory; `Module.load_state_dict` takes them.

    Raises:
        FileFormatError: the file is damaged, cut short or of another format.
        OSError: the file is missing or cannot be read.
    """
    data = Path(path).read_bytes()
    try:
        arrays = safetensors_numpy.load(data)
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{os.fspath(path)} is not a sound safetensors file: {error}") from error
    return {name: np.array(array) for name, array in arrays.items()}


def _as_native(name: str, value: npt.ArrayLike) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise FileFormatError(f"'{name}' is no tensor of numbers, but {type(value).__name__} of dtype {array.dtype}")
    # The library writes memory as it lies: it must be row-major and in native byte order. (Not ascontiguousarray, which
    # turns a scalar into a vector.)
    return np.asarray(array, array.dtype.newbyteorder("="), order="C")


def _write_whole(path: Path, data: bytes) -> None:
    """Write beside the target and rename, so that a reader never sees half a file."""
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
        os.chmod(name, 0o666 & ~_umask())
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def _umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
