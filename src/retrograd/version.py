"""The version of the library, read by the build and by `retrograd --version`."""

__version__ = "0.1.0"
