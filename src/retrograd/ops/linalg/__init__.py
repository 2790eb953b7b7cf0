"""Linear algebra: decompositions and solutions as primitives, and what is composed of them. By NumPy on all
backends."""
