"""The exercises that are done by hand, on blocks as earlier stages built them."""

BY_HAND = {name: frozenset({"attention", "heads", "blocks"}) for name in ("BertModel", "mask_inputs")}
