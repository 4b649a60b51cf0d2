"""Units of rain."""


def in_inches(millimetres):
    """Millimetres as inches."""
    return millimetres / 25.4
