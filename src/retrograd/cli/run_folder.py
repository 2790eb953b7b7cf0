"""The folder that a training run leaves: weights, configuration, history."""

from __future__ import annotations

import errno
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import click

from retrograd.cli.evaluation import EpochResult
from retrograd.io.safetensors_io import save_file
from retrograd.version import __version__

MODEL: Final = "model.safetensors"
CONFIG: Final = "config.json"
HISTORY: Final = "history.json"


@dataclass(frozen=True)
class RunFolder:
    """A folder that is known to be writable. As a context, it takes back a new folder where nothing came to be saved.

    Attributes:
        path: where it is.
        made: whether it is new.
    """

    path: Path
    made: bool = False

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """Make the folder where it does not exist, and try it, so that no training is lost for want of a place.

        Raises:
            click.ClickException: it cannot be made or written to.
        """
        with clear_file_errors(path):
            made = not path.exists()
            if not made and not path.is_dir():
                raise NotADirectoryError(errno.ENOTDIR, "a file of that name is in the way")
            path.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path):
                pass
            return cls(path, made)

    def __enter__(self) -> RunFolder:
        return self

    def __exit__(self, *_: object) -> None:
        if self.made and not any(self.path.iterdir()):
            self.path.rmdir()

    def save(self, weights: Mapping[str, Any], config: Mapping[str, Any], history: list[EpochResult]) -> None:
        """Write the weights, what is needed to build the model again, and the curve of each epoch.

        All are written beside their places before the first is put there.

        Raises:
            click.ClickException: a file cannot be written. An earlier run's files are as they were.
        """
        partial = {name: self.path / f".{name}.partial" for name in (MODEL, CONFIG, HISTORY)}
        try:
            with clear_file_errors(self.path):
                save_file(weights, partial[MODEL])
                _write_json(partial[CONFIG], {"retrograd": __version__, **config})
                _write_json(partial[HISTORY], [result.as_dict() for result in history])
                for name, file in partial.items():
                    file.replace(self.path / name)
        finally:
            for file in partial.values():
                file.unlink(missing_ok=True)


@contextmanager
def clear_file_errors(folder: Path) -> Iterator[None]:
    """Say which folder could not be written, and why, in one line."""
    try:
        yield
    except OSError as error:
        raise click.ClickException(f"cannot write to the folder '{folder}': {error.strerror or error}") from error


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False) + "\n", encoding="utf-8")
