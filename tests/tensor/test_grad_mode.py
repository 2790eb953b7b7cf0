"""The gradient modes: as context managers and as decorators of functions, generators and classes, in any nesting."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

import retrograd as rg

torch = pytest.importorskip("torch")

from tests.support.both import check_same  # noqa: E402 -- it needs PyTorch

pytestmark = pytest.mark.parity


def _both_modes(lib: Any) -> tuple[bool, bool]:
    return lib.is_grad_enabled(), lib.is_inference_mode_enabled()


def _nested(lib: Any) -> Any:
    seen = []
    with lib.no_grad():
        seen.append(_both_modes(lib))
        with lib.enable_grad():
            seen.append(_both_modes(lib))
            with lib.inference_mode():
                seen.append(_both_modes(lib))
                with lib.inference_mode(False):
                    seen.append(_both_modes(lib))
            seen.append(_both_modes(lib))
        with lib.set_grad_enabled(True):
            seen.append(_both_modes(lib))
        seen.append(_both_modes(lib))
    return seen, _both_modes(lib)


def _inference_off_within_no_grad(lib: Any) -> Any:
    with lib.no_grad(), lib.inference_mode(False):
        return _both_modes(lib)


def _after_an_error(lib: Any) -> Any:
    try:
        with lib.no_grad():
            raise KeyError
    except KeyError:
        return _both_modes(lib)


def _one_object_many_times(lib: Any) -> Any:
    switch, seen = lib.no_grad(), []
    with switch:
        seen.append(_both_modes(lib))
    with switch:
        seen.append(_both_modes(lib))
    return seen, _both_modes(lib)


def _set_at_once(lib: Any) -> Any:
    lib.set_grad_enabled(False)
    seen = [_both_modes(lib)]
    lib.set_grad_enabled(mode=True)
    return seen, _both_modes(lib)


def _decorators(lib: Any) -> Any:
    @lib.no_grad()
    def called(x: Any) -> Any:
        return (x * 2.0).requires_grad, _both_modes(lib)

    @lib.no_grad
    def bare() -> Any:
        return _both_modes(lib)

    @lib.enable_grad()
    def enabled() -> Any:
        return _both_modes(lib)

    @lib.inference_mode()
    def inference() -> Any:
        return _both_modes(lib)

    @lib.inference_mode
    def bare_inference() -> Any:
        return _both_modes(lib)

    @lib.inference_mode(mode=False)
    def no_inference() -> Any:
        return _both_modes(lib)

    @lib.set_grad_enabled(False)
    def switched() -> Any:
        return _both_modes(lib)

    between = _both_modes(lib)
    x = lib.ones(2, requires_grad=True)
    with lib.no_grad():
        found = enabled(), no_inference()
    return called(x), bare(), inference(), bare_inference(), switched(), found, between, _both_modes(lib)


def _keeps_its_name(lib: Any) -> Any:
    @lib.no_grad()
    def function() -> None:
        """What it does."""

    return function.__name__, function.__doc__


def _recursive(lib: Any) -> Any:
    @lib.no_grad()
    def down(n: int) -> Any:
        return [_both_modes(lib), *(down(n - 1) if n else [])]

    return down(3), _both_modes(lib)


def _generator(lib: Any) -> Any:
    seen = []

    @lib.no_grad()
    def numbers() -> Any:
        seen.append(_both_modes(lib))
        got = yield 1
        seen.append((got, _both_modes(lib)))
        try:
            yield 2
        except ValueError:
            seen.append(("thrown", _both_modes(lib)))
            yield 3
        return 4

    generator = numbers()
    outside = [next(generator), _both_modes(lib), generator.send("sent"), _both_modes(lib)]
    outside += [generator.throw(ValueError), _both_modes(lib)]
    try:
        next(generator)
    except StopIteration as end:
        outside.append(end.value)
    return seen, outside


def _closed_generator(lib: Any) -> Any:
    seen = []

    @lib.no_grad()
    def numbers() -> Any:
        try:
            yield 1
        finally:
            seen.append(_both_modes(lib))

    generator = numbers()
    next(generator)
    generator.close()
    return seen, _both_modes(lib)


def _leaves_are_made_as_asked(lib: Any) -> Any:
    with lib.no_grad():
        x = lib.ones(2, requires_grad=True)
        y = x * 2.0
        z = y.requires_grad_()
    return x.requires_grad, y.requires_grad, z.requires_grad, x.is_leaf, y.is_leaf


@pytest.mark.parametrize(
    "program",
    [
        _nested,
        _inference_off_within_no_grad,
        _after_an_error,
        _one_object_many_times,
        _set_at_once,
        _decorators,
        _keeps_its_name,
        _recursive,
        _generator,
        _closed_generator,
        _leaves_are_made_as_asked,
    ],
)
def test_as_pytorch(program: Callable[[Any], Any]) -> None:
    check_same(program)
    assert rg.is_grad_enabled() and not rg.is_inference_mode_enabled()


def test_a_decorated_class_is_made_in_the_mode() -> None:
    @rg.no_grad()
    class Made:
        def __init__(self) -> None:
            self.enabled = rg.is_grad_enabled()

    assert isinstance(Made, type)
    assert not Made().enabled
