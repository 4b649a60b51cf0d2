"""The exercise that is done by hand. The others use a tokenizer of transformers."""

BY_HAND = {"wordpiece": frozenset()}
OTHERS_NEED_MORE = True
