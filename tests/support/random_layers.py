"""The instructions of random networks: each takes values whose first axis is the batch, and gives another.

An instruction says which values it takes and what it makes of one; `Maker` hands it choices, weights and other values.
What comes out is of the order of 1, so that networks of many instructions stay in range.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

import retrograd as rg

F = rg.nn.functional
T = TypeVar("T")
Value = Any


class Maker(Protocol):
    """What an instruction may ask for."""

    def pick(self, options: Sequence[T]) -> T:
        """One of the options, as the program says."""

    def weight(self, *shape: int) -> Value:
        """A parameter of this place of the program, as large as keeps a product's size."""

    def other(self, accepts: Callable[[Value], bool]) -> Value | None:
        """An earlier value, if there is one like that."""


@dataclass(frozen=True)
class Layer:
    """An instruction: what it makes, and the values that it takes."""

    make: Callable[[Maker, Value], Value]
    accepts: Callable[[Value], bool]


LAYERS: dict[str, Layer] = {}


def _layer(accepts: Callable[[Value], bool]) -> Callable[[Callable[[Maker, Value], Value]], None]:
    def registered(make: Callable[[Maker, Value], Value]) -> None:
        LAYERS[make.__name__] = Layer(make, accepts)

    return registered


def _any(x: Value) -> bool:
    return True


def _of_rank(rank: int, smallest: int = 1) -> Callable[[Value], bool]:
    return lambda x: x.ndim == rank and min(x.shape[2:], default=smallest) >= smallest


_is_table, _is_sequence, _is_image = _of_rank(2), _of_rank(3), _of_rank(4)
_is_large_image = _of_rank(4, 4)


def _size(x: Value) -> int:
    """How many numbers an example has."""
    return math.prod(x.shape[1:])


def _classes(x: Value, count: int) -> Value:
    """Whole numbers below `count` that follow the values of x."""
    return (x.detach() * 4).floor().remainder(count).long()


# -- elementwise ------------------------------------------------------------------------------------------------------

# By the primitive or composite that they are about.
SMOOTH: dict[str, Callable[[Value], Value]] = {
    "tanh": lambda x: x.tanh(),
    "sigmoid": lambda x: x.sigmoid(),
    "gelu": F.gelu,
    "silu": F.silu,
    "softplus": F.softplus,
    "exp": lambda x: (-x * x).exp(),
    "exp2": lambda x: (-x * x).exp2(),
    "expm1": lambda x: (-x * x).expm1(),
    "log": lambda x: (x * x + 0.5).log(),
    "log2": lambda x: (x * x + 0.5).log2(),
    "log10": lambda x: (x * x + 0.5).log10(),
    "log1p": lambda x: (x * x).log1p(),
    "sqrt": lambda x: (x * x + 0.1).sqrt(),
    "rsqrt": lambda x: (x * x + 0.1).rsqrt(),
    "sin": lambda x: (x * 2).sin(),
    "cos": lambda x: (x * 2).cos(),
    "erf": lambda x: x.erf(),
    "atan": lambda x: x.atan(),
    "pow": lambda x: (x * x + 0.5) ** 0.7,
    "pow of numbers": lambda x: 1.5 ** x.tanh(),
    "pow of values": lambda x: (x * x + 0.5) ** x.tanh(),
    "div": lambda x: x / (1.0 + x * x),
    "reciprocal": lambda x: (1.0 + x * x).reciprocal(),
    "neg": lambda x: 0.5 - x,
}
KINKED: dict[str, Callable[[Value], Value]] = {
    "relu": lambda x: x.relu(),
    "leaky_relu": lambda x: F.leaky_relu(x, 0.1),
    "abs": lambda x: x.abs(),
    "clamp": lambda x: x.clamp(-0.5, 0.75),
    "maximum": lambda x: rg.maximum(x, x * x - 1.0),
    "minimum": lambda x: rg.minimum(x, x * x),
    "hardswish": F.hardswish,
    "sign": lambda x: x * x.sign() - x,
    "floor": lambda x: x - x.floor(),
    "ceil": lambda x: x.ceil() - x,
    "round": lambda x: x - x.round(),
    "trunc": lambda x: x - x.trunc(),
    "remainder": lambda x: (x * 2).remainder(1.5),
    "floor_divide": lambda x: x - x.detach().floor_divide(0.3),
    "where": lambda x: rg.where(x > 0.1, x, x * x),
    "masked_fill": lambda x: x.masked_fill(x < -0.5, 0.25),
    "and": lambda x: rg.where((x > -1.0) & (x < 1.0), x, 0.0),
    "or": lambda x: rg.where((x <= -1.0) | (x >= 1.0), x, 0.0),
    "xor": lambda x: rg.where((x > 0.5) ^ (x > -0.5), x, -x),
    "invert": lambda x: x * (~_classes(x, 3)).to(x.dtype),
    "eq": lambda x: x * (_classes(x, 3) == 1).to(x.dtype),
    "ne": lambda x: x * (_classes(x, 3) != 1).to(x.dtype),
    "bitcast": lambda x: rg.nextafter(x, x + 1.0),
    "gcd": lambda x: x * rg.gcd(_classes(x, 7), _classes(x * x, 5)).to(x.dtype) * 0.25,
    "shift_left": lambda x: x * (_classes(x, 4) << 1).to(x.dtype),
    "shift_right": lambda x: x * (_classes(x, 4) >> 1).to(x.dtype),
}


@_layer(_any)
def smooth(m: Maker, x: Value) -> Value:
    return SMOOTH[m.pick(list(SMOOTH))](x)


@_layer(_any)
def kinked(m: Maker, x: Value) -> Value:
    return KINKED[m.pick(list(KINKED))](x)


@_layer(_any)
def scaled(m: Maker, x: Value) -> Value:
    return x * m.pick([0.5, -1.25, 0.75, 2.0])


@_layer(_any)
def combined(m: Maker, x: Value) -> Value:
    """With an earlier value of a shape that broadcasts."""
    name = m.pick(["add", "sub", "mul", "maximum", "div"])

    def fits(y: Value) -> bool:
        pairs = zip(reversed(x.shape), reversed(y.shape), strict=False)
        return y.ndim <= x.ndim and all(a == b or b == 1 for a, b in pairs)

    y = m.other(fits)
    if y is None:
        return x + m.weight(x.shape[-1])
    return x / (y * y + 1.0) if name == "div" else getattr(x, name)(y)


@_layer(_any)
def dropped(m: Maker, x: Value) -> Value:
    return m.pick([F.dropout, F.alpha_dropout])(x, m.pick([0.5, 0.1, 0.9]))


# -- movement ---------------------------------------------------------------------------------------------------------


@_layer(lambda x: x.ndim > 2)
def exchanged(m: Maker, x: Value) -> Value:
    return x.transpose(*m.pick([(1, x.ndim - 1), (x.ndim - 2, x.ndim - 1)]))


@_layer(_any)
def reshaped(m: Maker, x: Value) -> Value:
    """Flattened, folded, or given an axis."""
    count = _size(x)
    shapes = [(count,), *[(p, count // p) for p in (2, 3, 4, 6) if count % p == 0]]
    shapes += [(p, q, count // (p * q)) for p, q in ((4, 4), (2, 4), (3, 4)) if count % (p * q) == 0]
    return x.reshape(x.shape[0], *m.pick(shapes))


@_layer(_any)
def sliced(m: Maker, x: Value) -> Value:
    extent = x.shape[-1]
    start = m.pick([0, 1, extent // 2]) if extent > 1 else 0
    return x[..., start :: m.pick([1, 2])]


@_layer(_any)
def reversed_and_rolled(m: Maker, x: Value) -> Value:
    return m.pick([lambda: x.flip(-1), lambda: x.roll(1, -1), lambda: x.flip(1).roll(-1, 1)])()


@_layer(_any)
def joined(m: Maker, x: Value) -> Value:
    y = m.other(lambda y: y.shape[:-1] == x.shape[:-1])
    parts = m.pick([[x, x * 0.5 if y is None else y], [x, x.flip(-1)], [x.roll(1, 1), x, x.tanh()]])
    return rg.cat(parts, -1)


@_layer(_any)
def padded(m: Maker, x: Value) -> Value:
    return F.pad(x, m.pick([(1, 0), (2, 1), (0, 3)]), value=m.pick([0.0, 0.5]))


@_layer(lambda x: x.shape[-1] >= 3)
def windows(m: Maker, x: Value) -> Value:
    return x.unfold(x.ndim - 1, 3, m.pick([1, 2])).mean(-1)


@_layer(_any)
def written(m: Maker, x: Value) -> Value:
    """A copy, part of which is written over."""
    y = x * 1.0
    y[..., : (x.shape[-1] + 1) // 2] = m.pick([0.25, x[..., : (x.shape[-1] + 1) // 2].tanh()])
    return y


@_layer(lambda x: x.ndim < 4 and _size(x) < 500)
def expanded(m: Maker, x: Value) -> Value:
    return x.unsqueeze(1).expand(x.shape[0], m.pick([2, 3]), *x.shape[1:]) * m.weight(*x.shape[1:])


# -- reductions -------------------------------------------------------------------------------------------------------


@_layer(_any)
def reduced(m: Maker, x: Value) -> Value:
    axis = m.pick([x.ndim - 1, 1])
    function = m.pick(
        [
            lambda: x.sum(axis, True) / x.shape[axis] ** 0.5,
            lambda: x.mean(axis, True),
            lambda: x.amax(axis, True),
            lambda: x.amin(axis, True),
            lambda: x.var(axis, correction=0, keepdim=True),
            lambda: x.logsumexp(axis, True),
            lambda: (x.tanh() * 0.2 + 1.0).prod(axis, True).clamp(-4, 4),
            lambda: (x * x + 0.1).sum(axis, True).sqrt() / x.shape[axis] ** 0.5,
            lambda: x.max(axis, True).values,
        ]
    )
    return function()


@_layer(_any)
def over_the_batch(m: Maker, x: Value) -> Value:
    return x - m.pick([lambda: x.mean(0), lambda: x.amax(0), lambda: x.sum(0) / x.shape[0]])()


@_layer(_any)
def normalised(m: Maker, x: Value) -> Value:
    axis = m.pick([x.ndim - 1, 1])
    function = m.pick(
        [
            lambda: x.softmax(axis) * x.shape[axis] ** 0.5,
            lambda: x.log_softmax(axis),
            lambda: F.layer_norm(x, x.shape[-1:], 1.0 + m.weight(x.shape[-1]), m.weight(x.shape[-1]), eps=0.1),
            lambda: F.rms_norm(x, x.shape[-1:], eps=0.1),
            lambda: _batch_norm(m, x),
            lambda: F.group_norm(x, 2 if x.shape[1] % 2 == 0 else 1, eps=0.1) if x.ndim > 2 else F.normalize(x),
        ]
    )
    return function()


def _batch_norm(m: Maker, x: Value) -> Value:
    if x.numel() == x.shape[1]:
        return x - m.weight(x.shape[1]).reshape(-1, *[1] * (x.ndim - 2))
    return F.batch_norm(x, None, None, 1.0 + m.weight(x.shape[1]), m.weight(x.shape[1]), training=True, eps=0.1)


@_layer(_any)
def running(m: Maker, x: Value) -> Value:
    axis = m.pick([x.ndim - 1, 1])
    size = x.shape[axis] ** 0.5
    function = m.pick(
        [
            lambda: x.cumsum(axis) / size,
            lambda: (x.tanh() * 0.2 + 0.9).cumprod(axis),
            lambda: x.cummax(axis).values,
            lambda: x.logcumsumexp(axis) * 0.5,
        ]
    )
    return function()


# -- products ---------------------------------------------------------------------------------------------------------


@_layer(_any)
def linear(m: Maker, x: Value) -> Value:
    out = m.pick([8, 3, 17, 1, 40])
    return F.linear(x, m.weight(out, x.shape[-1]), m.pick([m.weight(out), None]))


@_layer(_is_sequence)
def multiplied(m: Maker, x: Value) -> Value:
    """A product of matrices for every example."""
    return x @ x.transpose(1, 2) @ x / (x.shape[1] * x.shape[2]) ** 0.5


@_layer(_is_table)
def outer(m: Maker, x: Value) -> Value:
    return rg.einsum("bi,bj->bij", x, m.pick([x.tanh(), x[:, :3]]))


@_layer(_is_sequence)
def attended(m: Maker, x: Value) -> Value:
    features = x.shape[2]
    heads = 2 if features % 2 == 0 else 1
    q, k, v = (
        F.linear(x, m.weight(features, features)).reshape(x.shape[0], -1, heads, features // heads).transpose(1, 2)
        for _ in range(3)
    )
    y = F.scaled_dot_product_attention(q, k, v, is_causal=m.pick([False, True]))
    return y.transpose(1, 2).reshape(x.shape)


# -- images -----------------------------------------------------------------------------------------------------------


@_layer(_is_image)
def convolved(m: Maker, x: Value) -> Value:
    kernel, out = m.pick([3, 1, 2]), m.pick([3, 17, 8])
    w = m.weight(out, x.shape[1], kernel, kernel)
    stride, dilation = m.pick([(1, 1), (2, 1), (1, 2)])
    return F.conv2d(x, w, m.pick([None, m.weight(out)]), stride=stride, padding=kernel - 1, dilation=dilation)


@_layer(_is_image)
def convolved_in_groups(m: Maker, x: Value) -> Value:
    channels = x.shape[1]
    groups = m.pick([channels, 2 if channels % 2 == 0 else 1])
    return F.conv2d(x, m.weight(channels, channels // groups, 3, 3), padding=1, groups=groups, stride=m.pick([1, 2]))


@_layer(_is_image)
def convolved_back(m: Maker, x: Value) -> Value:
    if x.shape[-1] > 12 or x.shape[-2] > 12:
        return F.conv_transpose2d(x, m.weight(x.shape[1], 4, 1, 1))
    return F.conv_transpose2d(x, m.weight(x.shape[1], 4, 3, 3), stride=m.pick([2, 1]), padding=1)


@_layer(_is_sequence)
def counted_in_windows(m: Maker, x: Value) -> Value:
    """A convolution of whole numbers."""
    ones = rg.ones(m.pick([2, 5]), x.shape[1], 3, dtype=rg.int64)
    return F.conv1d(_classes(x, 3), ones, padding=1, stride=m.pick([1, 2])).to(x.dtype) / (3 * x.shape[1])


@_layer(_is_sequence)
def convolved_in_time(m: Maker, x: Value) -> Value:
    return F.conv1d(x, m.weight(m.pick([6, 16]), x.shape[1], 3), padding=1, stride=m.pick([1, 2]))


@_layer(_is_large_image)
def pooled(m: Maker, x: Value) -> Value:
    return m.pick(
        [
            lambda: F.max_pool2d(x, 2),
            lambda: F.max_pool2d(x, 3, stride=1, padding=1),
            lambda: F.avg_pool2d(x, 2),
            lambda: F.avg_pool2d(x, 3, stride=2, padding=1),
            lambda: F.adaptive_avg_pool2d(x, 2),
            lambda: F.max_pool2d(x, 2, stride=1, dilation=2),
        ]
    )()


@_layer(lambda x: _is_image(x) and _size(x) < 500)
def enlarged(m: Maker, x: Value) -> Value:
    return F.interpolate(x, scale_factor=2, mode=m.pick(["nearest", "bilinear"]))


# -- indices ----------------------------------------------------------------------------------------------------------


@_layer(_is_table)
def embedded(m: Maker, x: Value) -> Value:
    """Rows of a table, chosen by values."""
    return F.embedding(_classes(x, 7), m.weight(7, m.pick([4, 9])))


@_layer(_any)
def gathered(m: Maker, x: Value) -> Value:
    axis = m.pick([x.ndim - 1, 1])
    return x.gather(axis, _classes(x, x.shape[axis]))


@_layer(_any)
def scattered(m: Maker, x: Value) -> Value:
    axis = m.pick([x.ndim - 1, 1])
    places = _classes(x, x.shape[axis])
    if m.pick([True, False]):
        return (x * 0.0).scatter_add(axis, places, x)
    return (x * 0.5).scatter_reduce(axis, places, x, m.pick(["amax", "mean"]))


@_layer(_any)
def selected(m: Maker, x: Value) -> Value:
    places = rg.arange(x.shape[-1]).flip(0) // 2
    if m.pick([True, False]):
        return x.index_select(-1, places)
    return (x * 0.0).index_add(-1, places, x)


@_layer(_any)
def ordered(m: Maker, x: Value) -> Value:
    axis = m.pick([x.ndim - 1, 1])
    count = (x.shape[axis] + 1) // 2
    return m.pick([lambda: x.sort(axis).values, lambda: x.topk(count, axis).values])()


@_layer(_any)
def counted(m: Maker, x: Value) -> Value:
    """Which of sorted bounds each value lies between."""
    return x * rg.bucketize(x.detach(), rg.tensor([-1.0, 0.0, 0.5, 2.0], dtype=x.dtype)).to(x.dtype) * 0.5


# -- loops ------------------------------------------------------------------------------------------------------------


@_layer(_is_sequence)
def recurrent(m: Maker, x: Value) -> Value:
    """A loop over time whose carry is a vector for every example."""
    hidden = m.pick([5, 16])
    inward, around = m.weight(hidden, x.shape[2]), m.weight(hidden, hidden)
    gated = m.pick([False, True])

    def step(h: Value, row: Value) -> tuple[Value, Value]:
        after = (F.linear(row, inward) + F.linear(h, around)).tanh()
        after = h + row.mean(-1, keepdim=True).sigmoid() * (after - h) if gated else after
        return after, after

    start = rg.zeros(x.shape[0], hidden, dtype=x.dtype)
    return rg.scan(step, start, x, dim=1, reverse=m.pick([False, True]))[1]


# What becomes of a carry and the step's row of the input; of some, each row depends on that row alone.
STEPS: tuple[Callable[[Value, Value], Value], ...] = (
    lambda h, row: (h + row) * 0.5,
    lambda h, row: rg.cat([h[:, 1:], row[:, :1]], 1),
    lambda h, row: h.softmax(1) + row * 0.5,
    lambda h, row: h.flip(1) * 0.5 + row.tanh(),
    lambda h, row: rg.where(row > h, row, h * 0.5),
    lambda h, row: (h.cumsum(1) / h.shape[1] + row).tanh(),
    lambda h, row: h - h.mean(0) + row,
    lambda h, row: (h @ h.mT @ row / (h.shape[0] * h.shape[1])).tanh(),
    lambda h, row: h.roll(1, 0) * 0.5 + row.sum(1, True) / row.shape[1],
    lambda h, row: h.gather(1, _classes(row, h.shape[1])) * 0.5 + row,
    lambda h, row: F.layer_norm(h + row, h.shape[1:], eps=0.1),
)


@_layer(_is_sequence)
def looped(m: Maker, x: Value) -> Value:
    """A loop over time of one or two small functions."""
    first, second = m.pick(STEPS), m.pick([None, *STEPS])

    def step(h: Value, row: Value) -> tuple[Value, Value]:
        after = first(h, row)
        after = after if second is None else second(after, row)
        return after, after

    return rg.scan(step, x[:, 0] * 0.5, x, dim=1, reverse=m.pick([False, True]))[1]


@_layer(_is_sequence)
def lstm_or_gru(m: Maker, x: Value) -> Value:
    kind, hidden = m.pick([rg.nn.GRU, rg.nn.LSTM, rg.nn.RNN]), 6
    layer = kind(x.shape[2], hidden, batch_first=True).to(x.dtype)
    return rg.func.functional_call(layer, {n: m.weight(*p.shape) for n, p in layer.named_parameters()}, (x,))[0]
