"""Linear algebra under the names of torch.linalg. Matrices are the last two axes; leading axes are batches.

Decompositions and solutions run by NumPy. `inv`, `solve` and `cholesky` look at their results, so as to raise where
they stand; their forms in `_ex` do not.
"""

from retrograd.core.errors import LinAlgError
from retrograd.tensor.linalg.decomposing import (
    cholesky,
    cholesky_ex,
    eigh,
    eigvalsh,
    linalg_qr as qr,
    linalg_svd as svd,
    lu,
    lu_factor,
    lu_factor_ex,
    svdvals,
)
from retrograd.tensor.linalg.matrix_functions import (
    cond,
    cross,
    det,
    diagonal,
    householder_product,
    matrix_exp,
    matrix_norm,
    matrix_rank,
    multi_dot,
    norm,
    slogdet,
    vander,
    vecdot,
)
from retrograd.tensor.linalg.solving import (
    inv,
    inv_ex,
    lstsq,
    lu_solve,
    pinv,
    solve,
    solve_ex,
    solve_triangular,
    tensorinv,
    tensorsolve,
)
from retrograd.tensor.norms import vector_norm
from retrograd.tensor.products import matmul, matrix_power

__all__ = [
    "LinAlgError",
    "cholesky",
    "cholesky_ex",
    "cond",
    "cross",
    "det",
    "diagonal",
    "eigh",
    "eigvalsh",
    "householder_product",
    "inv",
    "inv_ex",
    "lstsq",
    "lu",
    "lu_factor",
    "lu_factor_ex",
    "lu_solve",
    "matmul",
    "matrix_exp",
    "matrix_norm",
    "matrix_power",
    "matrix_rank",
    "multi_dot",
    "norm",
    "pinv",
    "qr",
    "slogdet",
    "solve",
    "solve_ex",
    "solve_triangular",
    "svd",
    "svdvals",
    "tensorinv",
    "tensorsolve",
    "vander",
    "vecdot",
    "vector_norm",
]
