"""The exercise that is done by hand; inside the heads, torch's attention may do what the exercise of stage 03 does."""

BY_HAND = {"MultiHeadAttention": frozenset({"attention"})}
