"""Losses that ask for a margin, as functions under PyTorch's names."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.errors import IndexRangeError, OptionError, ShapeError
from retrograd.core.operation import Composite, record
from retrograd.nn.functions.classes import require_classes
from retrograd.nn.functions.distance import pairwise_distance
from retrograd.nn.functions.loss import checked_reduction, chosen_reduction
from retrograd.ops import margin_loss as ops
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.bounds import known_extremes
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.norms import order


def _loss(operation: Composite, operands: tuple[Any, ...], numbers: tuple[float, ...], *attributes: Any) -> Any:
    nodes = [x._read() for x in operands] + [node_of(float(number), float64) for number in numbers]
    return wrap(record(operation, tuple(nodes), attributes))


def _classes(input: TensorBase) -> int:
    return (*input._type_shape()[-1:], 1)[0]


def soft_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Any:
    """mean_i log(1 + exp(-t_i x_i)), safe for inputs of any size; t is 1 or -1.

    Raises:
        ShapeError: input and target differ in shape.

    Source: torch.nn.functional.soft_margin_loss. Deviation: shapes that differ are an error.
    """
    reduction = chosen_reduction("soft_margin_loss", size_average, reduce, reduction)
    return _loss(ops.SOFT_MARGIN_LOSS, (input, target), (), reduction)


def hinge_embedding_loss(
    input: Any,
    target: Any,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """mean_i of x_i where t_i is 1, and of max(margin - x_i, 0) where it is -1.

    Raises:
        ShapeError: input and target differ in shape.

    Source: torch.nn.functional.hinge_embedding_loss. Deviation: shapes that differ are an error.
    """
    reduction = chosen_reduction("hinge_embedding_loss", size_average, reduce, reduction)
    return _loss(ops.HINGE_EMBEDDING_LOSS, (input, target), (margin,), reduction)


def margin_ranking_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """mean_i max(margin - t_i (x1_i - x2_i), 0): where t is 1 the first shall rank higher, where it is -1 the second.

    Raises:
        ShapeError: the shapes differ.

    Source: torch.nn.functional.margin_ranking_loss. Deviation: shapes that differ are an error.
    """
    reduction = chosen_reduction("margin_ranking_loss", size_average, reduce, reduction)
    return _loss(ops.MARGIN_RANKING_LOSS, (input1, input2, target), (margin,), reduction)


def cosine_embedding_loss(
    input1: Any,
    input2: Any,
    target: Any,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Mean of 1 - cos(x1, x2) where t is 1, and of max(cos(x1, x2) - margin, 0) where it is -1.

    Args:
        input1, input2: (rows, features), or (features,).
        target: t, (rows,), or ().
        margin: how similar what does not belong together may be, in [-1, 1].

    Raises:
        ShapeError: the shapes do not fit.

    Source: torch.nn.functional.cosine_embedding_loss.
    """
    reduction = chosen_reduction("cosine_embedding_loss", size_average, reduce, reduction)
    return _loss(ops.COSINE_EMBEDDING_LOSS, (input1, input2, target), (margin,), reduction)


def _require_margin(name: str, margin: float) -> None:
    if margin <= 0:
        raise OptionError(f"{name}: margin must be above 0, and is {margin}")


def triplet_margin_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """Mean of max(d(a, p) - d(a, n) + margin, 0), with d the p-norm of the difference (plus eps) of rows.

    Args:
        anchor, positive, negative: a, p, n, (..., features); they broadcast.
        margin: how much nearer the positive shall be than the negative.
        p: which norm.
        eps: added to each difference.
        swap: whether d(p, n) takes the place of d(a, n) where it is smaller.

    Raises:
        ShapeError: the shapes do not fit. OptionError: a margin that is not positive.

    Source: torch.nn.functional.triplet_margin_loss; Balntas et al. (2016).
    """
    _require_margin("triplet_margin_loss", margin)
    reduction = chosen_reduction("triplet_margin_loss", size_average, reduce, reduction)
    numbers, kind = order("triplet_margin_loss", p)
    nodes = [x._read() for x in (anchor, positive, negative)]
    nodes += [node_of(float(margin), float64), node_of(float(eps), float64), *numbers]
    return wrap(record(ops.TRIPLET_MARGIN_LOSS, tuple(nodes), (kind, bool(swap), reduction)))


def triplet_margin_with_distance_loss(
    anchor: Any,
    positive: Any,
    negative: Any,
    *,
    distance_function: Callable[[Any, Any], Any] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    """`triplet_margin_loss` with a distance of one's own; default: `pairwise_distance`.

    Raises:
        ShapeError: anchor, positive and negative do not have equally many axes. OptionError: as for the other.

    Source: torch.nn.functional.triplet_margin_with_distance_loss.
    """
    name = "triplet_margin_with_distance_loss"
    checked_reduction(name, reduction)
    _require_margin(name, margin)
    axes = [x.ndim for x in (anchor, positive, negative)]
    if len(set(axes)) > 1:
        raise ShapeError(f"{name}: anchor, positive and negative must have equally many axes, and have {axes}")
    measure = pairwise_distance if distance_function is None else distance_function
    near, apart = measure(anchor, positive), measure(anchor, negative)
    if swap:
        apart = apart.minimum(measure(positive, negative))
    losses = (near - apart + margin).clamp(min=0)
    return losses if reduction == "none" else losses.sum() if reduction == "sum" else losses.mean()


def multi_margin_loss(
    input: Any,
    target: Any,
    p: int = 1,
    margin: float = 1.0,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """sum over classes c other than t of w_t max(margin - x[t] + x[c], 0)^p / classes, averaged over the rows.

    Args:
        input: x, (rows, classes) or (classes,).
        target: t, class numbers, int64, (rows,) or ().
        p: 1 or 2.
        margin: how far the class of the target shall stand above the others.
        weight: w, (classes,).

    Raises:
        ShapeError, DTypeError: these do not fit. IndexRangeError: a target, known already, that is no class.
        OptionError: another p.

    Source: torch.nn.functional.multi_margin_loss.
    """
    if p not in (1, 2):
        raise OptionError(f"multi_margin_loss: p must be 1 or 2, and is {p}")
    reduction = chosen_reduction("multi_margin_loss", size_average, reduce, reduction)
    nodes = [input._read(), target._read(), node_of(float(margin), float64)]
    nodes += [] if weight is None else [weight._read()]
    result = wrap(record(ops.MULTI_MARGIN_LOSS, tuple(nodes), (int(p), reduction)))
    require_classes("multi_margin_loss", target, _classes(input), -1)
    return result


def multilabel_margin_loss(
    input: Any, target: Any, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
) -> Any:
    """sum over targets t and classes c that are none of max(1 - x[t] + x[c], 0) / classes, averaged over the rows.

    Args:
        input: x, (rows, classes) or (classes,).
        target: int64, of the same shape; a row lists its classes, up to the first negative entry.

    Raises:
        ShapeError, DTypeError: these do not fit. IndexRangeError: a target, known already, that is no class.

    Source: torch.nn.functional.multilabel_margin_loss.
    """
    reduction = chosen_reduction("multilabel_margin_loss", size_average, reduce, reduction)
    result = _loss(ops.MULTILABEL_MARGIN_LOSS, (input, target), (), reduction)
    extremes, classes = known_extremes(target._read()), _classes(input)
    if extremes is not None and extremes[1] >= classes:
        raise IndexRangeError(
            f"multilabel_margin_loss: target {extremes[1]} is not a class: the input has {classes} classes, numbered "
            f"0..{classes - 1}"
        )
    return result


def multilabel_soft_margin_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """-mean_c w_c (t log s(x) + (1 - t) log s(-x)), s(x) = 1 / (1 + exp(-x)), averaged over the rows.

    Args:
        input: x, (..., classes).
        target: t, 0 or 1, of the same shape.
        weight: w, (classes,).

    Raises:
        ShapeError: input and target differ in shape.

    Source: torch.nn.functional.multilabel_soft_margin_loss. Deviation: shapes that differ are an error.
    """
    reduction = chosen_reduction("multilabel_soft_margin_loss", size_average, reduce, reduction)
    operands: tuple[TensorBase, ...] = (input, target) if weight is None else (input, target, weight)
    return _loss(ops.MULTILABEL_SOFT_MARGIN_LOSS, operands, (), reduction)
