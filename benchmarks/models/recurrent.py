"""Networks over time."""

from __future__ import annotations

from typing import Any


def rnn(library: Any) -> Any:
    """RNN 10 -> 20, one number from the last step."""
    return _last_step(library, library.nn.RNN(10, 20, batch_first=True), library.nn.Linear(20, 1))


def lstm(library: Any) -> Any:
    """LSTM 64 -> 128, ten classes from the last step."""
    return _last_step(library, library.nn.LSTM(64, 128, batch_first=True), library.nn.Linear(128, 10))


def _last_step(library: Any, recurrent: Any, linear: Any) -> Any:
    class LastStep(library.nn.Module):  # type: ignore[misc]
        """What a dense layer makes of the last step's output."""

        def __init__(self) -> None:
            super().__init__()
            self.recurrent = recurrent
            self.linear = linear

        def forward(self, x: Any) -> Any:
            steps, _ = self.recurrent(x)
            return self.linear(steps[:, -1])

    return LastStep()
