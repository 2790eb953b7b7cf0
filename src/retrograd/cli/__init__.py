"""The command line: `retrograd train` and `retrograd predict`."""
