"""What an exercise that is done by hand may use of what is ready-made, as its notebook says.

While its tests run, what is allowed is there: tensor operations, modules such as Linear, LayerNorm, Dropout and
Embedding, and the families of `autograder.sandbox.ready_made` that are named here. Every other family, and libraries
such as transformers and tokenizers, are not. Stand-ins of coursekit are there for the work of earlier stages only.
"""

from __future__ import annotations

from functools import cache

from autograder.sandbox import Parts
from coursekit.earlier import STAGES

_NOTHING: frozenset[str] = frozenset()
_UP_TO_BLOCKS = frozenset({"attention", "heads", "blocks"})

BY_HAND = {
    "01_tokenization": {"wordpiece": _NOTHING},
    "02_recurrent_networks": {"rnn_cell": _NOTHING, "rnn_forward": _NOTHING},
    "03_scaled_dot_product_attention": {"scaled_dot_product": _NOTHING},
    # Inside the heads, torch's attention may do what the exercise of stage 03 does.
    "04_multi_head_attention": {"MultiHeadAttention": frozenset({"attention"})},
    "05_transformer_block": {"TransformerBlock": frozenset({"attention", "heads"})},
    "06_bert_pretraining": {"BertModel": _UP_TO_BLOCKS, "mask_inputs": _UP_TO_BLOCKS},
}
"""Stage → exercise → the families that it may use."""

NEED_MORE = frozenset({"01_tokenization", "02_recurrent_networks"})
"""Stages whose other exercises use what is ready-made: a tokenizer, recurrent layers."""


@cache
def everything(stage: str) -> Parts:
    """All that is ready-made, but for coursekit's stand-ins for this stage and later ones."""
    return Parts(None, frozenset(name for name, written in STAGES.items() if written >= stage))


@cache
def parts_for(stage: str, exercise: str) -> Parts:
    """What an exercise may use."""
    families = BY_HAND.get(stage, {}).get(exercise)
    return everything(stage) if families is None else Parts(families, everything(stage).without)


@cache
def fewest(stage: str) -> Parts:
    """What all exercises of a stage that are done by hand may use; everything where there is none."""
    by_hand = BY_HAND.get(stage)
    return Parts(frozenset.intersection(*by_hand.values()), everything(stage).without) if by_hand else everything(stage)


def first_tried(stage: str, exercise: str) -> Parts:
    """The parts with which an exercise is tested first: with fewer than it may use, where it should do without them.

    One interpreter then serves most notebooks. Whatever misses a part is tested again with all that it may use.
    """
    may_differ = exercise in BY_HAND.get(stage, {}) or stage not in NEED_MORE
    return fewest(stage) if may_differ else parts_for(stage, exercise)
