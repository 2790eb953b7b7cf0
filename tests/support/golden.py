"""Golden files: what a stage wrote when somebody last read it and found it good."""

from __future__ import annotations

from pathlib import Path

import pytest


def check_golden(request: pytest.FixtureRequest, name: str, text: str) -> None:
    """Require that a text is that of a file in the folder `golden` beside the test; `--update-golden` writes it."""
    path = Path(request.path).parent / "golden" / name
    if request.config.getoption("--update-golden"):
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        return
    hint = f"{path.name}: read the difference, and if it is meant, run pytest --update-golden"
    assert path.is_file(), hint
    assert text.splitlines() == path.read_text().splitlines(), hint
