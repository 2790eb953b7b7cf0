"""Switches of CUDA, which is not there; they may be set, and change nothing. Source: torch.backends.cuda."""

from __future__ import annotations


class _Matmul:
    """How products of matrices are computed there."""

    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True


matmul = _Matmul()


def is_built() -> bool:
    """False."""
    return False
