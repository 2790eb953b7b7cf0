"""Derivatives of functions of tensors, with the signatures of torch.autograd.functional.

Every function here takes `func` and `inputs`, a tensor or a tuple of tensors, and calls `func(*inputs)`, which returns
a tensor or a tuple of tensors. What comes out is detached unless `create_graph` is set. With `strict`, an output that
does not depend on an input is an error; otherwise its derivative is zero.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from retrograd.autograd.level import Level, filled, outside, pull_back, unit_vectors
from retrograd.core.errors import GraphError, OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.ops.constant import zeros
from retrograd.ops.elementwise import cast
from retrograd.tensor.base import TensorBase, detached, wrap
from retrograd.tensor.joining import stack
from retrograd.tensor.tensor import from_array
from retrograd.tensor.vmap import vmap

Function = Callable[..., Any]
Tensors = TensorBase | tuple[TensorBase, ...]


def vjp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and v^T J: the gradients of the inputs when those of the outputs are v.

    Args:
        func, inputs: a function and where it is looked at.
        v: of the form and shapes of the outputs; may be left out for a single element (1).
        create_graph: let the results be differentiated in turn.
        strict: refuse an output that depends on no input, and an input that no output depends on.

    Raises:
        GraphError: v is missing, or an independence that `strict` refuses. ShapeError: v has another shape.

    Source: torch.autograd.functional.vjp.

    >>> import retrograd as rg
    >>> rg.autograd.functional.vjp(lambda x: x**2, rg.tensor([1.0, 2.0]), rg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = _Call("vjp", func, inputs, create_graph, strict)
    with call.level.open():
        call.run()
        found = call.pull_back(call.nodes, call.weights(v, call.nodes))
    return call.outputs(), call.like_inputs(found)


def jvp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The outputs, and J v: their derivative along v.

    Args:
        func, inputs: a function and where it is looked at.
        v: of the form and shapes of the inputs; may be left out for a single element (1).
        create_graph, strict: as in `vjp`.

    Source: torch.autograd.functional.jvp.

    >>> import retrograd as rg
    >>> rg.autograd.functional.jvp(lambda x: x**2, rg.tensor([1.0, 2.0]), rg.tensor([1.0, 10.0]))
    (tensor([1., 4.]), tensor([ 2., 40.]))
    """
    call = _Call("jvp", func, inputs, create_graph, strict)
    with call.level.open():
        call.run()
        found = call.push_forward(call.weights(v, call.level.inputs))
    return call.outputs(), call.like_outputs(found)


def vhp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output, a single number, and v^T H with the Hessian H.

    Args:
        func, inputs: a function and where it is looked at.
        v: of the form and shapes of the inputs; may be left out for a single element (1).
        create_graph, strict: as in `vjp`.

    Source: torch.autograd.functional.vhp.

    >>> import retrograd as rg
    >>> rg.autograd.functional.vhp(lambda x: (x**3).sum(), rg.tensor([1.0, 2.0]), rg.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    call = _Call("vhp", func, inputs, create_graph, strict)
    with call.level.open():
        call.run()
        first = call.pull_back([call.number()], [None])
        found = call.pull_back(first, call.weights(v, call.level.inputs))
    return call.outputs(), call.like_inputs(found)


def hvp(
    func: Function, inputs: Tensors, v: Tensors | None = None, create_graph: bool = False, strict: bool = False
) -> tuple[Any, Any]:
    """The output, a single number, and H v with the Hessian H. Since H is symmetric, this is `vhp`.

    Source: torch.autograd.functional.hvp.

    >>> import retrograd as rg
    >>> rg.autograd.functional.hvp(lambda x: (x**3).sum(), rg.tensor([1.0, 2.0]), rg.tensor([1.0, 10.0]))
    (tensor(9.), tensor([  6., 120.]))
    """
    return vhp(func, inputs, v, create_graph, strict)


def jacobian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """All derivatives of the outputs by the inputs.

    Args:
        func, inputs: a function and where it is looked at.
        create_graph, strict: as in `vjp`.
        vectorize: compute all rows at once, by `vmap`, instead of one after another.
        strategy: "reverse-mode" goes row by row, "forward-mode" (with `vectorize`) column by column.

    Returns:
        A tensor of shape (*output.shape, *input.shape); where there are several inputs a tuple of such, and where there
        are several outputs a tuple of these.

    Source: torch.autograd.functional.jacobian.

    >>> import retrograd as rg
    >>> rg.autograd.functional.jacobian(lambda x: x**2, rg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("reverse-mode", "forward-mode"):
        raise OptionError(f"jacobian: strategy must be 'reverse-mode' or 'forward-mode', not {strategy!r}")
    if strategy == "forward-mode" and not vectorize:
        raise OptionError("jacobian: strategy='forward-mode' needs vectorize=True")
    if vectorize and strict:
        raise OptionError("jacobian: strict=True cannot be had with vectorize=True")
    call = _Call("jacobian", func, inputs, create_graph, strict)
    with call.level.open():
        call.run()
        rows = call.by_columns() if strategy == "forward-mode" else call.by_rows(vectorize)
    return call.like_outputs_wrapped([call.like_inputs(row) for row in rows])


def hessian(
    func: Function,
    inputs: Tensors,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """All second derivatives of a function whose output is a single number.

    Args:
        func, inputs: a function and where it is looked at.
        create_graph, strict: as in `vjp`.
        vectorize, outer_jacobian_strategy: those of the `jacobian` of the gradient.

    Returns:
        A tensor of shape (*input.shape, *input.shape); for several inputs a tuple of tuples of these.

    Source: torch.autograd.functional.hessian.

    >>> import retrograd as rg
    >>> rg.autograd.functional.hessian(lambda x: (x**3).sum(), rg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """

    def gradient(*given: Any) -> Any:
        call = _Call("hessian", func, given, create_graph=True, strict=strict)
        with call.level.open():
            call.run()
            found = call.pull_back([call.number()], [None])
        result = call.like_inputs(found)
        return result if isinstance(inputs, tuple) else result[0]

    return jacobian(gradient, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


class _Call:
    """A function at some inputs, run at a level of its own.

    Attributes:
        nodes: its outputs.
    """

    def __init__(self, name: str, func: Function, inputs: Any, create_graph: bool, strict: bool) -> None:
        self.name, self._func, self._create_graph, self._strict = name, func, create_graph, strict
        self._one_input = not isinstance(inputs, (tuple, list))
        given = (inputs,) if self._one_input else tuple(inputs)
        for place, x in enumerate(given):
            if not isinstance(x, TensorBase):
                raise TypeError(f"{name}: input {place} must be a tensor, and is {type(x).__name__}")
        self.level = Level(name, given)
        self.nodes: list[Node] = []
        self._one_output = True

    def run(self) -> None:
        result = self._func(*self.level.arguments)
        self._one_output = not isinstance(result, (tuple, list))
        outputs = (result,) if self._one_output else tuple(result)
        for place, y in enumerate(outputs):
            if not isinstance(y, TensorBase):
                kind = type(y).__name__
                raise TypeError(f"{self.name}: the function must return tensors, and output {place} is {kind}")
        self.nodes = [y._read() for y in outputs]
        if self._strict and not all(node.requires_grad for node in self.nodes):
            place = [node.requires_grad for node in self.nodes].index(False)
            raise GraphError(f"{self.name}: output {place} depends on no input, and strict=True refuses that")

    def number(self) -> Node:
        """The output of a function that must be a single number."""
        if not self._one_output or self.nodes[0].type.size != 1:
            raise GraphError(
                f"{self.name}: the function must return one tensor of one element; its outputs have the shapes "
                f"{[node.type.shape for node in self.nodes]}"
            )
        return self.nodes[0]

    def weights(self, v: Any, targets: Sequence[Node]) -> list[Node | None]:
        """The vector as nodes, one for each target.

        Raises:
            GraphError: it is missing, or has another number of parts. ShapeError: a part has another shape.
        """
        if v is None:
            if len(targets) != 1 or targets[0].type.size != 1:
                raise GraphError(f"{self.name}: v can be left out only for one tensor of one element")
            return [None]
        given = tuple(v) if isinstance(v, (tuple, list)) else (v,)
        if len(given) != len(targets):
            raise GraphError(f"{self.name}: v has {len(given)} parts for {len(targets)} tensors")
        nodes: list[Node | None] = []
        for place, (x, target) in enumerate(zip(given, targets, strict=True)):
            if not isinstance(x, TensorBase):
                raise TypeError(f"{self.name}: v must be made of tensors, and part {place} is {type(x).__name__}")
            if tuple(x.shape) != target.type.shape:
                raise ShapeError(f"{self.name}: part {place} of v has shape {tuple(x.shape)}, not {target.type.shape}")
            nodes.append(cast(x._read(), target.type.dtype))
        return nodes

    def pull_back(self, outputs: Sequence[Node], seeds: Sequence[Node | None]) -> list[Node]:
        found = self.level.pull_back(outputs, seeds)
        if self._strict and None in found:
            place = found.index(None)
            raise GraphError(f"{self.name}: no output depends on input {place}, and strict=True refuses that")
        return filled(found, self.level.inputs)

    def push_forward(self, directions: Sequence[Node | None]) -> list[Node]:
        """The derivatives of the outputs along a direction: u -> u^T J is linear, and has the derivative J v."""
        vectors = [zeros(node.type) for node in self.nodes]
        for vector in vectors:
            vector.requires_grad = True
        return filled(pull_back(vectors, self.pull_back(self.nodes, vectors), directions), vectors)

    # -- matrices -----------------------------------------------------------------------------------------------------

    def by_rows(self, vectorize: bool) -> list[list[Node]]:
        return [self._rows(place, vectorize) for place in range(len(self.nodes))]

    def _rows(self, place: int, vectorize: bool) -> list[Node]:
        """The derivatives of one output by each input."""
        y = self.nodes[place].type
        basis = unit_vectors(y.shape, y.dtype)

        def row(vector: Any) -> tuple[Any, ...]:
            return tuple(wrap(g) for g in self.pull_back([self.nodes[place]], [vector._read()]))

        if vectorize:
            columns = vmap(row)(basis)
        else:
            rows = [row(basis[i]) for i in range(len(basis))]
            columns = [stack(column) for column in zip(*rows, strict=True)] if rows else self._empty(y.shape)
        return [g.reshape(*y.shape, *x.type.shape)._read() for g, x in zip(columns, self.level.inputs, strict=True)]

    def _empty(self, shape: tuple[int, ...]) -> list[Any]:
        return [from_array(np.zeros((*shape, *x.type.shape), x.type.dtype.numpy)) for x in self.level.inputs]

    def by_columns(self) -> list[list[Node]]:
        made = [self._columns(place) for place in range(len(self.level.inputs))]
        return [list(row) for row in zip(*made, strict=True)]

    def _columns(self, place: int) -> list[Node]:
        """The derivatives of each output by one input."""
        x = self.level.inputs[place].type

        def column(direction: Any) -> tuple[Any, ...]:
            directions = [
                direction._read() if i == place else zeros(node.type) for i, node in enumerate(self.level.inputs)
            ]
            return tuple(wrap(node) for node in self.push_forward(directions))

        found = vmap(column, out_dims=-1)(unit_vectors(x.shape, x.dtype))
        return [d.reshape(*node.type.shape, *x.shape)._read() for d, node in zip(found, self.nodes, strict=True)]

    # -- results ------------------------------------------------------------------------------------------------------

    def _result(self, node: Node) -> Any:
        return outside(node) if self._create_graph else wrap(detached(node))

    def outputs(self) -> Any:
        return self.like_outputs(self.nodes)

    def like_outputs(self, nodes: Sequence[Node]) -> Any:
        return self.like_outputs_wrapped([self._result(node) for node in nodes])

    def like_outputs_wrapped(self, results: Sequence[Any]) -> Any:
        return results[0] if self._one_output else tuple(results)

    def like_inputs(self, nodes: Sequence[Node]) -> Any:
        results = tuple(self._result(node) for node in nodes)
        return results[0] if self._one_input else results
