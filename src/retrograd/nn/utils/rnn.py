"""Sequences of unequal lengths: padded side by side, or packed step by step.

A packed batch holds the first steps of all sequences, then the second steps of those that have one, and so on; the
sequences stand in the order of their lengths, the longest first.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import DType, bool_, float32, float64, int32, int64
from retrograd.core.errors import OptionError, ShapeError
from retrograd.core.node import Node, input_node
from retrograd.core.operation import record
from retrograd.core.types import tensor_type
from retrograd.ops.along import take_along
from retrograd.ops.arithmetic import WHERE
from retrograd.ops.elementwise import cast
from retrograd.ops.indexing import take
from retrograd.ops.movement import concat, reshape, transpose
from retrograd.tensor.base import TensorBase, wrap
from retrograd.tensor.dispatch import node_of
from retrograd.tensor.tensor import tensor

Integers = NDArray[np.int64]


class _Fields(NamedTuple):
    data: Any
    batch_sizes: Any
    sorted_indices: Any
    unsorted_indices: Any


class PackedSequence(_Fields):
    """A packed batch of sequences. Made by `pack_padded_sequence` and `pack_sequence`.

    Attributes:
        data: (N, ...), the steps of all sequences, N in all.
        batch_sizes: how many sequences have a first step, a second one, and so on.
        sorted_indices: which sequence of the batch as it was given stands where; None: as given.
        unsorted_indices: the inverse of that.

    Source: torch.nn.utils.rnn.PackedSequence.
    """

    def __new__(
        cls, data: Any, batch_sizes: Any = None, sorted_indices: Any = None, unsorted_indices: Any = None
    ) -> Self:
        if batch_sizes is None:
            data, batch_sizes = data
        if unsorted_indices is None:
            unsorted_indices = invert_permutation(sorted_indices)
        return super().__new__(cls, data, batch_sizes, sorted_indices, unsorted_indices)

    @property
    def is_cuda(self) -> bool:
        return False

    def to(self, *args: Any, **kwargs: Any) -> Self:
        """With its data cast as `Tensor.to` does it."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def cpu(self) -> Self:
        return self

    def pin_memory(self) -> Self:
        return self

    def is_pinned(self) -> bool:
        return False

    def double(self) -> Self:
        return self.to(float64)

    def float(self) -> Self:
        return self.to(float32)

    def long(self) -> Self:
        return self.to(int64)

    def int(self) -> Self:
        return self.to(int32)


def invert_permutation(permutation: Any) -> Any:
    """The permutation that undoes another one; None for None. Source: torch.nn.utils.rnn.invert_permutation."""
    if permutation is None:
        return None
    order = _integers(permutation)
    inverse = np.empty_like(order)
    inverse[order] = np.arange(len(order))
    return tensor(inverse)


# -- packing ----------------------------------------------------------------------------------------------------------


class Padding:
    """How packed steps and padded sequences go over into one another.

    Attributes:
        sizes: how many sequences each step has.
        steps, batch: extents of the padded form.
    """

    def __init__(self, sizes: Integers, steps: int) -> None:
        self.sizes, self.steps = sizes, steps
        self.batch = int(sizes[0]) if len(sizes) else 0
        full = np.zeros(steps, np.int64)
        full[: len(sizes)] = sizes
        self._valid = np.arange(self.batch) < full[:, None]

    @classmethod
    def of(cls, packed: PackedSequence, steps: int | None = None) -> Padding:
        sizes = _integers(packed.batch_sizes)
        return cls(sizes, len(sizes) if steps is None else steps)

    def mask(self) -> Node:
        """(T, B): where sequences have steps."""
        return _array_node(self._valid)

    def padded(self, data: Node) -> Node:
        """(N, ...) as (T, B, ...); what stands where a sequence has no step is some other step."""
        starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(self.sizes)])[: len(self.sizes)]
        index = np.zeros((self.steps, self.batch), np.int64)
        index[: len(starts)] = starts[:, None] + np.arange(self.batch)
        return take(data, _array_node(np.where(self._valid, index, 0)))

    def packed(self, padded: Node) -> Node:
        """(T, B, ...) as (N, ...)."""
        shape = padded.type.shape
        rows = reshape(padded, (shape[0] * shape[1], *shape[2:]))
        return take(rows, _array_node(np.flatnonzero(self._valid)))


def pack_padded_sequence(
    input: Any, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Pack sequences that are padded.

    Args:
        input: (T, B, ...), or (B, T, ...) with batch_first.
        lengths: of the sequences; a tensor or a list.
        batch_first: as above.
        enforce_sorted: whether lengths must descend; otherwise sequences are sorted, and what comes of them is brought
            back into their order.

    Raises:
        ShapeError: lengths that are not one for each sequence, not positive, beyond T, or that do not descend.

    Source: torch.nn.utils.rnn.pack_padded_sequence.

    >>> import retrograd as rg
    >>> packed = rg.nn.utils.rnn.pack_padded_sequence(rg.tensor([[1, 2, 0], [3, 4, 5]]).T, [2, 3], enforce_sorted=False)
    >>> packed.data, packed.batch_sizes
    (tensor([3, 1, 4, 2, 5]), tensor([2, 2, 1]))
    """
    x = transpose(input._read(), 0, 1) if batch_first else input._read()
    found = _integers(lengths)
    steps, batch = x.type.shape[:2]
    order = None
    if not enforce_sorted:
        order = np.argsort(-found, kind="stable")
    _check_lengths(found, steps, batch, enforce_sorted)
    if order is not None:
        found = found[order]
        x = take_along(x, index_node(order), 1)
    sizes = (found > np.arange(found[0])[:, None]).sum(1)
    padding = Padding(sizes, steps)
    return PackedSequence(wrap(padding.packed(x)), tensor(sizes), None if order is None else tensor(order))


def _check_lengths(lengths: Integers, steps: int, batch: int, descending: bool) -> None:
    name = "pack_padded_sequence"
    if lengths.shape != (batch,):
        raise ShapeError(f"{name}: lengths have shape {lengths.shape}; there must be one for each of {batch} sequences")
    if batch == 0 or lengths.min() <= 0:
        raise ShapeError(
            f"{name}: there must be sequences, and each must have at least one step; lengths are {lengths}"
        )
    if lengths.max() > steps:
        raise ShapeError(f"{name}: a sequence has {lengths.max()} steps, and the input only {steps}")
    if descending and np.any(lengths[1:] > lengths[:-1]):
        raise ShapeError(
            f"{name}: lengths {lengths.tolist()} do not descend; sort the sequences, or pass enforce_sorted=False"
        )


def pad_packed_sequence(
    sequence: PackedSequence, batch_first: bool = False, padding_value: float = 0.0, total_length: int | None = None
) -> tuple[Any, Any]:
    """Undo `pack_padded_sequence`: the padded sequences, and their lengths.

    Args:
        sequence: packed.
        batch_first: give (B, T, ...) instead of (T, B, ...).
        padding_value: what stands behind the end of a sequence.
        total_length: T; default: the longest length.

    Raises:
        OptionError: total_length is below the longest length.

    Source: torch.nn.utils.rnn.pad_packed_sequence.
    """
    sizes = _integers(sequence.batch_sizes)
    steps = len(sizes) if total_length is None else total_length
    if steps < len(sizes):
        raise OptionError(f"pad_packed_sequence: total_length={steps} is below the longest length, {len(sizes)}")
    padding = Padding.of(sequence, steps)
    x = _with_padding(padding.padded(sequence.data._read()), padding.mask(), padding_value)
    lengths = (sizes[:, None] > np.arange(padding.batch)).sum(0)
    if sequence.unsorted_indices is not None:
        order = _integers(sequence.unsorted_indices)
        x, lengths = take_along(x, index_node(order), 1), lengths[order]
    if batch_first:
        x = transpose(x, 0, 1)
    return wrap(x), tensor(lengths)


def pad_sequence(
    sequences: Any, batch_first: bool = False, padding_value: float = 0.0, padding_side: str = "right"
) -> Any:
    """Sequences (L_i, ...) side by side, all as long as the longest.

    Args:
        sequences: tensors that differ in their first axis alone.
        batch_first: give (B, T, ...) instead of (T, B, ...).
        padding_value: what stands where a sequence has no step.
        padding_side: "right", behind its end, or "left", before its beginning.

    Raises:
        OptionError: no sequences, or another side.

    Source: torch.nn.utils.rnn.pad_sequence.

    >>> import retrograd as rg
    >>> rg.nn.utils.rnn.pad_sequence([rg.tensor([1, 2, 3]), rg.tensor([4])], batch_first=True)
    tensor([[1, 2, 3],
            [4, 0, 0]])
    """
    if padding_side not in ("left", "right"):
        raise OptionError(f"pad_sequence: padding_side must be 'left' or 'right', and is {padding_side!r}")
    nodes = [sequence._read() for sequence in sequences]
    if not nodes:
        raise OptionError("pad_sequence: there are no sequences")
    lengths = np.array([node.type.shape[0] for node in nodes])
    steps, places = int(lengths.max(initial=0)), np.arange(int(lengths.max(initial=0)))
    first = (steps - lengths if padding_side == "left" else np.zeros_like(lengths))[:, None]
    valid = (places >= first) & (places < first + lengths[:, None])
    starts = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)[:-1]])[:, None]
    rows = concat(tuple(nodes), 0)
    shape = (len(nodes), steps, *rows.type.shape[1:])
    if rows.type.size == 0:
        x = reshape(rows, shape)
    else:
        x = take(rows, _array_node(np.where(valid, starts + places - first, 0)))
        x = _with_padding(x, _array_node(valid), padding_value)
    return wrap(x if batch_first else transpose(x, 0, 1))


def unpad_sequence(padded_sequences: Any, lengths: Any, batch_first: bool = False) -> list[Any]:
    """Undo `pad_sequence`: one tensor for each sequence. Source: torch.nn.utils.rnn.unpad_sequence."""
    if not batch_first:
        padded_sequences = padded_sequences.transpose(0, 1)
    return [padded_sequences[i, : int(length)] for i, length in enumerate(_integers(lengths))]


def pack_sequence(sequences: Sequence[Any], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L_i, ...).

    Raises:
        ShapeError: lengths do not descend, and `enforce_sorted`.

    Source: torch.nn.utils.rnn.pack_sequence.

    >>> import retrograd as rg
    >>> rg.nn.utils.rnn.pack_sequence([rg.tensor([1, 2, 3]), rg.tensor([4])]).data
    tensor([1, 4, 2, 3])
    """
    lengths = [len(sequence) for sequence in sequences]
    return pack_padded_sequence(pad_sequence(sequences), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Any]:
    """Undo `pack_sequence`: one tensor for each sequence. Source: torch.nn.utils.rnn.unpack_sequence."""
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)


# -- helpers ----------------------------------------------------------------------------------------------------------


def index_node(order: Any) -> Node:
    """Integers of a tensor, an array or a list as an index."""
    return _array_node(_integers(order))


def _with_padding(x: Node, mask: Node, value: float) -> Node:
    """x where the mask (as long as its first axes) holds, else a number."""
    shape = (*mask.type.shape, *[1] * (len(x.type.shape) - len(mask.type.shape)))
    return record(WHERE, (reshape(mask, shape), x, cast(node_of(value, x.type.dtype), x.type.dtype)))


def _integers(values: Any) -> Integers:
    """The numbers of a tensor, an array or a list."""
    if isinstance(values, TensorBase):
        return np.array(values.detach().tolist(), np.int64)
    return np.array([int(value) for value in values] if isinstance(values, Iterable) else values, np.int64)


def _array_node(array: NDArray[Any]) -> Node:
    dtype: DType = bool_ if array.dtype == np.bool_ else int64
    type_ = tensor_type(array.shape, dtype)
    return input_node(type_, Buffer.copy_of(array, type_))
