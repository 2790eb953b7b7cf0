"""What ran, what it cost, and what goes wrong."""

from retrograd.diagnostics.compare import Comparison, compare
from retrograd.diagnostics.explain import Explanation, explain

__all__ = ["Comparison", "Explanation", "compare", "explain"]
