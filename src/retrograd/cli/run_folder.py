"""The folder that a training run leaves: weights, configuration, history."""

from __future__ import annotations

import dataclasses
import errno
import json
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retrograd.cli.digits_training import CLASSES, PIXELS, DigitsTraining, Evaluation
from retrograd.io.safetensors_io import save_file
from retrograd.version import __version__

MODEL: Final = "model.safetensors"
CONFIG: Final = "config.json"
HISTORY: Final = "history.json"


@dataclass(frozen=True)
class RunFolder:
    """A folder that is known to be writable.

    Attributes:
        path: where it is.
    """

    path: Path

    @classmethod
    def create(cls, path: Path) -> RunFolder:
        """Make the folder where it does not exist, and try it, so that no training is lost for want of a place.

        Raises:
            OSError: it cannot be made or written to.
        """
        if path.exists() and not path.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, "a file of that name is in the way")
        path.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            pass
        return cls(path)

    def save(self, training: DigitsTraining, held_out: Evaluation) -> None:
        """Write the weights, what is needed to build the model again, and the curve of each epoch.

        Raises:
            OSError: a file cannot be written.
        """
        options = training.options
        config = {
            "retrograd": __version__,
            "data": "digits",
            "input": "64 pixels from 0 to 16, divided by 16",
            "layers": [PIXELS, *options.hidden, CLASSES],
            "activation": "relu",
            "training": dataclasses.asdict(options) | {"lr": options.learning_rate},
            "held_out": held_out._asdict(),
        }
        save_file(training.model.state_dict(), self.path / MODEL)
        self._write_json(CONFIG, config)
        self._write_json(HISTORY, [result.as_dict() for result in training.history])

    def _write_json(self, name: str, content: object) -> None:
        partial = self.path / f".{name}.partial"
        partial.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        partial.replace(self.path / name)
