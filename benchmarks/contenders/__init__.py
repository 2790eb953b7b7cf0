"""The programs that are compared, one file a framework; `registry.py` lists them."""
