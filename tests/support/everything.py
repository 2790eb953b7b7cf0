"""All of the package, imported: operations are registered where they are defined."""

from __future__ import annotations

import importlib
import pkgutil

import retrograd as rg


def import_everything() -> None:
    for module in pkgutil.walk_packages(rg.__path__, "retrograd."):
        if ".backends." not in module.name and ".cli" not in module.name:
            importlib.import_module(module.name)
