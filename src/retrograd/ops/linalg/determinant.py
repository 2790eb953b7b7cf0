"""Determinants: `det` by its cofactors, so that singular matrices have a gradient too, and `slogdet`."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.node import Node
from retrograd.core.operation import Primitive, composite, record, register
from retrograd.core.types import TensorType, tensor_type
from retrograd.ops import elementwise as e
from retrograd.ops.linalg.factors import Array, Decomposition, batched_fully, one_by_one, require_matrices
from retrograd.ops.linalg.matrices import product, transposed
from retrograd.ops.linalg.solve import inverse
from retrograd.ops.movement import broadcast_to, reshape
from retrograd.ops.reduce import drop_axes, sum_keepdim


def _for_each_element(g: Node, x: Node) -> Node:
    """One number a matrix, for all of its elements."""
    return broadcast_to(reshape(g, (*g.type.shape, 1, 1)), x.type.shape)


# -- det --------------------------------------------------------------------------------------------------------------


def _infer_det(types: tuple[TensorType, ...]) -> TensorType:
    require_matrices("det", types[0], square=True)
    return tensor_type(types[0].shape[:-2], types[0].dtype)


def _det_reference(a: Array) -> Array:
    with np.errstate(all="ignore"):
        return np.asarray(np.linalg.det(a), a.dtype)


def _det_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    return (e.mul(_for_each_element(g, x[0]), record(COFACTORS, (x[0],))),)


DET: Primitive = register(Primitive("det", _infer_det, _det_reference, _det_gradient, batched_fully(lambda: DET)))


def _infer_cofactors(types: tuple[TensorType, ...]) -> TensorType:
    require_matrices("cofactors", types[0], square=True)
    return types[0]


def _cofactors_of(a: Array) -> Array:
    """det(u) det(v) u diag(r) v^T, r_i the product of all singular values but s_i: no quotient by what may be 0."""
    u, s, vh = np.linalg.svd(a)
    others = np.where(np.eye(s.shape[-1], dtype=bool), 1.0, s[..., None, :]).prod(-1)
    sign = np.linalg.det(u) * np.linalg.det(vh)
    return np.asarray(sign[..., None, None] * (u * others[..., None, :]) @ vh)


def _cofactors_reference(a: Array) -> Array:
    return one_by_one(_cofactors_of, [a], a.shape[-2:]).astype(a.dtype) if a.size else a


def _cofactors_gradient(g: Node, x: tuple[Node, ...], y: Node, _: Any) -> tuple[Node]:
    """Of y = det(a) a^-T: <g, y> a^-T - det(a) a^-T g^T a^-T. It takes a regular matrix."""
    inverted = transposed(inverse(x[0]))
    axes = (len(y.type.shape) - 2, len(y.type.shape) - 1)
    inner = broadcast_to(sum_keepdim(e.mul(g, y), axes), y.type.shape)
    return (e.sub(e.mul(inner, inverted), product(y, transposed(g), inverted)),)


COFACTORS: Primitive = register(
    Primitive(
        "cofactors", _infer_cofactors, _cofactors_reference, _cofactors_gradient, batched_fully(lambda: COFACTORS)
    )
)


@composite("linalg_det")
def LINALG_DET(a: Node) -> Node:
    """The determinant of square matrices."""
    return record(DET, (a,))


# -- slogdet ----------------------------------------------------------------------------------------------------------


def _slogdet_reference(a: Array) -> list[Array]:
    sign, logarithm = np.linalg.slogdet(a)
    return [np.asarray(sign)[..., None], np.asarray(logarithm)[..., None]]


def _slogdet_gradient(g: list[Node], a: Node, factors: list[Node], _: Any) -> Node:
    """g a^-T for the logarithm; the sign is constant."""
    return e.mul(_for_each_element(drop_axes(g[1], (len(g[1].type.shape) - 1,)), a), transposed(inverse(a)))


SLOGDET_FACTORS = Decomposition(
    "slogdet_factors", lambda m, n: ((1,), (1,)), _slogdet_reference, _slogdet_gradient, square=True
)


@composite("slogdet")
def SLOGDET(a: Node) -> tuple[Node, Node]:
    """The sign of the determinant and the logarithm of its magnitude."""
    sign, logarithm = (drop_axes(x, (len(x.type.shape) - 1,)) for x in SLOGDET_FACTORS(a))
    return sign, logarithm


@composite("logdet")
def LOGDET(a: Node) -> Node:
    """The logarithm of the determinant; NaN where that is negative."""
    sign, logarithm = (drop_axes(x, (len(x.type.shape) - 1,)) for x in SLOGDET_FACTORS(a))
    return e.add(logarithm, e.log(sign))
