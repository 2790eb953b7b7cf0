"""How graphs are run: `reference` (NumPy) and `native` (LLVM), independent of one another behind `base`.

Beside them stand, under PyTorch's names, switches of backends that are not there.
"""

from retrograd.backends import cuda, cudnn, mps

__all__ = ["cuda", "cudnn", "mps"]
