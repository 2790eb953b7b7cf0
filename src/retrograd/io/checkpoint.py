"""save and load: nested data with tensors in it, as one safetensors file. There are no pickles."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, BinaryIO, Final

from retrograd.core.device import device as Device, require_cpu
from retrograd.io.safetensors_io import FileFormatError, from_bytes, to_bytes, write_whole
from retrograd.io.structure import Reader, StructureError, Writer
from retrograd.tensor.tensor import from_array

_STRUCTURE: Final = "retrograd.structure"
_PICKLES: Final = (b"PK\x03\x04", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05")

Target = str | os.PathLike[str] | BinaryIO


def save(
    obj: Any,
    f: Target,
    pickle_module: Any = None,
    pickle_protocol: int = 2,
    _use_new_zipfile_serialization: bool = True,
) -> None:
    """Write data to a file, whole or not at all.

    The file is a safetensors file: other programs find the tensors of a `state_dict` under their names. What holds them
    (`io/structure.py`) stands in its header.

    Args:
        obj: tensors and arrays, numbers, text, bytes, None, dtypes and devices, and lists, tuples, sets and
            dictionaries of them, nested as one likes. What is there twice is there once in the file.
        f: a path, or a file that was opened for writing bytes.
        pickle_module, pickle_protocol: accepted for PyTorch's sake.

    Raises:
        StructureError: something in it is of another kind; of a module, save its `state_dict()`.
        OSError: the file cannot be written.

    Source: torch.save. Deviation: the format.

    >>> import io, retrograd as rg
    >>> file = io.BytesIO()
    >>> rg.save({"weight": rg.ones(2), "epoch": 3}, file)
    >>> _ = file.seek(0)
    >>> rg.load(file)
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    writer = Writer()
    description = writer.describe(obj)
    data = to_bytes(writer.arrays, {_STRUCTURE: json.dumps(description, allow_nan=False), "format": "retrograd"})
    if isinstance(f, (str, os.PathLike)):
        write_whole(Path(f), data)
    else:
        f.write(data)


def load(
    f: Target,
    map_location: Any = None,
    pickle_module: Any = None,
    *,
    weights_only: bool | None = None,
    mmap: bool | None = None,
    **pickle_load_args: Any,
) -> Any:
    """Read what `save` wrote; of any other safetensors file, its tensors by name.

    Args:
        f: a path, or a file that was opened for reading bytes.
        map_location: "cpu", or anything that leads there.
        weights_only, mmap, pickle_module, pickle_load_args: accepted for PyTorch's sake: nothing in a file is run.

    Raises:
        FileFormatError: the file is damaged, or of another format, such as a pickle that PyTorch wrote.
        OptionError: a device that is not there. OSError: the file cannot be read.

    Source: torch.load. Deviation: the format.
    """
    if isinstance(map_location, (str, Device)):
        require_cpu(map_location)
    is_path = isinstance(f, (str, os.PathLike))
    name = os.fspath(f) if isinstance(f, (str, os.PathLike)) else "the file"
    data = Path(name).read_bytes() if is_path else f.read()  # type: ignore[union-attr]
    if data.startswith(_PICKLES):
        raise FileFormatError(
            f"{name} is a pickle, as torch.save writes them, and pickles run any code; convert it where PyTorch is, "
            "with safetensors.torch.save_file(torch.load(...), ...), and load that"
        )
    arrays, metadata = from_bytes(data, name)
    if _STRUCTURE not in metadata:
        return {key: from_array(array) for key, array in arrays.items()}
    try:
        return Reader(arrays).build(json.loads(metadata[_STRUCTURE]))
    except (StructureError, json.JSONDecodeError) as error:
        raise FileFormatError(f"{name}: {error}") from error
