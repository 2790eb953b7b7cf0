"""Weights in the safetensors format: a header of names, shapes and dtypes, then the numbers. It cannot carry code.

Source: the format's one page, https://github.com/huggingface/safetensors#format.
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError, deserialize, numpy as safetensors_numpy

from retrograd.core.dtype import bfloat16
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
    write_whole(Path(path), to_bytes(state_dict, metadata))


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
    return from_bytes(Path(path).read_bytes(), os.fspath(path))[0]


def to_bytes(state_dict: Mapping[str, npt.ArrayLike], metadata: Mapping[str, str] | None = None) -> bytes:
    """The content of a file with named tensors; arguments and errors are those of `save_file`."""
    arrays = {str(name): _as_native(name, value) for name, value in state_dict.items()}
    try:
        content: bytes = safetensors_numpy.save(arrays, dict(metadata) if metadata else None)
        return content
    except (SafetensorError, KeyError, TypeError) as error:
        raise FileFormatError(f"these tensors cannot be written as safetensors: {error}") from error


def from_bytes(data: bytes, name: str) -> tuple[dict[str, Array], dict[str, str]]:
    """The tensors, in fresh memory, and the further text of a file's content.

    Args:
        data: the content.
        name: of the file, for messages.

    Raises:
        FileFormatError: the content is damaged, cut short or of another format.
    """
    try:
        found = {key: _array(part) for key, part in deserialize(data)}  # type: ignore[no-untyped-call]
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise FileFormatError(f"{name} is not a sound safetensors file: {error}") from error
    return found, header.get("__metadata__", {})


# The format's names of dtypes.
_DTYPES: Final = {
    "F64": np.float64, "F32": np.float32, "F16": np.float16, "BF16": bfloat16.numpy, "I64": np.int64, "U64":
    np.uint64, "I32": np.int32, "U32": np.uint32, "I16": np.int16, "U16": np.uint16, "I8": np.int8, "U8": np.uint8,
    "BOOL": np.bool_,
}  # fmt: skip


def _array(part: Mapping[str, Any]) -> Array:
    dtype = np.dtype(_DTYPES[part["dtype"]])
    array = np.frombuffer(part["data"], dtype.newbyteorder("<")).reshape(part["shape"])
    return np.array(array, dtype.newbyteorder("="))


def _as_native(name: str, value: npt.ArrayLike) -> Array:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf" and array.dtype != bfloat16.numpy:
        raise FileFormatError(f"'{name}' is no tensor of numbers, but {type(value).__name__} of dtype {array.dtype}")
    # The library writes memory as it lies: it must be row-major and in native byte order. (Not ascontiguousarray, which
    # turns a scalar into a vector.)
    return np.asarray(array, array.dtype.newbyteorder("="), order="C")


def write_whole(path: Path, data: bytes) -> None:
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
