"""autocast: products of matrices and convolutions in 16 bits, and what would lose by that in float32.

Inputs are cast when an operation is recorded, so that gradients come back in the dtypes that parameters have. Numbers
of 16 bits are what is stored: each operation computes in float32 and rounds its result (`passes/inline.py`).
"""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any, Final, Self

from retrograd.core import mode
from retrograd.core.device import device
from retrograd.core.dtype import DType, bfloat16, float16, float32
from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import Composite, record
from retrograd.core.signature import Operation
from retrograd.tensor.conversion import TO

# PyTorch's lists for the CPU, as far as there is something of the name.
_LOWER: Final = frozenset(
    "linear matmul mm bmm mv addmm addmv addbmm baddbmm vecdot conv conv_transpose scaled_dot_product_attention "
    "attention_by_blocks attention_weights rnn rnn_cell lstm lstm_cell gru gru_cell".split()
)
_FLOAT32: Final = frozenset(
    "binary_cross_entropy binary_cross_entropy_with_logits grid_sample prod quantile cdist trace cholesky "
    "cholesky_inverse cholesky_solve inv lu_factor qr svd svdvals eigh pinv slogdet logdet linalg_det linalg_solve "
    "solve_triangular matrix_rank linalg_matrix_exp mse_loss cosine_embedding_loss hinge_embedding_loss "
    "margin_ranking_loss poisson_nll_loss smooth_l1_loss cross_entropy cross_entropy.classes "
    "cross_entropy.probabilities nll_loss l1_loss huber_loss soft_margin_loss triplet_margin_loss multi_margin_loss "
    "multilabel_margin_loss multilabel_soft_margin_loss ctc_loss kl_div gaussian_nll_loss".split()
)
# Operands of different precision meet in the higher one.
_WIDEST: Final = frozenset("cat stack index_copy".split())


class autocast:
    """Within, products and convolutions take their operands in 16 bits, and losses in float32.

    Args:
        device_type: "cpu". Of another device, which is not there, autocast is off, with a warning.
        dtype: bfloat16 or float16; bfloat16 if left out.
        enabled: whether it is on; off, it undoes one around it.
        cache_enabled: accepted for PyTorch's sake: equal casts are always computed once.

    Raises:
        OptionError: another dtype.

    Source: torch.autocast, and its lists for the CPU.

    >>> import retrograd as rg
    >>> layer = rg.nn.Linear(3, 2)
    >>> with rg.autocast("cpu"):
    ...     y = layer(rg.ones(1, 3))
    ...     loss = (y * y).mean()
    >>> y.dtype, layer.weight.dtype
    (retrograd.bfloat16, retrograd.float32)
    """

    def __init__(
        self,
        device_type: str,
        dtype: DType | None = None,
        enabled: bool = True,
        cache_enabled: bool | None = None,
    ) -> None:
        self.device, self.fast_dtype = device(device_type).type, bfloat16 if dtype is None else dtype
        if enabled and self.device != "cpu":
            warnings.warn(
                f"autocast: device_type is {device_type!r}, which is not there; autocast is off. Write "
                "autocast('cpu') to have it here",
                stacklevel=2,
            )
            enabled = False
        if enabled and self.fast_dtype is float32:
            enabled = False
        if enabled and self.fast_dtype not in (bfloat16, float16):
            raise OptionError(f"autocast: the dtype must be bfloat16 or float16, and is {self.fast_dtype.name}")
        self._enabled = enabled
        self._before: list[tuple[Any, bool]] = []

    def __enter__(self) -> Self:
        self._before.append((mode.state.autocast, self._enabled))
        mode.state.autocast = functools.partial(_cast_inputs, self.fast_dtype) if self._enabled else None
        mode.casting.places += self._enabled
        return self

    def __exit__(self, *error: object) -> None:
        mode.state.autocast, counted = self._before.pop()
        mode.casting.places -= counted

    def __call__(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, each call of which runs within."""

        @functools.wraps(function)
        def wrapped(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return wrapped


def is_autocast_enabled(device_type: str = "cpu") -> bool:
    """Whether autocast is on here. Source: torch.is_autocast_enabled."""
    return device(device_type).type == "cpu" and mode.state.autocast is not None


def is_autocast_available(device_type: str) -> bool:
    """Whether there is autocast for a device: for the CPU. Source: torch.amp.is_autocast_available."""
    return device(device_type).type == "cpu"


def get_autocast_dtype(device_type: str = "cpu") -> DType:
    """The dtype in which products take their operands. Source: torch.get_autocast_dtype."""
    chosen = mode.state.autocast
    return chosen.args[0] if isinstance(chosen, functools.partial) else bfloat16


def _cast_inputs(fast: DType, operation: Operation, inputs: tuple[Node, ...]) -> tuple[Node, ...]:
    """The inputs in the dtypes that an operation is to have; float64 stays as it is."""
    if operation.__class__ is not Composite:
        return inputs
    name = operation.name
    if name in _LOWER:
        return tuple(_as(x, fast, (float32, bfloat16, float16)) for x in inputs)
    widens = name in _FLOAT32 or (name in _WIDEST and any(x.type.dtype is float32 for x in inputs))
    return tuple(_as(x, float32, (bfloat16, float16)) for x in inputs) if widens else inputs


def _as(x: Node, dtype: DType, sources: tuple[DType, ...]) -> Node:
    found = x.type.dtype
    return record(TO, (x,), (dtype.name,)) if found is not dtype and found in sources else x
