"""Special functions under the names of torch.special."""

from retrograd.nn.functional import log_softmax, softmax
from retrograd.tensor.pairwise import xlogy
from retrograd.tensor.pointwise import erf, exp2, expm1, log1p, logit, round, sigmoid as expit, sinc
from retrograd.tensor.reduction import logsumexp
from retrograd.tensor.special_functions import (
    digamma,
    digamma as psi,
    entr,
    erfc,
    erfcx,
    erfinv,
    i0,
    i0e,
    i1,
    i1e,
    lgamma as gammaln,
    log_ndtr,
    mvlgamma as multigammaln,
    ndtr,
    ndtri,
    polygamma,
    xlog1py,
    zeta,
)

__all__ = [
    "digamma",
    "entr",
    "erf",
    "erfc",
    "erfcx",
    "erfinv",
    "exp2",
    "expit",
    "expm1",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log1p",
    "log_ndtr",
    "log_softmax",
    "logit",
    "logsumexp",
    "multigammaln",
    "ndtr",
    "ndtri",
    "polygamma",
    "psi",
    "round",
    "sinc",
    "softmax",
    "xlog1py",
    "xlogy",
    "zeta",
]
