"""gradcheck and gradgradcheck: derived gradients against finite differences."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from retrograd.autodiff.check import Array, differ, numerical_derivative, numerical_jacobians
from retrograd.autograd.level import unit_vectors
from retrograd.core.dtype import float64
from retrograd.core.errors import OptionError, RetrogradError
from retrograd.tensor.autograd import grad
from retrograd.tensor.base import TensorBase
from retrograd.tensor.tensor import from_array
from retrograd.tensor.vmap import vmap


class GradcheckError(RetrogradError, RuntimeError):
    """A gradient that is not what finite differences say, or that breaks another rule of gradients."""


@dataclass(frozen=True)
class _Options:
    eps: float
    atol: float
    rtol: float
    nondet_tol: float
    check_undefined_grad: bool
    check_grad_dtypes: bool
    check_batched_grad: bool
    fast_mode: bool


def gradcheck(
    func: Callable[..., Any],
    inputs: Any,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
) -> bool:
    """Hold the gradients of a function against central differences.

    Every element of every floating-point input that requires a gradient is changed by eps up and down. The difference
    of the outputs is compared with the Jacobian that backward passes give: |analytical - numerical| must not exceed
    atol + rtol |numerical|.

    Args:
        func: returns a tensor or a tuple of tensors; called as func(*inputs).
        inputs: a tensor or a tuple; in float64, since in float32 the differences are noise.
        eps: how far the inputs are changed; they are put back.
        atol, rtol: what is allowed.
        raise_exception: raise GradcheckError; otherwise return False.
        nondet_tol: how far two backward passes may differ from each other.
        check_undefined_grad: whether a backward pass copes with outputs that no gradient reaches.
        check_grad_dtypes: whether gradients have the dtype of their inputs.
        check_batched_grad: whether `vmap` of the backward pass gives what one pass after another gives.
        check_batched_forward_grad, check_forward_ad: accepted for PyTorch's sake: forward derivatives are computed from
            backward passes, so there is nothing else to check.
        check_backward_ad: must be True.
        fast_mode: compare along one random direction only, which takes two evaluations in place of two an element.
        masked: accepted for PyTorch's sake, of use with sparse tensors only.

    Returns:
        True where all agree.

    Raises:
        GradcheckError: names the output, the input, and the numerical and analytical derivatives.
        OptionError: no input requires a gradient.

    Source: torch.autograd.gradcheck.

    >>> import retrograd as rg
    >>> x = rg.randn(3, dtype=rg.float64, requires_grad=True)
    >>> rg.autograd.gradcheck(lambda x: x.sin() * x, x)
    True
    """
    if not check_backward_ad:
        raise OptionError("gradcheck: check_backward_ad must be True; forward derivatives come from backward ones")
    options = _Options(
        eps, atol, rtol, nondet_tol, check_undefined_grad, check_grad_dtypes, check_batched_grad, fast_mode
    )
    try:
        _Check(func, _tuple(inputs), options).run()
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Any,
    grad_outputs: Any = None,
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    gen_non_contig_grad_outputs: bool = False,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    fast_mode: bool = False,
    masked: bool = False,
) -> bool:
    """`gradcheck` of the gradients of a function, by its inputs and by the gradients of its outputs.

    Args:
        func, inputs: as in `gradcheck`.
        grad_outputs: gradients of the outputs to start from; random ones if left out.
        gen_non_contig_grad_outputs: make the random ones so that their elements do not lie side by side.
        check_fwd_over_rev, check_rev_over_rev: accepted for PyTorch's sake.

    The other arguments, what is returned and what is raised are those of `gradcheck`.

    Source: torch.autograd.gradgradcheck.

    >>> import retrograd as rg
    >>> x = rg.randn(3, dtype=rg.float64, requires_grad=True)
    >>> rg.autograd.gradgradcheck(lambda x: x**3, x)
    True
    """
    given = _tuple(inputs)
    if grad_outputs is None:
        weights = tuple(_random_like(y, gen_non_contig_grad_outputs) for y in _differentiable(func(*given)))
    else:
        weights = _tuple(grad_outputs)

    def gradients(*args: Any) -> tuple[Any, ...]:
        args, seeds = args[: len(given)], args[len(given) :]
        wanted = [x for x in args if _is_checked(x)]
        found = grad(_differentiable(func(*args)), wanted, list(seeds), create_graph=True, allow_unused=True)
        return tuple(g for g in found if g is not None)

    return gradcheck(
        gradients,
        given + weights,
        eps=eps,
        atol=atol,
        rtol=rtol,
        raise_exception=raise_exception,
        nondet_tol=nondet_tol,
        check_undefined_grad=check_undefined_grad,
        check_grad_dtypes=check_grad_dtypes,
        check_batched_grad=check_batched_grad,
        fast_mode=fast_mode,
    )


class _Check:
    """A function at some inputs."""

    def __init__(self, func: Callable[..., Any], inputs: tuple[Any, ...], options: _Options) -> None:
        self.func, self.inputs, self.options = func, inputs, options
        self.places = [place for place, x in enumerate(inputs) if _is_checked(x)]
        if not self.places:
            raise OptionError(
                "gradcheck: at least one input must be a floating-point tensor with requires_grad=True, and none is"
            )
        self.checked = [inputs[place] for place in self.places]
        for place, x in zip(self.places, self.checked, strict=True):
            if x.dtype is not float64:
                warnings.warn(
                    f"gradcheck: input {place} is {x.dtype.name}; differences of so few digits are mostly rounding, so "
                    "use float64",
                    stacklevel=4,
                )
            if any(step == 0 and extent > 1 for step, extent in zip(x.stride(), x.shape, strict=True)):
                raise OptionError(
                    f"gradcheck: input {place} is expanded, so that changing one element changes others; call clone()"
                )

    def run(self) -> None:
        outputs = _differentiable(self.func(*self.inputs))
        if self.options.fast_mode:
            self._compare_along_a_direction(outputs)
        else:
            analytical = self._analytical(outputs)
            self._compare(self._numerical(), analytical, len(outputs))
            self._require_the_same_again(outputs, analytical)
        if self.options.check_batched_grad:
            self._check_batched(outputs)
        if self.options.check_undefined_grad:
            self._check_undefined(outputs)

    # -- derivatives --------------------------------------------------------------------------------------------------

    def _evaluate(self) -> list[Array]:
        return [y.detach()._value() for y in _floating(self.func(*self.inputs))]

    def _memory(self, x: Any) -> Array:
        """An array that the input's elements are changed through."""
        array: Array = x.detach().numpy()
        return array

    def _numerical(self) -> list[list[Array]]:
        """For each input the Jacobians of all floating-point outputs."""
        return [numerical_jacobians(self._evaluate, self._memory(x), self.options.eps) for x in self.checked]

    def _gradients(self, outputs: Sequence[Any], weights: Sequence[Any]) -> list[Any]:
        found = grad(list(outputs), self.checked, list(weights), retain_graph=True, allow_unused=True)
        for place, x, g in zip(self.places, self.checked, found, strict=True):
            if g is not None and self.options.check_grad_dtypes and g.dtype is not x.dtype:
                raise GradcheckError(
                    f"the gradient of input {place} has dtype {g.dtype.name}, and the input {x.dtype.name}"
                )
        pairs = zip(found, self.checked, strict=True)
        return [from_array(np.zeros(tuple(x.shape))) if g is None else g for g, x in pairs]

    def _analytical(self, outputs: Sequence[Any]) -> list[list[Array]]:
        """For each input the Jacobians of the outputs that require a gradient."""
        by_output = [self._jacobians(y) for y in outputs]
        return [list(column) for column in zip(*by_output, strict=True)] if by_output else [[] for _ in self.checked]

    def _jacobians(self, y: Any) -> list[Array]:
        size = y.numel()
        columns = [np.zeros((x.numel(), size)) for x in self.checked]
        basis = unit_vectors(tuple(y.shape), y.dtype)
        for i in range(size):
            for column, g in zip(columns, self._gradients([y], [basis[i]]), strict=True):
                column[:, i] = g.detach()._value().reshape(-1)
        return columns

    # -- comparisons --------------------------------------------------------------------------------------------------

    def _compare(self, numerical: list[list[Array]], analytical: list[list[Array]], outputs: int) -> None:
        kept = self._kept_outputs()
        for i, place in enumerate(self.places):
            for j, numbers in enumerate(numerical[i]):
                known = j in kept
                derived = analytical[i][kept.index(j)] if known else np.zeros_like(numbers)
                if differ(derived, numbers, self.options.rtol, self.options.atol):
                    raise GradcheckError(_mismatch(j, place, numbers, derived, known))
        assert outputs == len(kept)

    def _kept_outputs(self) -> list[int]:
        """Which of the floating-point outputs require a gradient."""
        return [j for j, y in enumerate(_floating(self.func(*self.inputs))) if y.requires_grad]

    def _require_the_same_again(self, outputs: Sequence[Any], first: list[list[Array]]) -> None:
        second = self._analytical(outputs)
        for i, place in enumerate(self.places):
            for j, (a, b) in enumerate(zip(first[i], second[i], strict=True)):
                if differ(a, b, 0.0, self.options.nondet_tol):
                    raise GradcheckError(
                        f"the backward pass of output {j} to input {place} is not deterministic: two passes differ by "
                        f"up to {np.abs(a - b).max():g}, and nondet_tol is {self.options.nondet_tol:g}"
                    )

    def _compare_along_a_direction(self, outputs: Sequence[Any]) -> None:
        """One number an output: w^T J d for random w and d, each of length 1."""
        generator = np.random.default_rng(0)
        kept = self._kept_outputs()
        for i, place in enumerate(self.places):
            direction = [np.zeros(tuple(x.shape)) for x in self.checked]
            direction[i] = _unit(generator, self.checked[i])
            memory = [self._memory(x) for x in self.checked]
            numbers = numerical_derivative(self._evaluate, memory, direction, self.options.eps)
            del memory
            for j, along in enumerate(numbers):
                weight = _unit(generator, along)
                derived = 0.0
                if j in kept:
                    y = outputs[kept.index(j)]
                    found = self._gradients([y], [from_array(weight.reshape(tuple(y.shape)), y.dtype)])
                    derived = float((found[i].detach()._value() * direction[i]).sum())
                numerical = np.asarray(float((weight * along).sum()))
                if differ(np.asarray(derived), numerical, self.options.rtol, self.options.atol):
                    raise GradcheckError(_mismatch(j, place, numerical, np.asarray(derived), j in kept))

    def _check_batched(self, outputs: Sequence[Any]) -> None:
        for j, y in enumerate(outputs):
            weights = [_random_like(y, False).detach() for _ in range(2)]
            one_by_one = [self._gradients([y], [weight]) for weight in weights]
            batch = from_array(np.stack([weight._value() for weight in weights]))
            at_once = vmap(lambda weight, y=y: tuple(self._gradients([y], [weight])))(batch)
            for i, place in enumerate(self.places):
                expected = np.stack([gradients[i].detach()._value() for gradients in one_by_one])
                found = at_once[i].detach()._value()
                if differ(found, expected, self.options.rtol, self.options.atol):
                    raise GradcheckError(
                        f"vmap of the backward pass of output {j} to input {place} gives\n{found}\n"
                        f"and one pass after another\n{expected}"
                    )

    def _check_undefined(self, outputs: Sequence[Any]) -> None:
        """A gradient of zeros at one output, and none at the others, must give zeros."""
        for j, y in enumerate(outputs):
            found = self._gradients([y], [from_array(np.zeros(tuple(y.shape)), y.dtype)])
            for place, g in zip(self.places, found, strict=True):
                value = g.detach()._value()
                if np.any(value != 0):
                    raise GradcheckError(
                        f"when the gradient of output {j} is zero and the others have none, the gradient of input "
                        f"{place} must be zero, and is\n{value}"
                    )


def _mismatch(output: int, place: int, numerical: Array, analytical: Array, requires_grad: bool) -> str:
    what = "the derivative" if numerical.ndim == 0 else "the Jacobian (a row for each element of the input)"
    why = "" if requires_grad else " (the output does not require a gradient)"
    worst = np.abs(analytical - numerical).max(initial=0.0)
    return (
        f"{what} of output {output} by input {place} differs by up to {worst:g}{why}\n"
        f"numerical:\n{numerical}\nanalytical:\n{analytical}"
    )


def _tuple(inputs: Any) -> tuple[Any, ...]:
    return tuple(inputs) if isinstance(inputs, (tuple, list)) else (inputs,)


def _is_checked(x: Any) -> bool:
    return isinstance(x, TensorBase) and x.requires_grad and x.dtype.is_floating_point


def _floating(outputs: Any) -> list[Any]:
    return [y for y in _tuple(outputs) if isinstance(y, TensorBase) and y.dtype.is_floating_point]


def _differentiable(outputs: Any) -> list[Any]:
    return [y for y in _floating(outputs) if y.requires_grad]


def _unit(generator: np.random.Generator, like: Any) -> Array:
    vector = generator.standard_normal(tuple(like.shape))
    return vector / max(float(np.linalg.norm(vector)), 1e-300)


def _random_like(y: Any, spread_out: bool) -> Any:
    array = np.random.default_rng(1).uniform(-1.0, 1.0, tuple(y.shape))
    if spread_out and array.ndim:
        return from_array(np.repeat(array, 2, axis=-1), y.dtype)[..., ::2].requires_grad_()
    return from_array(array, y.dtype).requires_grad_()
