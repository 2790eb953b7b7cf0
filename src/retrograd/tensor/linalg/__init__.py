"""Linear algebra on tensors; `retrograd.linalg` lists it."""
