"""Differentiation as functions: `backward` and `grad`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from retrograd.autodiff.backward import gradients, merged, passed, release
from retrograd.core import mode
from retrograd.core.errors import GraphError, OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.ops.arithmetic import ADD, origin
from retrograd.ops.constant import zeros
from retrograd.ops.elementwise import cast
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.ends import backward_pass
from retrograd.tensor.gradient_function import AccumulateGrad, GradientEdge
from retrograd.tensor.gradients import bundled, gradient_of
from retrograd.tensor.hooks import accumulated, hooked
from retrograd.tensor.storage import flush_recorded_until
from retrograd.tensor.vmap import vmap

Tensors = TensorBase | GradientEdge | Sequence[TensorBase | GradientEdge]


@backward_pass
def backward(
    tensors: Tensors,
    grad_tensors: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    grad_variables: Any = None,
    inputs: Tensors | None = None,
) -> None:
    """Add the gradient of the sum of `tensors`, weighted by `grad_tensors`, to the `.grad` of the leaves.

    Args:
        tensors: a tensor or several, or places of the backward graph (`graph.get_gradient_edge`).
        grad_tensors: dL/dtensor for each of them, of its shape; None for single elements (1).
        retain_graph: keep what a second backward pass would need; default: `create_graph`.
        create_graph: record the gradients so that they can be differentiated in turn.
        grad_variables: the old name of `grad_tensors`.
        inputs: add to these tensors only, leaves or not; of places, only those of leaves.

    Raises:
        GraphError: nothing requires a gradient, `inputs` is empty, or the graph was released by an earlier pass.
        ShapeError: more than one element and no gradient, or one of another shape.

    Source: torch.autograd.backward.

    >>> import retrograd as rg
    >>> x = rg.tensor([1.0, 2.0], requires_grad=True)
    >>> rg.autograd.backward([x.sum(), x * x], [None, rg.tensor([1.0, 10.0])])
    >>> x.grad
    tensor([ 3., 41.])
    """
    if grad_variables is not None:
        if grad_tensors is not None:
            raise OptionError("backward: grad_variables is the old name of grad_tensors; give one of them")
        grad_tensors = grad_variables
    roots, seeds = _start("backward", tensors, grad_tensors)
    keep = create_graph if retain_graph is None else retain_graph
    if inputs is None:
        result = passed(roots, seeds, retain_graph=keep, create_graph=create_graph)
        _close_earlier_step(result.nodes)
        if create_graph or not bundled(result):
            _accumulate_all(merged(result, None, create_graph=create_graph), create_graph)
        return
    chosen = [_leaf_of(x) if isinstance(x, GradientEdge) else x for x in _sequence(inputs)]
    wanted = _wanted("backward", chosen)
    found = gradients(roots, seeds, wanted, retain_graph=keep, create_graph=create_graph)
    made = [(tensor, wrap(found[node])) for tensor, node in zip(chosen, wanted, strict=True) if node in found]
    for tensor, g in made:
        _accumulate(tensor, g, create_graph)


def clear_gradients(tensors: Iterable[Any], set_to_none: bool) -> None:
    """Forget the `.grad` of tensors, or set it to zero where it stands: out of any graph, and whoever else holds it."""
    for tensor in tensors:
        if set_to_none:
            tensor._grad = None
        elif (gradient := tensor.grad) is not None:
            if gradient.is_leaf:
                gradient.requires_grad_(False)
            else:
                gradient.detach_()
            gradient.zero_()


@backward_pass
def grad(
    outputs: Tensors,
    inputs: Tensors,
    grad_outputs: Any = None,
    retain_graph: bool | None = None,
    create_graph: bool = False,
    only_inputs: bool = True,
    allow_unused: bool | None = None,
    is_grads_batched: bool = False,
    materialize_grads: bool = False,
) -> tuple[Any, ...]:
    """Gradients of the outputs with respect to the inputs, returned instead of added to `.grad`.

    Args:
        outputs, inputs: a tensor or a sequence of tensors, or of places of the backward graph
            (`graph.get_gradient_edge`).
        grad_outputs: dL/doutput for each output, or None for single elements.
        retain_graph, create_graph: as in `backward`.
        only_inputs: must be True.
        allow_unused: give None for an input that no output depends on, in place of an error; default:
            `materialize_grads`.
        is_grads_batched: each of `grad_outputs` has one more leading axis, and so have the results: a vector-Jacobian
            product for each of its positions, by `vmap`.
        materialize_grads: give zeros in place of None.

    Raises:
        GraphError: an input does not require a gradient, no output depends on it, or the graph was released.
        ShapeError: more than one element and no gradient, or one of another shape.

    Source: torch.autograd.grad.

    >>> import retrograd as rg
    >>> x = rg.tensor([1.0, 2.0], requires_grad=True)
    >>> rg.autograd.grad((x * x).sum(), x)
    (tensor([2., 4.]),)
    """
    if materialize_grads and allow_unused is False:
        raise OptionError("grad: materialize_grads=True gives zeros for unused inputs, so allow_unused cannot be False")
    if not only_inputs:
        raise OptionError("grad: only_inputs must be True; call backward() to add to the .grad of leaves")
    chosen = _sequence(inputs)
    wanted = _wanted("grad", chosen)
    keep = create_graph if retain_graph is None else retain_graph
    if is_grads_batched:
        return _batched_grad(
            _sequence(outputs),
            chosen,
            grad_outputs,
            retain_graph=keep,
            create_graph=create_graph,
            allow_unused=allow_unused,
            materialize_grads=materialize_grads,
        )
    roots, seeds = _start("grad", outputs, grad_outputs)
    found = gradients(roots, seeds, wanted, retain_graph=keep, create_graph=create_graph)
    result: list[Any] = []
    for place, node in enumerate(wanted):
        if node in found:
            result.append(wrap(found[node]))
        elif materialize_grads:
            result.append(wrap(zeros(node.type)))
        elif allow_unused:
            result.append(None)
        else:
            raise GraphError(f"grad: no output depends on input {place}; pass allow_unused=True to get None for it")
    return tuple(
        g if g is None or isinstance(x, GradientEdge) else hooked(x, g, create_graph)
        for x, g in zip(chosen, result, strict=True)
    )


def _batched_grad(outputs: list[Any], inputs: list[Any], grad_outputs: Any, **options: Any) -> tuple[Any, ...]:
    """A vector-Jacobian product for each position of the leading axis of the gradients of the outputs."""
    given = [grad_outputs] if isinstance(grad_outputs, TensorBase) else list(grad_outputs or ())
    if not given or any(not isinstance(g, TensorBase) for g in given):
        raise GraphError("grad: is_grads_batched=True needs a tensor in grad_outputs for every output")
    keep, options["retain_graph"] = options["retain_graph"], True
    absent: list[int] = []

    def product(*weights: Any) -> tuple[Any, ...]:
        found = grad(outputs, inputs, weights, **options)
        absent[:] = [place for place, g in enumerate(found) if g is None]
        return tuple(g for g in found if g is not None)

    found = iter(vmap(product)(*given))
    if not keep:
        release([_recorded(x) for x in outputs], [origin(_recorded(x)) for x in inputs])
    return tuple(None if place in absent else next(found) for place in range(len(inputs)))


def add_to_grad(tensor: Any, g: Any, create_graph: bool) -> None:
    """Add a gradient to a tensor's `.grad`."""
    before = gradient_of(tensor)
    if before is None:
        tensor._grad = g
    elif create_graph:
        tensor._grad = wrap(record(ADD, (before._read(), g._read())))
    else:
        with mode.no_grad():
            before._write(record(ADD, (before._read(), g._read())))


def _accumulate_all(found: dict[Node, Node], create_graph: bool) -> None:
    # Those of the last layers first, as they come. All are tensors before a hook may close a step.
    last_first = sorted(found.items(), key=lambda pair: -pair[0].number)
    made = [(node.leaf() if node.leaf is not None else None, wrap(g)) for node, g in last_first]
    for leaf, g in made:
        if leaf is not None:
            _accumulate(leaf, g, create_graph)


def _accumulate(leaf: Any, g: Any, create_graph: bool) -> None:
    if leaf._hooks:
        g = hooked(leaf, g, create_graph)
    add_to_grad(leaf, g, create_graph)
    if leaf._after_hooks:
        accumulated(leaf)


def _sequence(tensors: Any) -> list[Any]:
    return [tensors] if isinstance(tensors, (TensorBase, GradientEdge)) else list(tensors)


def _recorded(x: Any) -> Node:
    """The node of a tensor, or of a place of the backward graph."""
    return x.recorded() if isinstance(x, GradientEdge) else x._history()


def _leaf_of(place: GradientEdge) -> Any:
    if not isinstance(place.node, AccumulateGrad) or place.node.variable is None:
        raise GraphError(f"backward: there is no .grad at {place.node!r}; name tensors in inputs, or call grad()")
    return place.node.variable


def _close_earlier_step(found: Iterable[Node]) -> None:
    """Compute what came before a leaf that is pending.

    An update written by hand (`p -= lr * p.grad`) has no `optimizer.step()` to close its step. The next backward pass
    does it, lest the graph grow from step to step.
    """
    updated = [node.number for node in found if node.leaf is not None and node.buffer is None]
    if updated:
        flush_recorded_until(max(updated))


def _wanted(name: str, inputs: list[Any]) -> list[Node]:
    if not inputs:
        raise GraphError(f"{name}: inputs is empty; name at least one tensor")
    for place, tensor in enumerate(inputs):
        if isinstance(tensor, GradientEdge):
            continue
        if not isinstance(tensor, TensorBase):
            raise TypeError(f"{name}: input {place} must be a tensor, and is {type(tensor).__name__}")
        if not tensor.requires_grad:
            raise GraphError(
                f"{name}: input {place} does not require a gradient; create it with requires_grad=True, or call "
                "requires_grad_() before it is used"
            )
    return [origin(_recorded(tensor)) for tensor in inputs]


def _start(name: str, tensors: Tensors, given: Any) -> tuple[list[Node], list[Node | None]]:
    """The nodes to start from, and a gradient for each."""
    if isinstance(tensors, TensorBase) and given is None:
        root = tensors._history()
        return [root], [_seed(name, tensors, root, None)]
    outputs = _sequence(tensors)
    weights = [given] if given is None or isinstance(given, TensorBase) else list(_iterable(name, given))
    if given is None:
        weights *= len(outputs)
    if len(weights) != len(outputs):
        raise GraphError(f"{name}: {len(outputs)} tensors and {len(weights)} gradients; give one for each")
    roots = [_recorded(x) for x in outputs]
    return roots, [_seed(name, *each) for each in zip(outputs, roots, weights, strict=True)]


def _iterable(name: str, given: Any) -> Sequence[Any]:
    if not isinstance(given, (list, tuple)):
        raise TypeError(f"{name}: a gradient is a tensor or None, not {type(given).__name__}")
    return given


def _seed(name: str, tensor: TensorBase, root: Node, gradient: Any) -> Node | None:
    if not root.requires_grad:
        raise GraphError(
            f"{name}: this tensor does not require a gradient: no parameter with requires_grad=True led to it, or it "
            "was computed under no_grad() or detach()"
        )
    if gradient is None:
        if root.type.size != 1:
            raise ShapeError(
                f"{name}: a tensor of shape {root.type.shape} has no single gradient; reduce it to a scalar "
                "(.sum() or .mean()) or pass its gradient"
            )
        return None
    if not isinstance(gradient, TensorBase):
        raise TypeError(f"{name}: a gradient is a tensor or None, not {type(gradient).__name__}")
    node = gradient._read()
    if node.type.shape != root.type.shape:
        raise ShapeError(f"{name}: the gradient has shape {node.type.shape}, and the tensor {root.type.shape}")
    return cast(node, root.type.dtype)
