"""A U-Net (Ronneberger et al. 2015) for images of 64 x 64."""

from __future__ import annotations

from typing import Any


def unet(library: Any) -> Any:
    """16, 32, 64 and 128 channels on the way down; skips on the way up; two classes a pixel."""
    nn = library.nn

    def twice(channels_in: int, channels: int) -> Any:
        return nn.Sequential(
            nn.Conv2d(channels_in, channels, 3, padding=1),
            nn.ReLU(),
            nn.Conv2d(channels, channels, 3, padding=1),
            nn.ReLU(),
        )

    class UNet(nn.Module):  # type: ignore[name-defined, misc]
        """Down with pooling, up with transposed convolutions."""

        def __init__(self) -> None:
            super().__init__()
            self.down1, self.down2, self.down3 = twice(3, 16), twice(16, 32), twice(32, 64)
            self.bottom = twice(64, 128)
            self.up3, self.join3 = nn.ConvTranspose2d(128, 64, 2, 2), twice(128, 64)
            self.up2, self.join2 = nn.ConvTranspose2d(64, 32, 2, 2), twice(64, 32)
            self.up1, self.join1 = nn.ConvTranspose2d(32, 16, 2, 2), twice(32, 16)
            self.classes = nn.Conv2d(16, 2, 1)
            self.pool = nn.MaxPool2d(2)

        def forward(self, x: Any) -> Any:
            first = self.down1(x)
            second = self.down2(self.pool(first))
            third = self.down3(self.pool(second))
            x = self.bottom(self.pool(third))
            x = self.join3(library.cat([self.up3(x), third], 1))
            x = self.join2(library.cat([self.up2(x), second], 1))
            return self.classes(self.join1(library.cat([self.up1(x), first], 1)))

    return UNet()
