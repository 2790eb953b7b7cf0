"""The definition: NumPy, node by node."""
