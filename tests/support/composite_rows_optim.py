"""Rows of the optimizers' updates; see `tests/support/table.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.table import Array, Case, Row, numbers

_p, _g = numbers((3,)), numbers((3,), 1)
_squares, _others = numbers((3,), 3, 1.0, 2.0), numbers((3,), 4, 0.2, 0.9)


def _decayed(p: Array, g: Array, number: float, decay: str, maximize: bool) -> tuple[Array, Array]:
    """Parameter and gradient after the weight decay: in the gradient, or by a part of the weight that is kept."""
    g = -g if maximize else g
    return (number * p, g) if decay == "decoupled" else (p, g + number * p if decay else g)


def _moments(m: Array, v: Array, g: Array, beta1_rest: float, beta2: float, beta2_rest: float) -> tuple[Array, Array]:
    return m + beta1_rest * (g - m), beta2 * v + beta2_rest * g * g


def _adam(p: Array, g: Array, m: Array, v: Array, *rest: Any) -> tuple[Array, ...]:
    *greatest, given, _, decay, amsgrad, maximize = rest
    step_size, root_scale, beta1_rest, beta2, beta2_rest, eps, number = given
    p, g = _decayed(p, g, number, decay, maximize)
    m, v = _moments(m, v, g, beta1_rest, beta2, beta2_rest)
    greatest = [np.maximum(greatest[0], v)] if amsgrad else []
    root = np.sqrt(greatest[0] if amsgrad else v) * root_scale + eps
    return p - step_size * m / root, m, v, *greatest


def _adamax(p: Array, g: Array, m: Array, u: Array, given: Array, *_: Any) -> tuple[Array, ...]:
    step_size, beta1_rest, beta2, eps, decay = given
    g = g + decay * p
    m, u = m + beta1_rest * (g - m), np.maximum(beta2 * u, np.abs(g) + eps)
    return p - step_size * m / u, m, u


def _nadam(p: Array, g: Array, m: Array, v: Array, given: Array, _: int, decay: str, maximize: bool) -> Any:
    by_gradient, by_mean, root_scale, beta1_rest, beta2, beta2_rest, eps, number = given
    p, g = _decayed(p, g, number, decay, maximize)
    m, v = _moments(m, v, g, beta1_rest, beta2, beta2_rest)
    return p - (by_gradient * g + by_mean * m) / (np.sqrt(v) * root_scale + eps), m, v


def _radam(p: Array, g: Array, m: Array, v: Array, given: Array, _: int, decay: str, maximize: bool) -> Any:
    step_size, rectification, beta1_rest, beta2, beta2_rest, eps, number = given
    p, g = _decayed(p, g, number, decay, maximize)
    m, v = _moments(m, v, g, beta1_rest, beta2, beta2_rest)
    return p - step_size * m * (rectification / (np.sqrt(v) + eps) if rectification else 1.0), m, v


def _asgd(p: Array, g: Array, average: Array, given: Array, *_: Any) -> tuple[Array, Array]:
    eta, kept, mu, decay = given
    p = kept * p - eta * (g + decay * p)
    return p, average + mu * (p - average)


def _rprop(p: Array, g: Array, before: Array, size: Array, given: Array, *_: Any) -> tuple[Array, ...]:
    shrink, grow, least, most = given
    agreement = g * before
    size = np.clip(size * np.where(agreement < 0, shrink, np.where(agreement > 0, grow, 1)), least, most)
    g = np.where(agreement < 0, 0, g)
    return p - np.sign(g) * size, g, size


def _rms(x: Array) -> float:
    return float(np.sqrt(np.mean(x * x)))


def _adafactor(p: Array, g: Array, *rest: Any) -> tuple[Array, ...]:
    *state, given, _, has_decay, maximize = rest
    part, rate, kept, eps1, eps2, d = given
    g = -g if maximize else g
    eps1 = eps1 or np.finfo(p.dtype).eps
    if len(state) == 2:
        state = [x + part * (np.mean(g * g, axis, keepdims=True) - x) for x, axis in zip(state, (-1, -2), strict=True)]
        variance = state[0] * state[1] / np.maximum(state[0].mean(-2, keepdims=True), eps1)
    else:
        state = [state[0] + part * (g * g - state[0])]
        variance = state[0]
    update = g / np.sqrt(np.maximum(variance, eps1**2))
    step = max(_rms(p), eps2) * rate / max(1.0, _rms(update) / d)
    return (kept * p if has_decay else p) - step * update, *state


def _bfloat16(x: Array) -> Array:
    """Rounded to eight bits, to even: float32 without its lower half."""
    bits = np.asarray(x, np.float32).view(np.uint32).astype(np.uint64)
    return ((bits + 0x7FFF + ((bits >> 16) & 1)) & 0xFFFF0000).astype(np.uint32).view(np.float32)


def _muon(p: Array, g: Array, buffer: Array, given: Array, *rest: Any) -> tuple[Array, Array]:
    _, nesterov, steps, (ratio,) = rest
    lr, kept, momentum, momentum_rest, *abc, _ = given
    a, b, c = np.float32(abc)
    buffer = buffer + momentum_rest * (g - buffer)
    x = _bfloat16(g + momentum * (buffer - g) if nesterov else buffer)
    tall = x.shape[0] > x.shape[1]
    x = x.T if tall else x
    x = _bfloat16(x / _bfloat16(np.sqrt(np.sum(x * x))))
    for _ in range(steps):
        gram = _bfloat16(x @ x.T)
        x = _bfloat16(a * x + _bfloat16(b * gram + c * (gram @ gram)) @ x)
    return kept * p - lr * ratio * (x.T if tall else x).astype(p.dtype), buffer


def _adagrad(p: Array, g: Array, s: Array, given: Array, *_: Any) -> tuple[Array, ...]:
    rate, eps, decay = given
    g = g + decay * p
    s = s + g * g
    return p - rate * g / (np.sqrt(s) + eps), s


def _rmsprop(p: Array, g: Array, v: Array, mean: Array, buffer: Array, given: Array, *_: Any) -> tuple[Array, ...]:
    lr, alpha, alpha_rest, eps, decay, momentum = given
    g = g + decay * p
    v = alpha * v + alpha_rest * g * g
    mean = mean + alpha_rest * (g - mean)
    buffer = momentum * buffer + g / (np.sqrt(v - mean**2) + eps)
    return p - lr * buffer, v, mean, buffer


def _adadelta(p: Array, g: Array, v: Array, u: Array, given: Array, *_: Any) -> tuple[Array, ...]:
    lr, rho, rho_rest, eps, decay = given
    g = g + decay * p
    v = rho * v + rho_rest * g * g
    move = np.sqrt(u + eps) / np.sqrt(v + eps) * g
    return p - lr * move, v, rho * u + rho_rest * move**2


def _row(name: str, inputs: tuple[Array, ...], given: list[float], attributes: tuple[Any, ...], numpy: Any) -> Row:
    return Row(name, (_case(inputs, given, attributes, numpy),))


def _case(inputs: tuple[Array, ...], given: list[float], attributes: tuple[Any, ...], numpy: Any) -> Case:
    return Case((*inputs, np.array(given)), (1, *attributes), numpy, None, False)


_adam_state, _adam_numbers = (_p, _g, _others, _squares), [0.1, 0.9, 0.1, 0.99, 0.01, 1e-8, 0.95]

_matrix = numbers((3, 4), 5)
_rows, _columns = numbers((3, 1), 6, 0.2), numbers((1, 4), 7, 0.2)
_muon_numbers = [0.1, 0.99, 0.9, 0.1, 3.4445, -4.7750, 2.0315, 1e-7]

OPTIMIZER_ROWS: tuple[Row, ...] = (
    Row(
        "adam",
        (
            *(_case(_adam_state, _adam_numbers, (d, False, False), _adam) for d in ("", "gradient", "decoupled")),
            _case((*_adam_state, _others), _adam_numbers, ("gradient", True, True), _adam),
        ),
    ),
    _row("adamax", (_p, _g, _others, _squares), [0.1, 0.1, 0.99, 1e-8, 0.2], (True, False), _adamax),
    Row(
        "nadam",
        tuple(
            _case(_adam_state, [0.02, 0.08, 0.9, 0.1, 0.99, 0.01, 1e-8, 0.95], (decay, maximize), _nadam)
            for decay, maximize in (("", False), ("gradient", True), ("decoupled", False))
        ),
    ),
    Row(
        "radam",
        tuple(
            _case(_adam_state, [0.1, rectification, 0.1, 0.99, 0.01, 1e-8, 0.95], (decay, maximize), _radam)
            for rectification, decay, maximize in ((0.0, "", True), (0.3, "gradient", False), (0.3, "decoupled", False))
        ),
    ),
    Row(
        "asgd",
        tuple(_case((_p, _g, _others), [0.1, 0.99, mu, 0.2], (True, False), _asgd) for mu in (1.0, 0.25)),
    ),
    Row(
        "adafactor",
        (
            _case(
                (_matrix, _matrix[::-1].copy(), _rows, _columns),
                [0.3, 0.1, 0.99, 0.0, 1e-3, 1.0],
                (True, False),
                _adafactor,
            ),
            _case((_p, _g, _others), [0.3, 0.1, 0.99, 0.5, 1.0, 4.0], (False, True), _adafactor),
        ),
    ),
    Row(
        "muon",
        tuple(
            _case((m, m[::-1].copy(), m * 0.5), _muon_numbers, (nesterov, 2, (1.5,)), _muon)
            for m, nesterov in ((_matrix, True), (_matrix.T.copy(), False))
        ),
    ),
    _row("rprop", (_p, _g, _p[::-1].copy(), _others), [0.5, 1.2, 0.3, 0.8], (False,), _rprop),
    _row("adagrad", (_p, _g, _squares), [0.1, 1e-8, 0.2], (True, False), _adagrad),
    _row(
        "rmsprop",
        (_p, _g, _squares, _others, _g),
        [0.1, 0.9, 0.1, 1e-8, 0.2, 0.8],
        (True, True, True, False),
        _rmsprop,
    ),
    _row("adadelta", (_p, _g, _squares, _others), [0.5, 0.9, 0.1, 1e-6, 0.2], (True, False), _adadelta),
)
