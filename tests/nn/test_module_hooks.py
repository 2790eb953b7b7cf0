"""Hooks around `forward`: the same calls are seen, in the same order, as in PyTorch."""

from __future__ import annotations

from typing import Any

import pytest

import retrograd as rg
from retrograd.core.errors import GraphError
from tests.support.parity import needs_torch, torch


def _scaled(lib: Any) -> Any:
    class Scaled(lib.nn.Module):  # type: ignore[name-defined,misc]
        def forward(self, x: Any, *, scale: float = 1.0) -> Any:
            if scale < 0:
                raise ValueError("negative")
            return x * scale

    return Scaled()


def _calls(lib: Any) -> list[Any]:
    layer, seen = _scaled(lib), []

    def note(name: str, result: Any = None) -> Any:
        def hook(module: Any, *given: Any) -> Any:
            seen.append((name, [x if isinstance(x, dict) else _numbers(x) for x in given]))
            return result(given) if result is not None else None

        return hook

    layer.register_forward_pre_hook(note("first", lambda given: given[0][0] + 1))
    layer.register_forward_pre_hook(note("kwargs", lambda given: (given[0], {"scale": 3.0})), with_kwargs=True)
    handle = layer.register_forward_pre_hook(note("before"), prepend=True)
    layer.register_forward_hook(note("after", lambda given: given[1] * 2))
    layer.register_forward_hook(note("with kwargs"), with_kwargs=True, prepend=True)
    layer.register_forward_hook(note("always"), always_call=True)
    seen.append(_numbers(layer(lib.ones(1), scale=2.0)))
    handle.remove()
    seen.append(_numbers(layer(lib.ones(1))))
    return seen


def _numbers(x: Any) -> Any:
    if isinstance(x, tuple):
        return [_numbers(v) for v in x]
    return None if x is None else x.tolist()


def _after_an_error(lib: Any) -> list[Any]:
    layer, seen = _scaled(lib), []
    layer.register_forward_hook(lambda module, args, result: seen.append("never"))
    layer.register_forward_hook(lambda module, args, result: seen.append(result), always_call=True)
    with pytest.raises(ValueError, match="negative"):
        layer(lib.ones(1), scale=-1.0)
    return seen


@needs_torch
@pytest.mark.parametrize("calls", [_calls, _after_an_error])
def test_hooks_are_called_as_pytorch_calls_them(calls: Any) -> None:
    assert calls(rg) == calls(torch)


def test_a_hook_with_kwargs_must_return_both() -> None:
    layer = _scaled(rg)
    layer.register_forward_pre_hook(lambda module, args, kwargs: args[0], with_kwargs=True)
    with pytest.raises(GraphError, match=r"None or a tuple \(args, kwargs\)"):
        layer(rg.ones(1))
