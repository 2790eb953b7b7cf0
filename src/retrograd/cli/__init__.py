"""The command line: `retrograd train digits`."""
