"""Examples in docstrings run on the package as users import it."""

# Of a package that nobody has imported, pytest runs the file that it meets first a second time, and `retrograd.tensor`
# would be the folder and not the function.
import retrograd  # noqa: F401
