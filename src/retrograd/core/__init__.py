"""Nodes, graphs, primitives, dtypes, errors: what every other layer speaks in."""
