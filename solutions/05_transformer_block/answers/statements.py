"""5.4 Answers to statements_block."""

# mypy: disallow-untyped-defs=False
# The functions are written as students write them: without annotations.

from autograder.answers import alternative, edited, reference

STATEMENTS = "statements_block"


@reference("statements_block")
def as_a_dict():
    return {
        1: True,
        2: False,
        3: False,
    }


@alternative("statements_block")
def with_zip():
    return dict(zip((1, 2, 3), (True, False, False), strict=True))


@alternative("statements_block")
def filled_in_one_by_one():
    answers = {}
    answers[3] = False
    answers[2] = False
    answers[1] = not answers[2]
    return answers


edited(
    STATEMENTS,
    "normalisation_does_not_help",
    "On statement 1: look at the ten steps again, and at what happened to the sizes in a stack without normalisation.",
    [("1: True", "1: False")],
    caught_by="test_what_follows_attention",
)
edited(
    STATEMENTS,
    "normalises_over_the_batch",
    "On statement 2: you changed one review of a batch and looked at another. Over which numbers are the mean and the "
    "variance taken?",
    [("2: False", "2: True")],
    caught_by="test_what_a_layer_norm_looks_at",
)
edited(
    STATEMENTS,
    "feed_forward_mixes_tokens",
    "On statement 3: the same two linear layers are applied to every token. Which step alone brings tokens together?",
    [("3: False", "3: True")],
    caught_by="test_what_the_feed_forward_layer_looks_at",
)
