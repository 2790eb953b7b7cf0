"""What all tests share: Ctrl-C that works, kernels kept in a directory of this run, for all of its workers, and no
plans of an earlier run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import signal
import tempfile

import pytest

# Modules for tests to import, of which some need PyTorch; doctest would import them all.
collect_ignore = ["support"]

_made = pytest.StashKey[str]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew instead of comparing")


def pytest_configure(config: pytest.Config) -> None:
    # A shell that runs the tests in the background has them ignore Ctrl-C, and some tests are about it.
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Workers of xdist inherit the environment of the process that made the directory.
    if "RETROGRAD_CACHE_DIR" not in os.environ:
        config.stash[_made] = os.environ["RETROGRAD_CACHE_DIR"] = tempfile.mkdtemp(prefix="retrograd-test-")
    # What is tested is how plans are made; that they are found again is tested in one place.
    os.environ.setdefault("RETROGRAD_PLANS", "0")


def pytest_runtest_setup(item: pytest.Item) -> None:
    if item.get_closest_marker("parity") and importlib.util.find_spec("torch") is None:
        pytest.skip("PyTorch is not installed")


def pytest_unconfigure(config: pytest.Config) -> None:
    directory = config.stash.get(_made, None)
    if directory is not None:
        del os.environ["RETROGRAD_CACHE_DIR"]
        shutil.rmtree(directory, ignore_errors=True)
