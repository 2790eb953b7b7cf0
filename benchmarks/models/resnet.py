"""ResNet-20 for images of 32 x 32 (He et al. 2016, section 4.2)."""

from __future__ import annotations

from typing import Any


def resnet20(library: Any) -> Any:
    """Three stages of three blocks, 16, 32 and 64 channels wide."""
    nn, relu = library.nn, library.nn.functional.relu

    class Block(nn.Module):  # type: ignore[name-defined, misc]
        """Two convolutions and a way around them."""

        def __init__(self, channels_in: int, channels: int, stride: int) -> None:
            super().__init__()
            self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
            self.norm1 = nn.BatchNorm2d(channels)
            self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
            self.norm2 = nn.BatchNorm2d(channels)
            self.around = nn.Sequential()
            if stride != 1 or channels_in != channels:
                self.around = nn.Sequential(
                    nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
                )

        def forward(self, x: Any) -> Any:
            inside = self.norm2(self.conv2(relu(self.norm1(self.conv1(x)))))
            return relu(inside + self.around(x))

    blocks: list[Any] = []
    channels = 16
    for width, first_stride in ((16, 1), (32, 2), (64, 2)):
        for stride in (first_stride, 1, 1):
            blocks.append(Block(channels, width, stride))
            channels = width
    return nn.Sequential(
        nn.Conv2d(3, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, 10),
    )
