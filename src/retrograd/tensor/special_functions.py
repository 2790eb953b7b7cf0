"""Special functions of one tensor, element by element, as a table like that of `pointwise.py`.

Those of float32 are computed in float64 and rounded once. `retrograd.special` lists all of them under one roof.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from retrograd.core.dtype import float64
from retrograd.core.errors import OptionError
from retrograd.core.operation import Composite, record
from retrograd.ops import bessel, error_function, exponential, gamma, incomplete_gamma
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import deliver, node_of, operand
from retrograd.tensor.registry import method

__all__ = ["digamma", "erfc", "erfinv", "i0", "igamma", "igammac", "lgamma", "mvlgamma", "polygamma"]

_TEXT = """{meaning}, for each element x.

Args:
    input: a tensor.
    out: a tensor that the result is written to.

Returns:
    A tensor of the same shape.

Source: torch.{path}.

>>> import retrograd as rg
>>> rg.{path}(rg.tensor({given}))
{shown}
"""


def _unary(path: str, operation: Composite, meaning: str, example: str) -> Callable[..., Any]:
    """A row: name, composite, what it computes, an example; those outside of `special` are methods too."""
    name = path.removeprefix("special.")

    def function(input: Any, *, out: Any = None) -> Any:
        return deliver(name, wrap(record(operation, (operand(name, input),))), out)

    given, shown = example.split(" -> ")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _TEXT.format(meaning=meaning, path=path, given=given, shown=shown)
    return function if path != name else method(in_place=True)(function)


# -- the error function and the normal distribution -------------------------------------------------------------------

erfc = _unary("erfc", error_function.ERFC, "1 - erf(x)", "[0.0, 2.0] -> tensor([1.0000, 0.0047])")
erfinv = _unary("erfinv", error_function.ERFINV, "The number whose erf is x", "[0.0, 0.5] -> tensor([0.0000, 0.4769])")
erfcx = _unary("special.erfcx", error_function.ERFCX, "e^(x^2) erfc(x)", "[0.0, 9.0] -> tensor([1.0000, 0.0623])")
ndtr = _unary(
    "special.ndtr", error_function.NDTR, "The area below the normal density to the left of x",
    "[0.0, 1.0] -> tensor([0.5000, 0.8413])",
)  # fmt: skip
log_ndtr = _unary(
    "special.log_ndtr",
    error_function.LOG_NDTR,
    "The logarithm of ndtr(x)",
    "[-9.0, 0.0] -> tensor([-43.6282,  -0.6931])",
)
ndtri = _unary(
    "special.ndtri", error_function.NDTRI, "The number whose ndtr is x", "[0.5, 0.975] -> tensor([-0.0000, 1.9600])"
)
entr = _unary("special.entr", error_function.ENTR, "-x log(x), and 0 at 0", "[0.0, 0.5] -> tensor([0.0000, 0.3466])")

# -- gamma, zeta ------------------------------------------------------------------------------------------------------

lgamma = _unary("lgamma", gamma.LGAMMA, "log |gamma(x)|", "[0.5, 5.0] -> tensor([0.5724, 3.1781])")


@method(in_place=True)
def digamma(input: Any, *, out: Any = None) -> Any:
    """The derivative of lgamma(x), for each element x. Source: torch.digamma.

    >>> import retrograd as rg
    >>> rg.digamma(rg.tensor([1.0, 0.5]))
    tensor([-0.5772, -1.9635])
    """
    return deliver("digamma", wrap(record(gamma.POLYGAMMA, (operand("digamma", input),), (0,))), out)


def polygamma(n: int, input: Any, *, out: Any = None) -> Any:
    """The derivative of order n of digamma, for each element x of the input. Source: torch.polygamma.

    >>> import retrograd as rg
    >>> rg.polygamma(1, rg.tensor([1.0, 0.5]))
    tensor([1.6449, 4.9348])
    """
    if n < 0:
        raise OptionError(f"polygamma: the order must not be negative, and is {n}")
    return deliver("polygamma", wrap(record(gamma.POLYGAMMA, (operand("polygamma", input),), (int(n),))), out)


def _polygamma_of(self: Any, n: int) -> Any:
    """As `retrograd.polygamma(n, self)`."""
    return polygamma(n, self)


_polygamma_of.__name__ = "polygamma"
method(in_place=True)(_polygamma_of)


@method(in_place=True)
def mvlgamma(input: Any, p: int, *, out: Any = None) -> Any:
    """The logarithm of the gamma function of p dimensions, p (p - 1) / 4 log(pi) + sum_{j < p} lgamma(x - j / 2).

    Source: torch.mvlgamma.

    >>> import retrograd as rg
    >>> rg.mvlgamma(rg.tensor([1.0, 2.0]), 2)
    tensor([1.1447, 0.4516])
    """
    if p < 1:
        raise OptionError(f"mvlgamma: p must be at least 1, and is {p}")
    return deliver("mvlgamma", wrap(record(gamma.MVLGAMMA, (operand("mvlgamma", input),), (p,))), out)


def _pair(path: str, operation: Composite, meaning: str, example: str) -> Callable[..., Any]:
    """A row of a function of a and b that broadcast; either may be a number."""
    name = path.removeprefix("special.")

    def function(input: Any, other: Any, *, out: Any = None) -> Any:
        first, second = (x if isinstance(x, TensorBase) else None for x in (input, other))
        dtype = first.dtype if first is not None else second.dtype if second is not None else float64
        nodes = tuple(node_of(x, dtype) for x in (input, other))
        return deliver(name, wrap(record(operation, nodes)), out)

    given, shown = example.split(" -> ")
    function.__name__ = function.__qualname__ = name
    function.__doc__ = _TEXT.format(
        meaning=meaning, path=path, given=given.replace(" | ", "), rg.tensor("), shown=shown
    ).replace("    input: a tensor.", "    input, other: tensors that broadcast, or one of them a number.")
    return function


zeta = _pair(
    "special.zeta", gamma.ZETA, "The sum of (b + k)^-a over k = 0, 1, ...", "[2.0] | [1.0] -> tensor([1.6449])"
)
xlog1py = _pair(
    "special.xlog1py", exponential.XLOG1PY, "a log(1 + b), and 0 where a is 0",
    "[0.0, 2.0] | [-1.0, 1.0] -> tensor([0.0000, 1.3863])",
)  # fmt: skip

# -- incomplete gamma functions ---------------------------------------------------------------------------------------

igamma = _pair(
    "igamma", incomplete_gamma.IGAMMA, "P(a, x), the share of gamma(a), the integral of t^(a - 1) e^-t, below x",
    "[1.0, 4.0] | [1.0, 3.0] -> tensor([0.6321, 0.3528])",
)  # fmt: skip
igammac = _pair(
    "igammac", incomplete_gamma.IGAMMAC, "1 - P(a, x), the share of gamma(a) above x; see `igamma`",
    "[1.0, 4.0] | [1.0, 3.0] -> tensor([0.3679, 0.6472])",
)  # fmt: skip
method(in_place=True)(igamma)
method(in_place=True)(igammac)

# -- Bessel functions -------------------------------------------------------------------------------------------------

i0 = _unary(
    "i0", bessel.I0, "The modified Bessel function of the first kind, of order 0",
    "[0.0, 1.0] -> tensor([1.0000, 1.2661])",
)  # fmt: skip
i0e = _unary("special.i0e", bessel.I0E, "e^-|x| i0(x)", "[0.0, 1.0] -> tensor([1.0000, 0.4658])")
i1 = _unary(
    "special.i1", bessel.I1, "The modified Bessel function of the first kind, of order 1",
    "[0.0, 1.0] -> tensor([0.0000, 0.5652])",
)  # fmt: skip
i1e = _unary("special.i1e", bessel.I1E, "e^-|x| i1(x)", "[0.0, 1.0] -> tensor([0.0000, 0.2079])")
