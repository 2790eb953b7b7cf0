"""Checkpointing of activations: less memory for the backward pass, which computes parts of the forward pass again."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from retrograd.core import mode, tree
from retrograd.core.dtype import bool_
from retrograd.core.errors import OptionError
from retrograd.core.node import input_node
from retrograd.core.types import tensor_type
from retrograd.nn.container import Sequential
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.recompute import recomputed

__all__ = ["checkpoint", "checkpoint_sequential"]


def checkpoint(
    function: Callable[..., Any],
    *args: Any,
    use_reentrant: bool | None = None,
    context_fn: Callable[[], Any] | None = None,
    determinism_check: str = "default",
    debug: bool = False,
    early_stop: bool = True,
    preserve_rng_state: bool = True,
    **kwargs: Any,
) -> Any:
    """Call a function of which the backward pass keeps only the arguments, and computes the rest again.

    The function is called once. What it recorded becomes one operation; its gradient repeats it, with the same random
    numbers, when the gradient of the results has arrived. Gradients are the same to the bit, running statistics change
    once, and the step stays one program.

    Args:
        function: takes the arguments; returns tensors, in a tree of any form.
        args, kwargs: for the function.
        use_reentrant, determinism_check, debug, early_stop, preserve_rng_state: accepted for PyTorch's sake. There is
            one form here, which does what `use_reentrant=False` asks for, and draws the same random numbers always.
        context_fn: must be left out: the function does not run a second time.

    Returns:
        What the function returned; of tensors that require a gradient, new ones.

    Raises:
        OptionError: there is a `context_fn`.

    Source: torch.utils.checkpoint.checkpoint. Deviations: tensors that the function reads from outside get gradients
    with `use_reentrant=True` as well, and nothing is said if no argument requires one. What lies before a hook, or
    before a `Function` of the user, is kept.

    >>> import retrograd as rg
    >>> from retrograd.utils.checkpoint import checkpoint
    >>> block = rg.nn.Sequential(rg.nn.Linear(4, 64), rg.nn.GELU(), rg.nn.Linear(64, 4))
    >>> x = rg.randn(2, 4)
    >>> plain = rg.autograd.grad(block(x).sum(), list(block.parameters()))
    >>> again = rg.autograd.grad(checkpoint(block, x, use_reentrant=False).sum(), list(block.parameters()))
    >>> all(rg.equal(a, b) for a, b in zip(plain, again))
    True
    """
    if context_fn is not None:
        raise OptionError("checkpoint: context_fn must be left out; the function does not run a second time")
    since = input_node(tensor_type((), bool_), None).number
    result = function(*args, **kwargs)
    if not mode.state.grad_enabled:
        return result
    leaves = tree.leaves(result)
    places = [i for i, x in enumerate(leaves) if isinstance(x, TensorBase)]
    nodes = [leaves[i]._read() for i in places]
    for i, before, after in zip(places, nodes, recomputed(nodes, since), strict=True):
        if after is not before:
            leaves[i] = wrap(after)
    return tree.rebuild(result, iter(leaves))


def checkpoint_sequential(
    functions: Sequential | Sequence[Callable[[Any], Any]],
    segments: int,
    input: Any,
    use_reentrant: bool | None = None,
    *,
    preserve_rng_state: bool = True,
) -> Any:
    """Functions one after another, in segments of which the backward pass keeps only the inputs.

    Args:
        functions: a `Sequential`, or functions of one tensor.
        segments: how many; the last of them is not computed again.
        input: for the first function.
        use_reentrant, preserve_rng_state: see `checkpoint`.

    Raises:
        OptionError: there are fewer functions than segments, or no segment.

    Source: torch.utils.checkpoint.checkpoint_sequential.

    >>> import retrograd as rg
    >>> from retrograd.utils.checkpoint import checkpoint_sequential
    >>> net = rg.nn.Sequential(*(rg.nn.Linear(4, 4) for _ in range(6)))
    >>> checkpoint_sequential(net, 3, rg.ones(2, 4), use_reentrant=False).shape
    retrograd.Size([2, 4])
    """
    chain = list(functions.children()) if isinstance(functions, Sequential) else list(functions)
    if not 1 <= segments <= len(chain):
        raise OptionError(
            f"checkpoint_sequential: {segments} segments of {len(chain)} functions; give between 1 and {len(chain)}"
        )
    size = len(chain) // segments
    last = size * (segments - 1)
    for start in range(0, last, size):
        input = checkpoint(_composed(chain[start : start + size]), input, use_reentrant=use_reentrant)
    return _composed(chain[last:])(input)


def _composed(functions: Sequence[Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def run(x: Any) -> Any:
        for function in functions:
            x = function(x)
        return x

    return run
