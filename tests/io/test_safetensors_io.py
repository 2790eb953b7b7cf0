"""Weights written and read, and files that are damaged or hostile."""

from __future__ import annotations

import contextlib
import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from retrograd.io.safetensors_io import FileFormatError, load_file, save_file

ARRAYS = {
    "0.weight": np.arange(6, dtype=np.float32).reshape(2, 3),
    "0.bias": np.array([1.5, -2.0]),
    "steps": np.array(7, np.int64),
    "empty": np.zeros((0, 4), np.float32),
    "mask": np.array([True, False]),
    "transposed": np.arange(6, dtype=np.float32).reshape(2, 3).T,
    "strided": np.arange(10, dtype=np.int32)[::3],
    "swapped": np.arange(4, dtype=">f4"),
}


def test_round_trip(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file(ARRAYS, path)
    loaded = load_file(path)
    assert loaded.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(loaded[name], array)
        assert loaded[name].dtype == array.dtype.newbyteorder("=") and loaded[name].shape == array.shape
        loaded[name][...] = 0  # writable
    assert [entry.name for entry in tmp_path.iterdir()] == ["model.safetensors"], "no temporary file stays behind"


def test_replaces_and_follows_the_umask(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"old")
    reference = tmp_path / "plain"
    reference.write_bytes(b"")
    save_file({"a": np.ones(2, np.float32)}, path, {"format": "pt"})
    assert load_file(path)["a"].tolist() == [1.0, 1.0]
    assert path.stat().st_mode == reference.stat().st_mode


def test_what_cannot_be_written(tmp_path: Path) -> None:
    with pytest.raises(FileFormatError, match="'a' is no tensor"):
        save_file({"a": np.array([object()])}, tmp_path / "x")
    with pytest.raises(OSError):
        save_file({"a": np.ones(1)}, tmp_path / "missing" / "x")
    (tmp_path / "folder").mkdir()
    with pytest.raises(OSError):
        save_file({"a": np.ones(1)}, tmp_path / "folder")
    assert [entry.name for entry in tmp_path.iterdir()] == ["folder"]


def header(content: object, data: bytes = b"") -> bytes:
    text = content if isinstance(content, bytes) else json.dumps(content).encode()
    return len(text).to_bytes(8, "little") + text + data


def tensor(begin: int, end: int, shape: list[int], dtype: str = "F32") -> dict[str, object]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end]}


HOSTILE = {
    "empty": b"",
    "short": b"\x01\x02",
    "pickle": pickle.dumps({"a": 1}),
    "a header longer than the file": (1 << 60).to_bytes(8, "little") + b"{}",
    "no json": header(b"not json at all"),
    "a list": header([1, 2]),
    "offsets past the end": header({"a": tensor(0, 8, [2])}, b"\0" * 4),
    "offsets backwards": header({"a": tensor(8, 0, [2])}, b"\0" * 8),
    "shape and offsets disagree": header({"a": tensor(0, 8, [3])}, b"\0" * 8),
    "shape overflows": header({"a": tensor(0, 8, [1 << 62, 1 << 62])}, b"\0" * 8),
    "overlap": header({"a": tensor(0, 8, [2]), "b": tensor(4, 12, [2])}, b"\0" * 12),
    "a hole": header({"a": tensor(0, 4, [1]), "b": tensor(8, 12, [1])}, b"\0" * 12),
    "trailing bytes": header({"a": tensor(0, 4, [1])}, b"\0" * 8),
    "unknown dtype": header({"a": tensor(0, 4, [1], "Q99")}, b"\0" * 4),
    "negative shape": header({"a": tensor(0, 4, [-1])}, b"\0" * 4),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_damaged_and_hostile_files(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(HOSTILE[kind])
    with pytest.raises(FileFormatError, match=r"model\.safetensors is not a sound safetensors file"):
        load_file(path)


def test_every_cut_and_many_flips_are_survived(tmp_path: Path) -> None:
    path = tmp_path / "model.safetensors"
    save_file({"weight": np.ones((3, 4), np.float32)}, path)
    whole = path.read_bytes()
    for length in range(len(whole)):
        path.write_bytes(whole[:length])
        with pytest.raises(FileFormatError):
            load_file(path)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x15]) + whole[place + 1 :])
        with contextlib.suppress(FileFormatError):
            load_file(path)


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_file(tmp_path / "nothing")
    with pytest.raises(OSError):
        load_file(tmp_path)
