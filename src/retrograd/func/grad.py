"""grad: the gradient of a function as a function."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

from retrograd.autograd.level import Level, filled, outside, outside_tree
from retrograd.core import tree
from retrograd.core.errors import OptionError, ShapeError
from retrograd.tensor.base import TensorBase

Argnums = int | tuple[int, ...]


def grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """The function that computes the gradient of `func`, which returns a single number.

    Args:
        func: returns a tensor of one element, or with `has_aux` a pair of that and anything else.
        argnums: the argument to differentiate with respect to, or several; each may be a tree of tensors.
        has_aux: whether `func` returns something beside.

    Returns:
        A function of the same arguments. It returns the gradients in the form of the argument (a tuple of them for
        several), and with `has_aux` a pair of that and what `func` returns beside.

    Raises:
        ShapeError: `func` returns more than one element. OptionError: there is no such argument, or it is no tensor.

    Source: torch.func.grad, jax.grad.

    >>> import retrograd as rg
    >>> slope = rg.func.grad(lambda x: x**3)
    >>> slope(rg.tensor(2.0)), rg.func.grad(slope)(rg.tensor(2.0))
    (tensor(12.), tensor(12.))
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def gradient(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return (found, value[1]) if has_aux else found

    return gradient


def grad_and_value(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """As `grad`; the function returns a pair of the gradient and the value of `func`.

    With `has_aux` the second is in turn a pair of the value and what `func` returns beside.

    Source: torch.func.grad_and_value.

    >>> import retrograd as rg
    >>> rg.func.grad_and_value(lambda x: x**2)(rg.tensor(3.0))
    (tensor(6.), tensor(9.))
    """

    @functools.wraps(func)
    def both(*args: Any, **kwargs: Any) -> Any:
        level = Level("grad", chosen("grad", args, argnums))
        with level.open():
            result = func(*with_chosen(args, argnums, level.arguments), **kwargs)
            value, aux = split_aux("grad", result, has_aux)
            _require_number(value)
            found = filled(level.pull_back([value._read()], [None]), level.inputs)
        gradients = tree.rebuild(level.arguments, iter([outside(g) for g in found]))
        value = outside(value._read())
        return gradients, (value, outside_tree(aux)) if has_aux else value

    return both


def value_and_grad(func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False) -> Callable[..., Any]:
    """As `grad_and_value`, in the order of jax.value_and_grad: first the value, then the gradient.

    >>> import retrograd as rg
    >>> rg.func.value_and_grad(lambda x: x**2)(rg.tensor(3.0))
    (tensor(9.), tensor(6.))
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def swapped(*args: Any, **kwargs: Any) -> Any:
        found, value = both(*args, **kwargs)
        return value, found

    return swapped


def chosen(name: str, args: tuple[Any, ...], argnums: Argnums) -> Any:
    """The arguments that `argnums` names.

    Raises:
        OptionError: there is no such argument, or one is named twice.
    """
    places = argnums if isinstance(argnums, tuple) else (argnums,)
    for place in places:
        if not isinstance(place, int) or not -len(args) <= place < len(args):
            raise OptionError(f"{name}: argnums={argnums!r} names no argument; there are {len(args)}")
    if not places or len({place % len(args) for place in places}) < len(places):
        raise OptionError(f"{name}: argnums={argnums!r} must name at least one argument, and each once")
    return tuple(args[place] for place in places) if isinstance(argnums, tuple) else args[places[0]]


def with_chosen(args: tuple[Any, ...], argnums: Argnums, replaced: Any) -> list[Any]:
    """The arguments with others in the places of those that `argnums` names."""
    result = list(args)
    if isinstance(argnums, tuple):
        for place, value in zip(argnums, replaced, strict=True):
            result[place] = value
    else:
        result[argnums] = replaced
    return result


def split_aux(name: str, result: Any, has_aux: bool) -> tuple[Any, Any]:
    """What is differentiated, and what is returned beside."""
    if not has_aux:
        return result, None
    if not isinstance(result, tuple) or len(result) != 2:
        raise OptionError(f"{name}: with has_aux=True the function must return a pair, (output, anything else)")
    return result


def _require_number(value: Any) -> None:
    if not isinstance(value, TensorBase):
        raise OptionError(f"grad: the function must return a tensor, and returned {type(value).__name__}")
    if value.numel() != 1 or value.ndim:
        raise ShapeError(
            f"grad: the function must return a tensor of shape (), and returned one of shape {tuple(value.shape)}; "
            "reduce it with .sum() or .mean(), or use vjp or jacrev"
        )
    if not value.dtype.is_floating_point:
        raise OptionError(f"grad: the function must return a floating-point tensor, not {value.dtype.name}")
