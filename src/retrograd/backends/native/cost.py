"""What a step costs by its shapes: operations on numbers, and bytes."""

from __future__ import annotations

import math

from retrograd.backends.native.conv_ops import (
    CONV_DEPTHWISE,
    CONV_DEPTHWISE_WEIGHT,
    CONV_DIRECT,
    CONV_WEIGHT,
    CONV_WINOGRAD,
    CONV_WINOGRAD_WEIGHT,
)
from retrograd.backends.native.loop_steps import LOOP, PART
from retrograd.backends.native.split import REDUCTIONS
from retrograd.backends.native.views import MOVEMENTS
from retrograd.backends.native.whole_matmul import WHOLE_MATMUL
from retrograd.core.graph import Step
from retrograd.ops.loop import Loop

_PRODUCTS = frozenset({"matmul", WHOLE_MATMUL.name})
_CONVOLUTIONS = frozenset({CONV_DIRECT.name, CONV_DEPTHWISE.name, CONV_WINOGRAD.name})
_WEIGHT_GRADIENTS = frozenset({CONV_WEIGHT.name, CONV_DEPTHWISE_WEIGHT.name, CONV_WINOGRAD_WEIGHT.name})
_FREE = frozenset({"const", "iota", "positions", PART.name})


def operations_of(step: Step) -> int:
    """Additions, multiplications and the like (an exponential counts as one).

    Convolutions by transforms count as what they replace: they may seem to do more than the machine can.
    """
    signature = step.signature
    name, size = signature.operation.name, signature.type.size
    if name in _PRODUCTS:
        return 2 * size * signature.inputs[0].shape[-1]
    if name in _CONVOLUTIONS:
        # A number of the output is a sum over a kernel's window and the channels of its group, inserted zeros left out.
        (spec,) = signature.attributes
        taps: int = math.prod(spec.kernel) * signature.inputs[0].shape[-1] // spec.groups
        return 2 * size * taps // int(math.prod(spec.input_dilation))
    if name in _WEIGHT_GRADIENTS:
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
