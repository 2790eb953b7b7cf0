"""Rows of the special functions; see `tests/support/table.py`."""

from __future__ import annotations

import math

import numpy as np

from tests.support import quadrature as q
from tests.support.table import Array, Case, Function, Row, numbers

SHAPES = ((2, 3), (), (0, 3))


def _unary(name: str, numpy: Function, torch: Function | str | None, low: float = -1.5, high: float = 1.63) -> Row:
    return Row(name, tuple(Case((numbers(shape, 1, low, high),), (), numpy, torch) for shape in SHAPES))


def _special(name: str) -> Function:
    def twin(*tensors: object) -> object:
        import torch  # noqa: PLC0415 - PyTorch may be missing

        return getattr(torch.special, name)(*tensors)

    return twin


def _mvlgamma(x: Array, p: int) -> Array:
    constant = p * (p - 1) / 4 * math.log(math.pi)
    return np.asarray(constant + sum(q.lgamma(x - j / 2) for j in range(p)))


SPECIAL_ROWS: tuple[Row, ...] = (
    _unary("erfc", q.erfc, "erfc", -3.0, 6.0),
    _unary("erfcx", q.erfcx, _special("erfcx"), -3.0, 6.0),
    _unary("erfinv", q.erfinv, "erfinv", -0.97, 0.98),
    _unary("ndtr", q.ndtr, _special("ndtr"), -4.0, 4.0),
    _unary("log_ndtr", lambda x: np.log(q.ndtr(x)), _special("log_ndtr"), -9.0, 3.0),
    _unary("ndtri", q.ndtri, _special("ndtri"), 0.01, 0.98),
    _unary("entr", lambda x: -x * np.log(x), _special("entr"), 0.1),
    _unary("lgamma", q.lgamma, "lgamma", -3.3, 9.7),
    Row(
        "mvlgamma",
        tuple(Case((numbers(shape, 1, 1.6, 5.0),), (3,), _mvlgamma) for shape in SHAPES),
    ),
    Row(
        "polygamma",
        (
            *(Case((numbers((2, 3), 1, 0.3, 12.0),), (n,), q.polygamma) for n in range(4)),
            *(Case((numbers((2, 3), 1, -2.9, -0.1),), (n,), q.polygamma) for n in range(4)),
            Case((np.array(0.7),), (1,), q.polygamma),
            Case((np.zeros((0, 3)),), (0,), lambda x, n: x),
        ),
    ),
    Row(
        "zeta",
        (
            # The gradient flows to the second argument alone.
            Case((np.array([1.5, 3.0, 7.0]), numbers((3,), 1, 0.2, 14.0)), (), q.zeta, None, False),
        ),
    ),
    # PyTorch has no gradient for the first argument: `tests/tensor/test_special_functions.py`.
    *(
        Row(
            name,
            (
                *(Case((numbers(shape, 1, 0.2, 9.0), numbers(shape, 2, 0.1, 12.0)), (), f) for shape in SHAPES),
                Case((numbers((3, 1), 1, 0.2, 9.0), numbers((2,), 2, 0.1, 12.0)), (), f),
            ),
        )
        for name, f in (("igamma", q.share_below), ("igammac", q.share_above), ("igamma_by_a", q.share_below_by_a))
    ),
    _unary("i0", lambda x: q.bessel_i(x, 0), "i0", -12.0, 12.0),
    _unary("i0e", lambda x: q.bessel_i(x, 0) * np.exp(-np.abs(x)), _special("i0e"), -12.0, 12.0),
    _unary("i1", lambda x: q.bessel_i(x, 1), _special("i1"), -12.0, 12.0),
    _unary("i1e", lambda x: q.bessel_i(x, 1) * np.exp(-np.abs(x)), _special("i1e"), -12.0, 12.0),
)
