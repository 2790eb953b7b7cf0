"""Gradients kept within bounds."""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterable
from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.errors import GraphError
from retrograd.core.gather import gather, outputs_then
from retrograd.core.node import Node
from retrograd.core.operation import composite, project, record, results
from retrograd.ops import elementwise as e
from retrograd.ops.constant import const, like
from retrograd.ops.movement import reshape
from retrograd.ops.reduce import max_keepdim, sum_keepdim
from retrograd.ops.spread import spread
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.gradients import Gradients, pending_bundle


def _total(x: Node) -> Node:
    return reshape(sum_keepdim(x, tuple(range(len(x.type.shape)))), ())


def _largest(x: Node) -> Node:
    size = e.absolute(x)
    if not x.type.size:
        return const(0, x.type.dtype)
    return reshape(max_keepdim(size, tuple(range(len(x.type.shape)))), ())


def _norm(parts: tuple[Node, ...], p: Node, kind: str) -> Node:
    """(sum |x|^p)^(1/p) over all elements of all parts; `kind` says 2, infinity, or whatever p is."""
    if kind == "inf":
        result = _largest(parts[0])
        for x in parts[1:]:
            result = e.maximum(result, e.cast(_largest(x), result.type.dtype))
        return result
    powers = [_total(e.mul(x, x) if kind == "2" else e.power(e.absolute(x), spread(p, x))) for x in parts]
    total = powers[0]
    for power in powers[1:]:
        total = e.add(total, e.cast(power, total.type.dtype))
    return e.sqrt(total) if kind == "2" else e.power(total, e.div(like(1, total), spread(p, total)))


@composite("total_norm")
def TOTAL_NORM(*args: Any) -> Node:
    """The norm of several tensors taken as one vector; the last arguments are p and its kind."""
    *parts, p, kind = args
    return _norm(tuple(parts), p, kind)


@composite("clip_grad_norm")
def CLIP_GRAD_NORM(*args: Any) -> tuple[Node, ...]:
    """The norm of all gradients, then each times min(1, max_norm / (norm + 1e-6))."""
    *parts, max_norm, p, kind = args
    norm = _norm(tuple(parts), p, kind)
    factor = e.div(spread(max_norm, norm), e.add(norm, like(1e-6, norm)))
    factor = e.select(e.gt(factor, like(1, factor)), like(1, factor), factor)
    return (norm, *(e.mul(x, spread(factor, x)) for x in parts))


def _with_gradients(parameters: Any) -> list[Any]:
    """The parameters that have a gradient."""
    listed: list[Any] = [parameters] if isinstance(parameters, TensorBase) else list(parameters)
    return [p for p in listed if p._grad is not None]


def _kind(norm_type: float) -> str:
    return "inf" if math.isinf(norm_type) else "2" if norm_type == 2 else "p"


def _require_finite(norm: Any) -> None:
    if not math.isfinite(norm.item()):
        raise GraphError(
            f"clip_grad_norm_: the norm of the gradients is {norm.item()}; look for the first operation that makes "
            "such a value, or pass error_if_nonfinite=False"
        )


def get_total_norm(
    tensors: Iterable[Any], norm_type: float = 2.0, error_if_nonfinite: bool = False, foreach: bool | None = None
) -> Any:
    """(sum |x|^p)^(1/p) over all elements of all tensors.

    Args:
        tensors: tensors, or one.
        norm_type: p; `inf` for the largest element.
        error_if_nonfinite: whether to look at the norm now, and raise if it is not finite.
        foreach: accepted for PyTorch's sake.

    Returns:
        A tensor of one element; 0 of no tensors.

    Raises:
        GraphError: `error_if_nonfinite`, and the norm is not finite.

    Source: torch.nn.utils.get_total_norm.

    >>> import retrograd as rg
    >>> rg.nn.utils.get_total_norm([rg.tensor([3.0]), rg.tensor([[4.0]])])
    tensor(5.)
    """
    parts = [tensors] if isinstance(tensors, TensorBase) else list(tensors)
    if not parts:
        return wrap(node_of(0.0))
    nodes = [*(x._read() for x in parts), node_of(float(norm_type), float64)]
    norm = wrap(record(TOTAL_NORM, tuple(nodes), (_kind(norm_type),)))
    if error_if_nonfinite:
        _require_finite(norm)
    return norm


def clip_grad_norm_(
    parameters: Any,
    max_norm: float,
    norm_type: float = 2.0,
    error_if_nonfinite: bool = False,
    foreach: bool | None = None,
) -> Any:
    """Scale all gradients down together until their norm is at most max_norm.

    With n = (sum |g|^p)^(1/p) over all elements of all gradients, g <- g min(1, max_norm / (n + 1e-6)).

    Args:
        parameters: parameters, or one; those without a gradient are passed over.
        max_norm: the bound.
        norm_type: p; `inf` for the largest element.
        error_if_nonfinite: whether to look at the norm now, and raise if it is not finite.

    Returns:
        n, as it was before.

    Raises:
        GraphError: `error_if_nonfinite`, and the norm is not finite.

    Source: torch.nn.utils.clip_grad_norm_; Pascanu et al. (2013).

    >>> import retrograd as rg
    >>> w = rg.tensor([3.0, 4.0], requires_grad=True)
    >>> (w * w / 2).sum().backward()
    >>> rg.nn.utils.clip_grad_norm_([w], 1.0).item(), w.grad
    (5.0, tensor([0.6000, 0.8000]))
    """
    leaves = _with_gradients(parameters)
    if error_if_nonfinite:
        get_total_norm([p.grad for p in leaves], norm_type, error_if_nonfinite=True)
    if not leaves:
        return wrap(node_of(0.0))
    numbers = node_of(float(max_norm), float64), node_of(float(norm_type), float64)
    bundle, attributes = pending_bundle(leaves), (_kind(norm_type),)
    if bundle is not None and bundle.is_of(leaves):
        node = gather(
            CLIP_GRAD_NORM, (bundle.node, *numbers), outputs_then(bundle.order(leaves), len(numbers)), attributes
        )
        Gradients(node, 1, leaves, bundle)
        return wrap(project(node, 0))
    with no_grad():
        gradients = [p.grad for p in leaves]
        node = record(CLIP_GRAD_NORM, (*[g._read() for g in gradients], *numbers), attributes)
        norm, *scaled = results(node)
        # Of their shapes and dtypes as they are: there is nothing to cast or to broadcast.
        for g, value in zip(gradients, scaled, strict=True):
            g._write(value)
    return wrap(norm)


def clip_grad_norm(parameters: Any, max_norm: float, norm_type: float = 2.0, **options: Any) -> Any:
    """The old name of `clip_grad_norm_`. Source: torch.nn.utils.clip_grad_norm."""
    warnings.warn("nn.utils.clip_grad_norm is the old name of nn.utils.clip_grad_norm_", FutureWarning, stacklevel=2)
    return clip_grad_norm_(parameters, max_norm, norm_type, **options)


def clip_grad_value_(parameters: Any, clip_value: float, foreach: bool | None = None) -> None:
    """g <- min(max(g, -clip_value), clip_value) for each gradient. Source: torch.nn.utils.clip_grad_value_.

    >>> import retrograd as rg
    >>> w = rg.tensor([3.0, -0.5], requires_grad=True)
    >>> (w * w).sum().backward(); rg.nn.utils.clip_grad_value_([w], 2.0); w.grad
    tensor([ 2., -1.])
    """
    with no_grad():
        for p in _with_gradients(parameters):
            p.grad.clamp_(-float(clip_value), float(clip_value))


def clip_grads_with_norm_(parameters: Any, max_norm: float, total_norm: Any, foreach: bool | None = None) -> None:
    """g <- g min(1, max_norm / (total_norm + 1e-6)) for each gradient: `clip_grad_norm_` with a norm that is known.

    For gradients whose norm is found in another way, such as one over several groups of parameters.

    Args:
        parameters: parameters, or one; those without a gradient are passed over.
        max_norm: the bound.
        total_norm: the norm, as a tensor of one element, such as `get_total_norm` returns.
        foreach: accepted for PyTorch's sake.

    Source: torch.nn.utils.clip_grads_with_norm_.

    >>> import retrograd as rg
    >>> w, b = rg.tensor([3.0, 0.0], requires_grad=True), rg.tensor([4.0], requires_grad=True)
    >>> ((w * w).sum() / 2 + (b * b).sum() / 2).backward()
    >>> norm = rg.nn.utils.get_total_norm([w.grad, b.grad])
    >>> rg.nn.utils.clip_grads_with_norm_([w], 1.0, norm)
    >>> norm, w.grad, b.grad
    (tensor(5.), tensor([0.6000, 0.0000]), tensor([4.]))
    """
    with no_grad():
        factor = (float(max_norm) / (total_norm + 1e-6)).clamp(max=1.0)
        for p in _with_gradients(parameters):
            p.grad.mul_(factor)
