"""Every test of the runtime runs on each backend."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param
