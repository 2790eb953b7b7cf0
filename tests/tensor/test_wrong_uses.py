"""Wrong uses of factories and joins: each error says what was wrong and what to do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import DTypeError, OptionError, RetrogradError, ShapeError

CASES: list[tuple[Callable[[], Any], type[RetrogradError], str]] = [
    (lambda: rg.tensor([[1, 2], [3]]), ShapeError, "same length"),
    (lambda: rg.tensor("abc"), DTypeError, "str data"),
    (lambda: rg.zeros(-1), ShapeError, "must not be negative"),
    (lambda: rg.cat([]), OptionError, "empty"),
    (lambda: rg.stack([]), OptionError, "empty"),
    (lambda: rg.cat([rg.zeros(2, 3), rg.zeros(3, 2)]), ShapeError, "agree except along axis 0"),
    (lambda: rg.zeros(2, 3) @ rg.zeros(2, 3), ShapeError, "do not fit"),
    (lambda: rg.zeros(2, 3) + rg.zeros(4), ShapeError, "do not broadcast"),
    (lambda: rg.zeros(2).to("cuda"), OptionError, "computes on 'cpu'"),
]


@pytest.mark.parametrize(("use", "error", "message"), CASES)
def test_wrong_use(use: Callable[[], Any], error: type[RetrogradError], message: str) -> None:
    with pytest.raises(error, match=message):
        use()
