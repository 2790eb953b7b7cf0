"""A convolutional network on images of handwritten digits.

    python examples/convnet_digits.py

Convolution to 32 channels, pooling, convolution to 64, pooling, a dense layer of 64, and a softmax over ten digits.
Four epochs are enough to read nine digits of ten; `make demo` trains longer and draws what it sees.
"""

from __future__ import annotations

import retrograd as rg
from retrograd import nn
from retrograd.data.digits import load_digits_split
from retrograd.utils.data import DataLoader, TensorDataset

EPOCHS, BATCH, RATE, MOMENTUM = 4, 64, 0.1, 0.9


def build_model(dtype: rg.dtype = rg.float64) -> nn.Sequential:
    """For images of 8 x 8 in one channel."""
    return nn.Sequential(
        nn.Conv2d(1, 32, 3, padding=1, dtype=dtype),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3, padding=1, dtype=dtype),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(64 * 2 * 2, 64, dtype=dtype),
        nn.ReLU(),
        nn.Linear(64, 10, dtype=dtype),
    )


def main() -> tuple[nn.Sequential, list[float], float]:
    """The trained network, the loss of each step, and the share of held-out digits that it reads."""
    split = load_digits_split()
    images = rg.tensor(split.train_images, dtype=rg.float64).unsqueeze(1) / 16
    labels = rg.tensor(split.train_labels)
    rg.manual_seed(0)
    model = build_model()
    loader = DataLoader(TensorDataset(images, labels), batch_size=BATCH, shuffle=True)
    optimizer = rg.optim.SGD(model.parameters(), lr=RATE, momentum=MOMENTUM)
    criterion = nn.CrossEntropyLoss()
    losses = []
    for _ in range(EPOCHS):
        for x, y in loader:
            optimizer.zero_grad()
            loss = criterion(model(x), y)
            loss.backward()
            optimizer.step()
            losses.append(loss.item())
    with rg.no_grad():
        scores = model(rg.tensor(split.held_out_images, dtype=rg.float64).unsqueeze(1) / 16)
    accuracy = (scores.argmax(dim=1) == rg.tensor(split.held_out_labels)).double().mean().item()
    print(f"{len(losses)} steps, loss from {losses[0]:.3f} to {losses[-1]:.3f}; {accuracy:.1%} of new digits are right")
    return model, losses, accuracy


if __name__ == "__main__":
    main()
