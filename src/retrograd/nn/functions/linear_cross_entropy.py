"""A classifier's last layer and its loss in one function."""

from __future__ import annotations

import math
from typing import Any

from retrograd.core.errors import OptionError, ShapeError
from retrograd.nn.functions.linear import linear
from retrograd.nn.functions.loss import cross_entropy


def linear_cross_entropy(
    input: Any,
    linear_weight: Any,
    target: Any,
    *,
    linear_bias: Any = None,
    weight: Any = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: None = None,
) -> Any:
    """cross_entropy(linear(input, linear_weight, linear_bias), target).

    Args:
        input: (rows, in_features) or (in_features,).
        linear_weight: (classes, in_features), or (classes, d_1, ..., in_features) for a loss at each of d_1 x ...
            places.
        target: classes (rows, d_1, ...), or their probabilities (rows, classes, d_1, ...).
        linear_bias: of the weight's shape without its last axis.
        weight, reduction, label_smoothing: as for `cross_entropy`.
        ignore_index: a class that does not count, -100 if left out; for targets that are classes only.
        options: must be left out. PyTorch's choose how the product is cut in chunks.

    Raises:
        ShapeError: shapes that do not fit. OptionError: `ignore_index` beside probabilities, or `options`.

    Source: torch.nn.functional.linear_cross_entropy. Deviation: `ignore_index` is heeded, which PyTorch 2.13 forgets
    where it has no `options`.

    >>> import retrograd as rg
    >>> x, w = rg.randn(5, 8), rg.randn(3, 8)
    >>> y = rg.tensor([0, 1, 2, 0, 1])
    >>> loss = rg.nn.functional.linear_cross_entropy(x, w, y)
    >>> rg.equal(loss, rg.nn.functional.cross_entropy(x @ w.T, y))
    True
    """
    if options is not None:
        raise OptionError("linear_cross_entropy: options must be left out; the product is computed whole")
    _check_shapes(tuple(input.shape), tuple(linear_weight.shape), linear_bias)
    classes, *places = linear_weight.shape[:-1]
    shape = (*input.shape[:-1], classes, *places)
    if ignore_index is not None and tuple(target.shape) == shape:
        raise OptionError("linear_cross_entropy: ignore_index names a class, and the target holds probabilities")
    if places:
        outputs = math.prod(places, start=classes)
        linear_weight = linear_weight.reshape(outputs, linear_weight.shape[-1])
        linear_bias = None if linear_bias is None else linear_bias.reshape(outputs)
    return cross_entropy(
        linear(input, linear_weight, linear_bias).reshape(shape),
        target,
        weight=weight,
        reduction=reduction,
        ignore_index=-100 if ignore_index is None else ignore_index,
        label_smoothing=label_smoothing,
    )


def _check_shapes(input: tuple[int, ...], weight: tuple[int, ...], bias: Any) -> None:
    if len(input) not in (1, 2) or len(weight) < 2 or input[-1] != weight[-1] or (len(weight) > 2 and len(input) == 1):
        raise ShapeError(
            f"linear_cross_entropy: the input has shape {input} and the weight {weight}; expected (rows, in_features) "
            "and (classes, ..., in_features), or a single row with a weight of two axes"
        )
    if bias is not None and tuple(bias.shape) != weight[:-1]:
        raise ShapeError(f"linear_cross_entropy: the bias has shape {tuple(bias.shape)}; it must be {weight[:-1]}")
