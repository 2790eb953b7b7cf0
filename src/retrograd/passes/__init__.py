"""Rewrites of graphs, listed in order in `pipeline.py`."""
