"""Training steps in retrograd, PyTorch and JAX, side by side: `python -m benchmarks.run`."""
