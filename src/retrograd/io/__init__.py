"""Files: weights in and out, in formats that cannot carry code."""
