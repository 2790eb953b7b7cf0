"""The README's programs run as they stand, one after another."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

README = Path(__file__).parent.parent / "README.md"


def test_the_programs_run(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    for program in re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL):
        exec(compile(program, str(README), "exec"), names)
    printed = capsys.readouterr().out
    loss = re.search(r"^loss (\S+)$", printed, re.MULTILINE)
    assert loss is not None and float(loss[1]) < 1e-3
    assert re.search(r"^200 steps, the last with loss", printed, re.MULTILINE)
