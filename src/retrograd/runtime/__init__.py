"""Programs: found by structure, run on the chosen backend; captured loops."""
