"""Modules: functions that are compiled together."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from retrograd.backends.native.ir.function import Function
from retrograd.backends.native.ir.types import VOID

if TYPE_CHECKING:
    from retrograd.backends.native.target import Target


class Module:
    """Functions and declarations that are compiled together, for one target."""

    def __init__(self, target: Target) -> None:
        self.target = target
        self.functions: dict[str, Function] = {}
        self._declarations: dict[str, None] = {}

    def function(
        self,
        name: str,
        params: Sequence[tuple[str, str]],
        returns: str = VOID,
        *,
        internal: bool = False,
        noinline: bool = False,
        noalias: bool = False,
    ) -> Function:
        function = Function(self, name, params, returns, internal=internal, noinline=noinline, noalias=noalias)
        self.functions[name] = function
        return function

    def declare(self, text: str) -> None:
        self._declarations[text] = None

    def text(self) -> str:
        width = self.target.vector_bits
        common = f'nounwind "prefer-vector-width"="{width}" "no-trapping-math"="true"'
        return "\n".join(
            [
                *self._declarations,
                *(function.text() for function in self.functions.values()),
                f"attributes #0 = {{ {common} }}",
                f"attributes #1 = {{ noinline {common} }}",
                "!0 = distinct !{!0, !1}",
                '!1 = !{!"llvm.loop.unroll.disable"}',
            ]
        )
