"""Train a convolutional network on handwritten digits, then draw how the loss fell and what the network sees.

    python examples/digits_demo.py [folder]

It runs `retrograd train digits`, reads back what that saved, and draws a picture into the same folder.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")  # a picture in a file needs no screen
import matplotlib.pyplot as plt
import numpy as np
import numpy.typing as npt

import retrograd as rg
from retrograd.cli.digits_training import build_model
from retrograd.cli.main import main as retrograd_command
from retrograd.data.digits import load_digits_split
from retrograd.io.safetensors_io import load_file

Array = npt.NDArray[Any]

SHOWN_RIGHT = 14
SHOWN_WRONG = 7


def main(folder: Path) -> int:
    """Train into the folder and draw `digits.png` there; the exit status of the training."""
    status = retrograd_command(["train", "digits", "--out", str(folder)])
    if status != 0:
        return status
    history = json.loads((folder / "history.json").read_text())
    images, predicted, labels = predict(folder)
    picture = folder / "digits.png"
    draw(history, images, predicted, labels, picture)
    print(f"picture in {picture}")
    return 0


def predict(folder: Path) -> tuple[Array, Array, Array]:
    """The held-out images, what the saved model takes them for, and what they are."""
    config = json.loads((folder / "config.json").read_text())
    model = build_model(config["network"], tuple(config["hidden"]))
    weights = load_file(folder / "model.safetensors")
    model.load_state_dict({name: rg.from_numpy(array) for name, array in weights.items()})
    split = load_digits_split()
    with rg.no_grad():
        logits = model(rg.tensor(split.held_out_images.reshape(-1, 64) / np.float32(16)))
    return split.held_out_images, logits.numpy().argmax(axis=1), split.held_out_labels


def draw(history: list[dict[str, Any]], images: Array, predicted: Array, labels: Array, path: Path) -> None:
    """Loss curves above; below them digits that are read rightly, and (in red) some that are not."""
    figure = plt.figure(figsize=(11, 8.5), layout="constrained")
    curves, digits = figure.subfigures(2, 1, height_ratios=[5, 6], hspace=0.04)
    draw_curves(curves, history)
    right = np.flatnonzero(predicted == labels)[:SHOWN_RIGHT]
    wrong = np.flatnonzero(predicted != labels)[:SHOWN_WRONG]
    accuracy = (predicted == labels).mean()
    digits.suptitle(f"What the network makes of digits it has never seen: {accuracy:.2%} are right", weight="bold")
    axes = digits.subplots(3, 7).ravel()
    for axis in axes:
        axis.set(xticks=[], yticks=[])
        axis.spines[:].set_color("0.8")
    for axis, index in zip(axes, [*right, *wrong], strict=False):
        is_right = predicted[index] == labels[index]
        axis.imshow(images[index], cmap="gray_r", vmin=0, vmax=16)
        title = f"{predicted[index]}" if is_right else f"{predicted[index]} (it is {labels[index]})"
        axis.set_title(title, color="black" if is_right else "tab:red", fontsize=11)
    for axis in axes[len(right) + len(wrong) :]:
        axis.set_visible(False)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def draw_curves(figure: Any, history: list[dict[str, Any]]) -> None:
    """Loss and accuracy of each epoch, in training and validation."""
    epochs = [entry["epoch"] for entry in history]
    loss_axis, accuracy_axis = figure.subplots(1, 2)
    for part in ("train", "validation"):
        loss_axis.plot(epochs, [entry[part]["loss"] for entry in history], label=part)
        accuracy_axis.plot(epochs, [100 * entry[part]["accuracy"] for entry in history], label=part)
    loss_axis.set(title="Loss (cross-entropy)", xlabel="epoch", yscale="log")
    accuracy_axis.set(title="Accuracy in %", xlabel="epoch")
    for axis in (loss_axis, accuracy_axis):
        axis.spines[["top", "right"]].set_visible(False)
        axis.grid(color="0.9")
        axis.set_axisbelow(True)
        axis.legend(frameon=False)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1] if len(sys.argv) > 1 else "build/demo")))
