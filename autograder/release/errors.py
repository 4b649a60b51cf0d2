"""What can go wrong while a stage is built."""


class ReleaseError(Exception):
    """A stage cannot be built; the message names the file, the cell or the exercise, and the remedy."""
