"""Function: an operation with a backward pass of the user's own."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any

from retrograd.core import mode
from retrograd.core.errors import GraphError, ShapeError
from retrograd.core.node import Hooks, Node
from retrograd.core.operation import record, results
from retrograd.core.types import TensorType
from retrograd.ops.arithmetic import IDENTITY
from retrograd.ops.constant import zeros
from retrograd.ops.custom import FUNCTION
from retrograd.ops.elementwise import cast
from retrograd.ops.movement import reshape
from retrograd.ops.reduce import sum_keepdim
from retrograd.tensor.base import TensorBase, detached, wrap
from retrograd.tensor.saved_tensors import Packed, packed


class FunctionCtx:
    """What `forward` leaves for `backward`.

    Attributes:
        needs_input_grad: for each argument of `forward`, whether a gradient is wanted for it.

    Source: torch.autograd.function.FunctionCtx.
    """

    needs_input_grad: tuple[bool, ...] = ()

    def __init__(self) -> None:
        self._to_save: tuple[Any, ...] = ()
        self._saved: _Saved | None = None
        self._dirty: tuple[Any, ...] = ()
        self._constant: tuple[Any, ...] = ()
        self._materialize = True

    def save_for_backward(self, *tensors: Any) -> None:
        """Keep tensors (or None) for the backward pass, which finds them in `saved_tensors`."""
        for tensor in tensors:
            if tensor is not None and not isinstance(tensor, TensorBase):
                raise TypeError(
                    f"save_for_backward: only tensors and None are saved, not {type(tensor).__name__}; keep other "
                    "things as attributes of ctx"
                )
        self._to_save = tensors

    def save_for_forward(self, *tensors: Any) -> None:
        """Accepted for PyTorch's sake: forward-mode derivatives are computed from `backward`."""

    def mark_dirty(self, *tensors: Any) -> None:
        """Say which arguments `forward` has changed in place; it must return them."""
        self._dirty = tensors

    def mark_non_differentiable(self, *tensors: Any) -> None:
        """Say which results have no gradient."""
        self._constant = tensors

    def set_materialize_grads(self, value: bool) -> None:
        """Whether `backward` gets zeros (True, the default) or None for a result that no gradient reaches."""
        self._materialize = value

    @property
    def saved_tensors(self) -> tuple[Any, ...]:
        """What `save_for_backward` was given."""
        return self._to_save if self._saved is None else self._saved.tensors()


class _Saved:
    """Saved tensors as nodes: an old version of an argument stays what it was, a result is found at its own node.

    A result's node knows the rule that holds this, so it is not held in turn: the backward pass brings it.

    Attributes:
        outputs: while a backward pass is here, the nodes of results.
    """

    def __init__(self, ctx: FunctionCtx, inputs: Mapping[int, Node], outputs: Mapping[int, int]) -> None:
        dirty = {id(x) for x in ctx._dirty}
        self._kept: list[Node | int | None] = []
        self._packed: list[Packed | None] = []
        for x in ctx._to_save:
            self._packed.append(None if x is None else packed(wrap(detached(x._read()))))
            if x is None:
                self._kept.append(None)
            elif id(x) in outputs and (id(x) in dirty or id(x) not in inputs):
                self._kept.append(outputs[id(x)])
            else:
                node = inputs[id(x)] if id(x) in inputs else x._read()
                # What the hooks keep is enough, unless a gradient goes to it.
                self._kept.append(node if self._packed[-1] is None or node.requires_grad else None)
        self.outputs: dict[int, Node] = {}

    def __len__(self) -> int:
        return len(self._kept)

    def tensors(self) -> tuple[Any, ...]:
        return tuple(self._found(*each) for each in zip(self._kept, self._packed, strict=True))

    def _found(self, kept: Node | int | None, replaced: Packed | None) -> Any:
        node = self.outputs[kept] if isinstance(kept, int) else kept
        if replaced is None:
            return None if node is None else wrap(node)
        found = replaced.unpacked()
        if node is None or not (mode.state.grad_enabled and node.requires_grad):
            return found
        # A value of its own, whose gradient goes where that of the saved tensor would have gone.
        made = record(FUNCTION, (node, record(IDENTITY, (detached(found._read()),))), (1,))
        made.hooks = Hooks()
        made.hooks.rule = lambda _, gradients: [gradients[0], None]
        return wrap(made)


class Function:
    """Base of operations that define their own backward pass.

    A subclass defines `forward(ctx, *args)`, or `forward(*args)` with `setup_context(ctx, inputs, output)`, and
    `backward(ctx, *grad_outputs)`, all static; it is used by `apply`. `forward` runs at once, under `no_grad`, on lazy
    tensors; `backward` while the backward pass is recorded. What `backward` computes from tensors can be differentiated
    in turn. `vmap` works as for any function.

    Source: torch.autograd.Function. Deviations: an argument that `forward` returns unchanged is returned as a copy;
    `jvp` and `vmap` methods are not called, since `backward` and batching rules give both.

    >>> import retrograd as rg
    >>> class Cube(rg.autograd.Function):
    ...     @staticmethod
    ...     def forward(ctx, x):
    ...         ctx.save_for_backward(x)
    ...         return x ** 3
    ...     @staticmethod
    ...     def backward(ctx, grad_output):
    ...         (x,) = ctx.saved_tensors
    ...         return grad_output * 3 * x * x
    >>> x = rg.tensor([2.0], requires_grad=True)
    >>> Cube.apply(x).backward()
    >>> x.grad
    tensor([12.])
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        raise GraphError(f"{type(self).__name__}: a Function has no instances; call {type(self).__name__}.apply(...)")

    @staticmethod
    def forward(*args: Any, **kwargs: Any) -> Any:
        """The operation."""
        raise NotImplementedError("a Function must define the static method forward")

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Any, ...], output: Any) -> Any:
        """What is to be saved, where `forward` takes no ctx."""
        raise NotImplementedError("a Function whose forward takes no ctx must define setup_context")

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Any) -> Any:
        """Gradients of the arguments from those of the results."""
        raise NotImplementedError("a Function must define the static method backward to be differentiated")

    @classmethod
    def apply(cls, *args: Any, **kwargs: Any) -> Any:
        """Run `forward`; the results have `backward` as their gradient.

        Raises:
            GraphError: a leaf that requires a gradient was changed in place.
        """
        inputs = {place: x._read() for place, x in enumerate(args) if isinstance(x, TensorBase)}
        followed = mode.state.grad_enabled and any(node.requires_grad for node in inputs.values())
        ctx = FunctionCtx()
        ctx.needs_input_grad = tuple(place in inputs and inputs[place].requires_grad for place in range(len(args)))
        with mode.no_grad():
            output = cls._run(ctx, args, kwargs)
        if not followed:
            return output
        outputs = list(output) if isinstance(output, (tuple, list)) else [output]
        made = _on_history(cls, ctx, args, inputs, outputs)
        return type(output)(made) if isinstance(output, (tuple, list)) else made[0]

    @classmethod
    def _run(cls, ctx: FunctionCtx, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        if cls.setup_context is Function.setup_context:
            return cls.forward(ctx, *args, **kwargs)
        output = cls.forward(*args, **kwargs)
        cls.setup_context(ctx, args, output)
        return output


def _on_history(
    cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], inputs: dict[int, Node], outputs: list[Any]
) -> list[Any]:
    """The results with the function as their history."""
    differentiable = [
        place
        for place, x in enumerate(outputs)
        if isinstance(x, TensorBase) and x.dtype.is_floating_point and all(x is not y for y in ctx._constant)
    ]
    by_id = {id(args[place]): node for place, node in inputs.items()}
    ctx._saved = _Saved(ctx, by_id, {id(outputs[place]): place for place in differentiable})
    ctx._to_save = ()
    made = list(outputs)
    if not differentiable:
        return made
    values = [detached(outputs[place]._read()) for place in differentiable]
    with mode.enable_grad():
        node = record(FUNCTION, (*inputs.values(), *values), (len(inputs),))
    node.hooks = Hooks()
    node.hooks.rule = _Rule(cls, ctx, len(args), tuple(inputs), outputs, differentiable)
    node.hooks.reads = len(ctx._saved) > 0
    for place, result in zip(differentiable, results(node), strict=True):
        made[place] = _delivered(cls, ctx, args, outputs[place], result)
    return made


def _delivered(cls: type[Function], ctx: FunctionCtx, args: tuple[Any, ...], x: Any, node: Node) -> Any:
    """A result as a tensor: a new one, or the argument that was changed in place."""
    if not any(x is y for y in ctx._dirty):
        return wrap(node)
    if not any(x is y for y in args):
        raise GraphError(f"{cls.__name__}: mark_dirty names a result that is not one of the arguments")
    with mode.enable_grad():
        x._require_writable(cls.__name__, node)
        x._write(node)
    return x


class _Rule:
    """The gradient rule of one application."""

    def __init__(
        self,
        cls: type[Function],
        ctx: FunctionCtx,
        count: int,
        tensors: tuple[int, ...],
        outputs: list[Any],
        differentiable: list[int],
    ) -> None:
        self.name = cls.__name__
        self.backward = cls.backward
        self.ctx, self.count, self.tensors, self.differentiable = ctx, count, tensors, differentiable
        self.types = [x._history().type if isinstance(x, TensorBase) else None for x in outputs]

    def __call__(self, node: Node, gradients: Mapping[int, Node]) -> list[Node | None]:
        mode.note_user_call()
        ctx = self.ctx
        assert ctx._saved is not None
        arrived = {self.differentiable[place]: wrap(g) for place, g in gradients.items()}
        given = [arrived[i] if i in arrived else self._absent(type_) for i, type_ in enumerate(self.types)]
        ctx._saved.outputs = dict(zip(self.differentiable, results(node), strict=True))
        try:
            found = self.backward(ctx, *given)
        finally:
            ctx._saved.outputs = {}
        return self._checked(node, list(found) if isinstance(found, (tuple, list)) else [found])

    def _absent(self, type_: TensorType | None) -> Any:
        """What stands for the gradient of a result that none has reached."""
        return wrap(zeros(type_)) if type_ is not None and self.ctx._materialize else None

    def _checked(self, node: Node, found: list[Any]) -> list[Node | None]:
        """Gradients for the node's inputs.

        Raises:
            GraphError: there are too many or too few, or one is no tensor.
        """
        if len(found) > self.count and all(g is None for g in found[self.count :]):
            found = found[: self.count]
        if len(found) != self.count:
            raise GraphError(
                f"{self.name}: backward returned {len(found)} gradients; it must return one for each of the "
                f"{self.count} arguments of forward, None where there is none"
            )
        for place, g in enumerate(found):
            if g is not None and not isinstance(g, TensorBase):
                raise GraphError(
                    f"{self.name}: backward returned {type(g).__name__} for argument {place}; a gradient is a tensor "
                    "or None"
                )
            if g is not None and place not in self.tensors:
                raise GraphError(f"{self.name}: backward returned a gradient for argument {place}, which is no tensor")
        result: list[Node | None] = []
        for place, x in zip(self.tensors, node.inputs, strict=False):
            g = found[place]
            result.append(None if g is None or not x.requires_grad else self._fitted(g._read(), x, place))
        return result + [None] * (len(node.inputs) - len(result))

    def _fitted(self, g: Node, x: Node, place: int) -> Node:
        """A gradient with the shape and dtype of its argument; axes that this was broadcast along are summed."""
        shape, wanted = g.type.shape, x.type.shape
        extra = len(shape) - len(wanted)
        grown = tuple(i for i, n in enumerate(shape) if i < extra or wanted[i - extra] == 1 != n)
        if extra < 0 or tuple(1 if i in grown else n for i, n in enumerate(shape))[extra:] != wanted:
            raise ShapeError(
                f"{self.name}: backward returned a gradient of shape {shape} for argument {place}, which has shape "
                f"{wanted}"
            )
        return cast(reshape(sum_keepdim(g, grown), wanted), x.type.dtype)


def once_differentiable(function: Callable[..., Any]) -> Callable[..., Any]:
    """Decorator for a `backward` that cannot be differentiated: the attempt is an error.

    Source: torch.autograd.function.once_differentiable.
    """

    @functools.wraps(function)
    def wrapped(ctx: Any, *args: Any) -> Any:
        with mode.no_grad():
            found = function(ctx, *args)
        given = [x._read() for x in args if isinstance(x, TensorBase)]
        if not mode.state.grad_enabled or not any(node.requires_grad for node in given):
            return found
        made = [_undifferentiable(x, given) for x in (found if isinstance(found, tuple) else (found,))]
        return tuple(made) if isinstance(found, tuple) else made[0]

    return wrapped


def _undifferentiable(x: Any, given: list[Node]) -> Any:
    if not isinstance(x, TensorBase) or not x.dtype.is_floating_point:
        return x
    value = detached(x._read())
    node = record(FUNCTION, (*given, record(IDENTITY, (value,))), (len(given),))
    node.hooks = Hooks()
    node.hooks.rule = _refuse
    return wrap(node)


def _refuse(node: Node, gradients: Mapping[int, Node]) -> list[Node | None]:
    raise GraphError("a backward that is marked with @once_differentiable is being differentiated")
