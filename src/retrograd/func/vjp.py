"""vjp: vector-Jacobian products, what a backward pass computes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.autograd.level import Level, filled, output_nodes, outside, outside_tree, seeds_for
from retrograd.core import mode, tree
from retrograd.func.grad import split_aux


def vjp(func: Callable[..., Any], *primals: Any, has_aux: bool = False) -> tuple[Any, ...]:
    """The value of a function, and a function v -> v^T J of its Jacobian J there.

    Args:
        func: returns tensors, or with `has_aux` a pair of these and anything else.
        primals: its arguments, trees of tensors; gradients are taken with respect to all of them.
        has_aux: whether `func` returns something beside.

    Returns:
        The output; a function that takes vectors in the form of the output and returns a tuple of gradients, one for
        each primal; and, with `has_aux`, what `func` returns beside.

    Source: torch.func.vjp.

    >>> import retrograd as rg
    >>> output, pull_back = rg.func.vjp(lambda x: x.sin(), rg.zeros(2))
    >>> pull_back(rg.tensor([1.0, 5.0]))
    (tensor([1., 5.]),)
    """
    level = Level("vjp", primals)
    with level.open():
        output, aux = split_aux("vjp", func(*level.arguments), has_aux)
        nodes = output_nodes("vjp", output)
    results = tree.rebuild(output, iter([outside(node) for node in nodes]))

    def pull_back(*cotangents: Any) -> Any:
        given = cotangents[0] if len(cotangents) == 1 else cotangents
        with mode.enable_grad():
            found = filled(level.pull_back(nodes, seeds_for("vjp", nodes, given)), level.inputs)
        return tree.rebuild(primals, iter([outside(g) for g in found]))

    return (results, pull_back, outside_tree(aux)) if has_aux else (results, pull_back)
