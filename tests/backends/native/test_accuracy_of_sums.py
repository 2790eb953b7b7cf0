"""Everything that sums, against extended precision: |error| <= C eps spread (`tests/support/bounded.py`).

For a single sum the spread is sum |terms|; where sums and products follow upon one another, as in softmax or in a loop
over time, it is what their rounding errors come to in the end. C is one constant for all lengths: it holds for terms of
both signs, whose errors cancel for the most part. (Equal terms, which all round the same way: `test_accuracy.py`.)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

import retrograd as rg
from tests.support.backends import needs_native
from tests.support.bounded import Bounded, needs_extended_precision, stacked
from tests.support.exact_convolution import convolution_and_gradients

pytestmark = [needs_native, needs_extended_precision]

Array = np.ndarray[Any, Any]
Shape = tuple[int, ...]
F = rg.nn.functional
# 2.1 was seen, in a convolution.
C = 4


@dataclass(frozen=True)
class Sum:
    """What sums: inputs by shape, what computes it here, and its definition.

    Attributes:
        ours: makes tensors of tensors.
        exact: makes bounded numbers of bounded numbers.
    """

    shapes: tuple[Shape, ...]
    ours: Callable[..., Any]
    exact: Callable[..., Any]


def _listed(results: Any) -> list[Any]:
    return list(results) if isinstance(results, (tuple, list)) else [results]


def _with_gradients(forward: Callable[..., Any]) -> Callable[..., Any]:
    """A function of inputs and of the gradient of its result, that gives all gradients."""

    def ours(*given: Any) -> Any:
        inputs = [x.clone().requires_grad_() for x in given[:-1]]
        return rg.autograd.grad(forward(*inputs), inputs, given[-1])

    return ours


# -- products ---------------------------------------------------------------------------------------------------------


def _products(depth: int) -> dict[str, Sum]:
    rows, columns = 7, 33
    plain: Callable[..., Any] = lambda a, b: a @ b  # noqa: E731 -- the same for tensors and bounded numbers
    return {
        f"matmul of {depth}": Sum(((rows, depth), (depth, columns)), plain, plain),
        f"matmul of {depth}, left transposed": Sum(((depth, rows), (depth, columns)), *[lambda a, b: a.mT @ b] * 2),
        f"matmul of {depth}, right transposed": Sum(((rows, depth), (columns, depth)), *[lambda a, b: a @ b.mT] * 2),
        f"matmul of {depth}, both transposed": Sum(((depth, rows), (columns, depth)), *[lambda a, b: a.mT @ b.mT] * 2),
        f"matmul of {depth}, batches": Sum(((3, 5, depth), (3, depth, 9)), plain, plain),
        f"matmul of {depth}, one row": Sum(((1, depth), (depth, columns)), plain, plain),
        f"matmul of {depth}, one column": Sum(((rows, depth), (depth, 1)), plain, plain),
        f"linear of {depth}": Sum(
            ((rows, depth), (columns, depth), (columns,)), F.linear, lambda x, w, bias: x @ w.mT + bias
        ),
        f"gradients of linear of {depth}": Sum(
            ((depth, rows), (9, rows), (9,), (depth, 9)),
            _with_gradients(F.linear),
            lambda x, w, bias, g: (g @ w, g.mT @ x, g.sum(0, keepdims=False)),
        ),
        f"einsum of {depth}": Sum(
            ((2, rows, depth), (2, depth, 5)),
            lambda a, b: rg.einsum("bij,bjk->kbi", a, b),
            lambda a, b: (a @ b).transpose(2, 0, 1),
        ),
    }


# -- convolutions -----------------------------------------------------------------------------------------------------


def _convolution(x: Shape, w: Shape, stride: int = 1, padding: int = 0, groups: int = 1, *, tiles: bool = False) -> Sum:
    """A convolution with both gradients.

    Args:
        tiles: transforms of tiles may make it: then the largest sum |terms| of all positions counts.
    """
    out = [(n + 2 * padding - k) // stride + 1 for n, k in zip(x[2:], w[2:], strict=True)]
    conv = {3: F.conv1d, 4: F.conv2d, 5: F.conv3d}[len(x)]

    def ours(*given: Any) -> Any:
        x, w = (v.clone().requires_grad_() for v in given[:2])
        y = conv(x, w, stride=stride, padding=padding, groups=groups)
        return [y.detach(), *rg.autograd.grad(y, (x, w), given[2])]

    def exact(*given: Bounded) -> list[Bounded]:
        values = convolution_and_gradients(*(v.value for v in given), stride, padding, groups)
        terms = list(convolution_and_gradients(*(np.abs(v.value) for v in given), stride, padding, groups))
        if tiles:
            terms = [v.max(axis=tuple(range(2, v.ndim)), keepdims=True) for v in terms]
        return [Bounded(v, spread) for v, spread in zip(values, terms, strict=True)]

    return Sum((x, w, (x[0], w[0], *out)), ours, exact)


CONVOLUTIONS = {
    "over time": _convolution((3, 20, 90), (9, 20, 5), 2, 2),
    "of pictures": _convolution((5, 3, 13, 11), (20, 3, 3, 3), 1, 1),
    "of many channels": _convolution((2, 300, 6, 6), (7, 300, 3, 3), 2, 1),
    "by large kernels": _convolution((2, 3, 30, 30), (5, 3, 11, 11)),
    "in groups": _convolution((3, 24, 9, 9), (12, 6, 3, 3), 1, 1, 4),
    "channel by channel": _convolution((3, 40, 16, 15), (40, 1, 3, 3), 1, 1, 40),
    "of volumes": _convolution((2, 6, 7, 6, 8), (5, 6, 3, 2, 3), 2, 1),
    "by transforms": _convolution((5, 32, 16, 16), (48, 32, 3, 3), 1, 1, tiles=True),
    "of large batches": _convolution((64, 4, 14, 14), (6, 4, 3, 3), 1, 1),
}

# -- reductions and what runs along an axis ---------------------------------------------------------------------------


def _variance(x: Bounded, axis: Any, correction: int = 1) -> Bounded:
    centred = x - x.mean(axis)
    count = x.value.size // centred.sum(axis).value.size
    return (centred * centred).sum(axis) / (count - correction)


def _squeezed(x: Bounded, axis: int) -> Bounded:
    return Bounded(x.value.squeeze(axis), x.spread.squeeze(axis))


def _logsumexp(x: Bounded, axis: int) -> Bounded:
    largest = x.max(axis)
    return (x - largest).exp().sum(axis).log() + largest


REDUCTIONS = {
    "sum of rows": Sum(((9, 10007),), lambda x: x.sum(1), lambda x: x.sum(1, keepdims=False)),
    "sum of columns": Sum(((10007, 9),), lambda x: x.sum(0), lambda x: x.sum(0, keepdims=False)),
    "mean of everything": Sum(((101, 1009),), lambda x: x.mean(), lambda x: x.mean(keepdims=False)),
    "variance": Sum(((9, 3001),), lambda x: x.var(1), lambda x: _squeezed(_variance(x, 1), 1)),
    "deviation": Sum(((3001, 9),), lambda x: x.std(0), lambda x: _squeezed(_variance(x, 0).sqrt(), 0)),
    "norm": Sum(((9, 3001),), lambda x: x.norm(dim=1), lambda x: (x * x).sum(1, keepdims=False).sqrt()),
    "logsumexp": Sum(((9, 3001),), lambda x: x.logsumexp(1), lambda x: _squeezed(_logsumexp(x, 1), 1)),
    "squared error": Sum(((50, 301),) * 2, F.mse_loss, lambda x, y: ((x - y) * (x - y)).mean(keepdims=False)),
    "average pooling": Sum(
        ((2, 3, 40, 40),),
        lambda x: F.avg_pool2d(x, 8),
        lambda x: x.reshape(2, 3, 5, 8, 5, 8).mean((3, 5), keepdims=False),
    ),
    "adaptive pooling": Sum(((2, 3, 40, 40),), lambda x: F.adaptive_avg_pool2d(x, 1), lambda x: x.mean((2, 3))),
    "cumulative sum": Sum(((9, 3001),), lambda x: x.cumsum(1), lambda x: x.cumsum(1)),
    "cumulative sum of columns": Sum(((3001, 9),), lambda x: x.cumsum(0), lambda x: x.cumsum(0)),
}

# -- rows and elements by index ---------------------------------------------------------------------------------------

_PLACES = np.random.default_rng(3).integers(0, 20, 3000)
_CELLS = np.random.default_rng(4).integers(0, 20, (3000, 5))
INDICES = {
    "gradient of an embedding": Sum(
        ((20, 5), (3000, 5)),
        _with_gradients(lambda table: F.embedding(rg.tensor(_PLACES), table)),
        lambda table, g: g.added_at(_PLACES, (20, 5)),
    ),
    "rows added": Sum(
        ((20, 5), (3000, 5)),
        lambda x, rows: x.index_add(0, rg.tensor(_PLACES), rows),
        lambda x, rows: x + rows.added_at(_PLACES, (20, 5)),
    ),
    "elements added": Sum(
        ((20, 5), (3000, 5)),
        lambda x, source: x.scatter_add(0, rg.tensor(_CELLS), source),
        lambda x, source: x + source.added_at((_CELLS, np.arange(5)), (20, 5)),
    ),
}

# -- rows of networks -------------------------------------------------------------------------------------------------


def _softmax(x: Bounded, axis: int) -> Bounded:
    powers = (x - x.max(axis)).exp()
    return powers / powers.sum(axis)


def _softmax_gradient(x: Bounded, g: Bounded) -> Bounded:
    y = _softmax(x, -1)
    return y * (g - (g * y).sum(-1))


def _normalised(x: Bounded, axes: Any) -> Bounded:
    return (x - x.mean(axes)) / (_variance(x, axes, 0) + 1e-5).sqrt()


def _layer_norm_gradients(x: Bounded, weight: Bounded, bias: Bounded, g: Bounded) -> Any:
    y, slope = _normalised(x, -1), g * weight
    inner = slope - slope.mean(-1) - y * (slope * y).mean(-1)
    of_x = inner / (_variance(x, -1, 0) + 1e-5).sqrt()
    return of_x, (g * y).sum(0, keepdims=False), g.sum(0, keepdims=False)


def _batch_norm(x: Any, weight: Any, bias: Any) -> Any:
    return F.batch_norm(x, None, None, weight, bias, training=True)


def _channels(x: Bounded) -> Bounded:
    return x.reshape(1, -1, 1, 1)


_CLASSES = np.random.default_rng(5).integers(0, 301, 64)


def _cross_entropy(x: Bounded) -> Bounded:
    return (_squeezed(_logsumexp(x, 1), 1) - x[np.arange(64), _CLASSES]).mean(keepdims=False)


def _cross_entropy_gradient(x: Bounded, g: Bounded) -> Bounded:
    chosen = np.zeros((64, 301))
    chosen[np.arange(64), _CLASSES] = 1
    return (_softmax(x, 1) - chosen) * g / 64


def _attention(q: Bounded, k: Bounded, v: Bounded) -> Bounded:
    return _softmax(q @ k.mT * (1 / math.sqrt(16)), -1) @ v


def _attention_gradients(q: Bounded, k: Bounded, v: Bounded, g: Bounded) -> Any:
    scale = 1 / math.sqrt(16)
    weights = _softmax(q @ k.mT * scale, -1)
    of_weights = g @ v.mT
    of_scores = weights * (of_weights - (of_weights * weights).sum(-1)) * scale
    return of_scores @ k, of_scores.mT @ q, weights.mT @ g


_HEADS = (2, 3, 40, 16)
ROWS = {
    "softmax": Sum(((9, 3001),), lambda x: x.softmax(1), lambda x: _softmax(x, 1)),
    "softmax of columns": Sum(((301, 9),), lambda x: x.softmax(0), lambda x: _softmax(x, 0)),
    "gradient of softmax": Sum(((9, 3001),) * 2, _with_gradients(lambda x: x.softmax(1)), _softmax_gradient),
    "log softmax": Sum(((9, 3001),), lambda x: x.log_softmax(1), lambda x: x - _logsumexp(x, 1)),
    "layer norm": Sum(
        ((9, 301), (301,), (301,)),
        lambda x, weight, bias: F.layer_norm(x, (301,), weight, bias),
        lambda x, weight, bias: _normalised(x, 1) * weight + bias,
    ),
    "gradients of layer norm": Sum(
        ((90, 31), (31,), (31,), (90, 31)),
        _with_gradients(lambda x, weight, bias: F.layer_norm(x, (31,), weight, bias)),
        _layer_norm_gradients,
    ),
    "rms norm": Sum(
        ((9, 301), (301,)),
        lambda x, weight: F.rms_norm(x, (301,), weight, eps=1e-5),
        lambda x, weight: x / ((x * x).mean(1) + 1e-5).sqrt() * weight,
    ),
    "batch norm": Sum(
        ((7, 5, 12, 12), (5,), (5,)),
        _batch_norm,
        lambda x, weight, bias: _normalised(x, (0, 2, 3)) * _channels(weight) + _channels(bias),
    ),
    "group norm": Sum(
        ((7, 6, 12, 12),),
        lambda x: F.group_norm(x, 2),
        lambda x: _normalised(x.reshape(7, 2, 3, 12, 12), (2, 3, 4)).reshape(7, 6, 12, 12),
    ),
    "cross-entropy": Sum(((64, 301),), lambda x: F.cross_entropy(x, rg.tensor(_CLASSES)), _cross_entropy),
    "gradient of cross-entropy": Sum(
        ((64, 301), ()), _with_gradients(lambda x: F.cross_entropy(x, rg.tensor(_CLASSES))), _cross_entropy_gradient
    ),
    "attention": Sum((_HEADS,) * 3, F.scaled_dot_product_attention, _attention),
    "gradients of attention": Sum((_HEADS,) * 4, _with_gradients(F.scaled_dot_product_attention), _attention_gradients),
}

# -- loops over time --------------------------------------------------------------------------------------------------


def _recurrent(h: Bounded, x: Bounded, inward: Bounded, around: Bounded) -> Bounded:
    found = []
    for t in range(x.shape[1]):
        h = (x[:, t] @ inward.mT + h @ around.mT * 0.1).tanh()
        found.append(h)
    return stacked(found, 1)


def _our_recurrent(h: Any, x: Any, inward: Any, around: Any) -> Any:
    def step(h: Any, row: Any) -> Any:
        h = (F.linear(row, inward) + F.linear(h, around) * 0.1).tanh()
        return h, h

    return rg.scan(step, h, x, dim=1)[1]


def _lstm(x: Bounded, w: Bounded, u: Bounded, b: Bounded, c: Bounded) -> Bounded:
    h = cell = Bounded(np.zeros((x.shape[0], u.shape[1])))
    found = []
    for t in range(x.shape[1]):
        gates = x[:, t] @ w.mT + b + (h @ u.mT + c)
        i, f, g, o = (gates[:, k * 6 : (k + 1) * 6] for k in range(4))
        cell = f.sigmoid() * cell + i.sigmoid() * g.tanh()
        h = o.sigmoid() * cell.tanh()
        found.append(h)
    return stacked(found, 1)


def _our_lstm(x: Any, *parameters: Any) -> Any:
    layer = rg.nn.LSTM(5, 6, batch_first=True).to(x.dtype)
    names = [name for name, _ in layer.named_parameters()]
    return rg.func.functional_call(layer, dict(zip(names, parameters, strict=True)), (x,))[0]


LOOPS = {
    "scan": Sum(((4, 9), (4, 30, 7), (9, 7), (9, 9)), _our_recurrent, _recurrent),
    "lstm": Sum(((4, 12, 5), (24, 5), (24, 6), (24,), (24,)), _our_lstm, _lstm),
}

SUMS: dict[str, Sum] = {
    **_products(37),
    **_products(5003),
    **{f"convolution {name}": sum_ for name, sum_ in CONVOLUTIONS.items()},
    **REDUCTIONS,
    **INDICES,
    **ROWS,
    **LOOPS,
}


def _inputs(shapes: Sequence[Shape], dtype: str) -> list[Array]:
    rng = np.random.default_rng(0)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("name", list(SUMS))
def test_errors_are_within_the_spread(name: str, dtype: str) -> None:
    row = SUMS[name]
    arrays = _inputs(row.shapes, dtype)
    with rg.use_backend("native"):
        found = [x.detach().numpy() for x in _listed(row.ours(*map(rg.tensor, arrays)))]
    for ours, exact in zip(found, _listed(row.exact(*map(Bounded, arrays))), strict=True):
        assert ours.dtype == dtype
        assert ours.shape == exact.shape
        error, allowed = np.abs(ours - exact.value), C * np.finfo(dtype).eps * exact.spread
        assert np.all(error <= allowed), float((error / allowed).max())
