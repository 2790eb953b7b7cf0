"""The functions of tensors that users call by name, gathered from the modules that define them by topic."""

from __future__ import annotations

from typing import TYPE_CHECKING

from retrograd.tensor import (
    blending,
    counting,
    covariance,
    creation,
    cumulation,
    diagonals,
    differences,
    dlpack,
    extrema,
    facts,
    histograms,
    in_place,
    integration,
    joining,
    memory,
    norms,
    pairwise,
    pointwise,
    products,
    promotion,
    random,
    ranges,
    real_numbers,
    rearrangement,
    reduction,
    sampling,
    scattering,
    segments,
    selection,
    shaping,
    sorting,
    special_functions,
    splitting,
    uniqueness,
    vandermonde,
    variance,
    windows,
)
from retrograd.tensor.binomial import (
    binomial as binomial,
)
from retrograd.tensor.blending import *
from retrograd.tensor.counting import *
from retrograd.tensor.covariance import *
from retrograd.tensor.creation import *
from retrograd.tensor.cumulation import *
from retrograd.tensor.diagonals import *
from retrograd.tensor.differences import *
from retrograd.tensor.dlpack import *
from retrograd.tensor.einsum import (
    einsum as einsum,
)
from retrograd.tensor.extrema import *
from retrograd.tensor.facts import *
from retrograd.tensor.histograms import *
from retrograd.tensor.in_place import *
from retrograd.tensor.integration import *
from retrograd.tensor.joining import *
from retrograd.tensor.linalg.decomposing import (
    cholesky as cholesky,
    lu_unpack as lu_unpack,
    qr as qr,
    svd as svd,
)
from retrograd.tensor.linalg.low_rank import (
    pca_lowrank as pca_lowrank,
    svd_lowrank as svd_lowrank,
)
from retrograd.tensor.linalg.matrix_functions import (
    det as det,
    logdet as logdet,
    matrix_exp as matrix_exp,
    nuclear_norm as nuclear_norm,
    slogdet as slogdet,
)
from retrograd.tensor.linalg.old_names import (
    lu as lu,
    lu_solve as lu_solve,
)
from retrograd.tensor.linalg.solving import (
    cholesky_inverse as cholesky_inverse,
    cholesky_solve as cholesky_solve,
    inverse as inverse,
    pinverse as pinverse,
    triangular_solve as triangular_solve,
)
from retrograd.tensor.memory import *
from retrograd.tensor.norms import *
from retrograd.tensor.pairwise import *
from retrograd.tensor.pointwise import *
from retrograd.tensor.products import *
from retrograd.tensor.promotion import *
from retrograd.tensor.random import *
from retrograd.tensor.ranges import *
from retrograd.tensor.real_numbers import *
from retrograd.tensor.rearrangement import *
from retrograd.tensor.reduction import *
from retrograd.tensor.sampling import *
from retrograd.tensor.scattering import *
from retrograd.tensor.segments import *
from retrograd.tensor.selection import *
from retrograd.tensor.shaping import *
from retrograd.tensor.softmax import (
    log_softmax as log_softmax,
    softmax as softmax,
)
from retrograd.tensor.sorting import *
from retrograd.tensor.special_functions import *
from retrograd.tensor.splitting import *
from retrograd.tensor.uniqueness import *
from retrograd.tensor.vandermonde import *
from retrograd.tensor.variance import *
from retrograd.tensor.windows import *

# Type checkers take every name from the lines above; at run time those of the modules themselves stay behind.
if not TYPE_CHECKING:
    __all__: list[str] = []
    __all__ += ["binomial"]
    __all__ += blending.__all__
    __all__ += counting.__all__
    __all__ += covariance.__all__
    __all__ += creation.__all__
    __all__ += cumulation.__all__
    __all__ += diagonals.__all__
    __all__ += differences.__all__
    __all__ += dlpack.__all__
    __all__ += ["einsum"]
    __all__ += extrema.__all__
    __all__ += facts.__all__
    __all__ += histograms.__all__
    __all__ += in_place.__all__
    __all__ += integration.__all__
    __all__ += joining.__all__
    __all__ += [
        "cholesky", "cholesky_inverse", "cholesky_solve", "det", "inverse", "logdet", "lu", "lu_solve", "lu_unpack",
        "matrix_exp", "nuclear_norm", "pca_lowrank", "pinverse", "qr", "slogdet", "svd", "svd_lowrank",
        "triangular_solve",
    ]  # fmt: skip
    __all__ += memory.__all__
    __all__ += norms.__all__
    __all__ += pairwise.__all__
    __all__ += pointwise.__all__
    __all__ += products.__all__
    __all__ += promotion.__all__
    __all__ += random.__all__
    __all__ += ranges.__all__
    __all__ += real_numbers.__all__
    __all__ += rearrangement.__all__
    __all__ += reduction.__all__
    __all__ += sampling.__all__
    __all__ += shaping.__all__
    __all__ += scattering.__all__
    __all__ += segments.__all__
    __all__ += selection.__all__
    __all__ += ["log_softmax", "softmax"]
    __all__ += sorting.__all__
    __all__ += special_functions.__all__
    __all__ += splitting.__all__
    __all__ += uniqueness.__all__
    __all__ += vandermonde.__all__
    __all__ += variance.__all__
    __all__ += windows.__all__
