"""Losses as functions, under PyTorch's names. Input and target have one shape, or say how to mend it."""

from __future__ import annotations

from typing import Any, Final

from retrograd.core.dtype import int64
from retrograd.core.errors import OptionError
from retrograd.core.node import Node
from retrograd.core.operation import record
from retrograd.nn.functions.classes import all_are_classes, require_classes
from retrograd.ops import class_loss, loss, pointwise_loss
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.bounds import require_within
from retrograd.tensor.dispatch import node_of

_REDUCTIONS: Final = ("mean", "sum", "none")


def checked_reduction(name: str, reduction: str, known: tuple[str, ...] = _REDUCTIONS) -> str:
    """A reduction's name.

    Raises:
        OptionError: it is none of the known ones.
    """
    if reduction not in known:
        raise OptionError(f"{name}: reduction {reduction!r} is not known; choose one of {', '.join(known)}")
    return reduction


def chosen_reduction(name: str, size_average: bool | None, reduce: bool | None, reduction: str) -> str:
    """The reduction, also where it is asked for in PyTorch's old words."""
    if size_average is None and reduce is None:
        return checked_reduction(name, reduction)
    if reduce is False:
        return "none"
    return "sum" if size_average is False else "mean"


def _pointwise(operation: Any, input: Any, target: Any, attributes: tuple[Any, ...], *more: Node) -> Any:
    return wrap(record(operation, (input._read(), target._read(), *more), attributes))


def mse_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """mean_i (x_i - t_i)^2; the shapes must be equal. Source: torch.nn.functional.mse_loss."""
    return _pointwise(loss.MSE_LOSS, input, target, (chosen_reduction("mse_loss", size_average, reduce, reduction),))


def l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """mean_i |x_i - t_i|; the shapes must be equal. Source: torch.nn.functional.l1_loss."""
    reduction = chosen_reduction("l1_loss", size_average, reduce, reduction)
    return _pointwise(pointwise_loss.L1_LOSS, input, target, (reduction,))


def smooth_l1_loss(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Any:
    """mean_i of d^2 / (2 beta) where |d| < beta, else |d| - beta / 2; d = x - t.

    Raises:
        OptionError: beta is negative.

    Source: torch.nn.functional.smooth_l1_loss; Girshick (2015).
    """
    if beta < 0:
        raise OptionError(f"smooth_l1_loss: beta must not be negative, and is {beta}")
    reduction = chosen_reduction("smooth_l1_loss", size_average, reduce, reduction)
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    number = node_of(float(beta), input.dtype)
    return _pointwise(pointwise_loss.SMOOTH_L1_LOSS, input, target, (reduction,), number)


def huber_loss(input: Any, target: Any, reduction: str = "mean", delta: float = 1.0) -> Any:
    """mean_i of d^2 / 2 where |d| <= delta, else delta (|d| - delta / 2); d = x - t.

    Raises:
        OptionError: delta is not positive.

    Source: torch.nn.functional.huber_loss; Huber (1964).
    """
    checked_reduction("huber_loss", reduction)
    if delta <= 0:
        raise OptionError(f"huber_loss: delta must be above 0, and is {delta}")
    number = node_of(float(delta), input.dtype)
    return _pointwise(pointwise_loss.HUBER_LOSS, input, target, (reduction,), number)


def binary_cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """-w (t log x + (1 - t) log(1 - x)), with logarithms not below -100; x are probabilities.

    Raises:
        ShapeError: input and target differ in shape, or the weight does not broadcast to them.
        OptionError: input or target is in memory already, and has an element outside [0, 1].

    Source: torch.nn.functional.binary_cross_entropy. Deviation: what is still pending is not looked at, since that
    would compute it: an element of the input outside [0, 1] then makes its loss and its gradient NaN. Within
    `detect_anomaly` and `eager` nothing is pending, and it raises at its line.

    >>> import retrograd as rg
    >>> rg.nn.functional.binary_cross_entropy(rg.tensor([0.5, 0.25]), rg.ones(2), reduction="none")
    tensor([0.6931, 1.3863])
    """
    name = "binary_cross_entropy"
    reduction = chosen_reduction(name, size_average, reduce, reduction)
    require_within(name, "input", input, 0, 1, "use binary_cross_entropy_with_logits, or a sigmoid before it")
    require_within(name, "target", target, 0, 1, "a target is the probability of the positive class")
    weights = () if weight is None else (weight._read(),)
    return _pointwise(pointwise_loss.BINARY_CROSS_ENTROPY, input, target, (reduction,), *weights)


def binary_cross_entropy_with_logits(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Any:
    """-w (q t log s(x) + (1 - t) log s(-x)), s the sigmoid and q = pos_weight; safe for logits of any size.

    Raises:
        ShapeError: input and target differ in shape, or a weight does not broadcast to them.

    Source: torch.nn.functional.binary_cross_entropy_with_logits.
    """
    reduction = chosen_reduction("binary_cross_entropy_with_logits", size_average, reduce, reduction)
    weights = [w._read() for w in (weight, pos_weight) if w is not None]
    attributes = (weight is not None, pos_weight is not None, reduction)
    return _pointwise(pointwise_loss.BINARY_CROSS_ENTROPY_WITH_LOGITS, input, target, attributes, *weights)


def kl_div(
    input: Any,
    target: Any,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Any:
    """t (log t - x) of log-probabilities x and probabilities t ("batchmean" divides the sum by the rows).

    Args:
        input: x, logarithms of probabilities.
        target: t, of the same shape.
        reduction: "batchmean" (the divergence for each row), "mean" (over all elements), "sum" or "none".
        log_target: whether the target is logarithms too.

    Raises:
        ShapeError: input and target differ in shape.

    Source: torch.nn.functional.kl_div; Kullback and Leibler (1951).
    """
    if size_average is not None or reduce is not None:
        reduction = chosen_reduction("kl_div", size_average, reduce, reduction)
    checked_reduction("kl_div", reduction, ("batchmean", *_REDUCTIONS))
    return _pointwise(pointwise_loss.KL_DIV, input, target, (reduction, bool(log_target)))


def _class_options(
    input: Any, weight: Any, label_smoothing: float, ignore_index: int | None, reduction: str
) -> tuple[list[Node], tuple[Any, ...]]:
    """The further inputs and the attributes of a loss over classes. No smoothing is a structural predicate."""
    nodes = [] if weight is None else [weight._read()]
    if label_smoothing != 0:
        nodes.append(node_of(float(label_smoothing), input.dtype))
    if ignore_index is not None:
        nodes.append(node_of(int(ignore_index), int64))
    return nodes, (weight is not None, label_smoothing != 0, ignore_index is not None, reduction)


def _classes(input: TensorBase) -> int:
    shape = input._type_shape()
    return shape[0 if len(shape) == 1 else 1] if shape else 0


def nll_loss(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Any:
    """-w_t x[t] of log-probabilities x, averaged with the weights w_t of the targets that are not ignored.

    Args:
        input: (rows, classes, ...) or (classes,).
        target: class numbers, int64, (rows, ...) or ().
        weight: (classes,).
        ignore_index: targets that do not count.
        reduction: "mean", "sum" or "none".

    Raises:
        ShapeError, DTypeError: these do not fit. IndexRangeError: a target, known already, that is no class.

    Source: torch.nn.functional.nll_loss.
    """
    reduction = chosen_reduction("nll_loss", size_average, reduce, reduction)
    nodes, attributes = _class_options(input, weight, 0.0, ignore_index, reduction)
    result = _pointwise(class_loss.NLL_LOSS, input, target, attributes, *nodes)
    require_classes("nll_loss", target, _classes(input), ignore_index)
    return result


def cross_entropy(
    input: Any,
    target: Any,
    weight: Any = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    """-w_t log softmax(x)[t], averaged with the weights w_t of the targets that are not ignored.

    Args:
        input: logits, (rows, classes, ...) or (classes,).
        target: class numbers, int64, (rows, ...) or (); or probabilities of the input's shape.
        weight: (classes,).
        ignore_index: class numbers that do not count.
        reduction: "mean", "sum" or "none".
        label_smoothing: part of each target, in [0, 1], that is spread evenly over all classes.

    Raises:
        ShapeError, DTypeError: these do not fit.
        IndexRangeError: a class number, known already, that is none of the classes.
        OptionError: a smoothing outside [0, 1], or an ignore_index together with probabilities.

    Source: torch.nn.functional.cross_entropy; label smoothing: Szegedy et al. (2016).
    """
    reduction = chosen_reduction("cross_entropy", size_average, reduce, reduction)
    if not 0 <= label_smoothing <= 1:
        raise OptionError(f"cross_entropy: label_smoothing must lie in [0, 1], and is {label_smoothing}")
    x, t = input._read(), target._read()
    if t.type.dtype.is_floating_point and t.type.shape == x.type.shape:
        if ignore_index >= 0:
            raise OptionError("cross_entropy: ignore_index needs class numbers as targets, not probabilities")
        nodes, attributes = _class_options(input, weight, label_smoothing, None, reduction)
        return wrap(record(class_loss.CROSS_ENTROPY_OF_PROBABILITIES, (x, t, *nodes), attributes))
    classes = _classes(input)
    if _is_plain(x, t, weight, label_smoothing) and not 0 <= ignore_index < classes and all_are_classes(t, classes):
        return wrap(record(loss.CROSS_ENTROPY, (x, t), (reduction,)))
    nodes, attributes = _class_options(input, weight, label_smoothing, ignore_index, reduction)
    result = wrap(record(class_loss.CROSS_ENTROPY_OF_CLASSES, (x, t, *nodes), attributes))
    require_classes("cross_entropy", target, classes, ignore_index)
    return result


def _is_plain(x: Node, target: Node, weight: Any, label_smoothing: float) -> bool:
    return weight is None and label_smoothing == 0 and len(x.type.shape) == 2 and target.type.dtype is int64
