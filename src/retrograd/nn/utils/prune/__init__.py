"""Pruning: parameters of which some elements are held at 0. Source: torch.nn.utils.prune."""

from retrograd.nn.utils.prune.method import BasePruningMethod, PruningContainer, is_pruned, remove
from retrograd.nn.utils.prune.structured import LnStructured, RandomStructured, ln_structured, random_structured
from retrograd.nn.utils.prune.unstructured import (
    CustomFromMask,
    Identity,
    L1Unstructured,
    RandomUnstructured,
    custom_from_mask,
    global_unstructured,
    identity,
    l1_unstructured,
    random_unstructured,
)

__all__ = [
    "BasePruningMethod",
    "CustomFromMask",
    "Identity",
    "L1Unstructured",
    "LnStructured",
    "PruningContainer",
    "RandomStructured",
    "RandomUnstructured",
    "custom_from_mask",
    "global_unstructured",
    "identity",
    "is_pruned",
    "l1_unstructured",
    "ln_structured",
    "random_structured",
    "random_unstructured",
    "remove",
]
