"""vmap: a function of one example, applied to many at once.

The function is called once, on placeholders that stand for one example each. What it records is then recorded again
with one more axis, by the batching rules of its operations (`autodiff/batching.py`); what does not depend on an example
is computed once. No call of the function is repeated, and the result can be differentiated, batched again, compiled.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial, wraps
from typing import Any

from retrograd.autodiff.batching import batched_call
from retrograd.core import mode, tree
from retrograd.core.errors import GraphError, OptionError, ShapeError
from retrograd.core.generator import default_generator
from retrograd.core.graph import reachable
from retrograd.core.node import Hooks, Node, input_node
from retrograd.core.types import tensor_type
from retrograd.ops.movement import broadcast_to, concat, permute, reshape
from retrograd.ops.reduce import drop_axes, sum_keepdim
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.pending import traced

_RANDOMNESS = ("error", "same", "different")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """A function that applies `func` to every position of an axis of its arguments.

    Args:
        func: takes and returns tensors, or tuples, lists and dictionaries of tensors. It is called once; it cannot look
            at the values of one example (`item()`, `if x > 0`), and cannot change tensors from outside.
        in_dims: the axis of each argument that is mapped over, or None for an argument that is the same for all; a
            tuple with one entry for each argument, whose entries may have the form of the argument. Keyword arguments
            are mapped over their first axis.
        out_dims: where the axis goes in the results.
        randomness: what random numbers drawn by `func` are: "error" refuses them, "same" draws them once for all
            examples, "different" draws new ones for each, by calling `func` on one example after another.
        chunk_size: how many examples at a time; None for all.

    Raises:
        OptionError: in_dims or out_dims do not fit, nothing is mapped over. ShapeError: extents differ.

    Source: torch.vmap, jax.vmap.

    >>> import retrograd as rg
    >>> a, b = rg.tensor([[1.0, 2.0], [3.0, 4.0]]), rg.tensor([10.0, 100.0])
    >>> rg.func.vmap(lambda row: row @ b)(a)
    tensor([210., 430.])
    >>> rg.func.vmap(lambda x, y: x * y, in_dims=(1, None), out_dims=1)(a, b)
    tensor([[ 10.,  20.],
            [300., 400.]])
    """
    if randomness not in _RANDOMNESS:
        raise OptionError(f"vmap: randomness must be one of {', '.join(_RANDOMNESS)}, not {randomness!r}")
    if chunk_size is not None and chunk_size < 1:
        raise OptionError(f"vmap: chunk_size must be at least 1, not {chunk_size}")

    @wraps(func)
    def mapped(*args: Any, **kwargs: Any) -> Any:
        call = _Mapped(func, args, kwargs, in_dims, out_dims)
        if chunk_size is not None and chunk_size < call.size:
            return call.in_chunks(chunk_size, randomness)
        return call.run(randomness)

    return mapped


class _Mapped:
    """One call of a mapped function.

    Attributes:
        size: how many examples there are.
    """

    def __init__(
        self, func: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any], in_dims: Any, out_dims: Any
    ) -> None:
        self.func, self.tree, self.out_dims = func, (args, kwargs), out_dims
        self.leaves = tree.leaves(self.tree)
        self.axes = [*_spread_axes(args, in_dims), *(0 for _ in tree.leaves(kwargs))]
        self._normalise()
        self.size = self._find_size()

    def _normalise(self) -> None:
        for place, (leaf, axis) in enumerate(zip(self.leaves, self.axes, strict=True)):
            if axis is None:
                continue
            if not isinstance(axis, int):
                raise OptionError(f"vmap: in_dims has the entry {axis!r}; each must be an axis or None")
            if not isinstance(leaf, TensorBase):
                raise OptionError(
                    f"vmap: in_dims asks for axis {axis} of an input that is no tensor but {type(leaf).__name__}; "
                    "give None there"
                )
            if not -leaf.ndim <= axis < leaf.ndim:
                raise OptionError(f"vmap: in_dims asks for axis {axis} of an input of shape {tuple(leaf.shape)}")
            self.axes[place] = axis % leaf.ndim

    def _find_size(self) -> int:
        extents = [leaf.shape[axis] for leaf, axis in zip(self.leaves, self.axes, strict=True) if axis is not None]
        if not extents:
            raise OptionError("vmap: nothing is mapped over; at least one entry of in_dims must be an axis")
        if len(set(extents)) > 1:
            raise ShapeError(f"vmap: the mapped axes have the extents {extents}, which must be equal")
        return int(extents[0])

    def run(self, randomness: str) -> Any:
        """All examples at once, unless each must draw random numbers of its own."""
        state, drawn = default_generator.get_state(), default_generator.draws
        result = self._at_once()
        if default_generator.draws == drawn or randomness == "same":
            return result
        default_generator.set_state(state)
        if randomness == "error":
            raise GraphError(
                'vmap: the function draws random numbers; say whether they are the "same" or "different" for the '
                "examples with randomness="
            )
        return self._one_by_one()

    def _at_once(self) -> Any:
        mapped = {place: axis for place, axis in enumerate(self.axes) if axis is not None}
        outside = [_axis_first(self.leaves[place]._read(), axis) for place, axis in mapped.items()]
        placeholders = [_one_of(node) for node in outside]
        with traced(placeholders[0].number):
            inside = {place: wrap(x) for place, x in zip(mapped, placeholders, strict=True)}
            args, kwargs = tree.rebuild(self.tree, iter([inside.get(i, x) for i, x in enumerate(self.leaves)]))
            result = self.func(*args, **kwargs)
        outputs = tree.leaves(result)
        _require_tensors(outputs)
        axes = self._out_axes(result)
        values = _Batch(self.size, dict(zip(placeholders, outside, strict=True)))
        made = [
            values.output(x, axis) if axis is None or axis else wrap(values.of(x._read()))
            for x, axis in zip(outputs, axes, strict=True)
        ]
        return tree.rebuild(result, iter(made))

    def _out_axes(self, result: Any) -> list[Any]:
        axes = tree.spread(self.out_dims, result)
        if axes is None or not all(axis is None or isinstance(axis, int) for axis in axes):
            raise OptionError(f"vmap: out_dims={self.out_dims!r} does not have the form of what the function returns")
        return axes

    def _one_by_one(self) -> Any:
        """Each example by itself; the results side by side."""
        results = []
        for i in range(self.size):
            parts = [x if axis is None else x.select(axis, i) for x, axis in zip(self.leaves, self.axes, strict=True)]
            args, kwargs = tree.rebuild(self.tree, iter(parts))
            results.append(self.func(*args, **kwargs))
        axes = self._out_axes(results[0])
        columns = zip(*(tree.leaves(result) for result in results), strict=True)
        made = [x[0] if axis is None else _stacked(x, axis) for x, axis in zip(columns, axes, strict=True)]
        return tree.rebuild(results[0], iter(made))

    def in_chunks(self, chunk_size: int, randomness: str) -> Any:
        """So many examples at a time; the results one after another."""
        results = []
        for start in range(0, self.size, chunk_size):
            length = min(chunk_size, self.size - start)
            parts = [
                x if axis is None else x.narrow(axis, start, length)
                for x, axis in zip(self.leaves, self.axes, strict=True)
            ]
            args, kwargs = tree.rebuild(self.tree, iter(parts))
            dims = tree.rebuild(self.tree[0], iter(self.axes)) if args else ()
            results.append(_Mapped(self.func, args, kwargs, dims, self.out_dims).run(randomness))
        axes = self._out_axes(results[0])
        columns = zip(*(tree.leaves(result) for result in results), strict=True)
        made = [x[0] if axis is None else _joined(x, axis) for x, axis in zip(columns, axes, strict=True)]
        return tree.rebuild(results[0], iter(made))


def _spread_axes(args: tuple[Any, ...], in_dims: Any) -> list[Any]:
    if isinstance(in_dims, int) or in_dims is None:
        return [in_dims if isinstance(x, TensorBase) or in_dims is None else 0 for x in tree.leaves(args)]
    if not isinstance(in_dims, (tuple, list)):
        raise OptionError(f"vmap: in_dims must be an axis, or a tuple with an entry for each argument, not {in_dims!r}")
    axes = tree.spread(tuple(in_dims), args)
    if axes is None:
        raise OptionError(f"vmap: in_dims={in_dims!r} does not have the form of the arguments")
    return axes


def _require_tensors(outputs: list[Any]) -> None:
    for x in outputs:
        if not isinstance(x, TensorBase):
            raise OptionError(f"vmap: the function must return tensors, and returned {type(x).__name__}")


def _one_of(many: Node) -> Node:
    """A placeholder for one example of a value with a leading axis."""
    placeholder = input_node(tensor_type(many.type.shape[1:], many.type.dtype), None)
    placeholder.requires_grad = many.requires_grad
    return placeholder


def _axis_first(x: Node, axis: int) -> Node:
    return permute(x, (axis, *(i for i in range(len(x.type.shape)) if i != axis)))


def _axis_to(x: Node, axis: int) -> Node:
    ndim = len(x.type.shape)
    if not -ndim <= axis < ndim:
        raise OptionError(f"vmap: out_dims asks for axis {axis} of a result of {ndim} axes")
    order = list(range(1, ndim))
    order.insert(axis % ndim, 0)
    return permute(x, tuple(order))


def _stacked(parts: Sequence[Any], axis: int) -> Any:
    return _joined([x.unsqueeze(axis) for x in parts], axis)


def _joined(parts: Sequence[Any], axis: int) -> Any:
    return wrap(concat(tuple(x._read() for x in parts), parts[0]._axis(axis)))


def _repeated(x: Node, size: int) -> Node:
    return broadcast_to(reshape(x, (1, *x.type.shape)), (size, *x.type.shape))


@dataclass
class _Batch:
    """What was recorded for one example, recorded again for all.

    Attributes:
        size: how many examples there are.
        known: nodes of one example, and their counterparts with the leading axis.
        parts: nodes with several outputs, and the counterparts of these.
    """

    size: int
    known: dict[Node, Node]
    parts: dict[Node, list[Node]] = field(default_factory=dict)

    def of(self, x: Node) -> Node:
        """The counterpart of a node; the node itself for each example if it depends on none."""
        self._record(x)
        found = self.known.get(x)
        return _repeated(x, self.size) if found is None else found

    def output(self, x: Any, axis: int | None) -> Any:
        """The counterpart of a result, with the new axis where it is wanted."""
        node = x._read()
        if axis is not None:
            return wrap(_axis_to(self.of(node), axis))
        self._record(node)
        if node in self.known:
            raise OptionError("vmap: out_dims is None for a result that differs from example to example; name an axis")
        return x

    def _record(self, root: Node) -> None:
        if root in self.known or root.buffer is not None:
            return
        for node in reachable([root], {*self.known, *self.parts}):
            if node.buffer is None and any(x in self.known or x in self.parts for x in node.inputs):
                # What was recorded without gradients (detach, no_grad) stays so.
                with mode.enable_grad() if node.requires_grad else mode.no_grad():
                    self._record_node(node)

    def _record_node(self, node: Node) -> None:
        signature = node.signature
        assert signature is not None
        if signature.projects is not None:
            self.known[node] = made = self.parts[node.inputs[0]][signature.projects]
        else:
            args = tuple(self.known.get(x, x) for x in node.inputs)
            outputs, has = batched_call(signature, args, tuple(x in self.known for x in node.inputs), self.size)
            outputs = [x if mark else _repeated(x, self.size) for x, mark in zip(outputs, has, strict=True)]
            if len(outputs) == 1:
                self.known[node] = made = outputs[0]
            else:
                self.parts[node] = outputs
                made = outputs[0].inputs[0]
        if node.hooks is not None and made.requires_grad:
            made.hooks = self._hooks(node, node.hooks)

    # -- code of the user at a node, called for one example, recorded for all -----------------------------------------

    def _hooks(self, node: Node, hooks: Hooks) -> Hooks:
        batched = Hooks()
        batched.reads = hooks.reads
        batched.calls = {number: partial(self._call, call) for number, call in hooks.calls.items()}
        if hooks.rule is not None:
            batched.rule = partial(self._rule, node, hooks.rule)
        return batched

    def _inner(self, gradients: Sequence[Node]) -> tuple[_Batch, list[Node]]:
        """Placeholders for the gradients of one example, and a batch that knows them."""
        placeholders = [_one_of(g) for g in gradients]
        return _Batch(self.size, {**self.known, **dict(zip(placeholders, gradients, strict=True))}), placeholders

    def _call(self, call: Callable[[Node], Node | None], g: Node) -> Node | None:
        batch, (placeholder,) = self._inner([g])
        with traced(placeholder.number):
            replaced = call(placeholder)
        return None if replaced is None else batch.of(replaced)

    def _rule(self, node: Node, rule: GradientOfNode, _: Node, outputs: Mapping[int, Node]) -> list[Node | None]:
        batch, placeholders = self._inner(list(outputs.values()))
        with traced(placeholders[0].number):
            found = rule(node, dict(zip(outputs, placeholders, strict=True)))
        result: list[Node | None] = []
        for x, g in zip(node.inputs, found, strict=True):
            if g is None:
                result.append(None)
            elif x in self.known:
                result.append(batch.of(g))
            else:
                result.append(drop_axes(sum_keepdim(batch.of(g), (0,)), (0,)))
        return result


GradientOfNode = Callable[[Node, Mapping[int, Node]], Sequence[Node | None]]
