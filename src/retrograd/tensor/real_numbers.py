"""What programs ask of numbers that may be complex; these never are."""

from __future__ import annotations

from typing import Any

from retrograd.tensor.dispatch import operand
from retrograd.tensor.registry import method

__all__ = ["conj", "conj_physical", "is_conj", "is_neg", "real", "resolve_conj", "resolve_neg"]


def _itself(name: str, meaning: str) -> Any:
    """A row: a function that gives its argument back."""

    def function(input: Any) -> Any:
        operand(name, input)
        return input

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"""{meaning}: of real numbers, the tensor itself. Source: torch.{name}.

    >>> import retrograd as rg
    >>> rg.{name}(rg.tensor([1.0, 2.0]))
    tensor([1., 2.])
    """
    return function


conj = method()(_itself("conj", "The conjugates"))
conj_physical = method()(_itself("conj_physical", "The conjugates"))
# Not a method: of a tensor, PyTorch has it as an attribute.
real = _itself("real", "The real parts")
resolve_conj = method()(_itself("resolve_conj", "The tensor with its conjugates computed"))
resolve_neg = method()(_itself("resolve_neg", "The tensor with its negatives computed"))


@method()
def is_conj(input: Any) -> bool:
    """False: no conjugate waits to be computed. Source: torch.is_conj."""
    operand("is_conj", input)
    return False


@method()
def is_neg(input: Any) -> bool:
    """False: no negative waits to be computed. Source: torch.is_neg."""
    operand("is_neg", input)
    return False
