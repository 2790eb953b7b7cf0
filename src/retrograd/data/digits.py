"""The UCI optical digits: 1,797 handwritten digits of 8x8 pixels, shipped with the library.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning Repository (1998),
doi 10.24432/C50P49, CC BY 4.0.
"""

from __future__ import annotations

from importlib import resources
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from retrograd.core.generator import Generator

HELD_OUT: Final = 360
_SPLIT_SEED: Final = 0

Images = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


class DigitsSplit(NamedTuple):
    """The digits in two parts.

    Attributes:
        train_images: float32 of shape (1437, 8, 8), from 0 to 16.
        train_labels: int64 of shape (1437,).
        held_out_images: float32 of shape (360, 8, 8), from 0 to 16.
        held_out_labels: int64 of shape (360,).
    """

    train_images: Images
    train_labels: Labels
    held_out_images: Images
    held_out_labels: Labels


def load_digits() -> tuple[Images, Labels]:
    """The digits in the order of the source.

    Returns:
        The images, float32 of shape (1797, 8, 8) from 0 (white) to 16 (black), and the digits they show, int64 of
        shape (1797,). Both are fresh arrays.

    Example:
        >>> images, labels = load_digits()
        >>> images.shape, labels[:5].tolist()
        ((1797, 8, 8), [0, 1, 2, 3, 4])
    """
    with resources.files(__package__).joinpath("digits.npz").open("rb") as file, np.load(file) as arrays:
        return arrays["images"].astype(np.float32), arrays["labels"].astype(np.int64)


def load_digits_split() -> DigitsSplit:
    """The digits in a part to train on and a part held out, always the same.

    The order is that of `Generator(0).randperm(1797)`; the last 360 are held out.

    Example:
        >>> split = load_digits_split()
        >>> len(split.train_labels), len(split.held_out_labels)
        (1437, 360)
    """
    images, labels = load_digits()
    order = Generator(_SPLIT_SEED).randperm(len(labels))
    train, held_out = order[:-HELD_OUT], order[-HELD_OUT:]
    return DigitsSplit(images[train], labels[train], images[held_out], labels[held_out])
