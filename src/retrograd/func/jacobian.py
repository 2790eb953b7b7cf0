"""jacrev, jacfwd, hessian: whole matrices of derivatives."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from retrograd.autograd.level import outside_tree, unit_vectors
from retrograd.core import tree
from retrograd.func.grad import Argnums, chosen, split_aux, with_chosen
from retrograd.func.jvp import jvp
from retrograd.func.vjp import vjp
from retrograd.tensor.tensor import from_array
from retrograd.tensor.vmap import vmap


def jacrev(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, chunk_size: int | None = None
) -> Callable[..., Any]:
    """The function that computes the Jacobian of `func`, row by row: by backward passes, one for each output, batched.

    Args:
        func: returns a tree of tensors, or with `has_aux` a pair of that and anything else.
        argnums: the argument to differentiate with respect to, or several; each may be a tree of tensors.
        has_aux: whether `func` returns something beside.
        chunk_size: how many rows at a time; None for all.

    Returns:
        A function of the same arguments. For each tensor of the output it returns, in the form of the argument, tensors
        of shape (*output.shape, *input.shape).

    Source: torch.func.jacrev.

    >>> import retrograd as rg
    >>> rg.func.jacrev(lambda x: x**2)(rg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        inputs = chosen("jacrev", args, argnums)
        beside: list[Any] = []

        def of_inputs(replaced: Any) -> Any:
            output, aux = split_aux("jacrev", func(*with_chosen(args, argnums, replaced), **kwargs), has_aux)
            beside[:] = [aux]
            return output

        output, pull_back = vjp(of_inputs, inputs)
        outputs = tree.leaves(output)
        parts = []
        for place, y in enumerate(outputs):
            basis = unit_vectors(tuple(y.shape), y.dtype)

            def rows(vector: Any, place: int = place) -> Any:
                return pull_back(tree.rebuild(output, iter(_only(outputs, place, vector))))[0]

            found = vmap(rows, chunk_size=chunk_size)(basis)
            gradients = [g.reshape(*y.shape, *g.shape[1:]) for g in tree.leaves(found)]
            parts.append(tree.rebuild(found, iter(gradients)))
        result = tree.rebuild(output, iter(parts))
        return (result, outside_tree(beside[0])) if has_aux else result

    return jacobian


def jacfwd(
    func: Callable[..., Any], argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Callable[..., Any]:
    """The function that computes the Jacobian of `func`, column by column: by derivatives along each input, batched.

    Args and returns are those of `jacrev`.

    Source: torch.func.jacfwd.

    >>> import retrograd as rg
    >>> rg.func.jacfwd(lambda x: x**2)(rg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """

    @functools.wraps(func)
    def jacobian(*args: Any, **kwargs: Any) -> Any:
        inputs = chosen("jacfwd", args, argnums)
        given = tree.leaves(inputs)
        beside: list[Any] = []

        def of_inputs(replaced: Any) -> Any:
            output, aux = split_aux("jacfwd", func(*with_chosen(args, argnums, replaced), **kwargs), has_aux)
            beside[:] = [aux]
            return output

        columns = []
        for place, x in enumerate(given):

            def along(direction: Any, place: int = place) -> Any:
                tangent = tree.rebuild(inputs, iter(_only(given, place, direction)))
                return jvp(of_inputs, (inputs,), (tangent,))[1]

            found = vmap(along, out_dims=-1, randomness=randomness)(unit_vectors(tuple(x.shape), x.dtype))
            derivatives = [d.reshape(*d.shape[:-1], *x.shape) for d in tree.leaves(found)]
            columns.append(tree.rebuild(found, iter(derivatives)))
        parts = [
            tree.rebuild(inputs, iter(by_input))
            for by_input in zip(*(tree.leaves(column) for column in columns), strict=True)
        ]
        result = tree.rebuild(columns[0], iter(parts))
        return (result, outside_tree(beside[0])) if has_aux else result

    return jacobian


def hessian(func: Callable[..., Any], argnums: Argnums = 0) -> Callable[..., Any]:
    """The function that computes second derivatives: `jacfwd` of `jacrev`.

    Source: torch.func.hessian.

    >>> import retrograd as rg
    >>> rg.func.hessian(lambda x: (x**3).sum())(rg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacfwd(jacrev(func, argnums), argnums)


def _only(tensors: list[Any], place: int, value: Any) -> list[Any]:
    """Zeros for all tensors but one."""
    return [value if i == place else from_array(np.zeros(tuple(x.shape), x.dtype.numpy)) for i, x in enumerate(tensors)]
