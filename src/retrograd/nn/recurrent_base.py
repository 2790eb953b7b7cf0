"""What recurrent layers share: parameters, layers upon layers, both directions, packed sequences."""

from __future__ import annotations

import math
import numbers
import warnings
from collections.abc import Sequence
from typing import Any, NamedTuple

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import Composite, project, record
from retrograd.core.types import tensor_type
from retrograd.nn import init
from retrograd.nn.functions.dropout import dropout
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.nn.utils.rnn import PackedSequence, Padding, index_node
from retrograd.ops.along import take_along
from retrograd.ops.constant import const_offset, zeros
from retrograd.ops.movement import concat, reshape, slice_, transpose
from retrograd.ops.recurrent import GRU as GRU_LAYER, LSTM as LSTM_LAYER, RNN as RNN_LAYER
from retrograd.tensor.base import wrap
from retrograd.tensor.creation import empty


class _Form(NamedTuple):
    """What differs between kinds of layers.

    Attributes:
        layer: the composite of one layer and direction.
        gates: how many blocks of rows the weights have.
        states: how many states a layer has.
    """

    layer: Composite
    gates: int
    states: int


_FORMS = {
    "RNN_TANH": _Form(RNN_LAYER, 1, 1),
    "RNN_RELU": _Form(RNN_LAYER, 1, 1),
    "LSTM": _Form(LSTM_LAYER, 4, 2),
    "GRU": _Form(GRU_LAYER, 3, 1),
}


class RNNBase(Module):
    """What recurrent layers share: parameters, layers upon layers, both directions, packed sequences.

    Source: torch.nn.RNNBase.
    """

    def __init__(
        self,
        mode: str,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        proj_size: int = 0,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        _check_options(type(self).__name__, hidden_size, num_layers, dropout, proj_size)
        self.mode = mode
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.num_layers = num_layers
        self.bias = bias
        self.batch_first = batch_first
        self.dropout = float(dropout)
        self.bidirectional = bidirectional
        self.proj_size = proj_size
        self._form = _FORMS[mode]
        self._all_weights: list[list[str]] = []
        self._make_parameters(dtype)
        self.reset_parameters()

    def _make_parameters(self, dtype: DType | None) -> None:
        rows, out = self._form.gates * self.hidden_size, self.proj_size or self.hidden_size
        for layer in range(self.num_layers):
            extent = self.input_size if layer == 0 else out * self._directions
            for direction in range(self._directions):
                suffix = f"_l{layer}{'_reverse' if direction else ''}"
                shapes: dict[str, tuple[int, ...]] = {"weight_ih": (rows, extent), "weight_hh": (rows, out)}
                if self.bias:
                    shapes |= {"bias_ih": (rows,), "bias_hh": (rows,)}
                if self.proj_size:
                    shapes["weight_hr"] = (self.proj_size, self.hidden_size)
                for name, shape in shapes.items():
                    setattr(self, name + suffix, Parameter(empty(*shape, dtype=dtype)))
                self._all_weights.append([name + suffix for name in shapes])

    @property
    def _directions(self) -> int:
        return 2 if self.bidirectional else 1

    def reset_parameters(self) -> None:
        """Draw all parameters uniformly from [-1/sqrt(H), 1/sqrt(H))."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    @property
    def all_weights(self) -> list[list[Parameter]]:
        """The parameters of each layer and direction."""
        return [[getattr(self, name) for name in names] for names in self._all_weights]

    def flatten_parameters(self) -> None:
        """Nothing: where parameters lie makes no difference here. There for programs that call it."""

    # -- forward ------------------------------------------------------------------------------------------------------

    def forward(self, input: Any, hx: Any = None) -> Any:
        """All outputs of the last layer, and the last states of all layers.

        Args:
            input: sequences (see the class), or a PackedSequence.
            hx: the first states; default: zeros.

        Raises:
            ShapeError: sequences or states that do not fit the layer, or that have no steps.
        """
        if isinstance(input, PackedSequence):
            return self._forward_packed(input, hx)
        x = input._read()
        batched = self._check_input(x)
        if not batched:
            x = reshape(x, (x.type.shape[0], 1, x.type.shape[1]))
        elif self.batch_first:
            x = transpose(x, 0, 1)
        given = None if hx is None else self._given(hx, x.type.shape[1], batched)
        y, states = self._layers(x, given, None)
        if not batched:
            y = reshape(y, (y.type.shape[0], y.type.shape[2]))
            states = [reshape(s, (s.type.shape[0], s.type.shape[2])) for s in states]
        elif self.batch_first:
            y = transpose(y, 0, 1)
        return wrap(y), self._states(states)

    def _forward_packed(self, packed: PackedSequence, hx: Any) -> tuple[PackedSequence, Any]:
        data = packed.data._read()
        self._check_features(data.type.shape[-1])
        padding = Padding.of(packed)
        given = None
        if hx is not None:
            given = [_with_sequences(s, packed.sorted_indices) for s in self._given(hx, padding.batch, True)]
        y, states = self._layers(padding.padded(data), given, padding.mask())
        order = packed.unsorted_indices
        return packed._replace(data=wrap(padding.packed(y))), self._states([_with_sequences(s, order) for s in states])

    def _layers(self, x: Node, given: list[Node] | None, mask: Node | None) -> tuple[Node, list[Node]]:
        """The outputs of the last layer, and the last states of all: one for each kind of state."""
        batch = x.type.shape[1]
        ends: list[list[Node]] = [[] for _ in range(self._form.states)]
        for layer in range(self.num_layers):
            outputs = []
            for direction in range(self._directions):
                place = layer * self._directions + direction
                states = [
                    self._zeros(kind, batch, x) if given is None else _layer_of(given[kind], place)
                    for kind in range(self._form.states)
                ]
                y, *last = self._one(x, states, place, mask)
                outputs.append(y)
                for end, state in zip(ends, last, strict=True):
                    end.append(reshape(state, (1, *state.type.shape)))
            x = concat(tuple(outputs), 2)
            if self.dropout and self.training and layer < self.num_layers - 1:
                x = dropout(wrap(x), self.dropout, True)._read()
        return x, [concat(tuple(end), 0) for end in ends]

    def _one(self, x: Node, states: list[Node], place: int, mask: Node | None) -> list[Node]:
        """One layer and direction: its outputs and last states."""
        weights = [getattr(self, name)._read() for name in self._all_weights[place]]
        masks = () if mask is None else (mask,)
        node = record(self._form.layer, (x, *states, *weights, *masks), self._attributes(place % self._directions == 1))
        assert node.signature is not None
        shown = 1 + self._form.states
        kept = range(shown, len(node.signature.outputs)) if node.requires_grad else ()
        beside = tuple(project(node, i) for i in kept)
        return [project(node, i, beside) for i in range(shown)]

    def _attributes(self, reverse: bool) -> tuple[Any, ...]:
        if self.mode == "LSTM":
            return self.bias, self.proj_size > 0, reverse
        if self.mode == "GRU":
            return self.bias, reverse
        return self.bias, "relu" if self.mode == "RNN_RELU" else "tanh", reverse

    # -- states -------------------------------------------------------------------------------------------------------

    def _state_size(self, kind: int) -> int:
        """States are h, and c of an LSTM, which is never projected."""
        return self.proj_size if self.proj_size and kind == 0 else self.hidden_size

    def _zeros(self, kind: int, batch: int, x: Node) -> Node:
        return zeros(tensor_type((batch, self._state_size(kind)), x.type.dtype))

    def _listed(self, hx: Any) -> Sequence[Any]:
        """The states that were given, in a list."""
        if self._form.states == 1:
            return [hx]
        if not isinstance(hx, (tuple, list)) or len(hx) != self._form.states:
            raise OptionError(f"{type(self).__name__}: the states must be a pair (h_0, c_0)")
        return hx

    def _given(self, hx: Any, batch: int, batched: bool) -> list[Node]:
        """The states that were given, with their batch axis."""
        states = []
        for kind, state in enumerate(self._listed(hx)):
            node: Node = state._read()
            wanted = (self.num_layers * self._directions, batch, self._state_size(kind))
            shape = wanted if batched else (wanted[0], wanted[2])
            if node.type.shape != shape:
                without = "layers * directions, H, as the input has no batch axis"
                what = "layers * directions, B, H" if batched else without
                raise ShapeError(
                    f"{type(self).__name__}: a first state has shape {node.type.shape}; it must be {shape} ({what})"
                )
            states.append(reshape(node, wanted))
        return states

    def _states(self, states: list[Node]) -> Any:
        wrapped = tuple(map(wrap, states))
        return wrapped if self._form.states > 1 else wrapped[0]

    # -- checks -------------------------------------------------------------------------------------------------------

    def _check_input(self, x: Node) -> bool:
        """Whether there is a batch axis."""
        shape = x.type.shape
        name = type(self).__name__
        if len(shape) not in (2, 3):
            raise ShapeError(f"{name}: the input has shape {shape}; it must have 2 axes, or 3 with a batch")
        self._check_features(shape[-1])
        if shape[1 if self.batch_first and len(shape) == 3 else 0] == 0:
            raise ShapeError(f"{name}: the input has shape {shape}, and no steps; a sequence has at least one")
        return len(shape) == 3

    def _check_features(self, extent: int) -> None:
        if extent != self.input_size:
            raise ShapeError(
                f"{type(self).__name__}: the input's last axis has extent {extent}; input_size is {self.input_size}"
            )

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        defaults = {
            "proj_size": 0, "num_layers": 1, "bias": True, "batch_first": False, "dropout": 0.0, "bidirectional": False,
        }  # fmt: skip
        parts += [f"{name}={getattr(self, name)}" for name, usual in defaults.items() if getattr(self, name) != usual]
        return ", ".join(parts)


def _check_options(name: str, hidden_size: int, num_layers: int, dropout: float, proj_size: int) -> None:
    if isinstance(dropout, bool) or not isinstance(dropout, numbers.Number) or not 0 <= dropout <= 1:
        raise OptionError(f"{name}: dropout must be a probability from 0 to 1, and is {dropout!r}")
    if dropout > 0 and num_layers == 1:
        warnings.warn(
            f"{name}: dropout={dropout} stands between layers, and there is only one; it does nothing", stacklevel=4
        )
    if not isinstance(hidden_size, int):
        raise TypeError(f"{name}: hidden_size must be an int, and is {type(hidden_size).__name__}")
    if hidden_size <= 0 or num_layers <= 0:
        raise OptionError(f"{name}: hidden_size and num_layers must be positive, and are {hidden_size}, {num_layers}")
    if not 0 <= proj_size < hidden_size:
        raise OptionError(f"{name}: proj_size must be 0 (none) or below hidden_size={hidden_size}, and is {proj_size}")


def _layer_of(state: Node, place: int) -> Node:
    """(B, H) of one layer and direction."""
    count, *shape = state.type.shape
    if count > 1:
        state = slice_(state, (const_offset(place), const_offset(0), const_offset(0)), (1, *shape), (1, 1, 1))
    return reshape(state, tuple(shape))


def _with_sequences(state: Node, order: Any) -> Node:
    """A state with its sequences (axis 1) in another order."""
    return state if order is None else take_along(state, index_node(order), 1)
