"""Recurrent cells: one step of a recurrent layer."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node
from retrograd.core.operation import project, record
from retrograd.core.types import tensor_type
from retrograd.nn import init
from retrograd.nn.module import Module
from retrograd.nn.parameter import Parameter
from retrograd.ops.constant import zeros
from retrograd.ops.movement import reshape
from retrograd.ops.recurrent import GRU_CELL, LSTM_CELL, RNN_CELL
from retrograd.tensor.base import wrap
from retrograd.tensor.creation import empty


class RNNCellBase(Module):
    """What recurrent cells share: their parameters. Source: torch.nn.RNNCellBase."""

    nonlinearity: str
    bias_ih: Parameter | None
    bias_hh: Parameter | None

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool,
        num_chunks: int,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        super().__init__()
        self.input_size = input_size
        self.hidden_size = hidden_size
        self.bias = bias
        rows = num_chunks * hidden_size
        self.weight_ih = Parameter(empty(rows, input_size, dtype=dtype))
        self.weight_hh = Parameter(empty(rows, hidden_size, dtype=dtype))
        for name in ("bias_ih", "bias_hh"):
            self.register_parameter(name, Parameter(empty(rows, dtype=dtype)) if bias else None)
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw all parameters uniformly from [-1/sqrt(H), 1/sqrt(H))."""
        bound = 1 / math.sqrt(self.hidden_size) if self.hidden_size > 0 else 0
        for parameter in self.parameters():
            init.uniform_(parameter, -bound, bound)

    def _input(self, input: Any) -> tuple[Node, bool]:
        """The input with a batch axis, and whether it had one."""
        x: Node = input._read()
        shape, name = x.type.shape, type(self).__name__
        if len(shape) not in (1, 2):
            raise ShapeError(f"{name}: the input has shape {shape}; it must be (B, in), or (in,) for one example")
        if shape[-1] != self.input_size:
            raise ShapeError(
                f"{name}: the input has shape {shape}; its last axis must have input_size={self.input_size} elements"
            )
        return (x, True) if len(shape) == 2 else (reshape(x, (1, *shape)), False)

    def _state(self, state: Any, x: Node, batched: bool) -> Node:
        """A state that was given, or zeros."""
        shape = (x.type.shape[0], self.hidden_size)
        if state is None:
            return zeros(tensor_type(shape, x.type.dtype))
        node: Node = state._read()
        if node.type.shape != (shape if batched else shape[1:]):
            raise ShapeError(
                f"{type(self).__name__}: a state has shape {node.type.shape}; it must be "
                f"{shape if batched else shape[1:]}, as the input is {'batched' if batched else 'one example'}"
            )
        return node if batched else reshape(node, shape)

    def _weights(self) -> list[Node]:
        listed = (self.weight_ih, self.weight_hh, self.bias_ih, self.bias_hh)
        return [parameter._read() for parameter in listed if parameter is not None]

    @staticmethod
    def _result(state: Node, batched: bool) -> Any:
        return wrap(state if batched else reshape(state, state.type.shape[1:]))

    def extra_repr(self) -> str:
        parts = [f"{self.input_size}, {self.hidden_size}"]
        if not self.bias:
            parts.append("bias=False")
        if getattr(self, "nonlinearity", "tanh") != "tanh":
            parts.append(f"nonlinearity={self.nonlinearity}")
        return ", ".join(parts)


class RNNCell(RNNCellBase):
    """h' = tanh(W_ih x + b_ih + W_hh h + b_hh), or relu.

    Args:
        input_size: features of x.
        hidden_size: H, features of h.
        bias: whether to add b_ih and b_hh.
        nonlinearity: "tanh" or "relu".
        dtype: of the parameters.

    Shapes: x (B, in) or (in,), h (B, H) or (H,), default zeros.

    Raises:
        OptionError: another nonlinearity.

    Source: torch.nn.RNNCell.

    >>> import retrograd as rg
    >>> rg.nn.RNNCell(3, 5)(rg.zeros(2, 3)).shape
    retrograd.Size([2, 5])
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        bias: bool = True,
        nonlinearity: str = "tanh",
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"RNNCell: nonlinearity must be 'tanh' or 'relu', and is {nonlinearity!r}")
        super().__init__(input_size, hidden_size, bias, 1, device, dtype)
        self.nonlinearity = nonlinearity

    def forward(self, input: Any, hx: Any = None) -> Any:
        x, batched = self._input(input)
        h = self._state(hx, x, batched)
        return self._result(record(RNN_CELL, (x, h, *self._weights()), (self.nonlinearity,)), batched)


class LSTMCell(RNNCellBase):
    """One step of an LSTM: (h', c') from x and (h, c); see `LSTM` for the formulas.

    Args:
        input_size: features of x.
        hidden_size: H, features of h and c.
        bias: whether to add b_ih and b_hh.
        dtype: of the parameters.

    Shapes: x (B, in) or (in,), h and c (B, H) or (H,), default zeros.

    Source: torch.nn.LSTMCell.

    >>> import retrograd as rg
    >>> h, c = rg.nn.LSTMCell(3, 5)(rg.zeros(2, 3))
    >>> h.shape, c.shape
    (retrograd.Size([2, 5]), retrograd.Size([2, 5]))
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: DType | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 4, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> tuple[Any, Any]:
        x, batched = self._input(input)
        h, c = (self._state(state, x, batched) for state in ((None, None) if hx is None else hx))
        node = record(LSTM_CELL, (x, h, c, *self._weights()))
        return self._result(project(node, 0), batched), self._result(project(node, 1), batched)


class GRUCell(RNNCellBase):
    """One step of a GRU: h' from x and h; see `GRU` for the formulas.

    Args:
        input_size: features of x.
        hidden_size: H, features of h.
        bias: whether to add the biases.
        dtype: of the parameters.

    Shapes: x (B, in) or (in,), h (B, H) or (H,), default zeros.

    Source: torch.nn.GRUCell.

    >>> import retrograd as rg
    >>> rg.nn.GRUCell(3, 5)(rg.zeros(2, 3), rg.zeros(2, 5)).shape
    retrograd.Size([2, 5])
    """

    def __init__(
        self, input_size: int, hidden_size: int, bias: bool = True, device: Any = None, dtype: DType | None = None
    ) -> None:
        super().__init__(input_size, hidden_size, bias, 3, device, dtype)

    def forward(self, input: Any, hx: Any = None) -> Any:
        x, batched = self._input(input)
        h = self._state(hx, x, batched)
        return self._result(record(GRU_CELL, (x, h, *self._weights())), batched)
