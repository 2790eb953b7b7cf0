"""Backpropagation as a rewrite of the graph."""
