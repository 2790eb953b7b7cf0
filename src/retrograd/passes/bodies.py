"""Rewriting the bodies of loops and branches."""

from __future__ import annotations

from collections.abc import Callable

from retrograd.core.graph import Graph
from retrograd.core.operation import ControlFlow, signature_of
from retrograd.core.signature import Signature


def map_bodies(rewrite: Callable[[Graph], Graph], signature: Signature) -> Signature:
    """The signature of control flow with every body rewritten; any other signature as it is."""
    if not isinstance(signature.operation, ControlFlow):
        return signature
    bodies, *rest = signature.attributes
    return signature_of(signature.operation, signature.inputs, (tuple(map(rewrite, bodies)), *rest))
