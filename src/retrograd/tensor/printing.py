"""How tensors are shown: the numbers aligned, many of them summarised, then what is not obvious.

Everything is as PyTorch shows it, down to where lines break.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from retrograd.core.dtype import bool_, defaults, int64
from retrograd.core.errors import OptionError

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class PrintOptions:
    """How numbers are shown.

    Attributes:
        precision: digits after the point.
        threshold: tensors of more elements are summarised.
        edgeitems: how many elements are shown at either end of an axis then.
        linewidth: characters of a line.
        sci_mode: whether to write powers of ten; None decides by the numbers.
    """

    precision: int = 4
    threshold: float = 1000
    edgeitems: int = 3
    linewidth: int = 80
    sci_mode: bool | None = None


_PROFILES = {
    "default": PrintOptions(),
    "short": PrintOptions(precision=2, edgeitems=2),
    "full": PrintOptions(threshold=math.inf),
}


class _Chosen:
    options = PrintOptions()


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """How tensors are printed from now on; what is None stays as it is.

    Args:
        precision: digits after the point.
        threshold: tensors of more elements are summarised.
        edgeitems: how many elements are shown at either end of an axis then.
        linewidth: characters of a line.
        profile: "default", "short" or "full", before the other arguments.
        sci_mode: True or False for all numbers to come; None decides by the numbers.

    Raises:
        OptionError: an unknown profile.

    Source: torch.set_printoptions.

    >>> import retrograd as rg
    >>> rg.set_printoptions(precision=2)
    >>> rg.tensor([1 / 3])
    tensor([0.33])
    >>> rg.set_printoptions(profile="default")
    """
    options = _Chosen.options
    if profile is not None:
        if profile not in _PROFILES:
            raise OptionError(
                f"set_printoptions: profile {profile!r} is not known; choose one of {', '.join(_PROFILES)}"
            )
        options = _PROFILES[profile]
    given = {"precision": precision, "threshold": threshold, "edgeitems": edgeitems, "linewidth": linewidth}
    changes: dict[str, Any] = {name: value for name, value in given.items() if value is not None}
    _Chosen.options = replace(options, **changes, sci_mode=sci_mode)


def represent(x: Any) -> str:
    """What `repr` gives for a tensor."""
    options = _Chosen.options
    values = x._value()
    if x.dtype.is_half:
        values = values.astype(np.float32)
    prefix = "tensor("
    body = _Printer(values, options).text(len(prefix))
    return _joined(prefix + body, _notes(x), len(prefix), options)


def _notes(x: Any) -> list[str]:
    """What the numbers do not show."""
    notes = []
    known = (defaults.float_dtype, int64, bool_)
    if not x.numel():
        known = (defaults.float_dtype,) * 3
        if x.ndim != 1:
            notes.append(f"size={tuple(x.shape)}")
    if x.dtype not in known:
        notes.append(f"dtype={x.dtype!r}")
    if x._is_leaf_variable:
        notes.append("requires_grad=True")
    elif x.requires_grad:
        notes.append(f"grad_fn={x.grad_fn}")
    return notes


def _joined(text: str, notes: list[str], indent: int, options: PrintOptions) -> str:
    """Notes follow on the last line while there is room."""
    length = len(text) - text.rfind("\n") + 1
    for note in notes:
        if length + len(note) + 2 > options.linewidth:
            text += ",\n" + " " * indent + note
            length = indent + len(note)
        else:
            text += ", " + note
            length += len(note) + 2
    return text + ")"


class _Printer:
    """The numbers of an array.

    All have one width and one form, which the shown ones decide: whole numbers with a point, so many digits behind the
    point, or powers of ten.
    """

    def __init__(self, values: Array, options: PrintOptions) -> None:
        self.values, self.options = values, options
        self.summarised = values.size > options.threshold
        shown = self._shown(values).ravel()
        self.is_float = values.dtype.kind == "f"
        self.width, self.whole, self.powers = 1, True, False
        if self.is_float:
            shown = shown[np.isfinite(shown) & (shown != 0)]
            self._choose_form(shown.astype(np.float64))
        for number in shown.tolist():
            self.width = max(self.width, len(self._form(number)))

    def _shown(self, values: Array) -> Array:
        """The elements that a summary shows."""
        edge = self.options.edgeitems
        if not self.summarised:
            return values
        for axis, extent in enumerate(values.shape):
            if extent > 2 * edge:
                ends = [*range(edge), *range(extent - edge, extent)]
                values = values.take(ends, axis=axis)
        return values

    def _choose_form(self, numbers: Array) -> None:
        if not numbers.size:
            return
        magnitudes = np.abs(numbers)
        largest, smallest = float(magnitudes.max()), float(magnitudes.min())
        self.whole = bool((numbers == np.ceil(numbers)).all())
        wide = largest / smallest > 1000.0 or largest > 1.0e8 or (not self.whole and smallest < 1.0e-4)
        self.powers = wide if self.options.sci_mode is None else self.options.sci_mode

    def _form(self, number: Any) -> str:
        if not self.is_float:
            return str(number)
        if self.powers:
            return f"{number:.{self.options.precision}e}"
        if self.whole:
            return f"{number:.0f}" + ("." if math.isfinite(number) else "")
        return f"{number:.{self.options.precision}f}"

    def text(self, indent: int) -> str:
        """All of it, its lines indented after the first."""
        if self.values.size == 0:
            return "[]"
        return self._text(self.values, indent)

    def _text(self, values: Array, indent: int) -> str:
        if values.ndim == 0:
            return self._form(values.item()).rjust(self.width)
        if values.ndim == 1:
            return self._line(values, indent)
        parts = self._parts(values, lambda part: self._text(part, indent + 1), "...")
        return "[" + ("," + "\n" * (values.ndim - 1) + " " * (indent + 1)).join(parts) + "]"

    def _line(self, values: Array, indent: int) -> str:
        parts = self._parts(values, lambda part: self._form(part.item()).rjust(self.width), " ...")
        count = max(1, (self.options.linewidth - indent) // (self.width + 2))
        lines = [", ".join(parts[start : start + count]) for start in range(0, len(parts), count)]
        return "[" + (",\n" + " " * (indent + 1)).join(lines) + "]"

    def _parts(self, values: Array, form: Any, gap: str) -> list[str]:
        edge = self.options.edgeitems
        if not self.summarised or len(values) <= 2 * edge:
            return [form(part) for part in values]
        last = range(len(values) - edge, len(values))
        return [*(form(values[i]) for i in range(edge)), gap, *(form(values[i]) for i in last)]
