"""Bytecode for the processes that are measured: a program in use has been imported before."""

from __future__ import annotations

import os


def environment_that_keeps_bytecode() -> dict[str, str]:
    """This process's variables, less the one that forbids Python to keep what it compiles.

    An installation has its bytecode from the start, or from its first import on. Where the variable is set and one
    framework runs from a source tree, that one alone would compile all its sources at every import.
    """
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
