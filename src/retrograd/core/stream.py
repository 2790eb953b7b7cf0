"""Streams: where counter-based random bits come from, as a small run-time input of a program."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Final

import numpy as np

from retrograd.core.buffer import Buffer
from retrograd.core.dtype import int64
from retrograd.core.node import Node, input_node
from retrograd.core.types import tensor_type

if TYPE_CHECKING:
    from retrograd.core.generator import Generator

_TYPE = tensor_type((2,), int64)
STREAM_BYTES: Final = _TYPE.nbytes


class StreamBuffer(Buffer):
    """A stream in memory: the seed and the stream's number.

    Attributes:
        generator: whose stream it is.
        number: of the stream.
    """

    __slots__ = ("generator", "number")

    generator: Generator
    number: int


def stream_node(generator: Generator) -> Node:
    """A stream of its own for one operation, as the int64 vector (seed, number)."""
    buffer = StreamBuffer(_TYPE)
    buffer.generator, buffer.number = generator, generator.take_stream()
    buffer.write(struct.pack("=2q", _signed(generator.initial_seed()), buffer.number))
    return input_node(_TYPE, buffer)


def streams_to_come(generator: Generator, first: int, each: int, steps: int) -> Buffer:
    """Streams one after another: number `first` for the first step, and so many further on for each other."""
    content = np.empty((steps, 2), np.int64)
    content[:, 0], content[:, 1] = _signed(generator.initial_seed()), first + each * np.arange(steps)
    return Buffer.copy_of(content, tensor_type(content.shape, int64))


def _signed(seed: int) -> int:
    """64 bits as an int64."""
    return seed - (1 << 64) if seed >= 1 << 63 else seed
