"""Training above the hand-written loop."""

from retrograd.train.loop import CapturedLoop, compile_loop

__all__ = ["CapturedLoop", "compile_loop"]
