"""How graphs are run: `reference` (NumPy) and `native` (LLVM), independent of one another behind `base`."""
