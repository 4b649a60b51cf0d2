"""The exercise that is done by hand, on attention as earlier stages built it."""

BY_HAND = {"TransformerBlock": frozenset({"attention", "heads"})}
