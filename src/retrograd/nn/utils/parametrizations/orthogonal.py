"""Weights with orthonormal columns (or rows), as a parametrization."""

from __future__ import annotations

from typing import Any

import numpy as np

from retrograd.core.dtype import int32
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.limits import finfo
from retrograd.nn.module import Module
from retrograd.nn.utils.parametrize import register_parametrization
from retrograd.tensor.base import TensorBase
from retrograd.tensor.creation import zeros
from retrograd.tensor.grad_mode import no_grad
from retrograd.tensor.joining import cat
from retrograd.tensor.linalg.decomposing import qr
from retrograd.tensor.linalg.matrix_functions import householder_product, matrix_exp
from retrograd.tensor.linalg.solving import solve
from retrograd.tensor.random import randn
from retrograd.tensor.ranges import eye
from retrograd.tensor.tensor import from_numpy

_MAPS = ("matrix_exp", "cayley", "householder")


def _is_orthogonal(q: Any) -> bool:
    rows, columns = q.shape[-2:]
    error = (q.mT @ q - eye(columns, dtype=q.dtype)).abs().max() if q.numel() else zeros(())
    return bool(error.item() <= 10.0 * rows * finfo(q.dtype).eps)


def _made_orthogonal(a: Any) -> Any:
    """Q of the decomposition a = Q R whose R has a positive diagonal."""
    q, r = qr(a)
    return q * r.diagonal(dim1=-2, dim2=-1).sign().unsqueeze(-2)


def _reflections(q: Any) -> Any:
    """What the Householder map takes to a matrix with orthonormal columns: the vectors of its reflections below the
    diagonal, and the signs of its columns on it.
    """
    packed, scales = np.linalg.qr(q.detach().numpy(), mode="raw")
    packed = np.swapaxes(packed, -1, -2).copy()
    places = np.arange(packed.shape[-1])
    signs = np.sign(packed[..., places, places])
    packed[..., places, places] = np.where(scales == 0, -signs, signs)
    return from_numpy(packed).to(q.dtype)


class _Orthogonal(Module):
    """A matrix with orthonormal columns (rows, if it is wide) from one without restrictions.

    With `use_trivialization` it is the buffer `base` times the map's result: any orthogonal matrix can be assigned.
    """

    def __init__(self, weight: Any, orthogonal_map: str, use_trivialization: bool) -> None:
        super().__init__()
        self.shape = weight.shape
        self.orthogonal_map = orthogonal_map
        self.use_trivialization = use_trivialization
        if use_trivialization:
            self.register_buffer("base", None)

    def forward(self, x: Any) -> Any:
        wide = x.shape[-2] < x.shape[-1]
        tall = x.mT if wide else x
        q = self._reflected(tall) if self.orthogonal_map == "householder" else self._rotated(tall)
        if self.use_trivialization:
            q = self.base @ q
        return q.mT if wide else q

    def _rotated(self, x: Any) -> Any:
        """The first columns of a map of the skew-symmetric matrix that has the lower triangle of x."""
        n, k = x.shape[-2:]
        low = x.tril()
        if n != k:
            low = cat([low, zeros(*x.shape[:-2], n, n - k, dtype=x.dtype)], dim=-1)
        skew = low - low.mT
        if self.orthogonal_map == "matrix_exp":
            q = matrix_exp(skew)
        else:
            one = eye(n, dtype=x.dtype)
            q = solve(one - skew * 0.5, one + skew * 0.5)
        return q if n == k else q[..., :k]

    def _reflected(self, x: Any) -> Any:
        """The product of the reflections by the columns below the diagonal, with the diagonal's signs."""
        below = x.tril(-1)
        scales = 2.0 / (1.0 + (below * below).sum(dim=-2))
        signs = x.diagonal(dim1=-2, dim2=-1).to(int32).unsqueeze(-2)
        return householder_product(below, scales) * signs

    @no_grad()  # type: ignore[untyped-decorator]
    def right_inverse(self, q: Any) -> Any:
        if q.shape != self.shape:
            raise ShapeError(
                f"orthogonal: the weight has shape {tuple(self.shape)}, and cannot become one of {tuple(q.shape)}"
            )
        n, k = q.shape[-2:]
        wide = n < k
        tall = q.mT if wide else q
        if not self.use_trivialization:
            if self.orthogonal_map != "householder":
                raise NotImplementedError(
                    f"orthogonal: {self.orthogonal_map} has no inverse that is known; pass use_trivialization=True"
                )
            found = _reflections(tall)
            return found.mT if wide else found
        self.base = self._base(tall)
        return -eye(n, k, dtype=q.dtype).expand(q.shape).clone()

    def _base(self, q: Any) -> Any:
        """The orthogonal square matrix that begins with q, which is made orthogonal if it is not."""
        n, k = q.shape[-2:]
        if n == k and _is_orthogonal(q):
            return q.clone()
        drawn = [] if n == k else [randn(*q.shape[:-2], n, n - k, dtype=q.dtype)]
        return _made_orthogonal(cat([q, *drawn], dim=-1))


def orthogonal(
    module: Module, name: str = "weight", orthogonal_map: str | None = None, *, use_trivialization: bool = True
) -> Module:
    """Keep the columns of a weight (the rows, if it is wide) orthonormal.

    With n rows and k columns, n >= k, the weight is Q with Q^T Q = 1, a smooth function of a matrix X:

        matrix_exp    exp(A), A = L - L^T, L the lower triangle of X
        cayley        (1 - A/2)^-1 (1 + A/2)
        householder   H_1 ... H_k, H_i = 1 - 2 v v^T / |v|^2, with v in the columns of X below the diagonal

    Args:
        module: whose weight it is.
        name: of the weight, (..., n, k).
        orthogonal_map: one of these; if left out, matrix_exp for square matrices and householder for others.
        use_trivialization: multiply by a fixed orthogonal matrix `base`, so that a matrix can be assigned to the
            weight: it becomes that (made orthogonal).

    Returns:
        The module.

    Raises:
        OptionError: there is no such weight, it has fewer than two axes, or the map is unknown.

    Source: torch.nn.utils.parametrizations.orthogonal; Lezcano Casado (2019).

    >>> import retrograd as rg
    >>> layer = rg.nn.utils.parametrizations.orthogonal(rg.nn.Linear(2, 4))
    >>> rg.allclose(layer.weight.mT @ layer.weight, rg.eye(2), atol=1e-6)
    True
    """
    weight = getattr(module, name, None)
    if not isinstance(weight, TensorBase):
        raise OptionError(f"orthogonal: {type(module).__name__} has no parameter or buffer {name!r}")
    if weight.ndim < 2:
        raise OptionError(f"orthogonal: {name!r} has shape {tuple(weight.shape)}; it must have two axes or more")
    if orthogonal_map is None:
        orthogonal_map = "matrix_exp" if weight.shape[-2] == weight.shape[-1] else "householder"
    if orthogonal_map not in _MAPS:
        raise OptionError(f"orthogonal: orthogonal_map is {orthogonal_map!r}; it must be one of {', '.join(_MAPS)}")
    parametrization = _Orthogonal(weight, orthogonal_map, use_trivialization)
    return register_parametrization(module, name, parametrization, unsafe=True)
