"""gradcheck and gradgradcheck find what is wrong, say where, and let pass what is right."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from retrograd.autograd import GradcheckError, gradcheck, gradgradcheck
from retrograd.core.errors import OptionError
from retrograd.runtime.devices import use_backend
from tests.support.backends import BACKENDS


@pytest.fixture(params=BACKENDS, autouse=True)
def backend(request: pytest.FixtureRequest) -> Iterator[str]:
    with use_backend(request.param):
        yield request.param


def leaf(*shape: int, seed: int = 0) -> Any:
    return rg.tensor(np.random.default_rng(seed).uniform(0.5, 1.5, shape), requires_grad=True)


def with_backward(rule: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """x * x with a backward pass of one's own."""

    class Square(rg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        def backward(ctx: Any, g: Any) -> Any:
            return rule(g, ctx.saved_tensors[0])

    return Square.apply


right = with_backward(lambda g, x: g * 2.0 * x)


@pytest.mark.parametrize("fast_mode", [False, True])
@pytest.mark.parametrize(
    "function",
    [
        lambda x, y: x * y.exp(),
        lambda x, y: (x @ y.t(), (x / y).sum()),
        lambda x, y: (x.sin(), x.argmax(1), 3.0),
        lambda x, y: x[0] * y[1, 0],
        lambda x, y: right(x) * y,
    ],
)
def test_what_is_right_passes(function: Any, fast_mode: bool) -> None:
    inputs = (leaf(2, 3), leaf(2, 3, seed=1))
    assert gradcheck(function, inputs, fast_mode=fast_mode, check_grad_dtypes=True, check_batched_grad=True)
    assert gradgradcheck(function, inputs, fast_mode=fast_mode)


@pytest.mark.parametrize("fast_mode", [False, True])
def test_what_is_wrong_is_found(fast_mode: bool) -> None:
    wrong = with_backward(lambda g, x: g * 2.1 * x)
    with pytest.raises(GradcheckError, match=r"(?s)of output 1 by input 2 differs by up to .*numerical:.*analytical:"):
        gradcheck(lambda a, b, x: (a * b, wrong(x)), (leaf(2), rg.ones(2).double(), leaf(2)), fast_mode=fast_mode)
    assert not gradcheck(wrong, leaf(2), raise_exception=False, fast_mode=fast_mode)


def test_numbers_are_shown() -> None:
    wrong = with_backward(lambda g, x: g * 3.0 * x)
    x = rg.tensor([1.0, 2.0], dtype=rg.float64, requires_grad=True)
    with pytest.raises(GradcheckError) as caught:
        gradcheck(wrong, x)
    text = str(caught.value)
    numerical, analytical = (np.fromstring(re.sub(r"[\[\]]", "", part), sep=" ") for part in _matrices(text))
    np.testing.assert_allclose(numerical, [2, 0, 0, 4], atol=1e-6)
    np.testing.assert_array_equal(analytical, [3, 0, 0, 6])


def _matrices(text: str) -> list[str]:
    return text.split("numerical:")[1].split("analytical:")


def test_a_gradient_that_is_missing_is_found() -> None:
    with pytest.raises(GradcheckError, match="does not require a gradient"):
        gradcheck(lambda x: (x * 1.0, (x * x).detach()), leaf(2))


def test_second_gradients_are_checked() -> None:
    # Right as a first derivative; constant in x to the second pass.
    wrong = with_backward(lambda g, x: g * 2.0 * x.detach())
    assert gradcheck(wrong, leaf(3))
    with pytest.raises(GradcheckError):
        gradgradcheck(wrong, leaf(3))
    assert gradgradcheck(right, leaf(3))
    assert gradgradcheck(lambda x: x**3, leaf(3), rg.ones(3).double().requires_grad_())
    assert gradgradcheck(lambda x: x**3, leaf(2, 3), gen_non_contig_grad_outputs=True)


def test_a_backward_that_changes_its_mind_is_found() -> None:
    calls: list[int] = []

    def rule(g: Any, x: Any) -> Any:
        calls.append(1)
        return g * 2.0 * x * (1.0 + 1e-9 * len(calls))

    with pytest.raises(GradcheckError, match="not deterministic"):
        gradcheck(with_backward(rule), leaf(2))
    assert gradcheck(with_backward(rule), leaf(2), nondet_tol=1e-6)


def test_gradients_of_the_wrong_dtype() -> None:
    x = rg.tensor([1.0, 2.0], requires_grad=True)
    with pytest.warns(UserWarning, match="input 0 is float32"):
        assert gradcheck(lambda x: x * 2.0, x, eps=1e-2, check_grad_dtypes=True)


def test_outputs_that_no_gradient_reaches() -> None:
    class Two(rg.autograd.Function):
        @staticmethod
        def forward(ctx: Any, x: Any) -> Any:
            ctx.set_materialize_grads(False)
            return x * 2.0, x * 3.0

        @staticmethod
        def backward(ctx: Any, a: Any, b: Any) -> Any:
            first = 1.0 if a is None else 2.0 * a
            return first + 3.0 * b if b is not None else first

    with pytest.raises(GradcheckError):
        gradcheck(Two.apply, leaf(2))
    wrong_only_when_undefined = lambda x: Two.apply(x)[0] + Two.apply(x)[1]  # noqa: E731
    with pytest.raises(GradcheckError):
        gradcheck(wrong_only_when_undefined, leaf(2))


def test_inputs_are_put_back_also_after_an_error() -> None:
    x = leaf(3)
    before = x.tolist()
    calls: list[int] = []

    def function(x: Any) -> Any:
        calls.append(1)
        if len(calls) == 4:
            raise ValueError
        return x * 2.0

    with pytest.raises(ValueError):
        gradcheck(function, x)
    assert x.tolist() == before


@pytest.mark.parametrize(
    ("inputs", "message"),
    [
        (lambda: rg.ones(2).double(), "requires_grad=True, and none is"),
        (lambda: (3, rg.tensor([1])), "requires_grad=True, and none is"),
        (lambda: rg.ones(1).double().expand(3).detach().requires_grad_(), "input 0 is expanded"),
    ],
)
def test_refusals(inputs: Callable[[], Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        gradcheck(lambda *x: x[0] * 2.0, inputs())
    with pytest.raises(OptionError, match="check_backward_ad"):
        gradcheck(lambda x: x, leaf(2), check_backward_ad=False)
