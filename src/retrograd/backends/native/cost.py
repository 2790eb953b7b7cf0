"""What a step costs by its shapes: operations on numbers, and bytes."""

from __future__ import annotations

import math

from retrograd.backends.native.conv_ops import CONV_DIRECT, CONV_WEIGHT
from retrograd.backends.native.loop_steps import LOOP, PART
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.views import MOVEMENTS
from retrograd.core.graph import Step
from retrograd.ops.loop import Loop

_FREE = frozenset({"const", "iota", "positions", PART.name})


def operations_of(step: Step) -> int:
    """Additions, multiplications and the like (an exponential counts as one)."""
    signature = step.signature
    name, size = signature.operation.name, signature.type.size
    if name == "matmul":
        return 2 * size * signature.inputs[0].shape[-1]
    if name == CONV_DIRECT.name:
        # A number of the output is a sum over a kernel's window and the channels of its group, inserted zeros left out.
        (spec,) = signature.attributes
        taps: int = math.prod(spec.kernel) * signature.inputs[0].shape[-1] // spec.groups
        return 2 * size * taps // int(math.prod(spec.input_dilation))
    if name == CONV_WEIGHT.name:
        # Each number of the output's gradient meets every tap of every channel of its group.
        (spec,) = signature.attributes
        x, g = signature.inputs
        return 2 * g.size * int(math.prod(spec.taps)) * int(x.shape[-1] // spec.groups)
    if name == LOOP.name:
        loop = Loop.of(signature.attributes)
        return loop.length * sum(map(operations_of, loop.body.steps))
    if name in REDUCTIONS:
        return signature.inputs[0].size
    return 0 if name in MOVEMENTS or name in _FREE else size
