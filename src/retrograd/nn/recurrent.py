"""Recurrent layers: RNN, LSTM and GRU over whole sequences."""

from __future__ import annotations

from typing import Any

from retrograd.core.dtype import DType
from retrograd.core.errors import OptionError
from retrograd.nn.recurrent_base import RNNBase


class RNN(RNNBase):
    """h_t = tanh(W_ih x_t + b_ih + W_hh h_{t-1} + b_hh), layer upon layer.

    Args:
        input_size: features of x_t.
        hidden_size: H, features of h_t.
        num_layers: how many layers; each takes the outputs of the one before.
        nonlinearity: "tanh" or "relu".
        bias: whether to add b_ih and b_hh.
        batch_first: whether sequences are (B, T, in).
        dropout: probability with which outputs between layers are zeroed in training.
        bidirectional: whether a second set of layers goes from the last step to the first.
        dtype: of the parameters.

    Shapes: x (T, B, in), or (B, T, in) with batch_first, or (T, in) for one sequence; the output has H * directions
    features, states are (num_layers * directions, B, H). Parameters and their first values are PyTorch's.

    Raises:
        OptionError: an option outside its range.

    Source: torch.nn.RNN; Elman (1990).

    >>> import retrograd as rg
    >>> output, h_n = rg.nn.RNN(3, 5, num_layers=2)(rg.zeros(7, 4, 3))
    >>> output.shape, h_n.shape
    (retrograd.Size([7, 4, 5]), retrograd.Size([2, 4, 5]))
    """

    def __init__(
        self,
        input_size: int,
        hidden_size: int,
        num_layers: int = 1,
        nonlinearity: str = "tanh",
        bias: bool = True,
        batch_first: bool = False,
        dropout: float = 0.0,
        bidirectional: bool = False,
        device: Any = None,
        dtype: DType | None = None,
    ) -> None:
        if nonlinearity not in ("tanh", "relu"):
            raise OptionError(f"RNN: nonlinearity must be 'tanh' or 'relu', and is {nonlinearity!r}")
        self_mode = f"RNN_{nonlinearity.upper()}"
        super().__init__(
            self_mode, input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0, device, dtype
        )
        self.nonlinearity = nonlinearity


class LSTM(RNNBase):
    """Long short-term memory, layer upon layer:

    i, f, g, o = W_ih x_t + b_ih + W_hh h_{t-1} + b_hh,
    c_t = sigmoid(f) c_{t-1} + sigmoid(i) tanh(g),  h_t = sigmoid(o) tanh(c_t).

    Args:
        input_size: features of x_t.
        hidden_size: H, features of c_t, and of h_t without a projection.
        num_layers: how many layers; each takes the outputs of the one before.
        bias: whether to add b_ih and b_hh.
        batch_first: whether sequences are (B, T, in).
        dropout: probability with which outputs between layers are zeroed in training.
        bidirectional: whether a second set of layers goes from the last step to the first.
        proj_size: if not 0, h_t is projected to so many features by W_hr.
        dtype: of the parameters.

    Shapes: x (T, B, in), or (B, T, in) with batch_first, or (T, in) for one sequence; states (h_0, c_0) are
    (num_layers * directions, B, features). Parameters and their first values are PyTorch's.

    Raises:
        OptionError: an option outside its range.

    Source: torch.nn.LSTM; Hochreiter and Schmidhuber (1997), Sak et al. (2014).

    >>> import retrograd as rg
    >>> output, (h_n, c_n) = rg.nn.LSTM(3, 5, batch_first=True, bidirectional=True)(rg.zeros(4, 7, 3))
    >>> output.shape, h_n.shape
    (retrograd.Size([4, 7, 10]), retrograd.Size([2, 4, 5]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__("LSTM", *args, **kwargs)


class GRU(RNNBase):
    """Gated recurrent units, layer upon layer:

    r = sigmoid(W_ir x_t + b_ir + W_hr h_{t-1} + b_hr),  z = sigmoid(W_iz x_t + b_iz + W_hz h_{t-1} + b_hz),
    n = tanh(W_in x_t + b_in + r (W_hn h_{t-1} + b_hn)),  h_t = (1 - z) n + z h_{t-1}.

    Args:
        input_size: features of x_t.
        hidden_size: H, features of h_t.
        num_layers: how many layers; each takes the outputs of the one before.
        bias: whether to add the biases.
        batch_first: whether sequences are (B, T, in).
        dropout: probability with which outputs between layers are zeroed in training.
        bidirectional: whether a second set of layers goes from the last step to the first.
        dtype: of the parameters.

    Shapes: x (T, B, in), or (B, T, in) with batch_first, or (T, in) for one sequence; states are
    (num_layers * directions, B, H). Parameters and their first values are PyTorch's.

    Raises:
        OptionError: an option outside its range.

    Source: torch.nn.GRU; Cho et al. (2014).

    >>> import retrograd as rg
    >>> output, h_n = rg.nn.GRU(3, 5)(rg.zeros(7, 3))
    >>> output.shape, h_n.shape
    (retrograd.Size([7, 5]), retrograd.Size([1, 5]))
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if "proj_size" in kwargs:
            raise OptionError("GRU: proj_size is an option of LSTM alone")
        super().__init__("GRU", *args, **kwargs)
