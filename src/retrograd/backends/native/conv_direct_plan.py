"""How a direct convolution is cut into tiles, and the argument words of its kernel (`conv_direct.py`)."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from retrograd.backends.native.contract import SCRATCH_BYTES
from retrograd.backends.native.conv_choice import chosen
from retrograd.backends.native.conv_direct import CHAIN, NO_PLANE, PHASE_WORDS, Arg, copy_offset
from retrograd.backends.native.conv_geometry import SPATIAL_AXES, Axis, axes_of
from retrograd.backends.native.conv_ops import ConvSpec, conv_shape
from retrograd.backends.native.gemm_micro import Blocking
from retrograd.backends.native.work import even_part
from retrograd.core.types import Shape, contiguous_strides

# What a tile may copy: it should stay in the second cache beside the weights.
MOST_COPIED_BYTES = 512 << 10
# A rough model of a tile's cost in cycles: to copy one vector of the input, and to start.
COPY_CYCLES, TILE_CYCLES = 2, 1500


@dataclass(frozen=True)
class DirectShape:
    """What is known of a direct convolution when it is planned.

    Attributes:
        axes: depth, height, width.
        images: in the batch.
        groups: of channels.
        channels_in, channels_out: in a group.
        strides: of the input along images, planes, rows and pixels; channels are adjacent.
    """

    axes: tuple[Axis, ...]
    images: int
    groups: int
    channels_in: int
    channels_out: int
    strides: tuple[int, int, int, int]

    @classmethod
    def of(cls, x: Shape, spec: ConvSpec, strides: Shape | None = None) -> DirectShape:
        """For an input (batch, *spatial, channels), dense unless it has `strides`."""
        batch, *extents, channels = x
        out = conv_shape(x, spec)[1:-1]
        axes = axes_of(tuple(extents), spec.kernel, out, spec.stride, spec.padding, spec.input_dilation, spec.dilation)
        image, *spatial, _ = contiguous_strides(x) if strides is None else strides
        plane, row, pixel = (0,) * (SPATIAL_AXES - len(spatial)) + tuple(spatial)
        per_group = channels // spec.groups, spec.channels_out // spec.groups
        return cls(axes, batch, spec.groups, *per_group, (image, plane, row, pixel))

    @property
    def rows(self) -> int:
        return self.images * self.axes[0].out * self.axes[1].out

    @property
    def columns(self) -> int:
        return self.groups * self.channels_out

    @property
    def taps(self) -> int:
        return math.prod(axis.kernel for axis in self.axes)

    @property
    def copies(self) -> bool:
        """Whether something is read that lies outside of the input."""
        return not all(axis.inside for axis in self.axes)

    @property
    def row_elements(self) -> int:
        """Elements of a row of the copy."""
        first, last = self.axes[2].reach
        return (last - first + 1) * self.groups * self.channels_in

    @property
    def copy_planes(self) -> int:
        depth = self.axes[0]
        return max(len(depth.taps(phase)) for phase in range(depth.period))

    def copied_rows(self, rows: int) -> int:
        """The most rows that the copy for `rows` neighbouring output rows of one plane has."""
        height = self.axes[1]
        first, last = height.offsets
        turns = min(-(-(rows - 1) // height.period), max(height.count(0) - 1, 0))
        return turns * height.step + last - first + 1


@dataclass(frozen=True)
class DirectTile:
    """A tile, by shape alone: rows and channels of the output, and the most rows of a plane that are copied for it."""

    rows: int
    channels: int
    copied: int

    @classmethod
    def of(cls, shape: DirectShape, blocking: Blocking) -> DirectTile | None:
        """One that is good for up to eight threads; None if no copy fits in scratch."""
        return chosen(cls._best, replace(shape, strides=(0, 0, 0, 0)), blocking)

    @classmethod
    def _best(cls, shape: DirectShape, blocking: Blocking) -> DirectTile | None:
        counts = [shape.columns]
        if shape.groups == 1:
            panels = -(-shape.columns // blocking.columns)
            counts = sorted({-(-panels // parts) * blocking.columns for parts in (1, 2, 4, 8) if parts <= panels})
        candidates = [(rows, count) for rows in _row_counts(shape) for count in counts if _fits(shape, rows, blocking)]
        if not candidates:
            return None
        rows, channels = min(candidates, key=lambda tile: _estimated_cycles(shape, blocking, *tile))
        return cls(rows, channels, shape.copied_rows(min(rows, shape.axes[1].out)))


def _row_counts(shape: DirectShape) -> list[int]:
    """Even parts of an image, or even numbers of images."""
    planes, rows = shape.images * shape.axes[0].out, shape.axes[1].out
    parts = {even_part(rows, -(-rows // count)) for count in range(1, min(rows, 64) + 1)}
    parts |= {part for part in (1, 2, 4) if part <= rows}
    whole = {even_part(planes, -(-planes // count)) * rows for count in range(1, min(planes, 64) + 1)}
    return sorted({part for part in parts if rows % part == 0} | whole)


def copy_bytes(shape: DirectShape, rows: int, blocking: Blocking) -> int:
    if not shape.copies:
        return 0
    images, part = max(rows // shape.axes[1].out, 1), min(rows, shape.axes[1].out)
    return images * shape.copy_planes * shape.copied_rows(part) * shape.row_elements * blocking.size


def _fits(shape: DirectShape, rows: int, blocking: Blocking) -> bool:
    limit = SCRATCH_BYTES - copy_offset(blocking) if rows == 1 else MOST_COPIED_BYTES
    return copy_bytes(shape, rows, blocking) <= limit


def _estimated_cycles(shape: DirectShape, blocking: Blocking, rows: int, channels: int) -> float:
    column_tiles = -(-shape.columns // channels)
    tiles = -(-shape.rows // rows) * column_tiles
    taps = shape.taps / max(shape.axes[0].period * shape.axes[1].period * shape.axes[2].period, 1)
    vectors = -(-min(channels, shape.channels_out) // blocking.lanes) * (max(1, shape.groups))
    multiplying = rows * shape.axes[2].out * vectors * taps * shape.channels_in
    copying = copy_bytes(shape, rows, blocking) / blocking.size / blocking.lanes * COPY_CYCLES
    each = TILE_CYCLES + multiplying + copying
    return sum(threads * -(-tiles // threads) * each for threads in (1, 2, 3, 4, 6, 8))


def tile_count(shape: DirectShape, tile: DirectTile) -> int:
    return -(-shape.rows // tile.rows) * -(-shape.columns // tile.channels)


def direct_words(shape: DirectShape, tile: DirectTile, blocking: Blocking) -> list[int]:
    """The argument words, but for the pointers and the micro-kernels, which follow them."""
    depth, height, width = shape.axes
    words = [0] * len(Arg)
    tables = _Tables(shape)
    for arg, word in (
        (Arg.ROWS, shape.rows),
        (Arg.PLANES_OUT, depth.out),
        (Arg.ROWS_OUT, height.out),
        (Arg.COLUMNS_OUT, width.out),
        (Arg.GROUPS, shape.groups),
        (Arg.CHANNELS, shape.channels_out),
        (Arg.DEPTH, tables.depth),
        (Arg.GROUP_CHANNELS, shape.channels_in),
        (Arg.BLOCKS, tables.blocks),
        (Arg.PANEL, shape.taps * shape.channels_in * blocking.columns),
        (Arg.TILE_ROWS, tile.rows),
        (Arg.TILE_CHANNELS, tile.channels),
        (Arg.PERIOD_D, depth.period),
        (Arg.PERIOD_H, height.period),
        (Arg.PERIOD_W, width.period),
        (Arg.STEP_D, depth.step),
        (Arg.STEP_H, height.step),
        (Arg.STEP_W, width.step),
        (Arg.X_IMAGE, shape.strides[0]),
        (Arg.X_PLANE, shape.strides[1]),
        (Arg.X_ROW, shape.strides[2]),
        (Arg.READ_ROW, tables.read[1]),
        (Arg.READ_PIXEL, tables.read[2]),
        (Arg.COPIES, int(shape.copies)),
        (Arg.PHASES, len(Arg)),
    ):
        words[arg] = word
    _fill_copy_words(words, shape, tile.copied)
    return tables.append(words, blocking)


def _fill_copy_words(words: list[int], shape: DirectShape, copied: int) -> None:
    depth, height, width = shape.axes
    channels = shape.groups * shape.channels_in
    first, last = width.reach
    left = min(max(-first, 0), last - first + 1)
    count = max(min(last + 1, width.extent) - max(first, 0), 0)
    for arg, word in (
        (Arg.COPY_PLANES, shape.copy_planes),
        (Arg.COPY_ROWS, height.offsets[1] - height.offsets[0] + 1),
        (Arg.COPY_FIRST_ROW, height.offsets[0]),
        (Arg.COPY_FIRST, max(first, 0) * shape.strides[3]),
        (Arg.COPY_LEFT, left * channels),
        (Arg.COPY_COUNT, count * channels),
        (Arg.COPY_RIGHT, (last - first + 1 - left - count) * channels),
        (Arg.COPY_PLANE, copied * shape.row_elements),
        (Arg.COPY_IMAGE, shape.copy_planes * copied * shape.row_elements),
        (Arg.PLANES_IN, depth.extent),
        (Arg.ROWS_IN, height.extent),
    ):
        words[arg] = word


class _Tables:
    """The segments of every phase.

    Attributes:
        depth: products of a segment.
        blocks: how many chains a sum consists of.
        read: strides of what is read along planes, rows and pixels.
    """

    def __init__(self, shape: DirectShape) -> None:
        self.shape = shape
        width, channels = shape.axes[2], shape.groups * shape.channels_in
        self.read = (0, shape.row_elements, channels) if shape.copies else shape.strides[1:]
        self.joined = width.in_a_row and shape.groups == 1 and self.read[2] == shape.channels_in
        self.depth = shape.channels_in * (width.kernel if self.joined else 1)
        longest = max(len(segments) for segments in self._phases(panel_columns=1, copy_plane=0))
        self.blocks = max(min(-(-longest * self.depth // CHAIN), longest), 1)

    def _phases(self, panel_columns: int, copy_plane: int) -> list[list[tuple[int, int]]]:
        """For each phase where segments start in what is read, and in a panel of weights."""
        depth, height, width = self.shape.axes
        return [
            self._segments((a, b, c), panel_columns, copy_plane)
            for a in range(depth.period)
            for b in range(height.period)
            for c in range(width.period)
        ]

    def _segments(self, phase: tuple[int, int, int], panel_columns: int, copy_plane: int) -> list[tuple[int, int]]:
        shape = self.shape
        depth, height, width = shape.axes
        columns = width.taps(phase[2])[:1] if self.joined else width.taps(phase[2])
        first_column = width.reach[0] if shape.copies else 0
        segments = []
        for slot, plane in enumerate(depth.taps(phase[0])):
            along = slot * copy_plane if shape.copies else plane.offset * self.read[0]
            for row in height.taps(phase[1]):
                for column in columns:
                    tap = (plane.number * height.kernel + row.number) * width.kernel + column.number
                    start = along + row.offset * self.read[1] + (column.offset - first_column) * self.read[2]
                    segments.append((start, tap * shape.channels_in * panel_columns))
        return segments

    def append(self, words: list[int], blocking: Blocking) -> list[int]:
        """The words with the tables behind them."""
        phases = self._phases(blocking.columns, words[Arg.COPY_PLANE])
        words[Arg.PHASES] = len(words)
        words[Arg.PLANES] = len(words) + PHASE_WORDS * len(phases)
        planes = self._planes()
        place = words[Arg.PLANES] + len(planes)
        for segments in phases:
            words += [len(segments), place]
            place += 2 * len(segments)
        words += planes
        for segments in phases:
            words += [word for segment in segments for word in segment]
        words[Arg.MICRO] = len(words)
        return words

    def _planes(self) -> list[int]:
        depth, most = self.shape.axes[0], self.shape.copy_planes
        planes: list[int] = []
        for phase in range(depth.period):
            offsets = [tap.offset for tap in depth.taps(phase)]
            planes += offsets + [NO_PLANE] * (most - len(offsets))
        return planes
