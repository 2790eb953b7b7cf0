"""Branches and loops whose course depends on values, as users write them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import record, results
from retrograd.ops.branch import COND
from retrograd.ops.while_loop import WHILE
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.body import Body, as_tensor, leaves_of, rebuild, trace


def cond(pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], operands: Sequence[Any] = ()) -> Any:
    """true_fn(*operands) where a condition holds, else false_fn(*operands), decided when values are computed.

    Both functions are recorded; only the one that is chosen runs. The gradient is that of the chosen one. There is no
    native kernel: the branch runs on the reference backend.

    Args:
        pred: a bool, or a tensor of one.
        true_fn, false_fn: functions of the operands; they return trees of tensors of one form, shapes and dtypes.
        operands: tensors, or trees of tensors.

    Raises:
        ShapeError, DTypeError: branches that differ, or a condition that is not a single bool.
        OptionError: a branch that returns something else than tensors, or no operands with a tensor `pred`.
        GraphError: a function looks at a value, or changes a tensor from outside.

    Source: torch.cond; jax.lax.cond.

    >>> import retrograd as rg
    >>> x = rg.tensor([3.0, -4.0], requires_grad=True)
    >>> y = rg.cond(x.sum() > 0, lambda x: x * 2, lambda x: x * x, (x,))
    >>> y.sum().backward(); y.detach(), x.grad
    (tensor([ 9., 16.]), tensor([ 6., -8.]))
    """
    if isinstance(pred, bool):
        return (true_fn if pred else false_fn)(*operands)
    given = [as_tensor(leaf)._read() for leaf in leaves_of(tuple(operands))]
    if not given:
        raise OptionError("cond: there are no operands; pass what the branches work on")
    condition = as_tensor(pred)._read()
    bodies = [_traced("cond", "a branch", function, operands, given) for function in (true_fn, false_fn)]
    first, second = (len(body.outputs) for body in bodies)
    if first != second:
        raise ShapeError(f"cond: the branches give {first} and {second} tensors; they must give as many")
    constants = list(dict.fromkeys(x for body in bodies for x in body.constants))
    branches = tuple(body.graph(constants) for body in bodies)
    made = results(record(COND, (condition, *given, *constants), (branches,)))
    return rebuild(bodies[0].result, list(map(wrap, made)))


def while_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], carried_inputs: Sequence[Any]
) -> tuple[Any, ...]:
    """Carries, replaced by body_fn(*carries) as long as cond_fn(*carries) holds.

    How many steps that takes is not known beforehand, so it has no gradient: use `scan` where there must be one. There
    is no native kernel: the loop runs on the reference backend.

    Args:
        cond_fn: returns a tensor of one bool.
        body_fn: returns the next carries, of the same form, shapes and dtypes.
        carried_inputs: the first carries: tensors, or trees of tensors.

    Returns:
        The last carries.

    Raises:
        ShapeError, DTypeError: carries that change, or a condition that is not a single bool.
        OptionError: a function that returns something else than tensors.
        GraphError: a function looks at a value, or changes a tensor from outside; a backward pass reaches the loop.

    Source: torch._higher_order_ops.while_loop; jax.lax.while_loop.

    >>> import retrograd as rg
    >>> rg.while_loop(lambda n, steps: n > 1, lambda n, steps: (n // 2, steps + 1), (rg.tensor(40), rg.tensor(0)))
    (tensor(1), tensor(5))
    """
    carries = tuple(carried_inputs)
    given = [as_tensor(leaf)._read() for leaf in leaves_of(carries)]
    if not given:
        raise OptionError("while_loop: there are no carries, so that the condition would never change")
    test = _traced("while_loop", "one step", cond_fn, carries, given)
    body = _traced("while_loop", "one step", body_fn, carries, given)
    if len(test.outputs) != 1 or not isinstance(test.result, TensorBase):
        raise OptionError("while_loop: the condition must return one tensor")
    if not isinstance(body.result, (tuple, list)) or len(body.outputs) != len(given):
        raise ShapeError(f"while_loop: the body must return {len(given)} carries, in the form of those that it takes")
    constants = list(dict.fromkeys([*test.constants, *body.constants]))
    bodies = (test.graph(constants), body.graph(constants))
    made = results(record(WHILE, (*given, *constants), (bodies, len(given))))
    found: tuple[Any, ...] = tuple(rebuild(body.result, list(map(wrap, made))))
    return found


def _traced(name: str, part: str, function: Callable[..., Any], operands: Sequence[Any], given: list[Node]) -> Body:
    def on(leaves: list[Any]) -> Any:
        return function(*rebuild(tuple(operands), leaves))

    return trace(name, part, on, [x.type for x in given])
