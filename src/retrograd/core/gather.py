"""Nodes that read several outputs of another node at once, without a `project` for each.

The gradients of a backward pass are the outputs of one node, and an optimizer takes all of them: what stands between
are tensors that nobody looks at. A gathered node says in its signature which outputs of its inputs it reads, so that
a program is the same as if there were projections.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from retrograd.core.node import Node
from retrograd.core.operation import signature_of, signatures
from retrograd.core.signature import Attributes, Operation, Signature
from retrograd.core.types import TensorType

# In the place of an input: the values that the closing node of a program holds (`runtime/closing.py`).
HELD: Final = -1


class Arguments:
    """What an operation reads, in its order: pairs of the number of an input, or HELD, and the number of its output.

    They are compared by content, and hashed once.
    """

    __slots__ = ("pairs", "_hash")

    def __init__(self, pairs: Iterable[tuple[int, int]]) -> None:
        self.pairs: Final = tuple(pairs)
        self._hash: Final = hash(self.pairs)

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Arguments) and self.pairs == other.pairs


class GatheredSignature(Signature):
    """The signature of a gathered node.

    Attributes:
        arguments: what is read.
        plain: the signature of the operation on all that it reads.
    """

    __slots__ = ("arguments", "plain")

    def __init__(self, plain: Signature, arguments: Arguments) -> None:
        super().__init__(plain.operation, plain.attributes, plain.inputs, plain.outputs, plain.graph)
        self.arguments: Final = arguments
        self.plain: Final = plain


def gather(
    operation: Operation,
    inputs: tuple[Node, ...],
    arguments: Arguments,
    attributes: Attributes = (),
    held: tuple[TensorType, ...] = (),
) -> Node:
    """Apply an operation to outputs of `inputs`: one new node, through which no gradient flows.

    Args:
        held: the types of what the closing node holds, if the operation reads some of that.

    Raises:
        ShapeError, DTypeError: what is read breaks the operation's rule.
    """
    sources = [_source(x) for x in inputs]
    key = (operation, attributes, arguments, held, *sources)
    signature = signatures.get(key)
    if signature is None:
        outputs = [source.outputs if isinstance(source, Signature) else (source,) for source in sources]
        types = tuple([held[place] if i == HELD else outputs[i][place] for i, place in arguments.pairs])
        signature = signatures.put(key, GatheredSignature(signature_of(operation, types, attributes), arguments))
    return Node(signature, inputs, False)


def _source(x: Node) -> Signature | TensorType:
    """What a signature has to know of an input: all of its outputs, where there are several."""
    signature = x.signature
    return x.type if signature is None or len(signature.outputs) == 1 else signature


@lru_cache(maxsize=1 << 10)
def outputs_then(order: tuple[int, ...], others: int) -> Arguments:
    """These outputs of the first input, then so many further inputs."""
    return Arguments([*[(0, place) for place in order], *[(1 + i, 0) for i in range(others)]])
