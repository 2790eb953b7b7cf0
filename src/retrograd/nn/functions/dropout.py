"""Dropout as functions, under PyTorch's names. Each call is one node with a stream of random bits of its own.

The default generator numbers the streams, so `manual_seed` makes masks reproducible, and they do not hang on what
else is drawn. With RETROGRAD_RNG=torch masks are drawn from the generator as PyTorch draws them, two words an
element: slower, and the same masks for the same seed.

In the formulas x is the input, and p the probability with which an element is dropped.
"""

from __future__ import annotations

import os
from typing import Any

from retrograd.core.buffer import Scalar
from retrograd.core.dtype import float64
from retrograd.core.errors import DTypeError, OptionError, ShapeError
from retrograd.core.generator import default_generator
from retrograd.core.node import Node, input_node
from retrograd.core.operation import Composite, record
from retrograd.core.stream import stream_node
from retrograd.core.types import Shape, tensor_type
from retrograd.ops.dropout import ALPHA_DROPOUT, ALPHA_DROPOUT_MASKED, DROPOUT, DROPOUT_MASKED
from retrograd.tensor.base import wrap
from retrograd.tensor.dispatch import operand
from retrograd.tensor.tensor import from_array

_PROBABILITY = tensor_type((), float64)
_MASKED = {DROPOUT: DROPOUT_MASKED, ALPHA_DROPOUT: ALPHA_DROPOUT_MASKED}


def follows_torch() -> bool:
    """Whether masks are drawn from PyTorch's stream, which RETROGRAD_RNG=torch asks for."""
    choice = os.environ.get("RETROGRAD_RNG", "")
    if choice not in ("", "counter", "torch"):
        raise OptionError(f"RETROGRAD_RNG={choice!r}: expected counter or torch")
    return choice == "torch"


def probability_node(p: float) -> Node:
    """A probability as what the composites read, which is no part of the structure."""
    return input_node(_PROBABILITY, Scalar(float(p)))


def _mask_shape(x: Node, by_feature: bool) -> Shape:
    shape = x.type.shape
    return (*shape[:2], *[1] * (len(shape) - 2)) if by_feature else shape


def _dropped(name: str, operation: Composite, x: Node, p: float, by_feature: bool) -> Node:
    if not x.type.dtype.is_floating_point:
        raise DTypeError(f"{name} takes floating-point numbers, and received {x.type.dtype.name}; use .float() first")
    if by_feature and x.type.ndim < 2:
        raise ShapeError(f"{name}: features are axis 1, and the input has shape {x.type.shape}; it needs two axes")
    probability = probability_node(p)
    if p < 1 and follows_torch():
        kept = from_array(default_generator.bernoulli(1 - p, _mask_shape(x, by_feature)))
        return record(_MASKED[operation], (x, probability, kept._read()))
    return record(operation, (x, probability, stream_node(default_generator)), (by_feature,))


def _dropout(
    name: str, operation: Composite, input: Any, p: float, training: bool, inplace: bool, by_feature: bool = False
) -> Any:
    if not 0.0 <= p <= 1.0:
        raise OptionError(f"{name}: the probability must lie in [0, 1], and is {p}")
    x = operand(name, input)
    # That nothing is dropped is part of the structure, as a zero weight decay is.
    if p == 0 or not training or not x.type.size:
        return input
    node = _dropped(name, operation, x, p, by_feature)
    return input._assign(f"{name}(inplace=True)", node) if inplace else wrap(node)


def dropout(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """0 with probability p, else x / (1 - p), each element by itself; x itself when not training.

    Args:
        input: floating-point, any shape.
        p: in [0, 1].
        training: whether to drop anything.
        inplace: write the result over the input.

    Raises:
        OptionError: p is no probability. DTypeError: the input is not floating-point.

    Source: torch.nn.functional.dropout; Srivastava et al. (2014). Deviation: masks are not PyTorch's for the same seed,
    unless RETROGRAD_RNG=torch is set.

    >>> import retrograd as rg
    >>> _ = rg.manual_seed(0)
    >>> sorted(set(rg.nn.functional.dropout(rg.ones(100), 0.75).tolist()))
    [0.0, 4.0]
    """
    return _dropout("dropout", DROPOUT, input, p, training, inplace)


def alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """Dropped elements take the value that SELU has far below 0; scale and shift keep mean 0 and variance 1.

    Arguments, errors and deviation are those of `dropout`.

    Source: torch.nn.functional.alpha_dropout; Klambauer et al. (2017).
    """
    return _dropout("alpha_dropout", ALPHA_DROPOUT, input, p, training, inplace)


def feature_alpha_dropout(input: Any, p: float = 0.5, training: bool = False, inplace: bool = False) -> Any:
    """As `alpha_dropout`, for all of a feature (axes 0 and 1) together.

    Source: torch.nn.functional.feature_alpha_dropout.
    """
    return _dropout("feature_alpha_dropout", ALPHA_DROPOUT, input, p, training, inplace, by_feature=True)


def _by_channel(
    name: str, input: Any, p: float, training: bool, inplace: bool, ranks: tuple[int, ...], adds_batch: bool
) -> Any:
    """Whole channels; an input without a batch is given one of a single example where `adds_batch`."""
    if input.ndim not in ranks:
        shapes = " or ".join(str(rank) for rank in ranks)
        raise ShapeError(f"{name}: the input has shape {tuple(input.shape)}; it must have {shapes} axes")
    if not adds_batch or input.ndim == ranks[-1]:
        return _dropout(name, DROPOUT, input, p, training, inplace, by_feature=True)
    # A view: what is written to it is written to the input.
    result = _dropout(name, DROPOUT, input.unsqueeze(0), p, training, inplace, by_feature=True)
    return input if inplace else result.squeeze(0)


def dropout1d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, L) or (C, L) are 0 with probability p, the others divided by 1 - p.

    Arguments, errors and deviation are those of `dropout`; ShapeError: another number of axes.

    Source: torch.nn.functional.dropout1d; Tompson et al. (2015).
    """
    return _by_channel("dropout1d", input, p, training, inplace, (2, 3), adds_batch=True)


def dropout2d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, H, W) are 0 with probability p, the others divided by 1 - p.

    Arguments, errors and deviation are those of `dropout`; ShapeError: another number of axes. As in PyTorch, three
    axes are (N, C, L).

    Source: torch.nn.functional.dropout2d; Tompson et al. (2015).
    """
    return _by_channel("dropout2d", input, p, training, inplace, (2, 3, 4), adds_batch=False)


def dropout3d(input: Any, p: float = 0.5, training: bool = True, inplace: bool = False) -> Any:
    """Whole channels of (N, C, D, H, W) or (C, D, H, W) are 0 with probability p, the others divided by 1 - p.

    Arguments, errors and deviation are those of `dropout`; ShapeError: another number of axes.

    Source: torch.nn.functional.dropout3d; Tompson et al. (2015).
    """
    return _by_channel("dropout3d", input, p, training, inplace, (4, 5), adds_batch=True)
