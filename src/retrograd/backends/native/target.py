"""What differs by CPU, in one small table: vector width, registers, and the tiles that suit them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Target:
    """A kind of CPU as the kernel generators see it.

    Attributes:
        name: how the table calls it.
        vector_bits: width of a vector register, in bits.
        registers: how many vector registers there are.
        gemm_rows, gemm_vectors: the micro-kernel's tile: rows of C by vectors of columns.
        features: LLVM target features that the kind implies; a CPU that has them all is of this kind.
    """

    name: str
    vector_bits: int
    registers: int
    gemm_rows: int
    gemm_vectors: int
    features: tuple[str, ...]

    @property
    def lanes(self) -> int:
        """How many 32-bit elements a register holds; kernels use this many lanes for every dtype."""
        return self.vector_bits // 32


# Best first: the first row whose features the CPU has is taken; the last suits every CPU.
TARGETS = (
    Target("avx512", 512, 32, 12, 2, ("avx512f", "avx512bw", "avx512dq", "avx512vl", "fma")),
    Target("avx2", 256, 16, 6, 2, ("avx2", "fma")),
    Target("neon", 128, 32, 8, 2, ("neon",)),
    Target("plain", 128, 16, 4, 2, ()),
)


def select_target(cpu_features: dict[str, bool], name: str | None = None) -> Target:
    """The best target for a CPU with these features, or the one called `name` if it suits the CPU.

    Raises:
        ValueError: `name` is not in the table, or asks for features that the CPU lacks.
    """
    for target in TARGETS:
        suits = all(cpu_features.get(feature, False) for feature in target.features)
        if name is None and suits:
            return target
        if name == target.name:
            if suits:
                return target
            missing = [f for f in target.features if not cpu_features.get(f, False)]
            raise ValueError(f"target {name!r} needs CPU features that are missing here: {', '.join(missing)}")
    raise ValueError(f"unknown target {name!r}; known: {', '.join(t.name for t in TARGETS)}")
