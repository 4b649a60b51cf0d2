"""The exercises that are done by hand. The others use torch's recurrent layers."""

BY_HAND = {"rnn_cell": frozenset(), "rnn_forward": frozenset()}
OTHERS_NEED_MORE = True
