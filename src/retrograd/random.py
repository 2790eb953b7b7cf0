"""The default generator's seed and position, under PyTorch's names. Source: torch.random."""

from __future__ import annotations

from retrograd.tensor.generator import (
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

__all__ = ["default_generator", "fork_rng", "get_rng_state", "initial_seed", "manual_seed", "seed", "set_rng_state"]
