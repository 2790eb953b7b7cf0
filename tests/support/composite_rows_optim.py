"""Rows of the optimizers' updates; see `tests/support/table.py`."""

from __future__ import annotations

from typing import Any

import numpy as np

from tests.support.table import Array, Case, Row, numbers

_p, _g = numbers((3,)), numbers((3,), 1)
_squares, _others = numbers((3,), 3, 1.0, 2.0), numbers((3,), 4, 0.2, 0.9)


def _adamw(p: Array, g: Array, m: Array, v: Array, given: Array, *rest: Any) -> tuple[Array, ...]:
    step_size, root_scale, beta1_rest, beta2, beta2_rest, eps, kept = given
    g = -g if rest[2] else g
    m = m + beta1_rest * (g - m)
    v = beta2 * v + beta2_rest * g * g
    return kept * p - step_size * m / (np.sqrt(v) * root_scale + eps), m, v


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
    return Row(name, (Case((*inputs, np.array(given)), (1, *attributes), numpy, None, False),))


OPTIMIZER_ROWS: tuple[Row, ...] = (
    _row("adamw", (_p, _g, _others, _squares), [0.1, 0.9, 0.1, 0.99, 0.01, 1e-8, 0.95], (True, True), _adamw),
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
